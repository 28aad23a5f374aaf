"""Attempts: statuses, `Retry-After`, a caller's policy, and the log of attempts."""

from __future__ import annotations

import io
import logging
import signal
import ssl
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest
import urllib3

from qovery import (
    ApiConnectionError,
    ApiException,
    ApiTypeError,
    ApiValueError,
    ConflictException,
    ServiceException,
    TooManyRequestsException,
    rest,
)
from qovery.route import Route
from qovery.transport.transport import Transport
from test.support import PATIENCE
from test.support.calls import CALLS, EMPTY_LIST, GOOD, IDEMPOTENT
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    http_response,
    read,
    reset,
    respond,
)
from test.support.recording import RecordingServer
from test.support.threads import THREADS, in_threads
from test.support.tls import Authority

each = pytest.mark.parametrize("name", CALLS)


@each
@pytest.mark.parametrize("status", [425, 429, 503])
def test_status__that_did_not_run(connect: Connect, name: str, status: int) -> None:
    """A request that the service certainly did not run is retried, idempotent or not."""
    with HostileServer(list(respond(http_response(status, b"", "Retry-After: 0"), GOOD[name]))) as server:
        CALLS[name](connect(server))
        assert len(server.requests) == 2


@each
@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_status__that_may_have_run(connect: Connect, name: str, status: int) -> None:
    """A request that may have run is retried if it is a list, an edit or a delete; otherwise its outcome is unknown."""
    with HostileServer(list(respond(http_response(status), GOOD[name]))) as server:
        if name in IDEMPOTENT:
            CALLS[name](connect(server))
            assert len(server.requests) == 2
        else:
            with pytest.raises(ApiException) as caught:
                CALLS[name](connect(server))
            assert (caught.value.status, caught.value.outcome_unknown) == (status, True)
            assert len(server.requests) == 1


@pytest.mark.parametrize("status", [101, 300, 304, 305, 399])
def test_status__unexpected(connect: Connect, status: int) -> None:
    """A status that asks for something that was not offered is an error, and the call is not retried."""
    with HostileServer(list(respond(http_response(status), EMPTY_LIST))) as server:
        with pytest.raises(ApiException, match=f"{status} Reason") as caught:
            CALLS["list"](connect(server))
        assert (len(server.requests), caught.value.status) == (1, status)


def in_seconds(seconds: int) -> str:
    """A time in the format of HTTP."""
    return formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("wait", ["30", in_seconds(3600)], ids=["seconds", "date"])
