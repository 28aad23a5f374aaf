"""`ConnectionPool`: tracks open and idle connections, and limits how many are in use. Sends nothing."""

from __future__ import annotations

import _socket
import contextlib
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

from qovery.origins import raise_from_signal_handler


class ConnectionPool:
    """The connections of one process on one route.

    Args:
        maxsize: The maximum number of connections in use.
        idle_timeout: Seconds after which an idle connection is closed instead of reused.
    """

    def __init__(self, maxsize: int, idle_timeout: float) -> None:
        self.closed = False
        #: The threads with a running attempt, each with an object that dies with it, even if it is interrupted.
        self.busy: dict[int, weakref.ref[set[None]]] = {}
        self._retired = False
        self._idle_timeout = idle_timeout
        # Reentrant, unlike other queues and locks: a nested call may use these at any moment. Looked up here, since a
        # monkey patch may replace the class after the import.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._closing: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(maxsize):
            self._slots.put(None)
        self._idle = _Idle()
        self._sockets: set[weakref.ref[Any]] = set()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, kind: Any, timeout: float, nested: bool, slot: list[None]) -> Any:
        """Take a slot, and return an idle connection, or None if the caller may open one.

        Args:
            kind: The class of the connection; an idle one of another class is closed.
            timeout: Seconds to wait while all connections are in use.
            nested: Whether the caller runs inside another attempt of its thread. It cannot wait for that one, so it may
                exceed `maxsize`.
            slot: Gets an entry, for `put`, if the connection counts towards `maxsize`.

        Raises:
            EmptyPoolError: All connections are in use, and none became free in time.
            ClosedPoolError: The pool is closed.
        """
        try:
            # From queue to list in one step, which an exception of a signal handler cannot interrupt.
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
            # Fakes replace the socket class or its `connect`, also for a client in use.
            sockets = socket.socket, getattr(socket.socket, "connect", None)
            usable = type(connection) is kind and getattr(connection, "made_with", None) in (None, sockets)
            age = time.monotonic() - since  # negative if a fake clock ran in the meantime
            if usable and 0 <= age < self._idle_timeout and not is_connection_dropped(connection):
                return connection
            connection.close()
        return None

    def _wait(self, timeout: float, slot: list[None]) -> None:
        try:
            slot.extend(map(self._slots.get, (True,), (timeout,)))
        except queue.Empty:
            raise EmptyPoolError(_NAMED, "all connections are in use") from None

    def put(self, connection: Any, slot: list[None]) -> None:
        """Return a connection to the pool, if one is given, and free the slot, if `slot` has an entry."""
        if connection is not None:
            now = time.monotonic()
            self._idle.append((now, connection))
            if self._retired:
                _close_all(self._idle)
            try:
                if not 0 <= now - self._idle[0][0] <= self._idle_timeout:
                    self._idle.pop(0)[1].close()
            except IndexError:  # another thread was first
                pass
        try:
            deque(map(self._slots.put, map(slot.pop, (0,))), 0)  # in one step, as in `take`
        except IndexError:  # there is no slot to free
            return

    @contextlib.contextmanager
    def nesting(self) -> Iterator[None]:
        """Treat calls of this thread as nested inside the block."""
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
        """Register a socket, so that `close` can shut it down.

        Raises:
            ClosedPoolError: The pool was closed in the meantime.
        """
        if sock is None:  # of a fake
            return
        self._sockets.add(weakref.ref(sock, self._sockets.discard))
        if self.closed:
            _shut_down(sock)
            raise _closed()

    def close(self) -> None:
        """Close all connections, and end running attempts."""
        self.closed = True
        self._closing.put(None)
        with contextlib.ExitStack() as steps:  # an error of one does not stop the others; the last is done first
            for sock in self._open():
                steps.callback(_shut_down, sock)
            steps.callback(self._slots.put, None)  # wakes one attempt that waits for a connection; it wakes the next
            steps.callback(self.retire)

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` until the pool is closed, and return whether it is."""
        try:
            self._closing.get(timeout=seconds)
            self._closing.put(None)  # for the next waiter
        except queue.Empty:
            pass
        return self.closed

    def retire(self) -> None:
        """Close idle connections, and others once they become idle. Running attempts continue."""
        self._retired = True
        _close_all(self._idle)

    def forget(self) -> None:
        """Drop the parent's connections in a forked child, without sending anything.

        Takes no lock: one that another thread held at the fork is never released.
        """
        for sock in self._open():
            with contextlib.suppress(OSError):
                os.close(sock.detach())
        self._idle.clear()

    def _open(self) -> list[Any]:
        sockets = [reference() for reference in list(self._sockets)]
        return [sock for sock in sockets if sock is not None]


class _Idle(list[tuple[float, Any]]):
    """Idle connections, each with the time since when it is idle."""

    def __del__(self) -> None:  # once the interpreter has run its exit handlers, `weakref.finalize` does nothing
        while self:
            self.pop()[1].close()


#: The name of the pool in urllib3's errors.
_NAMED: Any = "ConnectionPool"


def _closed() -> ClosedPoolError:
    return ClosedPoolError(_NAMED, "the client was closed")


def _close_all(idle: list[tuple[float, Any]]) -> None:
    with contextlib.ExitStack() as steps:  # an error of one does not stop the others
        while idle:
            with contextlib.suppress(IndexError):  # another thread was first
                steps.callback(idle.pop()[1].close)


def _shut_down(sock: Any) -> None:
    """Shut a socket down, which wakes the thread that reads it."""
    # A TLS socket's own method changes more than the socket, see `relied_on`; the second class may be gevent's.
    kinds = [kind for kind in (_socket.socket, socket.socket) if kind in type(sock).__mro__]
    shut_down = getattr(kinds[0], "shutdown", None) if kinds else None
    try:
        if shut_down is not None:
            shut_down(sock, socket.SHUT_RDWR)
        elif hasattr(sock, "shutdown"):  # eventlet's class lacks it, its instances have it; a fake may lack it
            sock.shutdown(socket.SHUT_RDWR)
    except OSError as error:  # it may be closed already
        raise_from_signal_handler(error)
