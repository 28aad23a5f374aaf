"""A connection is reused only if nothing can be taken for the next response."""

from __future__ import annotations

import gzip
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from test.support import PATIENCE
from test.support.calls import CALLS, EMPTY_LIST, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, Step, http_response, respond, stall
from test.support.routes import ROUTES, Routes

PLANTED = GOOD["create"].replace(b'"key": "A"', b'"key": "PLANTED"')

COMPLETE = {
    "plain": EMPTY_LIST,
    "chunked": http_response(200, b"2\r\n{}\r\n0\r\nSome: trailer\r\n\r\n", "Transfer-Encoding: chunked"),
    "gzip": http_response(200, gzip.compress(b"{}"), "Content-Encoding: gzip"),
    "large": http_response(200, b'{"results": []}' + b" " * 100_000),
    "interim": b"HTTP/1.1 103 Early Hints\r\n\r\n" + EMPTY_LIST,
}

SURPLUS = {
    "line break": EMPTY_LIST + b"\r\n",
    "response": EMPTY_LIST + PLANTED,
    "response behind 8 KiB": http_response(200, b"{}" + b" " * 8192) + PLANTED,
    "behind chunks": COMPLETE["chunked"] + PLANTED,
    "without a body": http_response(204) + PLANTED,
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", COMPLETE)
def test_reuse__after_a_complete_response(connect: Connect, routes: Routes, kind: str, route: str) -> None:
    """A response that ends where it says leaves its connection to the next call."""
    with HostileServer([*respond(*[COMPLETE[kind]] * 3), stall], context=routes.context(route)) as server:
        api = connect(server, **routes.settings(route))
        for _ in range(3):
            CALLS["list"](api)
        assert (server.connections, len(server.requests)) == (1, 3)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", SURPLUS)
def test_reuse__never_with_a_surplus(connect: Connect, routes: Routes, kind: str, route: str) -> None:
    """What a server sends behind a response is not taken for the next one: a create gets its own."""
    call = CALLS["delete" if kind == "without a body" else "list"]
    scripts = [[*respond(SURPLUS[kind]), stall], [*respond(GOOD["create"]), stall]]
    with HostileServer(*scripts, context=routes.context(route)) as server:
        api = connect(server, retries=0, **routes.settings(route))
        call(api)
        assert CALLS["create"](api).key == "A"
        assert server.connections == 2


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("unread", [False, True])
def test_reuse__never_with_an_announced_body(connect: Connect, routes: Routes, unread: bool, route: str) -> None:
    """A 204 is read without a body, whatever it announces, and what may arrive later is not the next response."""
    announced = [
        ("Transfer-Encoding: chunked",),
        ("Content-Length: 9",),
        ("Transfer-Encoding: chunked", "Content-Encoding: gzip"),
    ]
    scripts = [[*respond(http_response(204, b"", *headers)), stall] for headers in announced]
    with HostileServer(*scripts, context=routes.context(route)) as server:
        api = connect(server, read_timeout=PATIENCE, total_timeout=PATIENCE, **routes.settings(route))
        for _ in announced:
            if unread:
                response = api.delete_environment_secret_without_preload_content("e", "s")
                assert (response.status, response.read()) == (204, b"")
            else:
                CALLS["delete"](api)
        assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("route", ROUTES)
def test_reuse__never_of_an_unread_response(connect: Connect, routes: Routes, route: str) -> None:
    """`release_conn` of a response that was not read closes its connection: the next create is not lost."""
    scripts = [[*respond(EMPTY_LIST), stall], [*respond(GOOD["create"]), stall]]
    with HostileServer(*scripts, context=routes.context(route)) as server:
        api = connect(server, retries=0, connection_pool_maxsize=1, **routes.settings(route))
        api.list_environment_secrets_without_preload_content("e").release_conn()
        assert CALLS["create"](api).key == "A"
        assert server.connections == 2


# --- What a TLS layer has received ----------------------------------------------------------------


def in_one_segment(context: ssl.SSLContext, records: Iterable[bytes]) -> Step:
    """Respond over TLS with several records that arrive together; an empty one ends the session."""

    def step(sock: socket.socket, requests: list[bytes]) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_side=True)

        def run(function: Callable[..., Any], *args: Any) -> Any:
            while True:
                try:
                    return function(*args)
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    data = sock.recv(65536)
                    if not data:
                        raise ConnectionError from None
                    incoming.write(data)

        run(session.do_handshake)
        sock.sendall(outgoing.read())
        requests.append(run(session.read, 65536))
        for record in records:
            if record:
                session.write(record)
            else:
                with pytest.raises(ssl.SSLWantReadError):
                    session.unwrap()
        sock.sendall(outgoing.read())

    return step


@pytest.mark.parametrize("route", ["https", "CONNECT", "https proxy", "SOCKS5"])
@pytest.mark.parametrize("behind", [b"", b"\r\n", PLANTED], ids=["end of the session", "line break", "response"])
def test_reuse__never_with_another_record(connect: Connect, routes: Routes, behind: bytes, route: str) -> None:
    """A record that arrived together with the response, and that no poll of the socket shows, ends the connection."""
    context = routes.context(route)
    assert context is not None
    first = in_one_segment(context, [EMPTY_LIST, behind])
    second = in_one_segment(context, [GOOD["create"]])
    with HostileServer([first, stall], [second, stall]) as server:
        api = connect(f"https://127.0.0.1:{server.port}", retries=0, **routes.settings(route))
        CALLS["list"](api)
        assert CALLS["create"](api).key == "A"
        assert server.connections == 2