@each
def test_retry_after__is_honoured(
    connect: Connect, name: str, wait: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `Retry-After` within the deadline is honoured: the call waits, until its client is closed."""
    with HostileServer(list(respond(http_response(429, b"", f"Retry-After: {wait}"), GOOD[name]))) as server:
        api = connect(server, total_timeout=4000)
        timer = threading.Timer(0.1, api.api_client.close)
        caplog.set_level(logging.DEBUG, "qovery")
        monkeypatch.setattr(caplog.handler, "emit", lambda _: timer.start())  # once the response is there
        with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
            CALLS[name](api)
        timer.join()
        assert (len(server.requests), caught.value.attempts, caught.value.outcome_unknown) == (1, 1, False)


@pytest.mark.parametrize("wait", ["0", in_seconds(-3600)], ids=["seconds", "date"])
def test_retry_after__is_over(connect: Connect, wait: str) -> None:
    """A `Retry-After` in the past means no wait."""
    with HostileServer(list(respond(http_response(429, b"", f"Retry-After: {wait}"), EMPTY_LIST))) as server:
        CALLS["list"](connect(server))
        assert len(server.requests) == 2


@pytest.mark.parametrize("wait", ["86400", in_seconds(86400)], ids=["seconds", "date"])
@each
def test_retry_after__beyond_the_deadline(connect: Connect, name: str, wait: str) -> None:
    """A `Retry-After` beyond the deadline ends the call immediately, and the error says how long the wait would be."""
    with HostileServer(list(respond(http_response(429, b"", f"Retry-After: {wait}")))) as server:
        with pytest.raises(TooManyRequestsException) as caught:
            CALLS[name](connect(server))
        assert len(server.requests) == 1
    assert caught.value.retry_after is not None
    assert 80000 < caught.value.retry_after <= 86400
    assert (caught.value.attempts, caught.value.outcome_unknown) == (1, False)


@pytest.mark.parametrize("wait", ["soon", "-5", "inf", "9" * 5000, "Mon, 99 Foo 2099"])
def test_retry_after__garbage(connect: Connect, wait: str) -> None:
    """An invalid `Retry-After` is ignored."""
    with HostileServer(list(respond(http_response(503, b"", f"Retry-After: {wait}"), EMPTY_LIST))) as server:
        CALLS["list"](connect(server))
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__is_an_error(connect: Connect, status: int) -> None:
    """A redirect is not followed; the error names its location."""
    with HostileServer(list(respond(EMPTY_LIST))) as elsewhere:
        redirect = http_response(status, b"", f"Location: {elsewhere.url}/x")
        with (
            HostileServer(list(respond(redirect))) as server,
            pytest.raises(ApiException, match=f"{elsewhere.url}/x") as caught,
        ):
            CALLS["create"](connect(server))
        assert (caught.value.status, len(server.requests), elsewhere.connections) == (status, 1, 0)


def test_without_preload_content__retries_too(connect: Connect) -> None:
    """The unread form retries by the same rules and returns the last response, whatever its status."""
    with HostileServer(list(respond(http_response(503, "busy"))), list(respond(EMPTY_LIST))) as server:
        response = connect(server).list_environment_secrets_without_preload_content("e")
        assert (response.status, response.read()) == (200, b'{"results": []}')
    with HostileServer(list(respond(http_response(503, "busy")))) as server:
        response = connect(server, retries=1).list_environment_secrets_without_preload_content("e")
        assert (response.status, response.read()) == (503, b"busy")


def test_retry__of_the_caller(connect: Connect) -> None:
    """A caller's own policy is followed exactly, and the final error has the class of the last outcome."""
    policy = urllib3.Retry(total=1, status_forcelist=[500], allowed_methods=None, backoff_factor=0)
    with HostileServer(list(respond(http_response(500), GOOD["create"]))) as server:
        CALLS["create"](connect(server, retries=policy))
        assert len(server.requests) == 2
    with HostileServer(list(respond(http_response(500), http_response(500)))) as server:
        with pytest.raises(ServiceException) as caught:
            CALLS["create"](connect(server, retries=policy))
        assert (len(server.requests), caught.value.attempts) == (2, 2)
    with HostileServer([read, reset]) as server:
        with pytest.raises(ApiConnectionError) as lost:
            CALLS["list"](connect(server, retries=policy))
        assert (len(server.requests), lost.value.attempts) == (2, 2)


def test_retry__of_the_caller_and_what_is_known(connect: Connect) -> None:
    """The outcome stays unknown after an attempt that may have run, even if a later attempt is rejected."""
    policy = urllib3.Retry(total=2, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    rejected = list(respond(http_response(409), http_response(503), http_response(409)))
    with HostileServer([read, reset], rejected) as server:
        api = connect(server, retries=policy)
        for unknown in (True, False):  # lost, 409; 503, 409
            with pytest.raises(ConflictException) as caught:
                CALLS["create"](api)
            assert (caught.value.attempts, caught.value.outcome_unknown) == (2, unknown)


def test_debug__writes_a_line_for_each_attempt(
    connect: Connect, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The lines have the details that help and no secret; they are written to stderr also if logging has them too."""
    with HostileServer([read, reset], list(respond(http_response(503), EMPTY_LIST, EMPTY_LIST))) as server:
        api = connect(server, debug=True)
        CALLS["list"](api)
        lines = capfd.readouterr().err.splitlines()
        caplog.set_level(logging.DEBUG, "qovery")
        CALLS["list"](api)
    assert [line.split()[3:5] for line in lines] == [
        ["ApiConnectionError", "attempt=1"],
        ["503", "attempt=2"],
        ["200", "attempt=3"],
    ]
    assert capfd.readouterr().err == caplog.records[-1].getMessage() + "\n"
    assert caplog.records[-1].__dict__["qovery_status"] == 200
    assert "a-token" not in caplog.text + "".join(lines)


def test_retries__of_one_call(connect: Connect) -> None:
    """`_retries` overrides the setting, whatever that is, for this call only."""
    busy = http_response(503, b"", "Retry-After: 0")
    policy = urllib3.Retry(5, status_forcelist=[503], allowed_methods=None)
    with HostileServer(list(respond(*[busy] * 99))) as server:
        for configured in (0, 2, policy):
            api = connect(server, retries=configured)
            for wanted in (0, 1, 4):
                with pytest.raises(ServiceException) as caught:
                    api.list_environment_secrets("e", _retries=wanted)
                assert caught.value.attempts == 1 + wanted
            with pytest.raises(ServiceException) as caught:
                api.list_environment_secrets("e", _retries=None)
            assert caught.value.attempts == 1 + (5 if configured is policy else configured)


@pytest.mark.parametrize(
    ("wrong", "error"), [(-1, ApiValueError), (True, ApiTypeError), ("1", ApiTypeError), (1.0, ApiTypeError)]
)
def test_retries__of_one_call_unusable(
    connect: Connect, server: RecordingServer, wrong: object, error: type[Exception]
) -> None:
    """An invalid number of retries is rejected before anything is sent."""
    with pytest.raises(error, match="_retries must be"):
        connect(server).list_environment_secrets("e", _retries=wrong)  # the case under test
    assert server.connections == 0


def test_log_records__carry_their_origin(
    connect: Connect, server: RecordingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """File, line and function of a record are those of the statement that logs."""
    caplog.set_level(logging.DEBUG, "qovery")
    connect(server).list_environment_secrets("e")
    (record,) = caplog.records
    lines = Path(record.pathname).read_text(encoding="utf-8").splitlines()
    assert record.pathname == rest.__file__
    assert "_log.debug(" in lines[record.lineno - 1]
    assert f"def {record.funcName}(" in "\n".join(lines[: record.lineno])


class BrokenStream(io.TextIOBase):
    """A stream whose writes raise an error."""

    def __init__(self, raised: type[Exception]) -> None:
        self.raised = raised

    def write(self, _: str) -> int:
        raise self.raised("of the stream")


@pytest.mark.parametrize("raised", [BrokenPipeError, ValueError, RuntimeError, UnicodeError, AttributeError])
def test_debug__with_a_broken_stderr(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, raised: type[Exception]
) -> None:
    """Lines that cannot be written change nothing."""
    monkeypatch.setattr(sys, "stderr", BrokenStream(raised))
    with HostileServer(list(respond(GOOD["create"])), [read, reset]) as server:
        api = connect(server, debug=True)
        CALLS["create"](api)
        api.api_client.close()
        with pytest.raises(ApiConnectionError) as caught:
            CALLS["create"](api)
        assert (caught.value.outcome_unknown, len(server.requests)) == (True, 2)
    with HostileServer(list(respond(*[GOOD["create"]] * 2))) as server:
        api = connect(server, debug=True)
        monkeypatch.setattr(sys, "stderr", None)
        CALLS["create"](api)
        with monkeypatch.context() as patch:
            patch.delattr(sys, "stderr")
            CALLS["create"](api)


@pytest.mark.needs_posix
@pytest.mark.parametrize("debug", [True, False], ids=["stderr", "logger"])
def test_log__that_is_interrupted(connect: Connect, monkeypatch: pytest.MonkeyPatch, debug: bool) -> None:
    """An exception of a signal handler that interrupts logging is not an error of logging."""

    def handler(*_: object) -> None:
        raise TimeoutError("the limit")

    class Interrupting(logging.Handler, io.TextIOBase):
        def emit(self, _: object) -> None:
            signal.raise_signal(signal.SIGUSR1)

        write = emit  # type: ignore[assignment] # nothing is written

    log, interrupting, before = logging.getLogger("qovery"), Interrupting(), signal.signal(signal.SIGUSR1, handler)
    if debug:
        monkeypatch.setattr(sys, "stderr", interrupting)
    else:
        log.addHandler(interrupting)
        log.setLevel(logging.DEBUG)
    try:
        with HostileServer(list(respond(GOOD["create"]))) as server:
            with pytest.raises(TimeoutError, match="the limit"):
                CALLS["create"](connect(server, debug=debug))
            assert len(server.requests) == 1
    finally:
        signal.signal(signal.SIGUSR1, before)
        log.removeHandler(interrupting)
        log.setLevel(logging.NOTSET)


def test_transport__is_made_once_by_many_threads(
    connect: Connect, tls: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads that make the first call concurrently over TLS build one transport, which loads the certificates once."""
    made: list[str] = []

    def counted(kind: type, name: str) -> None:
        original = getattr(kind, name)

        def count(*args: object, **options: object) -> object:
            made.append(name)
            return original(*args, **options)

        monkeypatch.setattr(kind, name, count)

    counted(ssl.SSLContext, "load_verify_locations")
    counted(ssl.SSLContext, "load_default_certs")
    counted(Transport, "__init__")
    with tls.server() as server:
        api = connect(server, connection_pool_maxsize=THREADS)
        assert in_threads(lambda _: api.list_environment_secrets("e").results) == [[]] * THREADS
    assert sorted(made) == ["__init__", "load_verify_locations"]


def test_transport__is_made_while_the_client_is_closed(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`close` also ends a call whose transport is being built; the next call builds another."""
    api = connect(server)
    build = Transport.__init__

    def close(transport: Transport, route: Route) -> None:
        monkeypatch.undo()
        build(transport, route)
        closer = threading.Thread(target=api.api_client.close)
        closer.start()
        closer.join(PATIENCE)

    monkeypatch.setattr(Transport, "__init__", close)
    with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
        CALLS["create"](api)
    assert (caught.value.outcome_unknown, server.connections) == (False, 0)
    api.list_environment_secrets("e")


def test_transport__for_an_invalid_route(connect: Connect, server: RecordingServer) -> None:
    """A route that cannot be used leaves the connections of the route before it usable."""
    api = connect(server)
    configuration = api.api_client.configuration
    api.list_environment_secrets("e")
    configuration.update(host=server.url.replace("http:", "https:"), ca_cert_data="no certificate")
    with pytest.raises(ApiValueError):
        api.list_environment_secrets("e")
    configuration.update(host=server.url, ca_cert_data=None)
    for _ in range(2):
        api.list_environment_secrets("e")
    assert server.connections == 1
