"""The connections of one process on one route: how many may be open, which are idle, and one attempt over them."""

from __future__ import annotations

import _socket
import contextlib
import functools
import os
import queue
import socket
import threading
import time
import weakref
from typing import Any

from urllib3.exceptions import ClosedPoolError, EmptyPoolError
from urllib3.util import Retry, Timeout
from urllib3.util.connection import is_connection_dropped

from qovery.origins import from_library, from_signal_handler
from qovery.route import Route
from qovery.transport.attempt import Attempt
from qovery.transport.attempt_pool import ATTEMPT_POOLS, AttemptPool, Interrupted
from qovery.transport.failures import LIBRARY_ERRORS, closed, failure
from qovery.transport.messages import Failure, RawResponse, Request, Response
from qovery.transport.proxy import manager
from qovery.transport.response import read_body, response
from qovery.transport.tls import tls_options

_timeout = functools.lru_cache(maxsize=8)(Timeout)  # urllib3 works on copies of it


class Transport:
    """The connections of one process on one route. Threads may share it.

    Args:
        route: Where to connect, and how.

    Raises:
        ApiValueError: A certificate, a key or a proxy cannot be used.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        scheme, netloc = route.url[:2]
        options: dict[str, Any] = {"maxsize": 0, "block": True}
        if route.socket_options is not None:
            options["socket_options"] = list(route.socket_options)
        if scheme == "https":
            options.update(tls_options(route))
        proxy = route.proxy_url
        if scheme == "http" and proxy is not None and proxy.scheme == "https":
            options["ssl_context"] = route.proxy_ssl_context  # urllib3 has it for tunnels only
        pools = manager(route, options)
        pools.pool_classes_by_scheme = ATTEMPT_POOLS
        self._pool: AttemptPool = pools.connection_from_url(f"{scheme}://{netloc}")  # type: ignore[assignment] # one of them
        self._prefix = route.prefix
        self.closed = threading.Event()
        self.retired = False
        # Looked up here, since a monkey patch may replace it after the import.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(route.connection_pool_maxsize):
            self._slots.put(None)
        self._busy: set[int] = set()  # the threads in an attempt
        self._idle: list[tuple[float, Any]] = []  # since when, and the connection
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    # --- Life -------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close every connection; calls under way end."""
        self.closed.set()
        self.retire()
        self._slots.put(None)  # ends one of the calls that wait for a connection; it wakes the next
        with self._lock:
            for sock in self._sockets:
                _shut_down(sock)

    def retire(self) -> None:
        """Close what is idle, and whatever becomes idle; calls under way go on."""
        self.retired = True
        _close_all(self._idle)

    def forget(self) -> None:
        """Drop the connections of the parent process in a forked child, without a byte on the wire.

        No lock is taken: another thread may have held it at the fork, and then it is held for ever.
        """
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                os.close(sock.detach())
        self._idle.clear()

    # --- Connections ------------------------------------------------------------------------------

    def lease(self, pool: AttemptPool, timeout: float, nested: bool) -> Lease:
        """The right to one connection; a call inside another one of its thread does not wait for it."""
        try:
            self._slots.get_nowait()
        except queue.Empty:
            if nested:
                return Lease(None)
            try:
                self._slots.get(timeout=timeout)
            except queue.Empty:
                raise EmptyPoolError(pool, "all connections are in use") from None
        lease = Lease(self._slots)
        self.opened(None)
        return lease

    def take(self, kind: type) -> Any:
        """An idle connection of that class that may still be used, or None."""
        while True:
            try:
                since, connection = self._idle.pop()
            except IndexError:
                return None
            fresh = time.monotonic() - since < self.route.idle_timeout
            if fresh and isinstance(connection, kind) and not is_connection_dropped(connection):
                return connection
            connection.close()

    def put(self, connection: Any) -> None:
        """Keep a connection for another attempt, unless it cannot be used again."""
        if connection.sock is None:
            return
        now = time.monotonic()
        self._idle.append((now, connection))
        if self.retired:
            _close_all(self._idle)
        elif now - self._idle[0][0] > self.route.idle_timeout:
            self._idle.pop(0)[1].close()

    def opened(self, sock: socket.socket | None) -> None:
        """Let `close` reach a socket; raise if the client was closed in the meantime."""
        if sock is not None:
            with self._lock:
                self._sockets.add(sock)
        if self.closed.is_set():
            if sock is not None:
                _shut_down(sock)
            raise ClosedPoolError(self._pool, "the client was closed")

    # --- One attempt ------------------------------------------------------------------------------

    def attempt(self, request: Request, policy: Retry) -> tuple[Response | Failure, int]:
        """Send the request once; how often it was really sent comes second, for a caller's own policy."""
        attempt = Attempt(request.limits, request.deadline, request.mask, self.opened)
        left = max(request.deadline - time.monotonic(), 0.001)
        raw: RawResponse | None = None
        thread = threading.get_ident()
        nested = thread in self._busy  # a call inside another one, from a log or signal handler
        self._busy.add(thread)
        try:
            raw = self._pool.of(self, attempt, nested).urlopen(
                request.operation.method,
                self._prefix + request.target,
                body=request.body,
                headers=request.headers,
                retries=policy,
                redirect=False,
                assert_same_host=False,  # behind an http proxy the pool's host is the proxy
                timeout=_timeout(min(request.limits.connect, left), min(request.limits.read, left)),
                pool_timeout=left,  # type: ignore[arg-type] # a fraction of a second is accepted
                preload_content=False,
            )
            data = read_body(raw, request.max_response_size) if request.read else b""
        except Interrupted as error:
            cause = error.cause
        except (*LIBRARY_ERRORS, ValueError) as error:
            interrupted = from_signal_handler(error)
            if interrupted is None:
                if isinstance(error, ValueError) and not isinstance(error, LIBRARY_ERRORS) and not from_library(error):
                    raise
                sent = attempt.sends > 0
                return (closed(sent) if self.closed.is_set() else failure(error, request, sent, raw)), attempt.sends
            cause = interrupted
        else:
            return response(request, attempt, raw, data), attempt.sends
        finally:
            if not nested:
                self._busy.discard(thread)
        raise cause


class Lease:
    """The right to one connection, given back once: when it is let go of at the latest."""

    __slots__ = ("_held",)

    def __init__(self, slots: queue.SimpleQueue[None] | None) -> None:
        self._held = [slots] if slots is not None else []

    def release(self) -> None:
        """Give it back."""
        with contextlib.suppress(IndexError):
            self._held.pop().put(None)

    __del__ = release


def _close_all(idle: list[tuple[float, Any]]) -> None:
    while idle:
        with contextlib.suppress(IndexError):  # another thread was first
            idle.pop()[1].close()


def _shut_down(sock: Any) -> None:
    """Wake the thread that reads."""
    with contextlib.suppress(OSError):  # it may be closed already
        if isinstance(sock, _socket.socket):
            _socket.socket.shutdown(sock, socket.SHUT_RDWR)  # of TLS sockets, more than the socket's own state changes
        else:
            sock.shutdown(socket.SHUT_RDWR)
