"""A loopback HTTP/1.1 server, and proxy, that records what it receives and answers as it is told."""

from __future__ import annotations

import json
import queue
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import trustme
from typing_extensions import Self

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


EMPTY = Reply(200, {"results": []})


class Recorder:
    """The server. `replies` holds the answers to give in turn; when there are none, `otherwise` is given, or made."""

    def __init__(
        self, otherwise: Reply | Callable[[Received], Reply] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.otherwise = otherwise or Reply(200, SECRET)
        self.replies: list[Reply] = []
        self.received: list[Received] = []
        self.connections = 0
        self.closed: queue.SimpleQueue[None] = queue.SimpleQueue()  # an entry for each connection that ended
        self._context = context
        if context is not None:
            context.sni_callback = lambda sock, name, _: setattr(sock, "asked_for", name)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorder = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def accept(self, request: Any) -> Any:
        if self._context is None:
            return request
        secured = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
        except OSError:
            with socket.socket(fileno=secured.detach()) as sock:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):  # or the other side would get a reset instead of the alert
                    pass
            raise
        return secured


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


class _Server(ThreadingHTTPServer):
    recorder: Recorder
    request_queue_size = 128

    def process_request(self, request: Any, client_address: Any) -> None:
        self.recorder.connections += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            request = self.recorder.accept(request)
        except OSError:  # the client did not finish the handshake
            request.close()
            return
        super().process_request_thread(request, client_address)
        self.recorder.closed.put(None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no fault of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _record(self, body: bytes = b"") -> Received:
        tls = isinstance(self.connection, ssl.SSLSocket)
        self.server.recorder.received.append(
            received := Received(
                self.command,
                self.path,
                dict(self.headers.items()),
                body,
                getattr(self.connection, "asked_for", None),
                self.connection.getpeercert() if tls else None,
                self.client_address,
            )
        )
        return received

    def _answer(self) -> None:
        recorder = self.server.recorder
        received = self._record(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        reply = recorder.replies.pop(0) if recorder.replies else recorder.otherwise
        if not isinstance(reply, Reply):
            reply = reply(received)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response_only(reply.status, reply.reason)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(b"" if reply.status == 204 else data)

    def do_CONNECT(self) -> None:
        """Be a proxy: whatever the name, the way leads to this machine."""
        self._record()
        with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as upstream:
            self.send_response_only(200)
            self.end_headers()
            self.wfile.flush()
            relay(self.connection, upstream)
        self.close_connection = True

    do_DELETE = do_GET = do_POST = do_PUT = _answer  # noqa: N815 - names of the base

    def log_message(self, *_: object) -> None:
        """Say nothing."""
