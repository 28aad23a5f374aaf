"""A canary in every secret, and every way in which an object can be seen."""

from __future__ import annotations

import base64
import copy
import html
import http.client
import io
import json
import logging
import pickle
import pprint
import re
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

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
    ApiResponse,
    Configuration,
    EnvironmentSecretApi,
    InsecureWarning,
    OpenApiException,
    Secret,
    SecretEditRequest,
    SecretRequest,
    Value,
)
from qovery.api.environment_secret_api import CREATE
from qovery.models.model import RequestModel
from qovery.redaction import (
    MASK,
    MASKED,
    SHORTEST_IN_TEXT,
    Masked,
    MaskedDict,
    TextMask,
    mask_json,
    masked_values,
    sealed,
)
from test.misbehaving import Misbehaving, answer, answers, read, reset, send, silence

CANARY = 'ca/na"ry-ü\n<value>\n'
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
    "rich.print": lambda thing: printed(thing),
    "__rich_repr__": lambda thing: str([*getattr(thing, "__rich_repr__", lambda: [repr(thing)])()]),
    "__pretty__": lambda thing: str([*getattr(thing, "__pretty__", lambda fmt: [repr(thing)])(repr)]),
    "to_str": lambda thing: getattr(thing, "to_str", thing.__repr__)(),
    "logging": lambda thing: logging.LogRecord("n", 10, "p", 1, "%s %r", (thing, thing), None).getMessage(),
    "_repr_*_": lambda thing: str([getattr(thing, n)() for n in dir(type(thing)) if n in HTML_AND_THE_LIKE]),
}


def shows(text: str, *canaries: str) -> bool:
    """Whether a text has one of the canaries, as it is or as one would write it."""
    stripped = [canary.strip() for canary in canaries]
    return any(form in text for one in stripped for form in (one, repr(one)[1:-1], json.dumps(one)[1:-1]))


def printed(thing: Any) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(thing, {"a": [thing]})
    return console.export_text()


#: What a class may have to show itself, and the channel that calls it.
SHOWS = {
    "__repr__": "repr",
    "__repr_args__": "repr",
    "__repr_name__": "repr",
    "__repr_recursion__": "repr",
    "__repr_str__": "repr",
    "__str__": "str",
    "__format__": "format",
    "__rich_repr__": "__rich_repr__",
    "__pretty__": "__pretty__",
    "_repr_pretty_": "IPython",
    "to_str": "to_str",
    **dict.fromkeys(HTML_AND_THE_LIKE, "_repr_*_"),
}


def test_channels__every_way_to_show_has_a_row() -> None:
    """A class with another method that shows it, and no channel here that calls it, fails."""
    models = [model for model in vars(qovery.models).values() if isinstance(model, type)]
    shown = [*models, Configuration, ApiClient, EnvironmentSecretApi, ApiResponse, MaskedDict, Masked]
    methods = {name for one in shown for name in dir(one) if re.search("repr|pretty|display|rich|_str_|to_str", name)}
    assert methods <= SHOWS.keys()
    assert set(SHOWS.values()) <= CHANNELS.keys()


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


@pytest.mark.parametrize("name", REQUESTS)
def test_request__serializer_warns_of_no_value(name: str) -> None:
    """A value that got past the checks makes no warning, which would show it; warnings are errors here."""
    unchecked = REQUESTS[name]("x").model_copy(update={"value": CANARY.encode()})
    assert unchecked.model_dump()["value"] == CANARY.encode()
    assert json.loads(unchecked.model_dump_json())["value"] == CANARY
    assert json.loads(unchecked.to_json())["value"] == CANARY
    assert masked_values(unchecked) == []  # no text to search for


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
    client.default_headers = {"X-Auth": TOKEN}
    assert not shows(CHANNELS[channel](vars(client)), TOKEN)
    for copied in (configuration.api_key.copy(), copy.copy(configuration.proxy_headers)):
        assert not shows(CHANNELS[channel](copied), TOKEN)
    for twin in (copy.deepcopy(configuration), pickle.loads(pickle.dumps(configuration))):
        assert not shows(CHANNELS[channel](vars(twin)), TOKEN)
        assert twin.access_token == TOKEN
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
        seen += map(str, vars(one).values())
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename != __file__:
                seen.append(repr(dict(frame.f_locals)))
    seen += [repr(pickle.loads(pickle.dumps(error))), str(pickle.dumps(error)), pickle.dumps(error).decode("latin-1")]
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


def settings() -> Configuration:
    return Configuration(host="http://127.0.0.1:1", retries=0)


