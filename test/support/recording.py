"""A loopback HTTP/1.1 server and proxy that records requests and sends predefined responses."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Mapping
from http.client import responses
from typing import Any, NamedTuple

from test.support.hostile import HostileServer, http_response, receive
from test.support.proxies import relay

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
    """A received request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None = None
    certificate: Any = None
    peer: Any = None


class Response(NamedTuple):
    """A response to send: bytes are sent as is, anything else as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = {}
    reason: str | None = None

    def raw(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        reason = responses.get(self.status, "") if self.reason is None else self.reason
        lines = [": ".join(header) for header in headers.items()]
        return http_response(self.status, b"" if self.status == 204 else data, *lines, reason=reason)


EMPTY = Response(200, {"results": []})


class RecordingServer(HostileServer):
    """A server that sends `responses` in order, and then `default` (a response, or a function of the request)."""

    def __init__(
        self, default: Response | Callable[[Received], Response] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__([self._serve], context=context)
        self.default = default or Response(200, SECRET)
        self.responses: list[Response] = []
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
            if method == "CONNECT":  # the tunnel leads to this machine, whatever the host name
                return self._open_tunnel(sock, int(target.rpartition(":")[2]))
            response = self.responses.pop(0) if self.responses else self.default
            sock.sendall((response if isinstance(response, Response) else response(received)).raw())

    def _open_tunnel(self, sock: socket.socket, port: int) -> None:
        """Handle a CONNECT as a proxy does."""
        try:
            upstream = socket.create_connection(("127.0.0.1", port))
        except OSError:
            sock.sendall(http_response(502))
            return
        self._open.append(upstream)  # the other end may have stopped reading
        with upstream:
            sock.sendall(http_response(200))
            relay(sock, upstream)
