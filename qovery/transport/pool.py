"""`ConnectionPool`: which connections are open, which of them are idle, and how many there may be. Sends nothing."""

from __future__ import annotations

import _socket
import contextlib
import os
import queue
import socket
import threading
import time
import weakref
from typing import Any

from urllib3.exceptions import ClosedPoolError, EmptyPoolError
from urllib3.util.connection import is_connection_dropped


class ConnectionPool:
    """The connections of one process on one route.

    Args:
        maxsize: How many may be in use at once.
        idle_timeout: Seconds after which an idle one is closed instead of being used again.
    """

    def __init__(self, maxsize: int, idle_timeout: float) -> None:
        self.closed = threading.Event()
        self.busy: set[int] = set()  # the threads in an attempt
        self._retired = False
        self._idle_timeout = idle_timeout
        # Looked up here, since a monkey patch may replace it after the import.
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(maxsize):
            self._slots.put(None)
        self._idle: list[tuple[float, Any]] = []  # since when, and the connection
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def take(self, kind: Any, timeout: float, nested: bool) -> tuple[Any, bool]:
        """An idle connection of that class, or None if the caller may open one; and whether to `free` it afterwards.

        Args:
            kind: The class; an idle connection of another one is closed.
            timeout: Seconds to wait while all connections are in use.
            nested: Whether the caller is inside another attempt of its thread, for which it cannot wait: it may
                open a connection beyond the bound.

        Raises:
            EmptyPoolError: All connections are in use, and none came back in time.
            ClosedPoolError: The pool is closed.
        """
        counted = True
        try:
            self._slots.get_nowait()
        except queue.Empty:
            if nested:
                counted = False
            else:
                self._wait(timeout)
        if self.closed.is_set():
            if counted:
                self.free()
            raise _closed()
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread was first
                break
            fresh = time.monotonic() - since < self._idle_timeout
            if fresh and isinstance(connection, kind) and not is_connection_dropped(connection):
                return connection, counted
            connection.close()
        return None, counted

    def _wait(self, timeout: float) -> None:
        try:
            self._slots.get(timeout=timeout)
        except queue.Empty:
            raise EmptyPoolError(_NAMED, "all connections are in use") from None

    def put(self, connection: Any, counted: bool) -> None:
        """Keep a connection, if one is given, and where it was counted let another attempt use one."""
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
        if counted:
            self._slots.put(None)

    def free(self) -> None:
        """Let another attempt use a connection."""
        self._slots.put(None)

    def opened(self, sock: Any) -> None:
        """Let `close` reach a socket.

        Raises:
            ClosedPoolError: The pool was closed in the meantime.
        """
        with self._lock:
            self._sockets.add(sock)
        if self.closed.is_set():
            _shut_down(sock)
            raise _closed()

    def close(self) -> None:
        """Close every connection; attempts under way end."""
        self.closed.set()
        self.retire()
        self.free()  # ends one of the attempts that wait for a connection; it ends the next
        with self._lock:
            for sock in self._sockets:
                _shut_down(sock)

    def retire(self) -> None:
        """Close what is idle, and whatever becomes idle; attempts under way go on."""
        self._retired = True
        _close_all(self._idle)

    def forget(self) -> None:
        """Drop the connections of the parent process in a forked child, without a byte on the wire.

        No lock is taken: another thread may have held it at the fork, and then it is held for ever.
        """
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                os.close(sock.detach())
        self._idle.clear()


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
    with contextlib.suppress(OSError):  # it may be closed already
        if isinstance(sock, _socket.socket):
            _socket.socket.shutdown(sock, socket.SHUT_RDWR)  # a TLS socket's own method changes more than the socket
        else:
            sock.shutdown(socket.SHUT_RDWR)
