"""Errors and interruptions propagate without the frames that hold secrets."""

from __future__ import annotations

import errno
import json
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from qovery import (
    ApiClient,
    Configuration,
    EnvironmentSecretApi,
    SecretRequest,
)
from qovery.api.environment_secret_api import CREATE
from qovery.redaction.marks import MASK
from qovery.redaction.sealing import mask_of, sealed, sealed_class, without_input
from test.support.canaries import CANARY, TOKEN, catch, create, everything, shows, walk
from test.support.clients import Connect
from test.support.hostile import HostileServer, read, stall

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
    """A validation error does not hold the input, not even in its frames."""
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


REJECTED: dict[str, Callable[[], Any]] = {
    "misspelt setting": lambda: setattr(settings(), "acess_token", TOKEN),
    "host with credentials": lambda: setattr(settings(), "host", f"https://user:{TOKEN}@api.example"),
    "host with credentials, constructed": lambda: Configuration(host=f"https://user:{TOKEN}@api.example"),
    "api_key as text": lambda: setattr(settings(), "api_key", TOKEN),
    "api_key as text, constructed": lambda: Configuration(api_key=TOKEN),  # type: ignore[arg-type]
    "proxy_headers as text": lambda: setattr(settings(), "proxy_headers", TOKEN),
    "proxy as bytes": lambda: setattr(settings(), "proxy", TOKEN.encode()),
    "proxy that is not a URL": lambda: listed(proxy=f"http://user\u2100:{TOKEN}@127.0.0.1"),
    "proxy of an unknown kind": lambda: listed(proxy=f"ftp://user:{TOKEN}@127.0.0.1"),
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
    "cookie": lambda: create(EnvironmentSecretApi(ApiClient(settings(), cookie=f"{TOKEN}\nX"))),
    "body": lambda: EnvironmentSecretApi(ApiClient(settings())).create_environment_secret("e", [CANARY]),  # type: ignore[arg-type]
    "operation": lambda: ApiClient(settings()).call(CREATE, ("e",), {"key": "A", "value": [CANARY]}, {}),
    "operation, unread": lambda: ApiClient(settings()).open(CREATE, ("e",), {"key": "A", "value": [CANARY]}, {}),
}


@pytest.mark.parametrize("what", REJECTED)
def test_setting__that_is_rejected(what: str) -> None:
    """An invalid setting is rejected without showing it, not even in a frame."""
    assert not shows(everything(catch(REJECTED[what])), CANARY, TOKEN)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_interruption__leaves_no_frames(interruption: type[BaseException]) -> None:
    """An interruption keeps its class, its cause and a note of its origin, but neither frames nor the context."""

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
    """An exception raised by a hook propagates unchanged, without the frames that hold the body."""

    def interrupt(_: Configuration) -> None:
        raise interruption

    configuration = settings()
    configuration.api_key = {"ApiKeyAuth": TOKEN}
    configuration.refresh_api_key_hook = interrupt
    call = getattr(EnvironmentSecretApi(ApiClient(configuration)), f"create_environment_secret{method}")
    with pytest.raises(interruption) as caught:
        call("e", {"key": "A", "value": CANARY})
    assert not shows(everything(caught.value), CANARY, TOKEN)


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
def test_interruption__while_waiting_for_a_response(connect: Connect) -> None:
    """Ctrl-C drops the frames of urllib3 and http.client, which hold bytes and headers."""
    main = threading.main_thread().ident
    assert main is not None
    assert threading.get_ident() == main

    def interrupt(*_: Any) -> None:
        signal.pthread_kill(main, signal.SIGINT)

    with HostileServer([read, interrupt, stall]) as server, pytest.raises(KeyboardInterrupt) as caught:
        create(connect(server, access_token=TOKEN))
    assert not shows(everything(caught.value), CANARY, TOKEN)


def test_error__while_the_caller_handles_another() -> None:
    """The exception that the caller is handling keeps its frames and remains the context."""
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


@pytest.mark.parametrize(
    "option",
    [
        {"_request_auth": {"in": "header", "key": "Authorization", "value": f"{TOKEN}\n"}},
        {"_request_auth": {"in": "header", "key": "Authorization", "value": f"{TOKEN}\nX: y"}},
        {"_headers": {"X-Auth": f"{TOKEN}\r\nX: y"}},
        {"_bogus": TOKEN},
    ],
)
def test_options__that_cannot_be_used(connect: Connect, option: dict[str, Any]) -> None:
    """The error for an invalid option does not contain the credential."""
    api = connect("http://127.0.0.1:1", retries=0)
    error = catch(lambda: api.list_environment_secrets("e", **option))
    assert not shows(everything(error), TOKEN)


