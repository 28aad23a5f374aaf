"""The head of a response is parsed as `http.client` parses it, on the fast path and the slow one."""

from __future__ import annotations

import contextlib
import http.client
import math
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qovery.api.environment_secret_api import LIST
from qovery.printable import printable
from qovery.transport.attempt import Attempt
from qovery.transport.connection import DeadlineReader
from qovery.transport.messages import Request
from qovery.transport.response_head import Response

ATTEMPT = Attempt(Request(LIST, "/", {}, None, 10, 10, 10, math.inf, 1000, True, []))

NAMES = st.sampled_from(
    [
        "Content-Length",
        "content-length",
        "Content-Type",
        "Connection",
        "Transfer-Encoding",
        "X-Request-Id",
        "Set-Cookie",
    ]
) | st.text("abcXYZ-_ 1:", min_size=0, max_size=6)
VALUES = st.sampled_from(
    ["0", "3", "7", "-1", "+3", "3, 3", "close", "Keep-Alive, Close", "chunked", "9" * 5000]
) | st.text("ab ,;=\t\xe9\"'", max_size=8)
LINES = st.builds(
    lambda name, colon, value: f"{name}{colon}{value}", NAMES, st.sampled_from([":", ": ", ":\t", " : ", ""]), VALUES
)
STATUS_LINES = st.builds(
    lambda version, status, reason: f"{version} {status}{reason}",
    st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
    st.sampled_from(["200", "201", "204", "304", "404", "500", "999", "100", "103"]),
    st.sampled_from(["", " OK", "  spaced  ", " N\xf6", " a\tb"]),
)


def read(kind: type[http.client.HTTPResponse], raw: bytes) -> dict[str, Any]:
    """Return the state of a response object after it has read a response, or the error that it raised."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw)
        theirs.shutdown(socket.SHUT_WR)
        response = kind(DeadlineReader(ours, ATTEMPT), method="GET")  # type: ignore[arg-type] # has the methods that are used
        try:
            response.begin()
            known = {name: getattr(response, name) for name in ("status", "code", "reason", "version", "length")}
            known["reason"] = printable(known["reason"])
            known.update(will_close=response.will_close, chunked=response.chunked, headers=response.msg.items())
            known["body"] = response.read()
        except (http.client.HTTPException, ValueError) as error:
            return {"error": type(error)}
        finally:
            response.close()
        return known


class Reference(http.client.HTTPResponse):
    """The reference parser: `http.client`, except that a response without a body is not chunked and announces none."""

    def begin(self) -> None:
        super().begin()
        if self.status in {204, 304}:
            announced = "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "").strip("0") != ""
            self.will_close = self.will_close or announced
            del self.headers["Transfer-Encoding"]
            self.chunked, self.length = False, 0


@given(STATUS_LINES, st.lists(LINES, max_size=5), st.sampled_from(["\r\n", "\n"]))
@example("HTTP/1.1 200 OK", ["Content-Type: application/json", "Content-Length: 3"], "\r\n")
@example("HTTP/1.1 204 No Content", [], "\r\n")
@example("HTTP/1.1 204 No Content", ["Transfer-Encoding: chunked"], "\r\n")
@example("HTTP/1.1 204 No Content", ["Content-Length: 3"], "\r\n")
@example("HTTP/1.1 304 Not Modified", ["Content-Length: 0", "Transfer-Encoding: 0"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Content-Length: 4"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", " folded: 4"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Connection: Close"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Transfer-Encoding: chunked"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", *(f"X-{number}: 1" for number in range(60))], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: " + "9" * 5000], "\r\n")
def test_head__any(status_line: str, lines: list[str], end: str) -> None:
    """Status, headers, length, keep-alive and body match those of `http.client`."""
    head = end.join([status_line, *lines, "", ""]).encode("latin-1")
    final = status_line.split()[1] not in {"100", "103"}
    raw = head + b"abcdefg" if final else head + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefg"
    # http.client skips 100 only.
    expected = read(Reference, raw if final else raw.replace(b" 103", b" 100", 1))
    assert read(Response, raw) == expected


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", False),
    ],
)
def test_head__plain(head: bytes, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the common form of a head is parsed without the email parser."""
    others: list[Response] = []
    monkeypatch.setattr(Response, "_begin_other", lambda response: others.append(response))
    ours, theirs = socket.socketpair()
    with ours, theirs, Response(DeadlineReader(ours, ATTEMPT)) as response:  # type: ignore[arg-type] # as above
        theirs.sendall(head)
        response.begin()
        assert bool(others) is not plain


