"""A single connection: socket options, and deadlines with a slow server."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from qovery import (
    ApiConnectionError,
    ApiTimeoutError,
)
from test.support import PATIENCE, combinations, spread
from test.support.calls import CALLS, EMPTY_LIST, GOOD
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    Step,
    http_response,
    read,
    respond,
    send,
    stall,
    trickle,
)
from test.support.recording import EMPTY, RecordingServer
from test.support.routes import ROUTES, Routes
from test.support.scripts import run_script


def test_socket_options__are_applied(connect: Connect, server: RecordingServer) -> None:
    """`socket_options` are set on the sockets and replace urllib3's defaults."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    response = connect(server, socket_options=options).list_environment_secrets_without_preload_content("e")
    sock = response.connection.sock  # type: ignore[union-attr] # there is one until the response is read
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
    response.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_name__is_that_of_urllib3(connect: Connect, scheme: str) -> None:
    """The error for a connection that cannot be opened shows urllib3's name for it, host and port."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ApiConnectionError) as caught:
        connect(f"{scheme}://127.0.0.1:{port}", retries=0).list_environment_secrets("e")
    name = f"{scheme.upper()}Connection(host='127.0.0.1', port={port})"
    assert f"{name}: Failed to establish a new connection" in str(caught.value)


SLOW: dict[str, Sequence[Step]] = {
    "silence": [read, stall],
    "trickling head": [read, trickle(http_response(200, '{"results": []}', f"X: {'x' * 5000}"))],
    "trickling body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), trickle(b"x" * 5000)],
    "endless interim responses": [read, trickle(b"HTTP/1.1 102 Processing\r\n\r\n" * 5000, 0.005)],
}
SECRET = {"key": "A", "value": "v"}


@pytest.mark.parametrize(("route", "fault", "timeout"), combinations(ROUTES, list(SLOW), [0.4, (0.3, 0.2)]))
def test_slow__ends_in_time(connect: Connect, routes: Routes, fault: str, timeout: Any, route: str) -> None:
    """The call ends at its deadline, although none of these slow servers ever ends it."""
    with HostileServer(SLOW[fault], context=routes.context(route)) as server:
        api = connect(server, retries=0, total_timeout=0.6, **routes.settings(route))
        with pytest.raises(ApiConnectionError):
            api.create_environment_secret("e", SECRET, _request_timeout=timeout)


class Unreading(HostileServer):
    """A server that does not read requests, except the first `warm` ones, until `go_on` is set."""

    def __init__(self, context: ssl.SSLContext | None, warm: int = 0) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # accepted sockets inherit it
        script = [*respond(*[GOOD["create"]] * warm), self._wait, *respond(GOOD["create"])]
        super().__init__(script, context=context, listener=listener)
        self.go_on = threading.Event()

    def _wait(self, sock: socket.socket, _: list[bytes]) -> None:
        assert self.go_on.wait(PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # receive the rest in large pieces

    def shut_down(self) -> None:
        self.go_on.set()
        super().shut_down()


LARGE = {"key": "A", "value": "x" * 16_000_000}  # larger than all socket buffers together


@pytest.mark.parametrize("route", spread(ROUTES, 2))
def test_large_body__is_not_read(connect: Connect, routes: Routes, route: str) -> None:
    """A timeout while sending raises a timeout error with the outcome unknown."""
    with Unreading(routes.context(route), warm=1) as server:
        api = connect(server, connect_timeout=PATIENCE, read_timeout=PATIENCE, **routes.settings(route))
        api.create_environment_secret("e", SECRET, _request_timeout=PATIENCE)
        with pytest.raises(ApiTimeoutError) as caught:
            api.create_environment_secret("e", LARGE, _request_timeout=1)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (1, True)
        assert len(server.requests) == 1


@pytest.mark.parametrize("route", spread(ROUTES, 2))
def test_large_body__takes_longer_than_connect_timeout(connect: Connect, routes: Routes, route: str) -> None:
    """Sending a body is bounded by the deadline only, not by `connect_timeout`."""
    with Unreading(routes.context(route)) as server:
        later = threading.Timer(1.5, server.go_on.set)  # slows the server down; the test does not wait for it
        later.start()
        # On a busy machine some attempts do not even connect in time. The first one that sends is the last.
        api = connect(server, connect_timeout=1, read_timeout=PATIENCE, retries=100, **routes.settings(route))
        created = api.create_environment_secret("e", LARGE, _request_timeout=PATIENCE)
        assert (created.key, len(server.requests)) == ("A", 1)
        later.join()


def test_slow__is_a_timeout(connect: Connect) -> None:
    """A missing response raises a timeout error that names the limits."""
    with HostileServer([read, stall]) as server, pytest.raises(ApiTimeoutError, match=r"read timeout 0\.2 s"):
        connect(server, retries=0).list_environment_secrets("e", _request_timeout=(PATIENCE, 0.2))


def test_interim_responses__are_skipped(connect: Connect) -> None:
    """Interim responses (100, 102, 103) before the final one are skipped."""
    interim = b"".join(f"HTTP/1.1 {status} Interim\r\nX-Some: thing\r\n\r\n".encode() for status in (100, 102, 103))
    with HostileServer(list(respond(interim + EMPTY_LIST))) as server:
        assert connect(server).list_environment_secrets("e").results == []
        assert len(server.requests) == 1


def test_deadline__passed_before_sending(connect: Connect, server: RecordingServer) -> None:
    """A create whose deadline passes before its first byte, here in a token callable, was certainly not sent."""
    api = connect(server, access_token="a-token")
    CALLS["list"](api)  # leaves an idle connection
    api.api_client.configuration.access_token = lambda: time.sleep(0.3) or "another-token"
    with pytest.raises(ApiTimeoutError) as caught:
        api.create_environment_secret("e", {"key": "A", "value": "b"}, _request_timeout=0.2)
    assert not caught.value.outcome_unknown
    assert [received.method for received in server.received] == ["GET"]


AUDITED = """
import sys, warnings
import urllib3

warnings.simplefilter("ignore")
url, proxy = sys.argv[1:]
seen = []
sys.addaudithook(lambda event, args: seen.append((event, *args[1:])) if event.startswith("http.client.") else None)

def events(call):
    seen.clear()
    call()
    return [(event, *args) if event.endswith("connect") else (event, args[0][:4]) for event, *args in seen]

with urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager() as manager:
    own = [events(lambda: manager.request("GET", url + "/environment/e/secret")) for _ in range(2)]

from qovery import ApiClient, Configuration, EnvironmentSecretApi

with ApiClient(Configuration(host=url, access_token="t", proxy=proxy or None)) as client:
    api = EnvironmentSecretApi(client)
    assert [events(lambda: api.list_environment_secrets("e")) for _ in range(2)] == own
print(len(own[0]), len(own[1]))
"""


@pytest.mark.parametrize("proxied", [False, True])
def test_audit_events__like_those_of_urllib3(proxied: bool) -> None:
    """Audit hooks see the same events of `http.client` as for a request of urllib3."""
    with RecordingServer(EMPTY) as server:
        url, proxy = ("http://api.test", server.url) if proxied else (server.url, "")
        assert run_script(AUDITED, url, proxy) == "2 1\n"
        assert len(server.received) == 4
