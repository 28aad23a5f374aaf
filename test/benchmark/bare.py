"""A bare starlette application that responds to a list with the bytes in the file `argv[1]`; prints its URL."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CONTENT = Path(sys.argv[1]).read_bytes()


async def respond(_: Request) -> Response:
    return Response(CONTENT, media_type="application/json")


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{(sockets or [])[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    app = Starlette(routes=[Route("/environment/{environmentId}/secret", respond)])
    config = uvicorn.Config(app, http="httptools", lifespan="off", access_log=False, log_config=None)
    listening = socket.create_server(("127.0.0.1", 0), backlog=512)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    Server(config).run([listening])
