"""Calls that are made while an exception of a signal handler, or another error, is being handled."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from qovery import ApiConnectionError, ApiException
from test.support.calls import CALLS, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, reset, respond, send, stall
from test.support.recording import SECRET, RecordingServer, Response
from test.support.scripts import run_script

pytestmark = pytest.mark.needs_posix


class Limit(Exception):  # noqa: N818 - the usual name of such a class
    """A soft time limit, as a task worker raises it in a signal handler."""


RAISED = [Limit("the limit"), SystemExit(0), TimeoutError("the limit"), HTTPError("the limit")]

Call = Callable[[], Any]


def in_except(call: Call) -> Any:
    try:
        signal.raise_signal(signal.SIGUSR1)
    except BaseException:
        return call()


def in_finally(call: Call) -> Any:
    with contextlib.suppress(BaseException):
        try:
            signal.raise_signal(signal.SIGUSR1)
        finally:
            result = call()
    return result


def in_exit(call: Call) -> Any:
    results: list[Any] = []

    class Cleanup:
        def __enter__(self) -> None: ...

        def __exit__(self, kind: type[BaseException], error: BaseException, frames: TracebackType) -> bool:
            results.append(call())
            return True

    with Cleanup():
        signal.raise_signal(signal.SIGUSR1)
    return results[0]


def in_generator(call: Call) -> Any:
    results: list[Any] = []

    @contextlib.contextmanager
    def cleanup() -> Iterator[None]:
        try:
            yield
        except BaseException:
            results.append(call())

    with cleanup():
        signal.raise_signal(signal.SIGUSR1)
    return results[0]


Handling = Callable[[Call], Any]


@pytest.fixture(params=RAISED, ids=repr)
def raised(request: pytest.FixtureRequest) -> Iterator[BaseException]:
    """What the handler of SIGUSR1 raises."""

    def handler(*_: Any) -> None:
        raise request.param

    before = signal.signal(signal.SIGUSR1, handler)
    yield request.param
    signal.signal(signal.SIGUSR1, before)
    request.param.__traceback__ = request.param.__context__ = None


handling = pytest.mark.parametrize("handle", [in_except, in_finally, in_exit, in_generator])


def outcome(call: Call) -> Call:
    """A call that returns its `ApiException`."""

    def caught() -> Any:
        with pytest.raises(ApiException) as error:
            call()
        return error.value

    return caught


@handling
@pytest.mark.usefixtures("raised")
def test_retry__while_handling(connect: Connect, handle: Handling) -> None:
    """A lost list is retried."""
    with HostileServer([read, reset], list(respond(GOOD["list"]))) as server:
        handle(lambda: CALLS["list"](connect(server)))
        assert len(server.requests) == 2


@handling
@pytest.mark.usefixtures("raised")
def test_lost_create__while_handling(connect: Connect, handle: Handling) -> None:
    """A lost create raises the error that says so."""
    with HostileServer([read, reset]) as server:
        error = handle(outcome(lambda: CALLS["create"](connect(server))))
        assert type(error) is ApiConnectionError
        assert error.outcome_unknown


@handling
@pytest.mark.usefixtures("raised")
def test_refused__while_handling(connect: Connect, handle: Handling, nowhere: str) -> None:
    """A connection that is refused is retried."""
    error = handle(outcome(lambda: CALLS["create"](connect(nowhere, retries=1))))
    assert (type(error), error.attempts, error.outcome_unknown) == (ApiConnectionError, 2, False)


@handling
@pytest.mark.usefixtures("raised")
def test_token_callable__that_fails_while_handling(connect: Connect, handle: Handling, nowhere: str) -> None:
    """A token callable that fails raises a typed error."""

    def token() -> str:
        raise LookupError("no token")

    error = handle(outcome(lambda: CALLS["list"](connect(nowhere, access_token=token))))
    assert error.reason == "the callable for access_token failed: LookupError: no token"


class Broken:
    """A log filter, and a standard error, that fail."""

    def filter(self, record: logging.LogRecord) -> bool:
        raise LookupError("broken")

    def write(self, text: str) -> None:
        raise LookupError("broken")


@handling
@pytest.mark.usefixtures("raised")
def test_log__that_fails_while_handling(
    connect: Connect, server: RecordingServer, handle: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log filter or a standard error that fails does not change the result."""
    server.default = Response(201, SECRET)
    log = logging.getLogger("qovery")
    monkeypatch.setattr(log, "filters", [Broken()])
    monkeypatch.setattr(log, "level", logging.DEBUG)
    log.manager._clear_cache()  # type: ignore[attr-defined] # as setLevel does
    assert handle(lambda: CALLS["create"](connect(server))).key == SECRET["key"]
    monkeypatch.undo()
    log.manager._clear_cache()  # type: ignore[attr-defined] # as setLevel does
    monkeypatch.setattr(sys, "stderr", Broken())
    assert handle(lambda: CALLS["create"](connect(server, debug=True))).key == SECRET["key"]


