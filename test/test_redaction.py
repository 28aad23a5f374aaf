"""A canary in every secret, and every way in which an object can be seen."""

from __future__ import annotations

import base64
import io
import json
import logging
import pickle
import pprint
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from IPython.lib.pretty import pretty as ipython_pretty
from pydantic import BaseModel, SecretStr
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

import qovery.models
from qovery import (
    ApiClient,
    ApiException,
    Configuration,
    EnvironmentSecretApi,
    InsecureWarning,
    OpenApiException,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)
from qovery.models.model import RequestModel
from qovery.redaction import MASK, MASKED, SHORTEST_IN_TEXT, mask_json, mask_text, sealed
from test.misbehaving import Misbehaving, answer, answers, read, reset, send

CANARY = 'ca/na"ry-ü\n<value>'
TOKEN = "canary-token"

#: Each model that is sent, holding the canary wherever it has a secret.
REQUESTS: dict[str, Callable[[Any], RequestModel]] = {
    "SecretRequest": lambda value: SecretRequest(key="A", value=value),
    "SecretEditRequest": lambda value: SecretEditRequest(key="A", value=value),
    "Value": lambda value: Value(value=value),
}

#: What notebooks call without arguments.
HTML_AND_THE_LIKE = [f"_repr_{kind}_" for kind in ("html", "markdown", "svg", "latex", "json", "mimebundle")]

CHANNELS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "f-string": lambda thing: f"{thing} {thing!r} {thing!s:>10}",
    "percent": lambda thing: "%s %r" % (thing, thing),  # noqa: UP031 - a channel
    "pprint": pprint.pformat,
    "pprint in containers": lambda thing: pprint.pformat({"a": [thing, (thing,)]}, width=20),
    "IPython": ipython_pretty,
    "rich": pretty_repr,
    "rich in containers": lambda thing: pretty_repr([{"a": thing}]),
    "logging": lambda thing: logging.LogRecord("n", 10, "p", 1, "%s %r", (thing, thing), None).getMessage(),
    "_repr_*_": lambda thing: str([getattr(thing, n)() for n in dir(type(thing)) if n in HTML_AND_THE_LIKE]),
}


def shows(text: str, *canaries: str) -> bool:
    """Whether a text has one of the canaries, as it is or as one would write it."""
    return any(form in text for one in canaries for form in (one, repr(one)[1:-1], json.dumps(one)[1:-1]))


def test_requests__every_model_has_a_row() -> None:
    """A model with a secret and no row here fails."""
    marked = {
        name
        for name, model in vars(qovery.models).items()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and any(MASKED in field.metadata for field in model.model_fields.values())
    }
    assert marked == set(REQUESTS)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", REQUESTS)
def test_request__is_masked(name: str, channel: str) -> None:
    """No channel shows a value; all that show fields say that there is one, and tell it from None."""
    shown = CHANNELS[channel](REQUESTS[name](CANARY))
    assert not shows(shown, CANARY)
    if channel != "_repr_*_":
        assert MASK in shown
        assert MASK not in CHANNELS[channel](REQUESTS[name](None))


@pytest.mark.parametrize("name", REQUESTS)
def test_request__gives_by_name(name: str) -> None:
    """What is asked for by name is given."""
    request = REQUESTS[name](SecretStr(CANARY))
    assert not shows(request.to_str(), CANARY)
    given = [request.to_dict()["value"], json.loads(request.to_json())["value"], request.model_dump()["value"]]
    assert [*given, pickle.loads(pickle.dumps(request)).to_dict()["value"]] == [CANARY] * 4
    assert not shows(repr(pickle.loads(pickle.dumps(request))), CANARY)


def test_response__unknown_fields_are_masked() -> None:
    """A field that no schema knows may echo a secret."""
    fields = {"id": "i", "created_at": "2023-12-12T13:23:02Z", "key": "A", "scope": "PROJECT", "echo": CANARY}
    secret = Secret.from_dict(fields)
    for channel in CHANNELS.values():
        assert not shows(channel(secret), CANARY)
    assert secret.to_dict()["echo"] == CANARY


@pytest.mark.parametrize("channel", CHANNELS)
def test_settings__are_masked(channel: str) -> None:
    """Nothing that holds a credential shows it, nor do its attributes."""
    configuration = Configuration(
        host="http://127.0.0.1:1",
        access_token=TOKEN,
        api_key={"ApiKeyAuth": TOKEN},
        proxy=f"http://user:{TOKEN}@127.0.0.1:1",
        proxy_headers={"X-Auth": TOKEN},
    )
    client = ApiClient(configuration, "X-Auth", TOKEN, cookie=TOKEN)
    for thing in (configuration, client, EnvironmentSecretApi(client), client.rest_client):
        assert not shows(CHANNELS[channel](thing), TOKEN)
        assert not shows(CHANNELS[channel](vars(thing)), TOKEN)
    assert not shows(CHANNELS[channel](configuration.auth_settings()), TOKEN)
    assert configuration.access_token == TOKEN


# --- Errors ---------------------------------------------------------------------------------------


