"""Calls an ASGI application without a server."""

from __future__ import annotations

import asyncio
import json
from typing import Any


def request(app: Any, method: str, url: str, data: Any = None) -> tuple[int, Any]:
    """Status and JSON of the response to a request, with `data` as JSON in its body."""
    path, _, query = url.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"content-type", b"application/json")],
        "client": None,
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"" if data is None else json.dumps(data).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))
