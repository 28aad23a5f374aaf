"""The connection pool: its size limit, use by threads, and state after it is closed."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiDecodeError,
    ApiTimeoutError,
    EnvironmentSecretApi,
)
from qovery.transport.pool import ConnectionPool
from test.support import PATIENCE, ROOT, combinations, wait_until
from test.support.calls import CALLS, EMPTY_LIST, GOOD
from test.support.clients import Connect, client_for
from test.support.hostile import (
    HostileServer,
    read,
    read_byte,
    respond,
    stall,
)
from test.support.recording import EMPTY, SECRET, Received, RecordingServer, Response
from test.support.routes import PROXIED, ROUTES, SCRIPT, SECURE, Routes
from test.support.threads import THREADS, in_threads
from test.support.tls import Authority


def test_connection_pool_maxsize__bounds_connections(connect: Connect, server: RecordingServer) -> None:
    """No more than `connection_pool_maxsize` connections are open; further calls wait for one."""
    api = connect(server, connection_pool_maxsize=2)
    threads = [threading.Thread(target=api.list_environment_secrets, args=("e",)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.received) == 12
    assert server.connections <= 2


def test_pool__exhausted(connect: Connect) -> None:
    """The error for an exhausted pool says what to do."""
    with HostileServer(list(respond(EMPTY_LIST))) as server:
        api = connect(server, connection_pool_maxsize=1)
        response = api.list_environment_secrets_without_preload_content("e")
        with pytest.raises(ApiTimeoutError, match="connection_pool_maxsize"):
            api.list_environment_secrets("e", _request_timeout=0.2)
        response.close()
        response.release_conn()


def test_idle_connection__closed_by_the_server(connect: Connect) -> None:
    """A connection that the server closed while idle is replaced silently."""
    with HostileServer(list(respond(EMPTY_LIST)), list(respond(GOOD["create"]))) as server:
        api = connect(server)
        CALLS["list"](api)
        server.wait_until_closed()
        CALLS["create"](api)
        assert (server.connections, len(server.requests)) == (2, 2)


def test_idle_timeout__has_passed(connect: Connect, server: RecordingServer) -> None:
    """A create is never sent on a connection that has been idle for longer than `idle_timeout`."""
    for timeout, connections in ((1e-9, 3), (PATIENCE, 1)):
        before = server.connections
        api = connect(server, idle_timeout=timeout)
        for name in ("list", "create", "list"):
            server.default = EMPTY if name == "list" else Response(201, SECRET)
            CALLS[name](api)
        assert server.connections - before == connections
        server.wait_until_closed(connections - 1)


def test_idle_timeout__of_spare_connections(connect: Connect, server: RecordingServer) -> None:
    """Spare connections are closed after `idle_timeout` while others are in use; connections in use are not."""
    server.default = EMPTY
    api = connect(server, idle_timeout=0.5)
    for response in [api.list_environment_secrets_without_preload_content("e") for _ in range(3)]:
        response.read()
    ended = []
    for _ in range(2):
        while server.closed.empty():
            api.list_environment_secrets("e")
        ended.append(server.closed.get())
    assert server.connections >= 3


def test_idle_timeout__under_a_fake_clock(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that a fake clock saw last is replaced, because its age is unknown."""
    api = connect(server)
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: 1e9)
        for _ in range(2):
            CALLS["list"](api)
        assert server.connections == 1
    server.default = Response(201, SECRET)
    CALLS["create"](api)
    assert server.connections == 2
    server.wait_until_closed()


@pytest.mark.parametrize("route", ROUTES)
def test_idle_connection__is_reused(connect: Connect, routes: Routes, route: str) -> None:
    """Consecutive calls reuse one connection, on every route."""
    with RecordingServer(EMPTY, routes.context(route)) as server:
        api = connect(server, **routes.settings(route))
        for _ in range(5):
            CALLS["list"](api)
        assert (server.connections, len(server.received)) == (1, 5)


def test_connection_close__in_every_response(connect: Connect, server: RecordingServer) -> None:
    """`Connection: close` responses free their pool slots, read or unread, with any number of threads."""
    server.default = Response(200, {"results": []}, {"Connection": "close"})
    api = connect(server, connection_pool_maxsize=2)

    def work(_: int) -> None:
        for _ in range(3):
            CALLS["list"](api)
            api.list_environment_secrets_without_preload_content("e").close()
            api.list_environment_secrets_without_preload_content("e").read()

    assert in_threads(work) == [None] * THREADS
    assert len(server.received) == 9 * THREADS


def test_connection__is_kept(server: RecordingServer, connect: Connect) -> None:
    """Consecutive calls of all six operations use one connection."""
    api = connect(server)
    for name, call in CALLS.items():
        server.default = (
            Response(204) if name == "delete" else Response(200, {"results": []} if name == "list" else SECRET)
        )
        call(api)
    assert server.connections == 1


