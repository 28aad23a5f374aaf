"""Reading responses: unread and endless."""

from __future__ import annotations

import contextlib
import gzip
import socket
from collections.abc import Callable, Sequence

import pytest
import urllib3

from qovery import ApiConnectionError, ApiDecodeError, ApiException, ApiTimeoutError, EnvironmentSecretApi
from test.support import PATIENCE, combinations
from test.support.calls import CALLS, EMPTY_LIST
from test.support.clients import Connect
from test.support.hostile import HostileServer, Step, read, respond, send, trickle
from test.support.routes import ROUTES, Routes

#: Timeouts so long that only a deadline set by a test can end a call.
PATIENT = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE, "total_timeout": PATIENCE}


def repeat(data: bytes) -> Step:
    """Send the same data forever."""

    def step(sock: socket.socket, _: list[bytes]) -> None:
        while True:
            sock.sendall(data)

    return step


# --- Unread bodies --------------------------------------------------------------------------------

TRICKLING = (b"HTTP/1.1 %d Some\r\nContent-Length: 100000\r\n\r\n", trickle(b"x" * 100_000))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("status", [503, 401])
def test_unread_form__does_not_wait_for_a_body(connect: Connect, routes: Routes, status: int, route: str) -> None:
    """A retry does not wait for the rest of a slow response body."""
    head, body = TRICKLING
    with HostileServer(
        [read, send(head % status), body], list(respond(EMPTY_LIST)), context=routes.context(route)
    ) as server:
        api = connect(server, **PATIENT, access_token=iter("ab").__next__, **routes.settings(route))
        response = api.list_environment_secrets_without_preload_content("e")
        assert (response.status, response.read()) == (200, b'{"results": []}')
        assert (server.connections, len(server.requests)) == (2, 2)
        server.wait_until_closed()


@pytest.mark.parametrize("status", [503, 401, 200])
def test_trickling_body__ends_in_time(connect: Connect, status: int) -> None:
    """Reading a trickling body ends at the deadline of the call."""
    head, body = TRICKLING
    with HostileServer([read, send(head % status), body]) as server:
        api = connect(server, **PATIENT, access_token=iter("ab").__next__)
        with pytest.raises(ApiTimeoutError):
            api.list_environment_secrets("e", _request_timeout=1)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [503, 500])
def test_trickling_body__under_a_policy_of_the_caller(connect: Connect, status: int) -> None:
    """A trickling body that urllib3 reads before a retry ends at the deadline too."""
    head, body = TRICKLING
    policy = urllib3.Retry(2, status_forcelist=[503, 500], allowed_methods=None)
    with HostileServer([read, send(head % status), body]) as server:
        api = connect(server, **{**PATIENT, "total_timeout": 1}, retries=policy)
        with pytest.raises(ApiException):
            api.list_environment_secrets("e")


# --- Endless responses ----------------------------------------------------------------------------

ENDLESS: dict[str, Sequence[Step]] = {
    "interim responses": [repeat(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000)],
    "continue": [repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)],
    "headers": [send(b"HTTP/1.1 200 OK\r\n"), repeat(b"X: y\r\n" * 1000)],
    "header": [send(b"HTTP/1.1 200 OK\r\nX: "), repeat(b"y" * 10_000)],
    "status": [send(b"HTTP/1.1 200 "), repeat(b"O" * 10_000)],
    "body": [send(b"HTTP/1.1 200 OK\r\n\r\n"), repeat(b" " * 10_000)],
    "chunks": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), repeat(b"1\r\n \r\n" * 1000)],
    "chunk": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n"), repeat(b" " * 10_000)],
    "chunk size": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), repeat(b"0" * 10_000)],
    "chunk extension": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"), repeat(b"x" * 10_000)],
    "trailers": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), repeat(b"X: y\r\n" * 1000)],
    "gzip": [
        send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
        repeat(gzip.compress(b" " * 1_000_000)),
    ],
    "empty gzip members": [
        send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
        repeat(gzip.compress(b"") * 1000),
    ],
    "unsolicited body": [send(b"HTTP/1.1 503 Busy\r\n\r\n"), repeat(b" " * 10_000)],
}


POLICIES = {"ours": 0, "own": urllib3.Retry(0, status_forcelist=[503], raise_on_status=False)}


@pytest.mark.parametrize(("part", "policy"), combinations([*ENDLESS], [*POLICIES]))
def test_endless__is_given_up(connect: Connect, part: str, policy: str) -> None:
    """An endless response fails on its size, long before the deadline."""
    with HostileServer([read, *ENDLESS[part]]) as server:
        api = connect(server, **PATIENT, max_response_size=100_000, retries=POLICIES[policy])
        with pytest.raises((ApiDecodeError, ApiConnectionError)) as caught:
            CALLS["create"](api)
        assert not isinstance(caught.value, ApiTimeoutError)
        assert caught.value.outcome_unknown is (part != "unsolicited body")
        server.wait_until_closed()


def test_unread_form__has_no_limit(connect: Connect) -> None:
    """The caller may read an unread response of any size."""
    size = 30_000_000
    with HostileServer([read, send(b"HTTP/1.1 200 OK\r\n\r\n"), send(b"x" * size)]) as server:
        response = connect(server, max_response_size=1000).list_environment_secrets_without_preload_content("e")
        assert len(response.read()) == size


# --- Pool slots -----------------------------------------------------------------------------------


def close(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e").close()


def drop(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e")


def close_half_read(api: EnvironmentSecretApi) -> None:
    response = api.list_environment_secrets_without_preload_content("e")
    response.read(1)
    response.close()


def drain(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e").drain_conn()


def release(api: EnvironmentSecretApi) -> None:
    response = api.list_environment_secrets_without_preload_content("e")
    response.read()
    response.release_conn()
    response.close()


def fail_to_read(api: EnvironmentSecretApi) -> None:
    response = api.list_environment_secrets_without_preload_content("fails")
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        response.read()
        raise AssertionError("it was complete")


def stream(api: EnvironmentSecretApi) -> None:
    for _ in api.list_environment_secrets_without_preload_content("e").stream(1):
        break


@pytest.mark.parametrize("leave", [close, drop, close_half_read, drain, release, fail_to_read, stream])
def test_slot__is_freed_once(connect: Connect, leave: Callable[[EnvironmentSecretApi], None]) -> None:
    """An unread response frees exactly one pool slot, however it is released."""
    cut_off = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"

    def serve(sock: socket.socket, requests: list[bytes]) -> None:
        while True:
            read(sock, requests)
            fails = b"/fails/" in requests[-1]
            sock.sendall(cut_off if fails else EMPTY_LIST)
            if fails:
                break

    with HostileServer([serve]) as server:
        api = connect(server, connection_pool_maxsize=2, total_timeout=PATIENCE, read_timeout=PATIENCE)
        for _ in range(5):
            leave(api)
        held = [api.list_environment_secrets_without_preload_content("e") for _ in range(2)]
        with pytest.raises(ApiTimeoutError, match="connection_pool_maxsize"):
            api.list_environment_secrets("e", _request_timeout=0.2)
        del held
        assert CALLS["list"](api).results == []
