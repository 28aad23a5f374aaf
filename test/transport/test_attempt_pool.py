"""Nested calls, and foreign exceptions that propagate through a call."""

from __future__ import annotations

import errno
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
import urllib3.connection

from qovery import (
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    ConflictException,
)
from qovery.transport import attempt_pool
from test.support import PATIENCE
from test.support.calls import CALLS, EMPTY_LIST, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, Step, http_response, read, reset, respond, send, stall
from test.support.recording import SECRET, Received, RecordingServer, Response
from test.support.scripts import run_script

# --- Nested calls -----------------------------------------------------------------------------------


class Acting(logging.Handler):
    """A log handler that runs a function at each record, without recursion."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act
        self.acting = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.acting:
            self.acting = True
            try:
                self.act()
            finally:
                self.acting = False


Listen = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Set a logger to DEBUG, and attach a handler that runs a function."""
    undo: list[Callable[[], None]] = []

    def listen(name: str, act: Callable[[], object]) -> None:
        logger, handler = logging.getLogger(name), Acting(act)
        logger.addHandler(handler)
        undo.append(lambda level=logger.level: (logger.removeHandler(handler), logger.setLevel(level)))  # type: ignore[misc]
        logger.setLevel(logging.DEBUG)

    yield listen
    for one in undo:
        one()


class Finalized:
    """An object that runs a function when it is garbage-collected."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.me = self

    def __del__(self) -> None:
        self.act()


@pytest.fixture
def nest(listen: Listen) -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Run a function in the middle of the next call, from the named place."""
    before = signal.getsignal(signal.SIGINT)

    def nest(place: str, act: Callable[[], object]) -> None:
        if place.startswith("log handler of "):
            listen(place[15:], act)
        elif place == "signal handler":
            handler = signal.signal(signal.SIGINT, lambda *_: act())
            assert handler is before
            listen("urllib3", lambda: signal.raise_signal(signal.SIGINT))
        else:
            garbage = [Finalized(act)]
            listen("urllib3", lambda: (garbage.clear(), gc.collect()))

    yield nest
    signal.signal(signal.SIGINT, before)


PLACES = ["log handler of urllib3", "log handler of qovery", "finalizer", "signal handler"]
Nest = Callable[[str, Callable[[], object]], None]
places = pytest.mark.parametrize("place", PLACES)


@places
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_nested__beyond_the_bound(connect: Connect, tls: Any, nest: Nest, place: str, scheme: str, read: bool) -> None:
    """A nested call gets a connection even if the outer call holds the only one, and both get their responses."""

    def judge(received: Received) -> Response:
        key = "inner" if received.method == "GET" else "outer"
        return Response(200, {"results": [{**SECRET, "key": key}]} if key == "inner" else {**SECRET, "key": key})

    with RecordingServer(judge, tls.context() if scheme == "https" else None) as server:
        api = connect(server, connection_pool_maxsize=1, total_timeout=PATIENCE)
        inner: list[Any] = []
        nest(place, lambda: inner.append(api.list_environment_secrets("e")))
        if read:
            assert api.create_environment_secret("e", {"key": "outer", "value": "v"}).key == "outer"
        else:
            response = api.create_environment_secret_without_preload_content("e", {"key": "outer", "value": "v"})
            assert b'"outer"' in response.read()
            response.release_conn()
        assert [one.results[0].key for one in inner] == ["inner"]
        assert [received.method for received in server.received] == ["POST", "GET"]
        before = server.connections
        for _ in range(4):
            CALLS["create"](api)
        assert server.connections <= before + 1


@places
def test_nested__that_fails(connect: Connect, nest: Nest, place: str) -> None:
    """An uncaught error of the inner call does not change the result of the outer call."""
    with RecordingServer(lambda received: Response(409 if received.method == "GET" else 201, SECRET)) as server:
        api = connect(server)
        raised: list[type] = []

        def act() -> None:
            try:
                api.list_environment_secrets("e")
            except ConflictException as error:
                raised.append(type(error))
                if place.startswith("log handler"):
                    raise

        nest(place, act)
        assert api.create_environment_secret("e", {"key": "A", "value": "v"}).key == "TOKEN"
        assert raised == [ConflictException]


@places
def test_nested__has_its_own_deadline(connect: Connect, nest: Nest, place: str) -> None:
    """The inner call ends at its own deadline, and the outer call continues until its own."""
    slow, outer = [read, stall], [read, send(GOOD["create"]), read, stall]
    with HostileServer(outer, slow) as server:
        api = connect(server, retries=0, total_timeout=PATIENCE)
        ends: list[Any] = []

        def act() -> None:
            with pytest.raises(ApiTimeoutError) as caught:
                api.list_environment_secrets("e", _request_timeout=0.1)
            ends.append(caught.value)

        nest(place, act)
        CALLS["create"](api)
        assert len(ends) == 1
        assert len(server.requests) == 2


