"""Proxy helpers: credentials, a relay between sockets, a SOCKS5 proxy and a slow link."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable

from test.support.hostile import HostileServer


def basic(credentials: str) -> str:
    """The basic authentication header for `user:password`."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


class SocksProxy(socketserver.ThreadingTCPServer):
    """A SOCKS5 proxy that requires a user and a password. Every tunnel leads to this machine."""

    daemon_threads = True
    credentials = b""
    target: tuple[bytes, int] | None = None

    class RequestHandlerClass(socketserver.StreamRequestHandler):
        """The handler of one tunnel."""

        server: SocksProxy

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # one side has disconnected
                self.open_tunnel()

        def open_tunnel(self) -> None:
            methods = self.rfile.read(self.rfile.read(2)[1])
            assert 2 in methods
            self.wfile.write(b"\x05\x02")
            user = self.rfile.read(self.rfile.read(2)[1])
            self.server.credentials = user + b":" + self.rfile.read(self.rfile.read(1)[0])
            self.wfile.write(b"\x01\x00")
            kind = self.rfile.read(4)[3]
            name = self.rfile.read(4 if kind == 1 else self.rfile.read(1)[0])
            port = int.from_bytes(self.rfile.read(2), "big")
            self.server.target = name, port
            try:
                upstream = socket.create_connection(("127.0.0.1", port))
            except OSError:
                self.wfile.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")  # connection refused
                return
            with upstream:
                self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
                relay(self.connection, upstream)


class SlowLink(HostileServer):
    """A relay to a local port; while `slow` is set, data from the port trickles through byte by byte."""

    def __init__(self, port: int, slow: bool = False) -> None:
        super().__init__([self._carry])
        self._target = port
        self.slow = threading.Event()
        if slow:
            self.slow.set()

    def _carry(self, sock: socket.socket, _: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as upstream:
            relay(sock, upstream, self.slow.is_set)


def relay(client: socket.socket, upstream: socket.socket, is_slow: Callable[[], bool] = lambda: False) -> None:
    """Relay bytes between two sockets until one of them closes."""
    ways = {client: upstream, upstream: client}
    for sock in ways:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        for ready in select.select(list(ways), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            if ready is upstream and is_slow():
                for byte in data:
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)
            else:
                ways[ready].sendall(data)
