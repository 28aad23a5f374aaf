"""A loopback server on raw sockets that plays a script for each connection: fault injection below HTTP."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from typing_extensions import Self

from test.support import PATIENCE

#: One step of a script. Its arguments are the connection and the requests received so far.
Step = Callable[[socket.socket, list[bytes]], None]


def receive(sock: socket.socket) -> tuple[bytes, bytes]:
    """Receive one request, and return its head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(sock)
        if data.startswith(b"\x16"):  # respond to a TLS handshake as a plain HTTP server does
            sock.sendall(http_response(400))
            raise ConnectionError
    head, _, start = data.partition(b"\r\n\r\n")
    sizes = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    body = bytearray(start)
    while len(body) < (int(sizes[0]) if sizes else 0):
        body += _receive(sock)
    return head, bytes(body)


def read(sock: socket.socket, requests: list[bytes]) -> None:
    """Receive one request."""
    requests.append(b"\r\n\r\n".join(receive(sock)))


def read_byte(sock: socket.socket, _: list[bytes]) -> None:
    """Receive one byte."""
    sock.recv(1)


def _receive(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionError
    return data


def send(data: bytes) -> Step:
    return lambda sock, _: sock.sendall(data)


def trickle(data: bytes, pause: float = 0.05) -> Step:
    """Send one byte at a time."""

    def step(sock: socket.socket, _: list[bytes]) -> None:
        for byte in data:
            sock.sendall(bytes([byte]))
            time.sleep(pause)

    return step


def reset(sock: socket.socket, _: list[bytes]) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
    sock.close()


def stall(sock: socket.socket, _: list[bytes]) -> None:
    """Send nothing until the other side closes the connection."""
    while sock.recv(65536):
        pass


def http_response(status: int, body: bytes | str = b"", *headers: str, reason: str = "Reason") -> bytes:
    """Build a response with a correct Content-Length, or with the one in `headers`."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {reason}", *headers]
    if status != 204 and not any(
        header.lower().startswith(("content-length", "transfer-encoding")) for header in headers
    ):
        lines.append(f"Content-Length: {len(raw)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + raw


def respond(*data: bytes) -> Iterator[Step]:
    """Read a request and send a response, for each of `data`."""
    for one in data:
        yield read
        yield send(one)


class HostileServer:
    """A server that plays one script per connection, in order; further connections replay the last script."""

    def __init__(
        self,
        *scripts: Sequence[Step],
        context: ssl.SSLContext | None = None,
        port: int = 0,
        listener: socket.socket | None = None,
    ) -> None:
        self._scripts = scripts
        self._context = context
        self._socket = listener or socket.create_server(("127.0.0.1", port), backlog=128)
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed: queue.SimpleQueue[None] = queue.SimpleQueue()  # an entry for each connection that ended
        self._open: list[socket.socket] = []
        self._wake, self._woken = socket.socketpair()
        self._down = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.shut_down()
        self._thread.join()

    def wait_until_closed(self, connections: int = 1) -> None:
        """Wait until the given number of further connections has ended."""
        for _ in range(connections):
            self.closed.get(timeout=PATIENCE)

    def shut_down(self) -> None:
        """Refuse new connections and close the open ones."""
        self._wake.close()
        self._down.wait(PATIENCE)

    def _accept(self) -> None:
        players = []
        # Closing a socket does not wake accept() on every system, and the port stays in use until accept() returns.
        while self._woken not in select.select([self._socket, self._woken], [], [])[0]:
            sock, _ = self._socket.accept()
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            if self._context is not None:
                with contextlib.suppress(OSError):  # the client has disconnected already
                    sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self._open.append(sock)
            players.append(threading.Thread(target=self._play, args=(sock, script), daemon=True))
            players[-1].start()
        self._socket.close()
        self._woken.close()
        self._down.set()
        for sock in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for player in players:
            player.join()

    def _play(self, sock: socket.socket, script: Sequence[Step]) -> None:
        with contextlib.suppress(OSError), sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if isinstance(sock, ssl.SSLSocket):
                _shake_hands(sock)
            for step in script:
                step(sock, self.requests)
        self.closed.put(None)


def _shake_hands(sock: ssl.SSLSocket) -> None:
    try:
        sock.do_handshake()
    except OSError:
        with socket.socket(fileno=sock.detach()) as plain:
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):  # otherwise the client gets a reset instead of the alert
                pass
        raise
