"""A loopback HTTP/1.1 server, and proxy, that records what it receives and answers as it is told."""

from __future__ import annotations

import json
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import responses
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from test.misbehaving import Misbehaving, answer, receive

SECRET: dict[str, Any] = {
    "id": "8d3c1a52-3f0d-4a8e-9a57-1d1b8c0f9f01",
    "created_at": "2023-12-12T13:23:02.57335Z",
    "updated_at": "2023-12-12T13:23:02.573351Z",
    "key": "TOKEN",
    "overridden_secret": None,
    "aliased_secret": None,
    "scope": "ENVIRONMENT",
    "variable_type": "VALUE",
    "service_id": None,
    "service_name": None,
    "service_type": None,
    "owned_by": "QOVERY",
    "description": None,
    "enable_interpolation_in_file": None,
}


class Received(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None = None
    certificate: Any = None
    peer: Any = None


class Reply(NamedTuple):
    """An answer to give: bytes go out as they are, anything else as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = {}
    reason: str | None = None

    def raw(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        reason = responses.get(self.status, "") if self.reason is None else self.reason
        lines = [": ".join(header) for header in headers.items()]
        return answer(self.status, b"" if self.status == 204 else data, *lines, reason=reason)


EMPTY = Reply(200, {"results": []})


class Recorder(Misbehaving):
    """The server. `replies` holds the answers to give in turn; when there are none, `otherwise` is given, or made."""

    def __init__(
        self, otherwise: Reply | Callable[[Received], Reply] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__([self._serve], context=context)
        self.otherwise = otherwise or Reply(200, SECRET)
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        if context is not None:
            context.sni_callback = lambda sock, name, _: setattr(sock, "asked_for", name)

    @property
    def last(self) -> Received:
        return self.received[-1]

    def _serve(self, sock: socket.socket, _: list[bytes]) -> None:
        peer = sock.getpeername()
        certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
        while True:
            head, body = receive(sock)
            line, *lines = head.decode("latin-1").split("\r\n")
            method, target, _version = line.split(" ")
            headers = dict(one.split(": ", 1) for one in lines)
            received = Received(method, target, headers, body, getattr(sock, "asked_for", None), certificate, peer)
            self.received.append(received)
            if method == "CONNECT":  # be a proxy: whatever the name, the way leads to this machine
                with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2]))) as upstream:
                    sock.sendall(answer(200))
                    return relay(sock, upstream)
            reply = self.replies.pop(0) if self.replies else self.otherwise
            sock.sendall((reply if isinstance(reply, Reply) else reply(received)).raw())


class TLS:
    """A certificate authority, what it issues, and servers that show it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_text = self.ca.cert_pem.bytes().decode()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(self.ca_text)

    def context(self, *names: str, mutual: bool = False, **issued: Any) -> ssl.SSLContext:
        """The settings of a server that shows a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1")), **issued).configure_cert(context)
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """The settings of a server whose certificate nobody has issued but itself."""
        issuer = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with issuer.private_key_pem.tempfile() as key, issuer.cert_pem.tempfile() as certificate:
            context.load_cert_chain(certificate, key)
        return context

    def server(self, *names: str, **options: Any) -> Recorder:
        return Recorder(EMPTY, self.context(*names, **options))

    def client(self) -> tuple[Path, Path]:
        """The files of a client's certificate and key."""
        issued = self.ca.issue_cert("client.test", common_name="client.test")
        files = self.folder / "client.pem", self.folder / "client.key"
        for file, blobs in zip(files, (issued.cert_chain_pems, [issued.private_key_pem]), strict=True):
            file.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return files


def relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes between two sockets until one of them ends."""
    ways = {one: other, other: one}
    while True:
        for ready in select.select(list(ways), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            ways[ready].sendall(data)