class Missing:
    """Finds modules of redaction, and fails: as if they could not be loaded, or by what a signal handler raises."""

    def __init__(self, error: Exception, *, by_signal: bool) -> None:
        self.error, self.by_signal = error, by_signal

    def find_spec(self, name: str, *_: Any) -> None:
        if name.startswith("qovery.redaction."):
            if self.by_signal:
                signal.raise_signal(signal.SIGUSR1)
            raise self.error

    def handle(self, *_: Any) -> None:
        raise self.error


#: Functions that load a module of redaction, and what they show if it cannot be loaded.
LOADING: dict[str, tuple[Callable[[], Any], str]] = {
    "mask": (lambda: mask_of([lambda: [CANARY]])(CANARY), f"{MASK} (no details: %s)"),
    "input": (lambda: without_input(catch_plain()), "str is not valid (no details: %s)"),
}


def catch_plain() -> ValidationError:
    """Pydantic's own error, which has the input."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(str).validate_python([CANARY])
    return caught.value


@pytest.fixture(
    params=[OSError(errno.EMFILE, "no descriptors"), ImportError("no module")], ids=["OSError", "ImportError"]
)
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Missing:
    """The modules of redaction that only errors need cannot be loaded."""
    found = Missing(request.param, by_signal=False)
    for name in ("text_mask", "validation"):
        monkeypatch.delitem(sys.modules, f"qovery.redaction.{name}", raising=False)
    monkeypatch.setattr(sys, "meta_path", [found, *sys.meta_path])
    return found


@pytest.mark.parametrize("what", LOADING)
def test_module__that_cannot_be_loaded(missing: Missing, what: str) -> None:
    """Without the modules that mask it, external text and input is left out."""
    act, text = LOADING[what]
    assert str(act()) == text % getattr(missing.error, "strerror", missing.error)


@pytest.mark.needs_posix
@pytest.mark.parametrize("what", LOADING)
def test_module__whose_import_is_interrupted(missing: Missing, what: str) -> None:
    """What a signal handler raises during such an import propagates."""
    missing.by_signal = True
    before = signal.signal(signal.SIGUSR1, missing.handle)
    try:
        with pytest.raises(type(missing.error)) as caught:
            LOADING[what][0]()
        assert caught.value is missing.error
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_sealed_class__seals_what_is_public() -> None:
    """Constructor, `__setattr__`, methods and class methods are sealed; nested classes and static methods are not."""

    @sealed_class
    class Sealed:
        constant = 1

        class Inner:
            """A nested class."""

        def __init__(self, secret: str) -> None:
            vars(self)["secret"] = secret
            if secret == "bad":
                raise LookupError

        def __setattr__(self, name: str, secret: str) -> None:
            raise LookupError

        def method(self, secret: str) -> None:
            raise LookupError

        @classmethod
        def of_class(cls, secret: str) -> None:
            assert cls is Sealed
            raise LookupError

        @staticmethod
        def static(secret: str) -> None:
            raise LookupError

        def _private(self, secret: str) -> None:
            raise LookupError

    made = Sealed("good")

    def frames(call: Callable[[], Any]) -> list[str]:
        with pytest.raises(LookupError) as caught:
            call()
        return [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)][2:]

    hidden: list[Callable[[], Any]] = [
        lambda: Sealed("bad"),
        lambda: setattr(made, "a", "b"),
        lambda: made.method("a"),
        lambda: Sealed.of_class("a"),
    ]
    assert [frames(call) for call in hidden] == [["call"]] * 4
    assert frames(lambda: made.static("a")) == ["static"]
    assert frames(lambda: made._private("a")) == ["_private"]
    assert type(Sealed.Inner) is type
    assert Sealed.method.__name__ == "method"


def test_sealed__forgets_the_frames_of_every_cause() -> None:
    """Every cause of an error loses its frames and context."""

    @sealed
    def call() -> None:
        try:
            try:
                raise OSError("first")
            except OSError as first:
                raise UnicodeError("second") from first
        except UnicodeError as second:
            raise RuntimeError("third") from second

    with pytest.raises(RuntimeError) as caught:
        call()
    causes = list(walk(caught.value.__cause__))
    assert [str(cause) for cause in causes] == ["second", "first"]
    assert [(cause.__traceback__, cause.__context__) for cause in causes] == [(None, None)] * 2
