"""`Listener`: a listening socket, and uvicorn that serves an application on it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Listener:
    """Listens from the moment it is created; serves while `serve` runs.

    Args:
        host: The address to listen on.
        port: The port; 0 picks a free one.
        app: The application.
        ready: Called when requests are served.

    Raises:
        OSError: The address cannot be used; for example, another process listens on the port.
    """

    def __init__(self, host: str, port: int, app: ASGIApp, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            interface="asgi3",
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            log_config=None,
            timeout_keep_alive=75,  # longer than the longest list takes, which blocks other requests
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.loaded_app = app  # bare: below DEBUG, uvicorn would log all headers
        self._server = _Server(config, ready)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, port), family=family, backlog=512)
        # Connections inherit this. asyncio leaves it out here, and each response would then wait 40 ms for an ACK.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve(self) -> None:
        """Serve until `stop` is called, or in the main thread until SIGINT or SIGTERM."""
        self._server.run([self.socket])

    def stop(self) -> None:
        """Make `serve` return."""
        self._server.should_exit = True

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class _Protocol(HttpToolsProtocol):
    """Gives the application access to its connection, so that it can close or reset it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["qovery.transport"] = self.transport


class _Server(uvicorn.Server):
    """Calls `ready` when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
