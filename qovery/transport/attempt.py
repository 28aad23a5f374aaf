"""`Attempt`: what one attempt at a request knows. Only the attempt and its connection reach it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from qovery.redaction import TextMask

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import urllib3

    from qovery.configuration import Limits


class Attempt:
    """One attempt at a request.

    Attributes:
        mask: Takes the request's secrets out of a text from outside.
        sends: How many times the request may have reached the wire: more than once under a caller's own `Retry`.
        opened: Called with each socket that a connection of this attempt opens; raises if the client was closed.
        response: The response once its head was read, even if a log handler failed after it.
    """

    __slots__ = ("_connect", "_deadline", "_read", "_stall", "_until", "mask", "opened", "response", "sends")

    def __init__(
        self, limits: Limits, deadline: float, mask: TextMask, opened: Callable[[socket.socket | None], None]
    ) -> None:
        self._connect, self._read, _ = limits
        self._deadline = self._until = deadline
        self._stall = math.inf
        self.mask = mask
        self.opened = opened
        self.sends = 0
        self.response: urllib3.BaseHTTPResponse | None = None

    def start_connecting(self) -> None:
        """From now on name look-up, proxy and TLS handshake together have the time to connect."""
        self._until, self._stall = min(self._deadline, time.monotonic() + self._connect), math.inf

    def start_sending(self) -> None:
        """From now on only the deadline counts: a large body on a slow link takes its time."""
        self._until, self._stall = self._deadline, math.inf

    def start_reading(self) -> None:
        """From now on data must arrive within the time to read, and all of it before the deadline."""
        self._until, self._stall = self._deadline, self._read

    def hand_over(self) -> None:
        """From now on the caller reads, and each read has the time to read."""
        self._until = math.inf

    def remaining(self) -> float:
        """The seconds that the next operation on the socket may take."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        return min(left, self._stall)