# --- Threads --------------------------------------------------------------------------------------


def echo(received: Received) -> Response:
    """Respond after 5 ms with one secret whose key is the requested environment."""
    time.sleep(0.005)
    return Response(200, {"results": [{**SECRET, "key": received.target.split("/")[2]}]})


@pytest.mark.parametrize("size", [4, THREADS])
def test_threads__get_their_own_responses(connect: Connect, server: RecordingServer, size: int) -> None:
    """Each thread gets the responses to its own calls, and no more connections are opened than allowed."""
    server.default = echo
    api = connect(server, connection_pool_maxsize=size)

    def work(number: int) -> None:
        for call in range(8):
            environment = f"e-{number}-{call}"
            assert [secret.key for secret in api.list_environment_secrets(environment).results or ()] == [environment]

    assert in_threads(work) == [None] * THREADS
    assert len(server.received) == THREADS * 8
    assert server.connections <= size


def waiting_for_a_connection() -> int:
    """Return the number of threads that wait for a connection of the pool."""
    return sum(frame.f_code is ConnectionPool._wait.__code__ for frame in sys._current_frames().values())


def test_close__ends_calls_under_way(connect: Connect) -> None:
    """`close` ends calls that wait for a response or a connection, with an error; a later call reconnects."""
    with HostileServer(*[[read, stall]] * 4, list(respond(EMPTY_LIST))) as server:
        api = connect(server, connection_pool_maxsize=4)
        client = api.api_client

        def close() -> None:
            wait_until(lambda: len(server.requests) == 4 and waiting_for_a_connection() == THREADS - 4)
            client.close()

        closer = threading.Thread(target=close, daemon=True)
        closer.start()
        ends = in_threads(lambda _: api.create_environment_secret("e", {"key": "A", "value": "v"}))
        closer.join()
        assert all(type(end) is ApiConnectionError and "the client was closed" in str(end) for end in ends)
        assert Counter(end.outcome_unknown for end in ends) == {True: 4, False: THREADS - 4}
        assert (server.connections, len(server.requests)) == (4, 4)
        assert api.list_environment_secrets("e").results == []
        client.close()


# --- Closing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_close__ends_a_call(connect: Connect, routes: Routes, route: str) -> None:
    """`close` ends a call that waits for its response, on every route, and a later call reconnects."""
    with HostileServer([read, stall], list(respond(EMPTY_LIST)), context=routes.context(route)) as server:
        api = connect(server, **PATIENT, **routes.settings(route))
        closer = threading.Thread(target=lambda: [wait_until(lambda: server.requests), api.api_client.close()])
        closer.start()
        with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
            CALLS["create"](api)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (1, True)
        closer.join()
        assert CALLS["list"](api).results == []


@pytest.mark.parametrize("route", SECURE)
def test_close__ends_a_handshake(connect: Connect, routes: Routes, route: str) -> None:
    """`close` ends a call that waits for a handshake, whether the host or the proxy stalls."""
    with HostileServer([read_byte, stall]) as silent:
        settings = routes.settings(route)
        host = f"https://127.0.0.1:{silent.port}"
        if route in PROXIED:
            host, scheme = "https://api.test", settings["proxy"].partition(":")[0]
            settings["proxy"] = f"{scheme}://127.0.0.1:{silent.port}"
        api = connect(host, **PATIENT, **settings)
        closer = threading.Thread(target=lambda: [wait_until(lambda: silent.connections), api.api_client.close()])
        closer.start()
        with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
            CALLS["create"](api)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (1, False)
        closer.join()


def test_close__with_a_socket_that_fails() -> None:
    """An error of one socket or connection does not stop `close` from ending the others."""
    ended: list[Any] = []

    class Fake:
        """A socket whose class has no `shutdown`, only its instances, as with eventlet; a connection too."""

        def __init__(self, error: Exception | None = None) -> None:
            self.error = error
            self.shutdown = lambda _: self.close()

        def close(self) -> None:
            ended.append(self)
            if self.error:
                raise self.error

    pool = ConnectionPool(4, PATIENCE)
    sockets = [Fake(LookupError("a socket")), Fake(), Fake(OSError("closed already")), Fake(LookupError("another"))]
    idle = [Fake(), Fake(LookupError("a connection")), Fake()]
    without = type("Socket", (), {})()  # has no method at all
    for sock in (*sockets, without, None):
        pool.opened(sock)
    for connection in idle:
        pool.put(connection, [])
    with pytest.raises(LookupError):
        pool.close()
    assert len(ended) == len({*ended}) == len({*sockets, *idle})
    assert {*ended} == {*sockets, *idle}