def walk(error: BaseException | None) -> Iterator[BaseException]:
    """An error, its causes and its contexts."""
    if error is not None:
        yield error
        yield from walk(error.__cause__)
        yield from walk(error.__context__)


def everything(error: BaseException) -> str:
    """All that a logger, a crash reporter or a pickle would see of an error, this file's own frames left out."""
    seen = []
    for one in walk(error):
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), repr(getattr(one, "__notes__", ""))]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                seen.append(repr(dict(frame.f_locals)))
    seen.append(repr(pickle.loads(pickle.dumps(error))))
    seen.append(str(getattr(error, "headers", "")))
    return "\n".join(seen)


def catch(call: Callable[[], Any]) -> OpenApiException:
    with pytest.raises(OpenApiException) as caught:
        call()
    return caught.value


BROKEN = '{"key": "A", "value": ' + json.dumps(CANARY)
INVALID: dict[str, Callable[[], Any]] = {
    "construction": lambda: SecretRequest(value=CANARY),  # type: ignore[call-arg]
    "wrong type": lambda: SecretRequest(key="A", value=[CANARY]),  # type: ignore[arg-type]
    "assignment": lambda: setattr(SecretRequest(key="A"), "value", [CANARY]),
    "unknown attribute": lambda: setattr(SecretRequest(key="A"), "vlaue", CANARY),
    "from_dict": lambda: SecretRequest.from_dict({"value": CANARY}),
    "unknown field": lambda: SecretRequest.from_dict({"key": "A", "vlaue": CANARY}),
    "from_json": lambda: SecretRequest.from_json(json.dumps({"value": CANARY})),
    "broken JSON": lambda: SecretRequest.from_json(BROKEN),
    "model_validate": lambda: SecretRequest.model_validate({"value": CANARY}),
    "model_validate_json": lambda: SecretRequest.model_validate_json(BROKEN),
    "model_validate_strings": lambda: SecretRequest.model_validate_strings({"value": CANARY}),
    "surrogate": lambda: SecretRequest(key="A", value=CANARY + "\ud800").to_json(),
}


@pytest.mark.parametrize("how", INVALID)
def test_validation__shows_no_input(how: str) -> None:
    """What does not fit a model is an error that carries no input, in its frames neither."""
    error = catch(INVALID[how])
    assert not shows(everything(error), CANARY)
    for method in ("errors", "json"):
        assert not shows(str(getattr(error, method, str)()), CANARY)


ECHOES: dict[str, Callable[[str], str | bytes]] = {
    "raw": lambda text: text,
    "JSON": lambda text: json.dumps({"detail": f"bad: {text}", text: [1, text]}),
    "JSON, escaped": lambda text: '{"detail": "' + "".join(f"\\u{ord(c):04x}" for c in text) + '"}',
    "URL": lambda text: quote(text),
    "base64": lambda text: base64.b64encode(f"Bearer {text}".encode()),
}


