"""`DeadlineReader`: reads a response from a socket, and knows whether bytes are missing. Does not parse it."""

from __future__ import annotations

import functools
import io
import math
import socket
from typing import TYPE_CHECKING, Any

from qovery.transport.failures import TooLargeError

if TYPE_CHECKING:
    from qovery.transport.attempt import Attempt

#: The largest head of a response in bytes, including all interim responses before it.
MAX_HEAD = 256 * 1024

_no_timeout = functools.partial(int, -1)


class DeadlineReader(io.RawIOBase):
    """Reads a socket within the time and size limits of an attempt, even if each read returns little.

    Attributes:
        attempt: The attempt.
        ended: Whether the server has closed the connection.
        room: How many bytes the response may still have.
        left: How many bytes of the response are still to be received; not 0 if that is not known.
        paused: Whether reads return nothing, so that only buffered bytes can be read.
    """

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", 0)  # keeps the socket open until the response is read
        self._timeout = getattr(sock, "gettimeout", _no_timeout)  # fake sockets may have only a file
        self._receive: Any = getattr(sock, "recv_into", self._raw.readinto)
        self.attempt = attempt
        self.ended = False
        self.room = MAX_HEAD
        self.left = 1
        self.paused = False

    def makefile(self, *_: Any) -> io.BufferedReader:
        """Return the buffered reader that `http.client` requests from a socket."""
        return io.BufferedReader(self)

    readable = staticmethod(functools.partial(bool, True))  # no Python frame: it is called for each response

    def readinto(self, buffer: Any) -> int | None:
        """Read the available bytes into `buffer`."""
        if self.paused:
            return 0
        limit = self.attempt.remaining()
        if self._timeout() != limit:  # each change is a system call
            self._sock.settimeout(limit)
        count: int = self._receive(buffer)
        self.ended = count == 0
        self.room -= count
        self.left -= count
        if self.room < 0 and self.attempt.until < math.inf:  # else the caller reads, without a limit
            raise TooLargeError("the response exceeds the size limit of its head, or of a body of max_response_size")
        return count

    def close(self) -> None:
        """Release the socket."""
        self._raw.close()
        super().close()
