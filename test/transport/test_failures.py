"""Readable and unreadable response bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest

from qovery import (
    ApiDecodeError,
)
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    http_response,
    read,
    respond,
    send,
)

BOMB = gzip.compress(b"x" * 1_000_000)
UNREADABLE = {
    "HTML": http_response(200, "<html>canary</html>", "Content-Type: text/html"),
    "broken JSON": http_response(200, '{"results": ['),
    "wrong shape": http_response(200, "[]"),
    "wrong field": http_response(200, '{"results": 5}'),
    "empty": http_response(200),
    "invalid UTF-8": http_response(200, b'{"results": [], "x": "\xff"}'),
    "NaN": http_response(200, '{"results": [], "x": {"y": [NaN]}}'),
    "deep nesting": http_response(200, '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "gzip bomb": http_response(200, BOMB, "Content-Encoding: gzip"),
    "deflate bomb": http_response(200, zlib.compress(b"x" * 1_000_000), "Content-Encoding: deflate"),
    "bomb in a bomb": http_response(200, gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "broken gzip": http_response(200, b"not gzip", "Content-Encoding: gzip"),
    "too large": http_response(200, b" " * 200_000),
    "too large in chunks": http_response(
        200, b"30d40\r\n" + b" " * 200_000 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"
    ),
    "unknown encoding": http_response(200, b"\x00\x01", "Content-Encoding: mystery"),
    "UTF-16": http_response(200, '{"results": []}'.encode("utf-16")),
    "short Content-Length": http_response(200, '{"results": []}', "Content-Length: 5"),
    "endless Content-Length": http_response(200, '{"results": []}', f"Content-Length: {'9' * 30}"),
}
READABLE = {
    "no length": b'HTTP/1.1 200 OK\r\n\r\n{"results": []}',
    "negative length": http_response(200, '{"results": []}', "Content-Length: -5"),
    "non-numeric length": http_response(200, '{"results": []}', "Content-Length: many"),
    "duplicate length": http_response(200, '{"results": []}', "Content-Length: 15", "Content-Length: 15"),
    "length and chunked": http_response(
        200, b'f\r\n{"results": []}\r\n0\r\n\r\n', "Transfer-Encoding: chunked", "Content-Length: 5"
    ),
    "HTTP/1.0": b'HTTP/1.0 200 OK\r\n\r\n{"results": []}',
    "gzip": http_response(200, gzip.compress(b'{"results": []}'), "Content-Encoding: gzip"),
    "wrong media type": http_response(200, '{"results": []}', "Content-Type: text/html"),
    "malformed header": http_response(200, '{"results": []}', "no colon here"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_body__unreadable(connect: Connect, fault: str) -> None:
    """An unreadable response raises one error class with the status and headers, and is not retried."""
    with HostileServer(list(respond(UNREADABLE[fault]))) as server:
        with pytest.raises(ApiDecodeError) as caught:
            connect(server, max_response_size=150_000 if "too" in fault else 300_000).list_environment_secrets("e")
        assert len(server.requests) == 1
    assert caught.value.status == 200
    assert caught.value.headers is not None
    assert len(str(caught.value)) < 1000


def test_body__compressed_more_than_once(connect: Connect) -> None:
    """Nested compression is rejected unread: 3 KB of it would keep the decoders busy for minutes."""
    body = gzip.compress(gzip.compress(gzip.compress(b"") * 300_000) * 300)
    response = http_response(200, body, "Content-Encoding: gzip, gzip, gzip")
    with HostileServer(list(respond(response))) as server:
        with pytest.raises(ApiDecodeError, match="compressed more than once"):
            CALLS["list"](connect(server))
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", READABLE)
def test_body__readable(connect: Connect, fault: str) -> None:
    """An irregular but unambiguous response is accepted."""
    with HostileServer([read, send(READABLE[fault])]) as server:
        assert CALLS["list"](connect(server)).results == []
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "unknown"), [(200, True), (404, False), (500, True), (503, False)])
def test_body__unreadable_with_a_status(connect: Connect, status: int, unknown: bool) -> None:
    """The status decides whether a write may have been applied, even if the body is unreadable."""
    with HostileServer(list(respond(http_response(status, b"no gzip", "Content-Encoding: gzip")))) as server:
        with pytest.raises(ApiDecodeError) as caught:
            CALLS["create"](connect(server))
        assert len(server.requests) == 1
    assert (caught.value.status, caught.value.outcome_unknown) == (status, unknown)


def test_body__unreadable_after_a_write(connect: Connect) -> None:
    """A write with an unreadable response has an unknown outcome; secrets that the server echoed are masked."""
    with (
        HostileServer(list(respond(UNREADABLE["HTML"]))) as server,
        pytest.raises(ApiDecodeError, match="it begins '<html>") as caught,
    ):
        CALLS["create"](connect(server))
    assert caught.value.outcome_unknown
    assert "canary" not in f"{caught.value} {caught.value.body}"