def listed(**wrong: Any) -> Any:
    return EnvironmentSecretApi(ApiClient(Configuration(host="http://127.0.0.1:1", **wrong))).list_environment_secrets(
        "e"
    )


REFUSED: dict[str, Callable[[], Any]] = {
    "misspelt setting": lambda: setattr(settings(), "acess_token", TOKEN),
    "host with credentials": lambda: setattr(settings(), "host", f"https://user:{TOKEN}@api.example"),
    "host with credentials, constructed": lambda: Configuration(host=f"https://user:{TOKEN}@api.example"),
    "api_key as text": lambda: setattr(settings(), "api_key", TOKEN),
    "api_key as text, constructed": lambda: Configuration(api_key=TOKEN),  # type: ignore[arg-type]
    "proxy_headers as text": lambda: setattr(settings(), "proxy_headers", TOKEN),
    "proxy as bytes": lambda: setattr(settings(), "proxy", TOKEN.encode()),
    "proxy that is no URL": lambda: listed(proxy=f"http://user\u2100:{TOKEN}@127.0.0.1"),
    "proxy of no kind": lambda: listed(proxy=f"ftp://user:{TOKEN}@127.0.0.1"),
    "token with a line break": lambda: listed(access_token=f"{TOKEN}\r\nX: y"),
    "key with a line break": lambda: listed(api_key={"ApiKeyAuth": f"{TOKEN}\r\nX: y"}),
    "callable's token with a line break": lambda: listed(access_token=lambda: f"{TOKEN}\r\nX: y"),
    "token as bytes": lambda: listed(access_token=TOKEN.encode()),
    "prefix with a line break": lambda: listed(api_key={"ApiKeyAuth": TOKEN}, api_key_prefix={"ApiKeyAuth": "a\nb"}),
    "authorization": lambda: Configuration(access_token=f"{TOKEN}\nX").authorization(),
    "auth_settings": lambda: Configuration(access_token=f"{TOKEN}\nX").auth_settings(),
    "default header": lambda: ApiClient(settings()).set_default_header("X-Auth", f"{TOKEN}\nX"),
    "default header, constructed": lambda: ApiClient(settings(), "X-Auth", f"{TOKEN}\nX"),
    "header as name": lambda: ApiClient(settings(), f"X-Auth: {TOKEN}", ""),
    "cookie": lambda: create(ApiClient(settings(), cookie=f"{TOKEN}\nX")),
    "body": lambda: EnvironmentSecretApi(ApiClient(settings())).create_environment_secret("e", [CANARY]),  # type: ignore[arg-type]
    "operation": lambda: ApiClient(settings()).call(CREATE, ("e",), {"key": "A", "value": [CANARY]}, {}),
    "operation, unread": lambda: ApiClient(settings()).open(CREATE, ("e",), {"key": "A", "value": [CANARY]}, {}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_setting__that_is_refused(what: str) -> None:
    """What cannot be used is refused without being shown, in no frame either."""
    assert not shows(everything(catch(REFUSED[what])), CANARY, TOKEN)


def upper_json(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))


#: How a server may write what it was sent; what it writes must not come out again either.
ECHOES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "without white space": str.strip,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON of Go": lambda text: json.dumps(text)[1:-1].replace("<", r"\u003c").replace(">", r"\u003e"),
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON, all escaped": upper_json,
    "Python": lambda text: repr(text)[1:-1],
    "Python's bytes": lambda text: repr(text.encode())[2:-1],
    "URL": quote,
    "URL, a segment": lambda text: quote(text, safe=""),
    "URL, all escaped": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML of Go": lambda text: html.escape(text).replace("&quot;", "&#34;").replace("\n", "&#xA;"),
    "mojibake": lambda text: text.encode().decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a header": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
    "base64 of a body": lambda text: base64.urlsafe_b64encode(json.dumps({"value": text}).encode()).decode(),
}
BODIES: dict[str, Callable[[str], str]] = {
    "text": lambda echo: f"bad: {echo}!",
    "JSON": lambda echo: json.dumps({"detail": f"bad: {echo}!", echo: [1, echo]}),
    "JSON in JSON": lambda echo: json.dumps({"message": json.dumps({"detail": echo})}),
    "broken JSON": lambda echo: json.dumps({"detail": f"bad: {echo}!"})[:-1],
    "broken JSON in broken JSON": lambda echo: json.dumps(json.dumps({"detail": f"bad: {echo}!"})[:-1])[:-1],
}


