"""What a proxy needs: a relay between sockets, and a SOCKS5 server."""

from __future__ import annotations

import select
import socket
import socketserver


class SocksProxy(socketserver.ThreadingTCPServer):
    """A SOCKS5 proxy that asks for a user and a password. Every tunnel leads to this machine."""

    daemon_threads = True
    credentials = b""
    target: tuple[bytes, int] | None = None

    class RequestHandlerClass(socketserver.StreamRequestHandler):
        """One tunnel."""

        server: SocksProxy

        def handle(self) -> None:
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
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
                relay(self.connection, upstream)


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes between two sockets until one of them ends."""
    ways = {one: other, other: one}
    while True:
        for ready in select.select(list(ways), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            ways[ready].sendall(data)
