"""HTTP requests and responses of the mock server."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from qovery.sandbox.http import DisconnectedError, Request, Response, error_response, json_response, send_response
from qovery.sandbox.store import RejectedError

Message = MutableMapping[str, Any]


def request(*messages: Message, **headers: str) -> Request:
    """A request with these headers, on a connection that delivers the given messages."""
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"method": "POST", "path": "/", "headers": named}, receive)


JSON = {"content_type": "application/json"}
DISCONNECT: Message = {"type": "http.disconnect"}


def part(body: bytes, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("header", "token"),
    [("Token a", "a"), ("bearer  b ", "b"), ("TOKEN c d", "c d"), ("Basic a", ""), ("Token", ""), ("", ""), ("a", "")],
)
def test_token(header: str, token: str) -> None:
    """A token follows one of two schemes, in any case."""
    assert request(authorization=header).token == token


def test_body__in_parts() -> None:
    """A body may arrive in parts, up to the size limit."""
    read = request(part(b"[1", more=True), part(b"]"), **JSON).read_json(3)
    assert asyncio.run(read) == b"[1]"
    with pytest.raises(RejectedError, match="larger than 2 bytes") as caught:
        asyncio.run(request(part(b"[1", more=True), part(b"]"), **JSON).read_json(2))
    assert caught.value.status == 413


def test_body__without_a_type() -> None:
    """A body needs the JSON content type; an empty body needs no content type."""
    assert asyncio.run(request(part(b"")).read_json(1)) == b""
    assert asyncio.run(request(part(b"1"), content_type="Application/JSON; charset=utf-8").read_json(1)) == b"1"
    with pytest.raises(RejectedError) as caught:
        asyncio.run(request(part(b"1"), content_type="text/plain").read_json(1))
    assert caught.value.status == 415


def test_body__of_a_disconnected_client() -> None:
    """A client that disconnects within the body raises a specific error."""
    with pytest.raises(DisconnectedError):
        asyncio.run(request(part(b"[", more=True), DISCONNECT, **JSON).read_json(9))


@pytest.mark.parametrize(("messages", "dropped"), [((), False), ((part(b""), DISCONNECT), True)])
def test_dropped(messages: tuple[Message, ...], dropped: bool) -> None:
    """A wait ends after its time or when the client disconnects, and returns which."""
    assert asyncio.run(request(*messages).is_dropped_within(3600 if dropped else 0.001)) is dropped


def sent(response: Response) -> tuple[dict[str, str], bytes]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(send_response(response, send))
    start, body = messages
    assert start["status"] == response.status
    return {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


def test_send__headers() -> None:
    """A response has a length and a content type; one without a body has neither."""
    assert sent(json_response(200, {"é": [1]})) == (
        {"content-length": "10", "content-type": "application/json"},
        b'{"\xc3\xa9":[1]}',
    )
    assert sent(json_response(204, None)) == ({}, b"")


def test_error__fields() -> None:
    """An error has the service's format, additional fields, and a Retry-After in whole seconds."""
    headers, body = sent(error_response(429, "too many", 0.2, other=None))
    assert (headers["retry-after"], body) == ("1", b'{"status":429,"detail":"too many","other":null}')
