"""The connection pool: its bound, its use by threads, and what is left after it is closed."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiDecodeError,
    ApiTimeoutError,
    EnvironmentSecretApi,
)
from test.support import wait_until
from test.support.calls import CALLS, EMPTY_LIST, GOOD
from test.support.clients import Connect, client_for
from test.support.hostile import (
    HostileServer,
    read,
    respond,
    stall,
)
from test.support.recording import EMPTY, SECRET, Received, RecordingServer, Response
from test.support.threads import THREADS, in_threads
from test.support.tls import Authority


def test_connection_pool_maxsize__bounds_connections(connect: Connect, server: RecordingServer) -> None:
    """No more connections than that are open at once; one call waits for another's."""
    api = connect(server, connection_pool_maxsize=2)
    threads = [threading.Thread(target=api.list_environment_secrets, args=("e",)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.received) == 12
    assert server.connections <= 2


def test_pool__exhausted(connect: Connect) -> None:
    """Where all connections are taken the error says what to do."""
    with HostileServer(list(respond(EMPTY_LIST))) as server:
        api = connect(server, connection_pool_maxsize=1)
        response = api.list_environment_secrets_without_preload_content("e")
        with pytest.raises(ApiTimeoutError, match="connection_pool_maxsize"):
            api.list_environment_secrets("e", _request_timeout=0.2)
        response.close()
        response.release_conn()


def test_idle_connection__closed_by_the_server(connect: Connect) -> None:
    """A connection that the server closed while it was idle is replaced without a word."""
    with HostileServer(list(respond(EMPTY_LIST)), list(respond(GOOD["create"]))) as server:
        api = connect(server)
        CALLS["list"](api)
        server.wait_until_closed()
        CALLS["create"](api)
        assert (server.connections, len(server.requests)) == (2, 2)


def test_connection__is_kept(server: RecordingServer, connect: Connect) -> None:
    """All six operations use one connection, one after the other."""
    api = connect(server)
    for name, call in CALLS.items():
        server.default = (
            Response(204) if name == "delete" else Response(200, {"results": []} if name == "list" else SECRET)
        )
        call(api)
    assert server.connections == 1


# --- Threads --------------------------------------------------------------------------------------


def echo(received: Received) -> Response:
    """After 5 ms, one secret whose key is the environment that was asked for."""
    time.sleep(0.005)
    return Response(200, {"results": [{**SECRET, "key": received.target.split("/")[2]}]})


@pytest.mark.parametrize("size", [4, THREADS])
def test_threads__get_their_own_answers(connect: Connect, server: RecordingServer, size: int) -> None:
    """Each thread gets the answers to its own calls, over no more connections than allowed, each opened once."""
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
    """How many threads stand in the queue of a pool."""
    callers = [frame.f_back for frame in sys._current_frames().values()]
    return sum(caller is not None and caller.f_code is queue.Queue.get.__code__ for caller in callers)


def test_close__ends_calls_under_way(connect: Connect) -> None:
    """Calls that wait for an answer, and those that wait for a connection, end and say why; a later one opens again."""
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


def sockets(port: int) -> set[str]:
    """The sockets at a port, at either end, that this process has open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the folder's own, closed since
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
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("leave", LEAVE)
def test_sockets__none_is_left(tls: Authority, leave: Callable[[EnvironmentSecretApi], None], scheme: str) -> None:
    """However a client is left, the server sees the end of every connection and no socket stays open."""
    with RecordingServer(EMPTY, tls.context() if scheme == "https" else None) as server:
        port = server.port
        leave(client_for(server, ca_cert_data=tls.ca_text))
        gc.collect()
        server.wait_until_closed(server.connections)
        assert server.connections > 0
        assert len(sockets(port)) == 1  # the server's own
    assert sockets(port) == set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_close__of_a_client_with_an_unread_answer(connect: Connect, tls: Authority, scheme: str) -> None:
    """The server sees the end of the connection although somebody still holds the answer."""
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
    """A client that has been used can be copied, and sent to another process; connections stay where they are."""
    api = connect(server, connection_pool_maxsize=1)
    api.list_environment_secrets("e")
    with twin(api.api_client) as other:
        EnvironmentSecretApi(other).list_environment_secrets("e")
        assert server.last.headers["Authorization"] == "Bearer a-token"
    api.list_environment_secrets("e")
    first, second, third = (received.peer for received in server.received)
    assert first == third != second
