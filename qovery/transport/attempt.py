"""`Attempt`: the state of one attempt at a request. Only the attempt and its connection use it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qovery.transport.messages import Request


#: The longest timeout in seconds that every underlying library accepts.
LONGEST = 1e6


class Attempt:
    """One attempt at a request, and the time limit of its next socket operation.

    Attributes:
        request: The request.
        sends: How many times the request may have been sent: more than once under a caller's own `Retry`.
        observed: Whether our own code connected or sent, so that `sends` is accurate; a fake may bypass it.
        until: When the current phase (connecting, sending or reading) must end, by `time.monotonic`.
        stall: The seconds that one socket operation of the phase may take.
    """

    __slots__ = ("observed", "request", "sends", "stall", "until")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sends = 0
        self.observed = False
        self.until = request.deadline
        self.stall = math.inf

    def start_connecting(self) -> None:
        """Start the connect timeout, which covers name lookup, proxy and TLS handshake together."""
        self.observed = True
        self.until = min(self.request.deadline, time.monotonic() + self.request.connect_timeout)
        self.stall = math.inf

    @property
    def sent(self) -> bool:
        """Whether the request may have reached the service: False only if our own code proves that it did not."""
        return self.sends > 0 or not self.observed

    def hand_over(self) -> None:
        """Let the caller read the body: from now on only the read timeout applies, to each read."""
        self.until = math.inf
        self.request = None  # type: ignore[assignment] # the caller's response refers to this

    def remaining(self) -> float:
        """Return the seconds that the next socket operation may take.

        Raises:
            TimeoutError: No time is left.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, self.stall, LONGEST)
