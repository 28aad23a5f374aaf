"""urllib3 connections that limit every socket operation to the deadline of the attempt."""

from __future__ import annotations

import http.client
import math
import socket
import sys
import weakref
from typing import TYPE_CHECKING, Any

import urllib3.connection
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from qovery.transport.addresses import connected
from qovery.transport.deadline_reader import MAX_HEAD, DeadlineReader
from qovery.transport.response_head import Response

if TYPE_CHECKING:
    _Base = urllib3.connection.HTTPConnection
else:
    _Base = object

_FORGOTTEN = http.client.HTTPMessage()

#: The bytes passed to one write: one TLS record, since a TLS socket restarts its timeout for each record.
_SLICE = 16 * 1024

#: The limit on a body's encoded size, as a multiple of the largest body: one-byte chunks take six times their content.
_OVERHEAD = 8


class DeadlineSocket:
    """The TLS socket to a proxy, through which urllib3 runs a second TLS session to the host (TLS in TLS).

    urllib3 may read many times for one read of ours, so each read is limited to the remaining time.
    """

    def __init__(self, sock: socket.socket, connection: BoundConnection) -> None:
        self.sock = sock
        self._connection = weakref.ref(connection)  # the owner of this socket

    def _in_time(self) -> socket.socket:
        connection = self._connection()
        if connection is not None and connection.attempt is not None:
            self.sock.settimeout(connection.attempt.remaining())
        return self.sock

    def recv(self, *args: Any) -> bytes:
        """Like `socket.recv`, within the time limit."""
        return self._in_time().recv(*args)

    def recv_into(self, *args: Any) -> int:
        """Like `socket.recv_into`, within the time limit."""
        return self._in_time().recv_into(*args)

    def sendall(self, data: Any) -> None:
        """Like `socket.sendall`, within the time limit."""
        for start in range(0, len(data), _SLICE):
            self._in_time().sendall(data[start : start + _SLICE])

    def settimeout(self, timeout: float | None) -> None:
        """Do nothing: the attempt sets the timeout."""

    @property
    def _io_refs(self) -> int:  # urllib3 counts its files there
        count: int = self.sock._io_refs  # type: ignore[attr-defined] # see `relied_on`
        return count

    @_io_refs.setter
    def _io_refs(self, count: int) -> None:
        self.sock._io_refs = count  # type: ignore[attr-defined] # see `relied_on`

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)


class BoundConnection(_Base):
    """Mixin that applies an attempt's limits to urllib3's connections. `relied_on` lists the private parts it replaces.

    Attributes:
        attempt: The attempt that uses the connection; None while it is idle.
        pool: urllib3's pool as that attempt sees it.
        made_with: The socket class and its `connect` when it connected.
    """

    attempt: Any = None  # an `Attempt` wherever it is used
    pool: Any = None  # an `AttemptPool` wherever it is used
    made_with: Any = None
    debuglevel = 0  # overrides http.client's process-wide switch, which prints headers and bodies
    _twin: Any = None  # a duplicate of the socket, during handshakes
    head: Any = None  # a `Response`, until the connection is idle
    reader: Any = None  # the `DeadlineReader` that it reads

    def connect(self) -> None:
        """Connect, and register the socket so that the client's `close` can end it."""
        attempt, pool = self.attempt, self.pool
        if pool is not None and pool.connections.closed:
            raise ClosedPoolError(pool, "the client was closed")
        attempt.start_connecting()
        self.made_with = socket.socket, getattr(socket.socket, "connect", None)
        try:
            super().connect()
        finally:
            if self._twin is not None:
                self._twin.close()
                self._twin = None
        if pool is not None:
            if not pool.verifies:
                self.is_verified = True  # InsecureWarning was issued once; urllib3 would warn at each request
            outer = getattr(self.sock, "socket", None)  # of TLS inside TLS
            pool.connections.opened(outer.sock if isinstance(outer, DeadlineSocket) else self.sock)

    def _new_conn(self) -> socket.socket:
        try:
            options = {"source_address": self.source_address, "socket_options": self.socket_options}
            sock = connected(self._dns_host, self.port, self.attempt, **options)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:
            raise LocationParseError(f"{self.host!r}, label empty or too long") from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error
        return self._reached(sock)

    def _reached(self, sock: socket.socket) -> socket.socket:
        """Limit the handshakes to the attempt's time, and let the client's `close` end them."""
        self.sock = sock  # so that it is closed in any case
        sock.settimeout(self.attempt.remaining())
        # TLS wraps the socket, and exposes the wrapper only after its handshake. A fake socket may lack the method.
        self._twin = sock.dup() if hasattr(sock, "dup") else None
        if self._twin is not None and self.pool is not None:
            self.pool.connections.opened(self._twin)
        sys.audit("http.client.connect", self, self.host, self.port)  # as in the method that ours replaces
        return sock

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        finally:
            vars(self).update(_tunnel_headers={}, _raw_proxy_headers=None)  # used once; they hold credentials
        self.sock.settimeout(self.attempt.remaining())

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> Any:
        secured = super()._connect_tls_proxy(hostname, sock)  # type: ignore[misc] # of HTTPSConnection, see `relied_on`
        return DeadlineSocket(secured, self) if self.proxy_is_tunneling else secured

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, head and body together."""
        if self.sock is None:
            self.connect()
        attempt = self.attempt
        attempt.observed = True
        # A large body on a slow link may take long: only the deadline applies.
        attempt.until, attempt.stall = attempt.request.deadline, math.inf
        self.timeout = attempt.remaining()  # urllib3 sets it on the socket: a second time would be a system call
        parts: list[bytes] = []
        self.send = parts.append  # type: ignore[assignment] # until the request is complete
        try:
            super().request(*args, **options)
        finally:
            del self.send
        data = b"".join(parts)
        sys.audit("http.client.send", self, data)
        attempt.sends += 1
        for start in range(0, len(data), _SLICE):
            if start:
                self.sock.settimeout(attempt.remaining())
            self.sock.sendall(data[start : start + _SLICE])

    def send(self, data: Any) -> None:
        """Send bytes within the time limit."""
        self.sock.settimeout(self.attempt.remaining())
        super().send(data)

    def getresponse(self) -> Any:
        """Read the head of the response."""
        attempt, pool = self.attempt, self.pool
        attempt.stall = attempt.request.read_timeout
        self.pool = None  # keeps the slot if http.client closes the connection before the body is read
        response = super().getresponse()
        if self.head is not None:  # None if a fake made the response
            self.reader.room = MAX_HEAD + _OVERHEAD * attempt.request.max_response_size
            # http.client keeps the head until the next request; urllib3's response has the headers.
            self.head.headers = self.head.msg = _FORGOTTEN
        self.pool = pool
        return response

    def response_class(self, sock: socket.socket, *args: Any, **options: Any) -> Response:  # type: ignore[override] # http.client calls it like the class it replaces
        """Return the object that reads the response."""
        self.reader = DeadlineReader(sock, self.attempt)
        head: Response
        self.head = head = Response(self.reader, *args, **options)
        return head

    def close(self) -> None:
        """Close the socket, and free its slot in the pool."""
        try:
            super().close()
        finally:
            if self.pool is not None:
                self.pool.free()
