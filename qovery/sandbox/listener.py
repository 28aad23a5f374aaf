"""`Listener`: serves an application with uvicorn on a listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from qovery.exceptions import ApiValueError
from qovery.sandbox.app import App

#: The seconds that requests have to finish when the server stops.
GRACE_PERIOD = 1.0


class Listener:
    """Listens from the moment it is created; serves while `serve` runs.

    Args:
        host: The address to listen on.
        port: The port; 0 picks a free one.
        app: The application.
        ready: Called when requests are served.

    Raises:
        ApiValueError: The port is out of range.
        OSError: The address cannot be used; for example, another process listens on the port.
    """

    def __init__(self, host: str, port: int, app: App, ready: Callable[[], None]) -> None:
        self.socket = _listening(host, port)
        config = uvicorn.Config(
            app,
            http=_Protocol,
            interface="asgi3",
            lifespan="off",
            ws="none",
            access_log=False,
            proxy_headers=False,
            log_config=None,
            timeout_keep_alive=75,  # longer than the slowest list, which blocks other requests
        )
        config.load()
        config.loaded_app = app  # unwrapped: below DEBUG, uvicorn would log all headers
        self._server = _Server(config, ready)

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve(self) -> None:
        """Serve until `stop` is called, or in the main thread until SIGINT or SIGTERM."""
        self._server.run([self.socket])

    def stop(self) -> None:
        """Make `serve` return."""
        self._server.stop()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class _Protocol(HttpToolsProtocol):
    """Gives the application access to its connection, so that it can close or reset it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["qovery.transport"] = self.transport


class _Server(uvicorn.Server):
    """Calls `ready` when it listens. Stops immediately, where uvicorn polls every 0.1 s and then waits as long."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Make `run` return. May be called from any thread, and by a signal handler."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has already stopped
                self._loop.call_soon_threadsafe(self._stopping.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # it sets the Date header
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give running requests a grace period, then close all connections."""
        for server in self.servers:
            server.close()
        connections, tasks = self.server_state.connections, self.server_state.tasks
        for connection in list(connections):
            connection.shutdown()
        if tasks:
            await asyncio.wait(set(tasks), timeout=GRACE_PERIOD)
        for connection in list(connections):
            connection.transport.abort()
        if tasks:
            await asyncio.wait(set(tasks), timeout=GRACE_PERIOD)


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ApiValueError(f"port must be between 0 and 65535, not {port}. Use 0 to pick a free one")
    try:
        listening = socket.create_server((host, port), family=_family(host), backlog=512)
    except OSError as error:
        code, text = error.errno, error.strerror
    else:
        # Connections inherit this. asyncio does not set it here, and each response would wait 40 ms for an ACK.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    if code == errno.EADDRINUSE:
        text = f"port {port} is in use. Use --port 0 (port=0 in Python) to pick a free one"
    elif code == errno.EACCES:
        text = f"port {port} is privileged. Use a port above 1023, or --port 0 (port=0 in Python) for a free one"
    else:
        text = f"cannot listen on {host}, port {port}: {text}. Use another --host"
    raise OSError(code, text)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