@contextlib.contextmanager
def begun(raw: bytes, *secrets: str) -> Iterator[Response]:
    """Return a response with its head read, on an open connection; `secrets` are those of its request."""
    attempt = Attempt(ATTEMPT.request._replace(secrets=[lambda: secrets]))
    ours, theirs = socket.socketpair()
    with ours, theirs, Response(DeadlineReader(ours, attempt), method="GET") as response:  # type: ignore[arg-type] # as above
        theirs.sendall(raw)
        response.begin()
        yield response


def test_head__interim() -> None:
    """102 and its headers are skipped; an unsolicited 101 is the response."""
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    for interim, status in ((100, 200), (101, 101), (102, 200), (103, 200), (199, 200)):
        with begun(f"HTTP/1.1 {interim} Interim\r\n\r\n".encode() + final) as response:
            assert response.status == status


def test_head__no_body() -> None:
    """A 204 or 304 has no body, whatever its headers say, and its Transfer-Encoding is removed."""
    for status in (204, 304):
        with begun(f"HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\nX-Other: 1\r\n\r\n".encode()) as response:
            assert (response.chunked, response.length, response.read()) == (False, 0, b"")
            assert response.headers.items() == [("X-Other", "1")]


def test_head__malformed() -> None:
    """A malformed header leaves neither defects nor a payload, which urllib3 would log."""
    with begun(b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n") as response:
        assert (response.headers.defects, response.headers.get_payload()) == ([], "")


@pytest.mark.parametrize(
    ("raw", "error", "text"),
    [
        (b"canary-text\r\n\r\n", http.client.BadStatusLine, "BadStatusLine('***"),
        (b"HTTP/canary-text 200 OK\r\n\r\n", http.client.UnknownProtocol, "UnknownProtocol('HTTP/***"),
    ],
)
def test_head__error(raw: bytes, error: type[Exception], text: str) -> None:
    """The error shows the malformed head with the secrets of the request masked."""
    with pytest.raises(error) as caught, begun(raw, "canary-text"):
        pass
    assert repr(caught.value).startswith(text)
    assert "canary" not in f"{caught.value!r} {caught.value.args}"


def test_head__cut_off() -> None:
    """A connection closed within the head is an error, not a response with fewer headers."""
    ours, theirs = socket.socketpair()
    with ours, Response(DeadlineReader(ours, ATTEMPT), method="GET") as response:  # type: ignore[arg-type] # as above
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
        theirs.close()
        with pytest.raises(http.client.RemoteDisconnected, match="closed within the head of the response"):
            response.begin()


#: The replacement that the mask writes.
HIDDEN = "**********"


@pytest.mark.parametrize("rest", ["Content-Length: 0", "Transfer-Encoding: chunked"])
def test_head__masked(rest: str) -> None:
    """The reason, and Retry-After where urllib3 may retry, are masked: urllib3 logs and traces them."""
    for status, shown in ((300, HIDDEN), (503, HIDDEN)):
        head = f"HTTP/1.1 {status} canary-text\r\nRetry-After: canary-text\r\n{rest}\r\n\r\n"
        with begun(head.encode(), "canary-text") as response:
            assert (response.reason, response.headers["Retry-After"]) == (shown, shown)
    with begun(f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n{rest}\r\n\r\n".encode(), "canary") as response:
        assert (response.reason, response.headers["Retry-After"]) == ("Service Unavailable", "7")


def test_head__length_masked() -> None:
    """A non-numeric length is masked: urllib3 includes it in a warning."""
    with begun(b"HTTP/1.1 200 OK\r\nContent-Length: canary-text\r\n\r\n", "canary-text") as response:
        assert response.headers["Content-Length"] == HIDDEN


def test_head__of_a_proxy() -> None:
    """The response to CONNECT, of which http.client parses only the first line, is masked."""
    for raw, known in ((b"HTTP/1.1 403 canary-text\r\n", ("HTTP/1.1", 403, HIDDEN)), (b"canary-text\r\n", None)):
        ours, theirs = socket.socketpair()
        attempt = Attempt(ATTEMPT.request._replace(secrets=[lambda: ["canary-text"]]))
        with ours, theirs, Response(DeadlineReader(ours, attempt), method="CONNECT") as response:  # type: ignore[arg-type] # as above
            theirs.sendall(raw)
            if known:
                assert response._read_status() == known
            else:
                with pytest.raises(http.client.BadStatusLine) as caught:
                    response._read_status()
                assert "canary" not in repr(caught.value)
