"""`ConnectionPool`: which connections are open, which of them are idle, and how many there may be. Sends nothing."""

from __future__ import annotations

import _socket
import contextlib
import functools
import operator
import os
import queue
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

from urllib3.exceptions import ClosedPoolError, EmptyPoolError
from urllib3.util.connection import is_connection_dropped

#: What makes sockets, and what connects them: fakes replace one or the other, also for a client in use.
sockets = functools.partial(operator.attrgetter("socket", "socket.connect"), socket)


class ConnectionPool:
    """The connections of one process on one route.

    Args:
        maxsize: How many may be in use at once.
        idle_timeout: Seconds after which an idle one is closed instead of being used again.
    """

    def __init__(self, maxsize: int, idle_timeout: float) -> None:
        self.closed = False
        #: The threads in an attempt, each with an object that dies with the attempt, even if that is interrupted.
        self.busy: dict[int, weakref.ref[set[None]]] = {}
        self._retired = False
        self._idle_timeout = idle_timeout
        # Nested calls may use these at any moment, which no other lock of the library allows. Looked up here, since a
        # monkey patch may replace the class after the import.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closing: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(maxsize):
            self._slots.put(None)
        self._idle: list[tuple[float, Any]] = []  # since when, and the connection
        self._sockets: set[weakref.ref[Any]] = set()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, kind: Any, timeout: float, nested: bool, slot: list[None]) -> Any:
        """An idle connection of that class, or None if the caller may open one.

        Args:
            kind: The class; an idle connection of another one is closed.
            timeout: Seconds to wait while all connections are in use.
            nested: Whether the caller is inside another attempt of its thread, for which it cannot wait: it may
                open a connection beyond the bound.
            slot: Gets an entry if the connection counts, for `put`.

        Raises:
            EmptyPoolError: All connections are in use, and none came back in time.
            ClosedPoolError: The pool is closed.
        """
        try:
            # From queue to list in one step, which no exception of a signal handler can interrupt.
            slot.extend(map(self._slots.get, (False,)))
        except queue.Empty:
            if not nested:
                self._wait(timeout, slot)
        if self.closed:
            self.put(None, slot)
            raise _closed()
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread was first
                break
            usable = type(connection) is kind and getattr(connection, "made_with", None) in (None, sockets())
            if usable and time.monotonic() - since < self._idle_timeout and not is_connection_dropped(connection):
                return connection
            connection.close()
        return None

    def _wait(self, timeout: float, slot: list[None]) -> None:
        try:
            slot.extend(map(self._slots.get, (True,), (timeout,)))
        except queue.Empty:
            raise EmptyPoolError(_NAMED, "all connections are in use") from None

    def put(self, connection: Any, slot: list[None]) -> None:
        """Keep a connection, if one is given, and let another attempt use one, if `slot` has an entry."""
        if connection is not None:
            now = time.monotonic()
            self._idle.append((now, connection))
            if self._retired:
                _close_all(self._idle)
            try:
                if now - self._idle[0][0] > self._idle_timeout:
                    self._idle.pop(0)[1].close()
            except IndexError:  # another thread was first
                pass
        try:
            deque(map(self._slots.put, map(slot.pop, (0,))), 0)  # in one step, as in `take`
        except IndexError:  # it has none
            return

    @contextlib.contextmanager
    def nesting(self) -> Iterator[None]:
        """Calls of this thread are nested meanwhile."""
        thread, mark = threading.get_ident(), set[None]()
        outer = self.busy.get(thread)
        if outer is not None and outer() is not None:
            yield
            return
        try:
            self.busy[thread] = weakref.ref(mark)
            yield
        finally:
            self.busy.pop(thread, None)

    def opened(self, sock: Any) -> None:
        """Let `close` reach a socket.

        Raises:
            ClosedPoolError: The pool was closed in the meantime.
        """
        self._sockets.add(weakref.ref(sock, self._sockets.discard))
        if self.closed:
            _shut_down(sock)
            raise _closed()

    def close(self) -> None:
        """Close every connection; attempts under way end."""
        self.closed = True
        self._closing.put(None)
        self.retire()
        self._slots.put(None)  # ends one of the attempts that wait for a connection; it ends the next
        for sock in self._open():
            _shut_down(sock)

    def wait(self, seconds: float) -> bool:
        """Wait until the pool is closed, but not longer than that; return whether it is."""
        try:
            self._closing.get(timeout=seconds)
            self._closing.put(None)  # for the next that waits
        except queue.Empty:
            pass
        return self.closed

    def retire(self) -> None:
        """Close what is idle, and whatever becomes idle; attempts under way go on."""
        self._retired = True
        _close_all(self._idle)

    def forget(self) -> None:
        """Drop the connections of the parent process in a forked child, without a byte on the wire.

        No lock is taken: another thread may have held it at the fork, and then it is held for ever.
        """
        for sock in self._open():
            with contextlib.suppress(OSError):
                os.close(sock.detach())
        self._idle.clear()

    def _open(self) -> list[Any]:
        sockets = [reference() for reference in list(self._sockets)]
        return [sock for sock in sockets if sock is not None]


#: What an error of urllib3 names as its pool.
_NAMED: Any = "ConnectionPool"


def _closed() -> ClosedPoolError:
    return ClosedPoolError(_NAMED, "the client was closed")


def _close_all(idle: list[tuple[float, Any]]) -> None:
    while idle:
        with contextlib.suppress(IndexError):  # another thread was first
            idle.pop()[1].close()


def _shut_down(sock: Any) -> None:
    """Wake the thread that reads."""
    # A TLS socket's own method changes more than the socket, see `relied_on`; the second class may be gevent's.
    bare = next((kind for kind in (_socket.socket, socket.socket) if isinstance(sock, kind)), type(sock))
    with contextlib.suppress(OSError):  # it may be closed already
        bare.shutdown(sock, socket.SHUT_RDWR)
