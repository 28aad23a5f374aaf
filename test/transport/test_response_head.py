"""The head of an answer is read as `http.client` reads it, whichever way is taken."""

from __future__ import annotations

import http.client
import math
import socket
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


def read(kind: type[http.client.HTTPResponse], answer: bytes) -> dict[str, Any]:
    """What a response object knows after it has read an answer, or the error that it met."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        response = kind(DeadlineReader(ours, ATTEMPT), method="GET")  # type: ignore[arg-type] # has what is asked of it
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


@given(STATUS_LINES, st.lists(LINES, max_size=5), st.sampled_from(["\r\n", "\n"]))
@example("HTTP/1.1 200 OK", ["Content-Type: application/json", "Content-Length: 3"], "\r\n")
@example("HTTP/1.1 204 No Content", [], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Content-Length: 4"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", " folded: 4"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Connection: Close"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", "Transfer-Encoding: chunked"], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: 3", *(f"X-{number}: 1" for number in range(60))], "\r\n")
@example("HTTP/1.1 200 OK", ["Content-Length: " + "9" * 5000], "\r\n")
def test_head__any(status_line: str, lines: list[str], end: str) -> None:
    """Status, headers, length, the fate of the connection and the body are those of `http.client`."""
    head = end.join([status_line, *lines, "", ""]).encode("latin-1")
    final = status_line.split()[1] not in {"100", "103"}
    answer = head + b"abcdefg" if final else head + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefg"
    # http.client skips 100 alone.
    expected = read(http.client.HTTPResponse, answer if final else answer.replace(b" 103", b" 100", 1))
    assert read(Response, answer) == expected


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", False),
    ],
)
def test_head__plain(head: bytes, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The common head is read without the parser of e-mails, and only that."""
    others: list[Response] = []
    monkeypatch.setattr(Response, "_begin_other", lambda response: others.append(response))
    ours, theirs = socket.socketpair()
    with ours, theirs, Response(DeadlineReader(ours, ATTEMPT)) as response:  # type: ignore[arg-type] # as above
        theirs.sendall(head)
        response.begin()
        assert bool(others) is not plain
