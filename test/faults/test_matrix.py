"""A lost response in every way, for every operation, on every route.

`TEST_PROFILE=nightly` runs all combinations; the default runs only a sample of those through proxies.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from qovery import (
    ApiConnectionError,
    NotFoundException,
)
from test.support import NIGHTLY
from test.support.calls import CALLS, GOOD, IDEMPOTENT
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    Step,
    http_response,
    read,
    read_byte,
    reset,
    respond,
    send,
)
from test.support.routes import PROXIED, ROUTES, Routes

each = pytest.mark.parametrize("name", CALLS)


LOST: dict[str, Sequence[Step]] = {
    "reset during the request": [read_byte, reset],
    "reset before the response": [read, reset],
    "closed before the response": [read],
    "reset in the response": [read, send(b"HTTP/1.1 200 OK\r\nContent-Le"), reset],
    "closed in the status": [read, send(b"HTTP/1.1 404")],
    "closed after the status": [read, send(b"HTTP/1.1 204 No Content\r\n")],
    "closed in the head": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 1")],
    "truncated body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")],
    "truncated chunks": [read, send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")],
    "wrong chunk size": [read, send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{")],
    "two lengths": [read, send(http_response(200, "{}", "Content-Length: 2", "Content-Length: 9"))],
    "not HTTP": [read, send(b"SSH-2.0-OpenSSH_9.2 canary\r\n\r\n")],
    "no status": [read, send(b"HTTP/1.1 fine\r\n\r\n")],
    "unknown version": [read, send(b"HTTP/3.0 200 OK\r\n\r\n")],
    "endless header": [read, send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)],
    "too many headers": [read, send(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000)],
}


#: The default sample for proxies: each fault and each operation at least once, with different pairs on each route.
SAMPLE = {
    route: set(list(itertools.product(LOST, CALLS))[first::7]) for first, route in enumerate(PROXIED) if not NIGHTLY
}
MATRIX = [
    (route, fault, name)
    for route, fault, name in itertools.product(ROUTES, LOST, CALLS)
    if (fault, name) in SAMPLE.get(route, {(fault, name)})
]


@pytest.mark.parametrize(("route", "fault", "name"), MATRIX)
def test_lost_response__is_retried_if_idempotent(
    connect: Connect, routes: Routes, name: str, fault: str, route: str
) -> None:
    """List, edit and delete are retried; the other operations are sent once, and their outcome is unknown."""
    with HostileServer(LOST[fault], list(respond(GOOD[name])), context=routes.context(route)) as server:
        api = connect(server, **routes.settings(route))
        if name in IDEMPOTENT:
            CALLS[name](api)
            assert (server.connections, len(server.requests)) == (2, LOST[fault].count(read) + 1)
        else:
            with pytest.raises(ApiConnectionError) as caught:
                CALLS[name](api)
            assert (server.connections, len(server.requests)) == (1, LOST[fault].count(read))
            assert (caught.value.outcome_unknown, caught.value.attempts, caught.value.status) == (True, 1, None)
            if name != "alias":  # has no value
                assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"


def test_lost_response__every_time(connect: Connect) -> None:
    """After the last retry the error has the number of attempts and whether the outcome is unknown."""
    with HostileServer([read, reset]) as server:
        for name, unknown in (("list", False), ("edit", True)):
            with pytest.raises(ApiConnectionError) as caught:
                CALLS[name](connect(server))
            assert (caught.value.attempts, caught.value.outcome_unknown) == (4, unknown)
        assert len(server.requests) == 8


def test_lost_response__delete_then_404(connect: Connect) -> None:
    """A 404 for the retry of a lost delete counts as success; a 404 for the first attempt is an error."""
    with HostileServer([read, reset], list(respond(http_response(404)))) as server:
        assert connect(server).delete_environment_secret("e", "s") is None
    with HostileServer(list(respond(http_response(404)))) as server, pytest.raises(NotFoundException):
        connect(server).delete_environment_secret("e", "s")


@each
def test_refused__is_retried(connect: Connect, name: str, nowhere: str) -> None:
    """A refused connection is retried for every operation, and the outcome is known."""
    with pytest.raises(ApiConnectionError, match="refused") as caught:
        CALLS[name](connect(nowhere))
    assert (caught.value.attempts, caught.value.outcome_unknown) == (4, False)