@handling
@pytest.mark.usefixtures("raised")
def test_urllib3_log__that_fails_while_handling(
    connect: Connect, handle: Handling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a call that a log filter ends is not what was being handled."""
    monkeypatch.setattr(logging.getLogger("urllib3.response"), "filters", [Broken()])
    both = http_response(201, b"0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 5, 5")
    with HostileServer(list(respond(both))) as server:
        error = handle(outcome(lambda: CALLS["create"](connect(server))))
    assert type(error) is ApiConnectionError
    assert error.outcome_unknown
    assert "a log handler or filter failed: LookupError: broken" in str(error)


@handling
@pytest.mark.usefixtures("raised")
def test_nested_call__while_handling(connect: Connect, handle: Handling, server: RecordingServer) -> None:
    """A call inside a token callable that handles an exception is retried, and so is the call outside."""
    with HostileServer([read, reset], list(respond(GOOD["list"]))) as inner:

        def token() -> str:
            handle(lambda: CALLS["list"](connect(inner)))
            return "t"

        CALLS["list"](connect(server, access_token=token))
        assert len(inner.requests) == 2
    assert len(server.received) == 1


@pytest.mark.usefixtures("raised")
def test_signal__while_handling_another(connect: Connect) -> None:
    """A second interruption propagates, in a call that handles the first."""
    main = threading.main_thread().ident or 0

    def interrupt(*_: Any) -> None:
        signal.pthread_kill(main, signal.SIGUSR1)

    with HostileServer([read, interrupt, reset]) as server:
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - of any class
            in_except(lambda: CALLS["create"](connect(server)))
        assert not isinstance(caught.value, ApiException)
        assert len(server.requests) == 1


#: A greenlet is stopped in each phase of a call. The last call is made while the exception is being handled.
GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent, gevent.event
from qovery import ApiClient, Configuration, EnvironmentSecretApi

class Limit(TimeoutError):
    pass

connecting = gevent.event.Event()

def token():
    connecting.set()
    return "t"

api, silent = [EnvironmentSecretApi(ApiClient(Configuration(url, access_token=token))) for url in sys.argv[1:]]
gevent.get_hub().exception_stream = None  # where the errors of greenlets are printed
call = gevent.spawn(silent.list_environment_secrets, "e")
connecting.wait()
call.kill(Limit("connecting"), block=False)
call.join()
assert repr(call.exception) == "Limit('connecting')", call.exception
api.list_environment_secrets("e")
for phase in "waiting", "reading":
    try:
        with gevent.Timeout(0.05, Limit(phase)):
            api.list_environment_secrets("e")
    except Limit as limit:
        assert str(limit) == phase
        if phase == "reading":
            assert api.list_environment_secrets("e").results == []
    else:
        raise AssertionError(phase)
api.api_client.close()
silent.api_client.close()
"""


def test_exception__thrown_into_a_greenlet() -> None:
    """An `OSError` of a class of the caller's propagates unchanged. A call made while it is handled is retried."""
    pytest.importorskip("gevent")
    good = list(respond(GOOD["list"]))
    half = [read, send(GOOD["list"][:-5]), stall]
    with HostileServer([*good, read, stall], half, [read, reset], good) as server, HostileServer([stall]) as silent:
        run_script(GEVENT, server.url, silent.url)
        assert (server.connections, len(server.requests)) == (4, 5)
        assert silent.connections <= 1
