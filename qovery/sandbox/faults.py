"""Fault injection: which requests fail, how, and how often. Independent of HTTP."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from qovery.exceptions import ApiValueError
from qovery.sandbox.operations import NAMES
from qovery.sandbox.store import RejectedError

Kind = Literal["status", "drop_reply", "reset"]


@dataclass
class Fault:
    """A fault to inject into the next `times` requests of an operation.

    Attributes:
        operation: The name of an operation, or `"*"` for all.
        kind: `status` responds with `status` and does not apply the request; `drop_reply` applies it and closes
            the connection without a response; `reset` resets the connection and does not apply it.
        times: How many requests; None for every request.
        status: The status of the response.
        retry_after: The seconds in its `Retry-After` header; None leaves the header out.
    """

    operation: str
    kind: Kind
    times: int | None = 1
    status: int = 503
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.operation != "*" and self.operation not in NAMES:
            raise ApiValueError(f"operation must be '*' or one of {', '.join(sorted(NAMES))}, not {self.operation!r}")
        if self.times is not None and self.times < 1:
            raise ApiValueError(f"times must be at least 1, or None for every request, not {self.times}")
        if not 300 <= self.status <= 599:
            raise ApiValueError(f"status must be between 300 and 599, not {self.status}")


@dataclass
class Faults:
    """The active faults, the rate limit, and the permissions of tokens. Thread-safe."""

    delay: float = 0.0
    tokens: frozenset[str] | None = field(default=None, repr=False)
    _faults: list[Fault] = field(default_factory=list)
    _revoked: set[str] = field(default_factory=set, repr=False)
    _read_only: set[str] = field(default_factory=set, repr=False)
    _limit: tuple[int, float] | None = None
    _recent: deque[float] = field(default_factory=deque, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def take(self, operation: str) -> Fault | None:
        """Return the fault for this request, and count it as used once."""
        with self._lock:
            for fault in self._faults:
                if fault.operation in {operation, "*"}:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def set_limit(self, requests: int | None, per: float) -> None:
        """Accept `requests` requests in any `per` seconds; None removes the limit."""
        with self._lock:
            self._limit = None if requests is None else (requests, per)
            self._recent.clear()

    def admit(self, token: str) -> None:
        """Reject a request without a valid token, or beyond the rate limit."""
        if not token or token in self._revoked or not (self.tokens is None or token in self.tokens):
            raise RejectedError(401, "access token is missing or invalid")
        seconds = self._over_limit()
        if seconds is not None:
            raise RejectedError(429, "too many requests", seconds)

    def _over_limit(self) -> float | None:
        """Count a request. Return None if the rate limit accepts it, otherwise the seconds until it accepts one."""
        with self._lock:
            if self._limit is None:
                return None
            requests, per = self._limit
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - per:
                self._recent.popleft()
            if len(self._recent) >= requests:
                return self._recent[0] + per - now if self._recent else per
            self._recent.append(now)
            return None

    def revoke(self, token: str) -> None:
        with self._lock:
            self._revoked.add(token)

    def make_read_only(self, token: str) -> None:
        with self._lock:
            self._read_only.add(token)

    def may_write(self, token: str) -> bool:
        return token not in self._read_only