#: Timeouts so long that only `close` can end a call.
PATIENT = {"connect_timeout": 4 * PATIENCE, "read_timeout": 4 * PATIENCE, "total_timeout": 4 * PATIENCE, "retries": 0}

GEVENT = (
    """
from gevent import monkey
monkey.patch_all()
"""
    + SCRIPT
    + """
import os, threading
from qovery import ApiClient, ApiConnectionError, Configuration, EnvironmentSecretApi

client = ApiClient(Configuration(**settings))
api = EnvironmentSecretApi(client)
assert api.list_environment_secrets("e").results == []

def close():
    api.list_environment_secrets("when-slow-has-come")
    client.close()

closer = threading.Thread(target=close)
closer.start()
try:
    api.create_environment_secret("slow", {"key": "A", "value": "v"})
except ApiConnectionError as error:
    assert "the client was closed" in str(error) and error.outcome_unknown, error
else:
    raise AssertionError("it returned")
closer.join()
child = os.fork()
assert api.list_environment_secrets("e").results == []
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
client.close()
"""
)


@pytest.mark.needs_posix
@pytest.mark.parametrize("route", ROUTES)
def test_close__under_gevent(routes: Routes, route: str) -> None:
    """Under gevent `close` ends a call too, and a forked child can make calls."""
    pytest.importorskip("gevent")
    come, go = threading.Event(), threading.Event()

    def reply(received: Received) -> Response:
        if "/slow/" in received.target:
            come.set()
            assert go.wait(PATIENCE)
        elif "when-slow" in received.target:
            assert come.wait(PATIENCE)
        return EMPTY

    with RecordingServer(reply, routes.context(route)) as server:
        run = subprocess.run(
            [sys.executable, "-c", GEVENT, routes.arguments(route, server.url, **PATIENT)],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        go.set()
    assert (run.returncode, run.stderr) == (0, "")


# --- Leaks ----------------------------------------------------------------------------------------


def sockets(port: int) -> set[str]:
    """Return the open sockets of this process with the port at either end."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the directory's own descriptor, closed since
            links.append(os.readlink(descriptor))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    at_port = {f"socket:[{row[9]}]" for row in rows if f"{port:04X}" in (row[1][-4:], row[2][-4:])}
    return at_port & set(links)


def leave_unread(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets_without_preload_content("e")


def leave_half_read(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets_without_preload_content("e").read(1)


def leave_in_the_pool(api: EnvironmentSecretApi) -> None:
    with api.api_client:
        api.list_environment_secrets("e")


def leave_by_an_error(api: EnvironmentSecretApi) -> None:
    with contextlib.suppress(ApiDecodeError), api.api_client:
        api.create_environment_secret("e", {"key": "A", "value": "v"})


def leave_after_another_use(api: EnvironmentSecretApi) -> None:
    leave_in_the_pool(api)
    leave_unread(api)


def leave_unclosed(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets("e")
    api.list_environment_secrets_without_preload_content("e")


LEAVE = (leave_unread, leave_half_read, leave_in_the_pool, leave_by_an_error, leave_after_another_use, leave_unclosed)


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="the system does not list sockets there")
@pytest.mark.parametrize(("leave", "scheme"), combinations(LEAVE, ["http", "https"]))
def test_sockets__none_is_left(tls: Authority, leave: Callable[[EnvironmentSecretApi], None], scheme: str) -> None:
    """The server sees every connection end, and no socket stays open, however a client is released."""
    with RecordingServer(EMPTY, tls.context() if scheme == "https" else None) as server:
        port = server.port
        leave(client_for(server, ca_cert_data=tls.ca_text))
        gc.collect()
        server.wait_until_closed(server.connections)
        assert server.connections > 0
        assert len(sockets(port)) == 1  # the server's own
    assert sockets(port) == set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_close__of_a_client_with_an_unread_response(connect: Connect, tls: Authority, scheme: str) -> None:
    """The server sees the connection end even while the caller holds an unread response."""
    with RecordingServer(EMPTY, tls.context() if scheme == "https" else None) as server:
        api = connect(server)
        with api.api_client:
            response = api.list_environment_secrets_without_preload_content("e")
        server.wait_until_closed()
        response.close()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
def test_copy__opens_its_own_connections(
    connect: Connect, server: RecordingServer, twin: Callable[[ApiClient], ApiClient]
) -> None:
    """A used client can be copied and pickled; its connections are not copied."""
    api = connect(server, connection_pool_maxsize=1)
    api.list_environment_secrets("e")
    with twin(api.api_client) as other:
        EnvironmentSecretApi(other).list_environment_secrets("e")
        assert server.last.headers["Authorization"] == "Bearer a-token"
    api.list_environment_secrets("e")
    first, second, third = (received.peer for received in server.received)
    assert first == third != second
