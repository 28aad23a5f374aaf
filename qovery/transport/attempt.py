"""`Attempt`: what one attempt at a request knows. Only the attempt and its connection reach it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qovery.transport.messages import Request


#: The seconds that the libraries below can wait for at most, all of them.
LONGEST = 1e6


class Attempt:
    """One attempt at a request, and the time that its next operation may take.

    Attributes:
        request: The request.
        sends: How many times the request may have reached the wire: more than once under a caller's own `Retry`.
        observed: Whether our own code has connected or sent, so that `sends` is right; a fake may bypass it.
        response: The response as soon as its head is read, even if a log handler fails after that.
        until: When the present phase must end, by `time.monotonic`: connecting, sending or reading.
        stall: The seconds that one operation of the phase may take.
    """

    __slots__ = ("observed", "request", "response", "sends", "stall", "until")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sends = 0
        self.observed = False
        self.response: Any = None
        self.until = request.deadline
        self.stall = math.inf

    def start_connecting(self) -> None:
        """From now on name look-up, proxy and TLS handshake together have the time to connect."""
        self.observed = True
        self.until = min(self.request.deadline, time.monotonic() + self.request.connect_timeout)
        self.stall = math.inf

    @property
    def sent(self) -> bool:
        """Whether the request may have reached the service, unless our own code proves that it did not."""
        return self.sends > 0 or not self.observed

    def hand_over(self) -> None:
        """From now on the caller reads, and each read has the time to read."""
        self.until = math.inf
        self.request = None  # type: ignore[assignment] # the response, which the caller keeps, leads here

    def remaining(self) -> float:
        """The seconds that the next operation on the socket may take.

        Raises:
            TimeoutError: There are none.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        return min(left, self.stall, LONGEST)