@pytest.mark.parametrize("place", ["log handler of qovery", "finalizer", "signal handler"])
def test_nested__in_a_create_whose_response_is_lost(connect: Connect, nest: Nest, listen: Listen, place: str) -> None:
    """A create whose response is lost is sent once, and its outcome is unknown, even if a nested call succeeded."""
    act_now: list[Callable[[], object]] = []

    def drop(sock: socket.socket, requests: list[bytes]) -> None:
        reset(sock, requests)

    scripts: list[list[Step]] = [[read, drop], list(respond(*[EMPTY_LIST] * 4))]
    with HostileServer(*scripts) as server:
        api = connect(server)
        act_now.append(lambda: api.list_environment_secrets("e"))
        if place == "log handler of qovery":
            nest(place, act_now[0])
        else:  # makes the nested call at the record of the lost attempt
            garbage = [Finalized(act_now[0])]
            before = signal.getsignal(signal.SIGINT)
            if place == "signal handler":
                signal.signal(signal.SIGINT, lambda *_: act_now[0]())
                listen("qovery", lambda: signal.raise_signal(signal.SIGINT))
                garbage[0].act = lambda: None
            else:
                listen("qovery", lambda: (garbage.clear(), gc.collect()))
        try:
            with pytest.raises(ApiConnectionError) as caught:
                CALLS["create"](api)
        finally:
            if place != "log handler of qovery":
                signal.signal(signal.SIGINT, before)
        assert (caught.value.outcome_unknown, caught.value.attempts) == (True, 1)
        assert [request.split()[0] for request in server.requests] == [b"POST", b"GET"]


PATCHED = """
import gevent.monkey, warnings
warnings.simplefilter("ignore", gevent.monkey.MonkeyPatchWarning)  # which says that it comes late
gevent.monkey.patch_all()
"""
GREENLETS = """
import sys, time, gevent
from qovery import ApiClient, ApiConnectionError, ApiTimeoutError, Configuration, EnvironmentSecretApi

tokens = iter(range(100))
def token():
    gevent.sleep(0.01)
    return f"token-{next(tokens)}"

api = EnvironmentSecretApi(ApiClient(Configuration(
    host=sys.argv[1], ca_cert_data=sys.argv[2] or None, access_token=token, connection_pool_maxsize=4)))

def create(number):
    try:
        return api.create_environment_secret("e", {"key": f"K{number}", "value": "v"}).key
    except ApiConnectionError as error:
        return error.outcome_unknown, error.attempts

def slow():
    started = time.monotonic()
    try:
        api.list_environment_secrets("silent", _request_timeout=0.2)
    except ApiTimeoutError:
        return "in time"

waiting = gevent.spawn(slow)
greenlets = [gevent.spawn(create, number) for number in range(24)]
gevent.joinall([*greenlets, waiting], raise_error=True)
print([greenlet.value for greenlet in greenlets], waiting.value)

held = gevent.spawn(lambda: create("silent"))
gevent.sleep(0.05)
api.api_client.close()
held.join()
print(held.value)

killed = gevent.spawn(lambda: create("silent"))
gevent.sleep(0.05)
killed.kill()
print(create(1))
api.api_client.close()
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_greenlets__are_like_threads(tls: Any, scheme: str) -> None:
    """Greenlets have their own deadlines, send a lost create once and can `close()`, even if patched late."""
    pytest.importorskip("gevent")
    seen: list[bytes] = []

    def play(sock: socket.socket, requests: list[bytes]) -> None:
        while True:
            read(sock, requests)
            request = requests[-1]
            if b"silent" in request:
                return stall(sock, requests)
            name = request.rpartition(b'"key":"')[2].partition(b'"')[0]
            seen.append(name)
            if name in {b"K3", b"K7"}:
                return reset(sock, requests)
            send(http_response(201, f'{{"id":"i","created_at":"2023-12-12T13:23:02Z","key":"{name.decode()}",'
                                    f'"scope":"PROJECT"}}'))(sock, requests)  # fmt: skip

    with HostileServer([play], context=tls.context() if scheme == "https" else None) as server:
        ca = tls.ca_text if scheme == "https" else ""
        # TLS cannot be patched late: the standard library's `ssl` would recurse forever.
        script = PATCHED + GREENLETS if scheme == "https" else "import qovery.api_client" + PATCHED + GREENLETS
        out = run_script(script, server.url, ca).splitlines()
    expected = [(True, 1) if number in {3, 7} else f"K{number}" for number in range(24)]
    assert out == [f"{expected} in time", "(True, 1)", "K1"]
    assert sorted(seen) == sorted([f"K{number}".encode() for number in range(24)] + [b"K1"])


# --- Foreign connection classes ---------------------------------------------------------------------


@pytest.mark.parametrize("name", CALLS)
def test_replaced_connection__counts_as_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A recorder's connection cannot prove that a request was not sent, so only idempotent requests are retried."""
    begun: list[str] = []

    class Fake(urllib3.connection.HTTPConnection):
        def request(self, method: str, *args: Any, **options: Any) -> None:
            begun.append(method)
            raise ConnectionRefusedError("by the fake")

    Fake.__module__ = "recorder"
    with HostileServer(list(respond(EMPTY_LIST, EMPTY_LIST))) as server:
        api = connect(server)
        CALLS["list"](api)  # the client has been used before
        monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Fake)
        with pytest.raises(ApiConnectionError, match="by the fake") as caught:
            CALLS[name](api)
        idempotent = name in {"list", "edit", "delete"}
        assert (caught.value.attempts, len(begun)) == ((4, 4) if idempotent else (1, 1))
        assert caught.value.outcome_unknown == (name != "list")
        monkeypatch.undo()
        CALLS["list"](api)


