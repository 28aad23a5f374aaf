"""One connection: socket options, and deadlines under a slow server."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from qovery import (
    ApiConnectionError,
    ApiTimeoutError,
)
from test.support import PATIENCE
from test.support.calls import EMPTY_LIST
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
from test.support.recording import RecordingServer
from test.support.tls import Authority


def test_socket_options__are_applied(connect: Connect, server: RecordingServer) -> None:
    """The options are set on the sockets, in the place of urllib3's own."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    response = connect(server, socket_options=options).list_environment_secrets_without_preload_content("e")
    sock = response.connection.sock  # type: ignore[union-attr] # there is one until the response is read
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
    response.close()


both = pytest.mark.parametrize("scheme", ["http", "https"])
SLOW: dict[str, Sequence[Step]] = {
    "silence": [read, stall],
    "trickling head": [read, trickle(http_response(200, '{"results": []}', f"X: {'x' * 5000}"))],
    "trickling body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"), trickle(b"x" * 5000)],
    "endless interim responses": [read, trickle(b"HTTP/1.1 102 Processing\r\n\r\n" * 5000, 0.005)],
    "nothing is read": [stall],
}


@both
@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("timeout", [0.4, (0.3, 0.2)], ids=["budget", "pair"])
def test_slow__ends_in_time(connect: Connect, tls: Authority, fault: str, timeout: Any, scheme: str) -> None:
    """However slow the server is, the call ends at its deadline: by itself, none of these servers ends it."""
    with HostileServer(SLOW[fault], context=tls.context() if scheme == "https" else None) as server:
        api = connect(server, retries=0, total_timeout=0.6)
        with pytest.raises(ApiConnectionError):
            api.create_environment_secret("e", {"key": "A", "value": "x" * 900_000}, _request_timeout=timeout)


def test_slow__is_a_timeout(connect: Connect) -> None:
    """No answer in time has its own class, and names the limits."""
    with HostileServer([read, stall]) as server, pytest.raises(ApiTimeoutError, match=r"read timeout 0\.2 s"):
        connect(server, retries=0).list_environment_secrets("e", _request_timeout=(PATIENCE, 0.2))


def test_interim_answers__are_passed_over(connect: Connect) -> None:
    """100, 102 and 103 may come before the answer."""
    interim = b"".join(f"HTTP/1.1 {status} Interim\r\nX-Some: thing\r\n\r\n".encode() for status in (100, 102, 103))
    with HostileServer(list(respond(interim + EMPTY_LIST))) as server:
        assert connect(server).list_environment_secrets("e").results == []
        assert len(server.requests) == 1
