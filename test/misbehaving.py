"""A loopback server of raw sockets that does, connection by connection, what a script says."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from typing_extensions import Self

#: One step of a script: it gets the connection and the requests that were received.
Step = Callable[[socket.socket, list[bytes]], None]


def read(sock: socket.socket, requests: list[bytes]) -> None:
    """Receive one request, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < (int(sizes[0]) if sizes else 0):
        body += _receive(sock)
    requests.append(head + b"\r\n\r\n" + body)


def _receive(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionError
    return data


def send(data: bytes) -> Step:
    return lambda sock, _: sock.sendall(data)


def drip(data: bytes, pause: float = 0.05) -> Step:
    """Send one byte at a time."""

    def step(sock: socket.socket, _: list[bytes]) -> None:
        for byte in data:
            sock.sendall(bytes([byte]))
            time.sleep(pause)

    return step


def reset(sock: socket.socket, _: list[bytes]) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def silence(sock: socket.socket, _: list[bytes]) -> None:
    """Say nothing until the other side hangs up."""
    while sock.recv(65536):
        pass


def answer(status: int, body: bytes | str = b"", *headers: str, reason: str = "Reason") -> bytes:
    """An answer with a true Content-Length."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {reason}", *headers]
    if not any(header.lower().startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"Content-Length: {len(raw)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + raw


def answers(*data: bytes) -> Iterator[Step]:
    """Read a request and send an answer, for each of `data`."""
    for one in data:
        yield read
        yield send(one)


class Misbehaving:
    """The server. The first connection plays the first script, and so on; the last script is played again."""

    def __init__(self, *scripts: Sequence[Step], port: int = 0) -> None:
        self._scripts = scripts
        self._socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.go_down()
        self._thread.join()
        for sock in self._open:
            sock.close()

    def go_down(self) -> None:
        """Refuse connections from now on, and break those that there are."""
        with contextlib.suppress(OSError):  # it is down
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        players = []
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                break
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._open.append(sock)
            players.append(threading.Thread(target=self._play, args=(sock, script), daemon=True))
            players[-1].start()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for player in players:
            player.join()

    def _play(self, sock: socket.socket, script: Sequence[Step]) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for step in script:
                step(sock, self.requests)
        except OSError:
            pass
        finally:
            sock.close()