def create(client: ApiClient, **options: Any) -> Any:
    with client:
        return EnvironmentSecretApi(client).create_environment_secret("e", {"key": "A", "value": CANARY}, **options)


@pytest.mark.parametrize("wrapped", BODIES)
@pytest.mark.parametrize("how", ECHOES)
@pytest.mark.parametrize("secret", [CANARY, TOKEN], ids=["value", "token"])
def test_echo__of_any_form_is_masked(secret: str, how: str, wrapped: str) -> None:
    """However a server writes a value or a credential, the error does not repeat it."""
    echo = ECHOES[how](secret)
    with Misbehaving(list(answers(answer(400, BODIES[wrapped](echo))))) as server:
        error = catch(lambda: create(ApiClient(Configuration(host=server.url, access_token=TOKEN))))
    assert isinstance(error, ApiException)
    assert MASK in str(error.body)
    assert not shows(everything(error), secret, echo)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 407, 409, 500, 503])
@pytest.mark.parametrize("how", ["raw", "JSON", "URL", "HTML", "mojibake", "base64 of a header"])
def test_echo__in_headers_is_masked(status: int, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the server echoes in headers, their names or the reason shows nowhere, whatever the status."""
    caplog.set_level(1)
    value = ECHOES[how](CANARY.replace("\n", "\t")).encode("latin-1", "replace").decode("latin-1")
    headers = (
        f"X-Echo: Bearer {TOKEN}",
        f"Location: /{TOKEN}",
        f"{TOKEN}: 1",
        f"X-Value: {value}",
        f"Retry-After: {TOKEN}",
    )
    echo = answer(status, value.encode("latin-1"), *headers, reason=f"No {TOKEN} {value}")
    with Misbehaving(list(answers(echo))) as server:
        client = ApiClient(Configuration(host=server.url, access_token=TOKEN, retries=0))
        request = SecretRequest(key="A", value=CANARY.replace("\n", "\t"))
        with client:
            error = catch(lambda: EnvironmentSecretApi(client).create_environment_secret("e", request))
    assert not shows(everything(error) + caplog.text, TOKEN, value, 'na"ry', "na%22ry", "na&quot;ry")


@pytest.mark.parametrize("codec", ["latin-1", "utf-16", "utf-16-be"])
def test_echo__in_another_encoding_is_masked(codec: str) -> None:
    """A server that answers in another encoding hands over no more than one that answers in UTF-8."""
    body = f"bad: {CANARY}!".encode(codec)
    with Misbehaving(list(answers(answer(400, body), answer(200, body)))) as server:
        for _ in range(2):
            error = catch(lambda: create(ApiClient(Configuration(host=server.url))))
            assert not shows(everything(error).replace("\0", "").replace("\\x00", ""), 'na"ry', "<value>")


CREDENTIALS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # what it is: settings, arguments of the client, options of the call
    "access_token": ({"access_token": TOKEN}, {}, {}),
    "SecretStr": ({"access_token": SecretStr(TOKEN)}, {}, {}),
    "callable": ({"access_token": lambda: TOKEN}, {}, {}),
    "api_key": ({"api_key": {"ApiKeyAuth": TOKEN}}, {}, {}),
    "api_key with a scheme": ({"api_key": {"ApiKeyAuth": f"Token {TOKEN}"}}, {}, {}),
    "callable api_key": ({"api_key": {"ApiKeyAuth": lambda: TOKEN}}, {}, {}),
    "cookie": ({}, {"cookie": f"a=b; session={TOKEN}; c=d"}, {}),
    "default header": ({}, {"header_name": "X-Auth", "header_value": TOKEN}, {}),
    "_headers": ({}, {}, {"_headers": {"X-Auth": f'key="{TOKEN}", other=1'}}),
    "Basic": ({}, {}, {"_headers": {"Authorization": f"Basic {base64.b64encode(f'u:{TOKEN}'.encode()).decode()}"}}),
    "_request_auth": ({}, {}, {"_request_auth": {"in": "header", "key": "X-Auth", "value": f"Key {TOKEN}"}}),
    "proxy_headers": ({"proxy_headers": {"Proxy-Authorization": f"Bearer {TOKEN}"}}, {}, {}),
    "proxy": ({"proxy": "http://user:canary%2Dtoken@{proxy}"}, {}, {}),
    "proxy without a user": ({"proxy": "http://canary%2Dtoken@{proxy}"}, {}, {}),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_credential__of_any_kind_is_masked(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever a credential is set with, nothing shows it when it is echoed, and nothing prints it."""
    caplog.set_level(1)
    settings, arguments, options = CREDENTIALS[kind]
    echo = answer(400, f"bad {TOKEN}", f"X-Echo: {base64.b64encode(TOKEN.encode()).decode()}")
    with Misbehaving(list(answers(answer(503), echo))) as server:
        if "proxy" in settings:  # the server is the proxy; it is asked for a name that nobody looks up
            settings = {"proxy": settings["proxy"].format(proxy=server.url.partition("//")[2])}
        host = "http://api.localhost" if "proxy" in settings else server.url
        client = ApiClient(Configuration(host=host, debug=True, **settings), **arguments)
        error = catch(lambda: create(client, **options))
        assert "proxy_headers" in settings or any(
            form in server.requests[0]
            for form in (TOKEN.encode(), base64.b64encode(f"u:{TOKEN}".encode())[2:], b"proxy-authorization")
        )
    assert not shows(everything(error) + caplog.text + "".join(capfd.readouterr()), TOKEN, "canary%2Dtoken")


def test_credential__of_the_second_attempt_is_masked() -> None:
    """A token that was asked for after a 401 is as secret as the one before it."""
    tokens = iter(["first-token", "second-token"])
    echo = answer(403, "first-token second-token", "X-Echo: second-token")
    with Misbehaving(list(answers(answer(401), echo))) as server:
        error = catch(lambda: create(ApiClient(Configuration(host=server.url, access_token=lambda: next(tokens)))))
        assert b"second-token" in server.requests[1]
    assert not shows(everything(error), "first-token", "second-token")


CHUNKED = b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n"
FAILURES: dict[str, Any] = {
    "reset": [read, reset],
    "no HTTP": [read, send(f"Bearer {TOKEN} is not HTTP\r\n\r\n".encode())],
    "malformed headers": [read, send(f"HTTP/1.1 500 No\r\nBearer {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())],
    "malformed chunk": [read, send(CHUNKED + f"{TOKEN}\r\n".encode())],
    "cut short": [read, send(b"HTTP/1.1 400 No\r\nContent-Length: 999\r\n\r\n" + f"{TOKEN} {CANARY}".encode())],
    "broken compression": [read, send(answer(200, f"{TOKEN} {CANARY}", "Content-Encoding: gzip", f"X: {TOKEN}"))],
    "two lengths": [read, send(answer(200, TOKEN, "Content-Length: 1", "Content-Length: 2"))],
    "refused": [read, send(answer(400, f"{TOKEN} {CANARY}"))],
    "undecodable": [read, send(answer(200, f"{TOKEN} {CANARY}"))],
    "not of the shape": [read, send(answer(200, json.dumps({"id": [CANARY], "scope": {TOKEN: CANARY}})))],
    "too large": [read, send(answer(200, f"{TOKEN} {CANARY}" * 100))],
    "large": [read, send(answer(500, f"{TOKEN} {CANARY}" * 10000))],
    "moved": [read, send(answer(307, "", f"Location: http://user:{TOKEN}@127.0.0.1:1/"))],
}


@pytest.mark.parametrize("fault", FAILURES)
def test_failure__shows_nothing(
    fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong leaves no bytes and no headers behind: in no frame, log, output or traceback with locals."""
    caplog.set_level(1)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)  # somebody else's switch
    with Misbehaving(FAILURES[fault]) as server:
        limit = 1000 if fault == "too large" else 2**20
        configuration = Configuration(
            host=server.url, access_token=lambda: TOKEN, retries=1, debug=True, max_response_size=limit
        )
        error = catch(lambda: create(ApiClient(configuration, cookie=TOKEN)))
    captured = "".join(capfd.readouterr())
    assert not [record for record in caplog.records if record.exc_info]  # the frames of a library
    for line in caplog.messages:
        if line.startswith("create_environment_secret"):
            assert re.fullmatch(r"\w+ POST /environment/e/secret \w+ attempt=1 ms=\d+\.\d bytes=\d+", line)
    assert not shows(everything(error) + caplog.text + captured, CANARY, TOKEN)
    for text in tracebacks(error):
        assert type(error).__name__ in text
        assert not shows(text, CANARY, TOKEN)


def tracebacks(error: BaseException) -> Iterator[str]:
    """As tools print it with the locals of the package's frames; those of this file hold the canaries."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename == __file__:
        error = error.with_traceback(error.__traceback__.tb_next)
    assert error.__traceback__ is not None
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    yield printed(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))


def test_failure__that_is_too_large_to_search() -> None:
    """An error keeps the body of an answer up to a size; of a larger one it keeps nothing."""
    for size, kept in ((2**18, True), (2**18 + 1, False)):
        with Misbehaving(list(answers(answer(400, "x" * size)))) as server:
            error = catch(lambda: create(ApiClient(Configuration(host=server.url))))
        assert isinstance(error, ApiException)
        assert (error.body is not None) == kept


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


PAIR = base64.b64encode(f"user:{TOKEN}".encode()).decode()


def receive(sock: Any, _: Any) -> None:
    sock.recv(1024)


PROXIES: dict[str, tuple[str, Any]] = {
    "reason": ("http", [read, send(f"HTTP/1.1 407 Basic {PAIR} {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())]),
    "headers": ("http", [read, send(answer(407, "", f"Proxy-Authenticate: Basic {PAIR}", f"X: {TOKEN}"))]),
    "no HTTP": ("http", [read, send(f"Basic {PAIR} {TOKEN}\r\n\r\n".encode())]),
    "reset": ("http", [read, reset]),
    "SOCKS": ("socks5", [receive, send(b"\5\2"), receive, send(b"\1\1")]),
    "no SOCKS": ("socks5", [receive, send(f"HTTP/1.1 400 {TOKEN}\r\n\r\n".encode())]),
}


@pytest.mark.parametrize("source", ["setting", "environment"])
@pytest.mark.parametrize("how", PROXIES)
def test_proxy__that_refuses(
    how: str, source: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials of a proxy stay hidden, even when it repeats them."""
    caplog.set_level(1)
    kind, script = PROXIES[how]
    if kind == "socks5":
        pytest.importorskip("socks")
    with Misbehaving(script) as server:
        proxy = f"{kind}://user:canary%2Dtoken@{server.url.partition('//')[2]}"
        monkeypatch.setenv("https_proxy", proxy)
        configuration = Configuration(
            host="https://127.0.0.2:1", proxy=proxy if source == "setting" else None, retries=0
        )
        error = catch(lambda: create(ApiClient(configuration)))
        assert server.connections == 1
    assert not shows(everything(error) + caplog.text, TOKEN, PAIR, "canary%2Dtoken")
    for text in tracebacks(error):
        assert not shows(text, CANARY, TOKEN)


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
    """What interrupts a call keeps its class and cause and says where, without frames, and without what was being
    handled at the time."""

    @sealed
    def call(secret: str) -> None:
        try:
            raise UnicodeError(secret)
        except UnicodeError:
            raise interruption("stop") from OSError("why")

    with pytest.raises(interruption) as caught:
        call(CANARY)
    assert not shows(everything(caught.value), CANARY)
    assert [repr(error) for error in walk(caught.value)] == [f"{interruption.__name__}('stop')", "OSError('why')"]
    if hasattr(caught.value, "__notes__"):
        assert "raise interruption" in caught.value.__notes__[0]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
@pytest.mark.parametrize("method", ["", "_with_http_info", "_without_preload_content"])
def test_interruption__in_a_call(interruption: type[BaseException], method: str) -> None:
    """What a hook raises in the middle of a call comes out as it is, without the frames that hold the body."""

    def interrupt(_: Configuration) -> None:
        raise interruption

    configuration = settings()
    configuration.api_key = {"ApiKeyAuth": TOKEN}
    configuration.refresh_api_key_hook = interrupt
    call = getattr(EnvironmentSecretApi(ApiClient(configuration)), f"create_environment_secret{method}")
    with pytest.raises(interruption) as caught:
        call("e", {"key": "A", "value": CANARY})
    assert not shows(everything(caught.value), CANARY, TOKEN)


def test_interruption__while_waiting_for_an_answer() -> None:
    """Ctrl-C on the way leaves none of the frames of urllib3 and http.client, which hold bytes and headers."""
    main = threading.main_thread().ident
    assert main is not None
    assert threading.get_ident() == main

    def interrupt(*_: Any) -> None:
        signal.pthread_kill(main, signal.SIGINT)

    with Misbehaving([read, interrupt, silence]) as server, pytest.raises(KeyboardInterrupt) as caught:
        create(ApiClient(Configuration(host=server.url, access_token=TOKEN)))
    assert not shows(everything(caught.value), CANARY, TOKEN)


def test_error__while_the_caller_handles_another() -> None:
    """An error of the caller's own keeps its frames, and stays the context."""
    try:
        raise LookupError("mine")
    except LookupError as error:
        mine, frames = error, error.__traceback__
        caught = catch(lambda: SecretRequest(value=CANARY))  # type: ignore[call-arg]
    assert caught.__context__ is mine
    assert mine.__traceback__ is frames

    @sealed
    def relate(to: BaseException) -> None:
        raise RuntimeError from to

    try:
        raise mine
    except LookupError:
        frames = mine.__traceback__
        with pytest.raises(RuntimeError):
            relate(mine)
    assert mine.__traceback__ is frames


# --- Warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"verify_ssl": False}, {"host": "http://api.example"}])
def test_insecure__warns_once_at_the_callers_line(settings: dict[str, Any]) -> None:
    """A setting under which secrets can be read on their way warns, and says what to do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Configuration(**settings)
    assert [(warning.category, warning.filename) for warning in caught] == [(InsecureWarning, __file__)]


# --- The search in texts --------------------------------------------------------------------------

# A secret shorter than the bound is not searched for in texts: "1" or "on" is in all of them. Four characters are
# the fewest that such a search can tell from accident, and a PIN has as many. Renderings of our own have no bound.
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
secrets = values.filter(lambda text: len(text.strip()) >= SHORTEST_IN_TEXT)
hosts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

ESCAPES: list[Callable[[str], str]] = [
    str,
    upper_json,
    lambda char: json.dumps(char)[1:-1],
    lambda char: repr(char)[1:-1],
    lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    lambda char: f"&#{ord(char)};",
    lambda char: html.escape(char),
]


@given(secrets, hosts, st.sampled_from(list(ECHOES)))
def test_text_mask__any_secret(secret: str, around: str, how: str) -> None:
    """However a secret is written in a text, it does not stay.

    Left out is what is a part of the mask or of what stands around it: there it says nothing.
    """
    form = ECHOES[how](secret)
    assume(form not in MASK + around and form.strip("*"))
    assert form not in TextMask([secret])(f"{around}|{form}|{around}").replace(around, "")


@given(secrets, st.lists(st.sampled_from(ESCAPES[:4]), min_size=40, max_size=40), st.booleans())
def test_text_mask__escaped_in_part(secret: str, escapes: list[Callable[[str], str]], nested: bool) -> None:
    """Each character may be escaped in its own way, and all of it once more."""
    assume(secret.strip("*"))
    # A backslash of its own would escape what follows it.
    ways = [upper_json if char == "\\" else escape for escape, char in zip(escapes, secret, strict=False)]
    form = "".join(escape(char) for escape, char in zip(ways, secret, strict=True))
    form = json.dumps(form)[1:-1] if nested else form
    assert TextMask([secret])(f"|{form}|") == f"|{MASK}|"


@given(secrets)
def test_mask_json__any_secret(secret: str) -> None:
    """In parsed JSON a secret is masked in keys and values."""
    assume(secret.strip("*"))
    hidden = mask_json({"a": [secret], secret: 1}, TextMask([secret]))
    assert hidden == {"a": [MASK], MASK: 1}


def test_text_mask__end_in_the_middle_of_an_escape() -> None:
    """Where an escape stands for more than the secret's last character, all of it goes."""
    assert TextMask(["abcä"])("-abc%C3%A4%C3%B6-") == f"-{MASK}-"


@pytest.mark.parametrize("escape", ESCAPES)
def test_text_mask__overlapping_secrets(escape: Callable[[str], str]) -> None:
    """Of secrets that share characters nothing stays, nor of one that stands in the text twice."""
    text = "".join(map(escape, "-abcdefgh-abcd-abcdefgh-"))
    for order in (["abcd", "cdefgh"], ["cdefgh", "abcd"]):
        assert TextMask(order)(text) == MASK.join(map(escape, "----"))


@given(values)
def test_request__any_secret(secret: str) -> None:
    """No rendering of a request contains its value, however short, if that is not a part of what is shown anyway:
    a value of "value" or "*" is in the text of every request."""
    plain = {name: channel(SecretRequest(key="A", value="")) for name, channel in CHANNELS.items()}
    for name, channel in CHANNELS.items():
        shown = channel(SecretRequest(key="A", value=secret))
        assert secret not in shown or secret in plain[name] + MASK


def test_text_mask__short_secrets_and_numbers() -> None:
    """Very short secrets are not searched for; a number in JSON is."""
    assert TextMask(["1"])("a1b1") == "a1b1"
    assert mask_json({"pin": 12345, "ok": True}, TextMask(["12345"])) == {"pin": MASK, "ok": True}
