"""Connections through a SOCKS proxy, with the handshake limited to the deadline. Needs the extra `socks`."""

from __future__ import annotations

import socket
import time
from typing import Any, cast

import socks
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from qovery.transport.addresses import first_reachable
from qovery.transport.attempt import Attempt
from qovery.transport.connection import BoundConnection


class _Socket(socks.socksocket):
    """A socket to the proxy; each read of the handshake is limited to the time that this address has."""

    attempt: Attempt | None = None
    until = 0.0  # by `time.monotonic`

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Like `socket.recv_into`, within the time limit."""
        if self.attempt is not None:
            left = min(self.until - time.monotonic(), self.attempt.remaining())
            if left <= 0:
                raise TimeoutError("timed out")
            socket.socket.settimeout(self, left)
        return super().recv_into(*args, **options)


class SocksConnection(BoundConnection):
    """Mixin for urllib3's connections through SOCKS."""

    def _new_conn(self) -> socket.socket:
        attempt, options = self.attempt, cast("Any", self)._socks_options  # see `relied_on`

        def open_socket(address: tuple[str, int], timeout: float) -> socket.socket:
            sock = _Socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(timeout)
                sock.attempt, sock.until = attempt, time.monotonic() + timeout
                sock.set_proxy(
                    options["socks_version"], *address, options["rdns"], options["username"], options["password"]
                )
                if self.pool is not None:
                    self.pool.connections.opened(sock)
                sock.connect((self.host, self.port))
            except BaseException:
                sock.close()
                raise
            sock.attempt = None
            sock.set_proxy()  # clears the password
            return sock

        try:
            sock = first_reachable(options["proxy_host"], int(options["proxy_port"] or 1080), attempt, open_socket)
        except OSError as error:
            cause = getattr(error, "socket_err", None) or error  # see `relied_on`
            if isinstance(cause, TimeoutError):
                raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
            raise NewConnectionError(self, f"Failed to establish a new connection: {cause}") from error
        cast("Any", self)._socks_options = None  # a connection connects once
        return self._reached(sock)