@pytest.mark.parametrize("status", [200, 302, 400, 401, 409, 500])
@pytest.mark.parametrize("how", ECHOES)
@pytest.mark.parametrize("secret", [CANARY, TOKEN], ids=["value", "token"])
def test_echo__is_masked(status: int, how: str, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the server echoes in body, headers or reason shows nowhere, whatever the status."""
    caplog.set_level(1)
    body = ECHOES[how](secret)
    echo = answer(status, body, f"X-Echo: Bearer {TOKEN}", f"Location: /{TOKEN}", reason=f"No {TOKEN}")
    with Misbehaving(list(answers(echo))) as server:
        client = ApiClient(Configuration(host=server.url, access_token=TOKEN, retries=0))
        with client:
            api = EnvironmentSecretApi(client)
            error = catch(lambda: api.create_environment_secret("e", {"key": "A", "value": CANARY}))
    assert isinstance(error, ApiException)
    encoded = base64.b64encode(f"Bearer {TOKEN}".encode()).decode()
    assert not shows(everything(error) + caplog.text, CANARY, TOKEN, quote(CANARY), encoded)


FAILURES: dict[str, Any] = {
    "reset": [read, reset],
    "no HTTP": [read, send(f"Bearer {TOKEN} is not HTTP\r\n\r\n".encode())],
    "malformed headers": [read, send(f"HTTP/1.1 500 No\r\nBearer {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())],
}


@pytest.mark.parametrize("fault", FAILURES)
def test_failure__shows_nothing(
    fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broken connection leaves no bytes and no headers behind, in no frame and in no log."""
    caplog.set_level(1)
    with Misbehaving(FAILURES[fault]) as server:
        configuration = Configuration(host=server.url, access_token=lambda: TOKEN, retries=1, debug=True)
        with ApiClient(configuration, cookie=TOKEN) as client:
            api = EnvironmentSecretApi(client)
            error = catch(lambda: api.create_environment_secret("e", {"key": "A", "value": CANARY}))
    printed = "".join(capfd.readouterr())
    assert not shows(everything(error) + caplog.text + printed, CANARY, TOKEN)


def test_success__shows_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """A call that succeeds after a repeat leaves nothing in any log, nor in its answer's representation."""
    caplog.set_level(1)
    body = {"id": "i", "created_at": "2023-12-12T13:23:02Z", "key": "A", "scope": "PROJECT", "value": CANARY}
    script = list(answers(answer(503), answer(201, json.dumps(body), f"X-Echo: {TOKEN}")))
    with Misbehaving(script) as server:
        configuration = Configuration(host=server.url, api_key={"ApiKeyAuth": TOKEN}, debug=True)
        with ApiClient(configuration) as client:
            response = EnvironmentSecretApi(client).create_environment_secret_with_http_info("e", {"key": "A"})
    shown = [channel(response) for channel in CHANNELS.values()]
    assert not shows("".join([*shown, caplog.text, *capfd.readouterr()]), CANARY, TOKEN)
    assert response.raw_data == json.dumps(body).encode()


def test_traceback__of_rich() -> None:
    """A traceback that shows locals has none of the frames that hold a secret."""
    with Misbehaving([read, reset]) as server, ApiClient(Configuration(host=server.url, access_token=TOKEN)) as client:
        api = EnvironmentSecretApi(client)
        error = catch(lambda: api.create_environment_secret("e", {"key": "A", "value": CANARY}))
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The lambda above is this file's own line; what it shows is source, not a value.
    for text in (console.export_text(), "".join(plain.format())):
        assert "ApiConnectionError" in text
        assert not shows(text, CANARY)
        assert f"Bearer {TOKEN}" not in text


def test_proxy__that_refuses() -> None:
    """The credentials of a proxy stay hidden, even when it repeats them."""
    encoded = base64.b64encode(f"user:{TOKEN}".encode()).decode()
    refusal = f"HTTP/1.1 407 Basic {encoded} {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode()
    with Misbehaving([read, send(refusal)]) as server:
        proxy = server.url.replace("//", f"//user:{TOKEN}@")
        with ApiClient(Configuration(host="https://api.example", proxy=proxy, retries=0)) as client:
            error = catch(lambda: EnvironmentSecretApi(client).list_environment_secrets("e"))
    assert "407" in str(error)
    assert not shows(everything(error), TOKEN, encoded)


@pytest.mark.parametrize(
    "option",
    [
        {"_request_auth": {"in": "header", "key": "Authorization", "value": f"{TOKEN}\n"}},
        {"_request_auth": {"in": "header", "key": "Authorization", "value": f"{TOKEN}\nX: y"}},
        {"_headers": {"X-Auth": f"{TOKEN}\r\nX: y"}},
        {"_bogus": TOKEN},
    ],
)
def test_options__that_cannot_be_used(option: dict[str, Any]) -> None:
    """A refusal before anything is sent repeats no credential."""
    with ApiClient(Configuration(host="http://127.0.0.1:1", retries=0)) as client:
        error = catch(lambda: EnvironmentSecretApi(client).list_environment_secrets("e", **option))
    assert not shows(everything(error), TOKEN)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_interruption__leaves_no_frames(interruption: type[BaseException]) -> None:
    """What interrupts a call keeps its class and says where, without the frames that hold secrets."""

    @sealed
    def call(secret: str) -> None:
        raise interruption("stop")

    with pytest.raises(interruption) as caught:
        call(CANARY)
    assert not shows(everything(caught.value), CANARY)
    if hasattr(caught.value, "__notes__"):
        assert "raise interruption" in caught.value.__notes__[0]


# --- Warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"verify_ssl": False}, {"host": "http://api.example"}])
def test_insecure__warns_once_at_the_callers_line(settings: dict[str, Any]) -> None:
    """A setting under which secrets can be read on their way warns, and says what to do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Configuration(**settings)
    assert [(warning.category, warning.filename) for warning in caught] == [(InsecureWarning, __file__)]


# --- The search in texts --------------------------------------------------------------------------

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST_IN_TEXT, max_size=40)


@given(secrets, st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_mask_text__any_secret(secret: str, around: str) -> None:
    """No form of a secret survives. What is a part of the mask, or of what stands around it, is left out."""
    assume(secret not in MASK + around and secret.strip("*"))
    forms = [secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")]
    for form in forms:
        assert form not in mask_text(f"{around}|{form}|{around}", [secret]).replace(around, "")
    hidden = mask_json(json.loads(json.dumps({"a": [secret], secret: 1})), lambda text: mask_text(text, [secret]))
    assert secret not in [*hidden, *hidden["a"]]


@given(secrets)
def test_request__any_secret(secret: str) -> None:
    """No rendering of a request contains its value, if that is not a part of what is shown anyway."""
    plain = {name: channel(SecretRequest(key="A", value="")) for name, channel in CHANNELS.items()}
    for name, channel in CHANNELS.items():
        shown = channel(SecretRequest(key="A", value=secret))
        assert secret not in shown or secret in plain[name] + MASK


def test_mask_text__short_secrets_and_numbers() -> None:
    """Very short secrets are not searched for; a number in JSON is."""
    assert mask_text("a1b1", ["1"]) == "a1b1"
    assert mask_json({"pin": 12345, "ok": True}, lambda text: mask_text(text, ["12345"])) == {"pin": MASK, "ok": True}