def test_replaced_connection__timeouts(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder's connection gets the connect timeout and, once the request is sent, the read timeout."""
    seen: list[float] = []

    class Fake(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            seen.append(self.timeout)  # type: ignore[arg-type] # a number here
            super().connect()

        def getresponse(self) -> Any:
            seen.append(self.timeout)  # type: ignore[arg-type] # a number here
            return super().getresponse()

    Fake.__module__ = "recorder"
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Fake)
    CALLS["delete"](connect(server, connect_timeout=7, read_timeout=11))
    assert seen == [7, 11]


def test_connection_class__that_cannot_be_loaded(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that fails before it has a connection was certainly not sent."""

    def fail(*_: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(attempt_pool, "_OURS", {})
    monkeypatch.setattr(attempt_pool.AttemptPool, "_class", fail)
    with pytest.raises(ApiConnectionError, match="Too many open files") as caught:
        CALLS["create"](connect(server, retries=0))
    assert not caught.value.outcome_unknown
    assert server.received == []


# --- Failing log handlers ---------------------------------------------------------------------------


class BrokenError(Exception):
    """An error raised by a log handler."""


def broken() -> None:
    raise BrokenError("of a handler")


@pytest.mark.parametrize("place", ["handler", "filter of the logger", "filter of a handler"])
@pytest.mark.parametrize("logger", ["urllib3", "urllib3.connectionpool", "qovery"])
@pytest.mark.parametrize("name", CALLS)
def test_log__that_fails(connect: Connect, name: str, logger: str, place: str) -> None:
    """A log handler or filter that raises does not change the result or the error of a call."""
    log, handler = logging.getLogger(logger), Acting(broken if place == "handler" else lambda: None)
    level = log.level

    def accept(_: logging.LogRecord) -> bool:
        raise BrokenError("of a filter")

    if place != "handler":
        (log if place == "filter of the logger" else handler).addFilter(accept)
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        with HostileServer(list(respond(GOOD[name], http_response(409))), [read, reset]) as server:
            api = connect(server, retries=0)
            CALLS[name](api)
            with pytest.raises(ConflictException):
                CALLS[name](api)
            api.api_client.close()
            with pytest.raises(ApiConnectionError) as lost:
                CALLS[name](api)
            assert lost.value.outcome_unknown == (name != "list")
            assert len(server.requests) == 3
    finally:
        log.removeHandler(handler)
        log.removeFilter(accept)
        log.setLevel(level)


@pytest.mark.parametrize("end", ["lost", "status", "two lengths"])
def test_log__that_fails_and_hides_nothing(connect: Connect, listen: Listen, end: str) -> None:
    """A handler that raises where urllib3 logs mid-request ends the call with its outcome unknown."""
    both = http_response(201, b"0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 5")
    script: list[Step] = {"lost": [read, reset], "status": list(respond(http_response(500)))}.get(
        end, list(respond(both))
    )
    policy = urllib3.Retry(2, status_forcelist=[500], allowed_methods=None, backoff_factor=0)
    listen("urllib3", broken)
    with HostileServer(script) as server:
        api = connect(server, retries=3 if end == "two lengths" else policy, connection_pool_maxsize=1)
        for sent in (1, 2):
            with pytest.raises(ApiException) as caught:
                CALLS["create"](api)
            assert caught.value.outcome_unknown
            assert len(server.requests) == sent
