"""HTTP over ASGI: read requests, and send responses in the format of the service."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from qovery.sandbox.store import RejectedError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Response(NamedTuple):
    """A response; `content_type` is sent unless the status has no body."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"


class DisconnectedError(Exception):
    """The client closed its connection before its request was complete."""


class Request:
    """A request, with control over its connection."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope = scope
        self._receive = receive

    def header(self, name: bytes) -> str:
        """Return the value of a header, by its name in lower case, or an empty string."""
        for other, value in self._scope["headers"]:
            if other == name:
                return str(value, "latin-1")
        return ""

    @property
    def token(self) -> str:
        """The token or JWT, or an empty string."""
        scheme, _, token = self.header(b"authorization").partition(" ")
        return token.strip() if scheme.lower() in {"token", "bearer"} else ""

    async def read_json(self, limit: int) -> bytes:
        """Read the body. It must be empty or declared as JSON."""
        content = bytearray()
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            content += message.get("body", b"")
            if len(content) > limit:
                raise RejectedError(413, f"the body is larger than {limit} bytes")
            more = message.get("more_body", False)
        media_type = self.header(b"content-type").partition(";")[0].strip().lower()
        if content and media_type != "application/json":
            raise RejectedError(415, "the content type must be application/json")
        return bytes(content)

    async def is_dropped_within(self, seconds: float) -> bool:
        """Wait, and return whether the client closed its connection. The body must have been read."""
        try:
            await asyncio.wait_for(self._disconnected(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    async def abort(self, *, reset: bool) -> None:
        """Close the connection without a response, or reset it."""
        transport: asyncio.Transport = self._scope["state"]["qovery.transport"]
        if reset:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await self._disconnected()  # uvicorn logs an error if the application returns earlier

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def send_response(response: Response, send: Send) -> None:
    """Send a response."""
    headers = [(b"content-length", b"%d" % len(response.body)), *response.headers]
    if response.status == 204:
        del headers[0]
    else:
        headers.append((b"content-type", response.content_type))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def json_response(status: int, data: object) -> Response:
    """Return a response with `data` as JSON, or without a body for a 204."""
    return Response(status, b"" if status == 204 else to_json(data))


def to_json(data: object) -> bytes:
    """Encode `data` as compact JSON in UTF-8."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def error_response(status: int, detail: str, retry_after: float | None = None, **fields: object) -> Response:
    """Return an error response in the format of the service."""
    headers = () if retry_after is None else ((b"retry-after", b"%d" % math.ceil(retry_after)),)
    return Response(status, to_json({"status": status, "detail": detail, **fields}), headers)


def rejection(rejected: RejectedError) -> Response:
    """Return the response to a rejected request."""
    return error_response(rejected.status, rejected.detail, rejected.retry_after, **rejected.fields)


def invalid_fields(problems: list[Mapping[str, Any]]) -> RejectedError:
    """Return a 400 that names the invalid fields, without their values."""
    named = (f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems)
    return RejectedError(400, "; ".join(named))
