"""`Pace`: how fast requests may be sent, learned from the service's rate limit. Sends nothing and never sleeps.

There is no limit until the service responds with 429. Then sending pauses, and continues at the rate at which the
service has accepted requests, pauses included. The rate grows until the next 429, which reduces it.
"""

from __future__ import annotations

import math
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

#: The first pause if the service does not say how long to wait, in seconds. A request follows to probe the limit;
#: each that is throttled too multiplies the pause by PAUSE_GROWTH.
FIRST_PAUSE = 0.05
PAUSE_GROWTH = 1.25
LONGEST_PAUSE = 8.0

#: The largest random addition to a pause that the service asked for, as a fraction of the pause.
JITTER = 0.05

#: The rate grows with the square of the seconds since the last pause, times this.
GROWTH = 0.015

#: The first rate, as a fraction of the rate at which the service has accepted requests.
CAUTION = 0.93

#: The rate after a throttled request, as a fraction of the rate before, unless the service has accepted more.
DECREASE = 0.9

#: How far back accepted requests count for the rate, in seconds.
MEMORY = 5.0

#: After this many seconds without a request, the service may accept a burst again.
IDLE = 1.0

#: How many seconds' worth of requests may be sent in a burst after a delay, to make up for it.
BURST = 0.1

#: The lowest rate, in requests per second.
MIN_RATE = 0.2

#: A request that probes the limit counts as lost after this many seconds, for example in a forked child.
PROBE_TIMEOUT = 60


class Pace:
    """The pace of all jobs of a client. Thread-safe.

    Args:
        clock: Returns the seconds since any moment.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate: float | None = None  # requests per second
        self._base = 0.0  # the rate after the last pause
        self._continued = 0.0  # when the last pause ended
        self._tokens = 1.0
        self._used = 0.0  # when a request was last allowed
        self._filled = 0.0  # when tokens were last added
        self._throttled = 0.0  # when the pace was last reduced
        self._resume = 0.0
        self._asked = 0.0
        self._jitter = 0.0
        self._pause = FIRST_PAUSE
        self._paused = False
        self._probing = False
        self._accepted = 0
        self._starts: deque[tuple[float, int]] = deque()  # when sending began or continued, and the requests accepted

    @property
    def rate(self) -> float | None:
        """The requests per second, or None as long as there is no limit."""
        return self._rate

    def take(self) -> float:
        """Return 0 if a request may be sent now, which is then counted. Otherwise return the seconds to wait."""
        with self._lock:
            now = self._clock()
            if now < self._resume:
                return self._resume - now
            if self._paused:
                if self._probing and now - self._used < PROBE_TIMEOUT:
                    return FIRST_PAUSE
                self._probing = True
                self._used = now
                return 0.0
            if now - self._used > IDLE or not self._starts:
                self._starts.clear()
                self._starts.append((now, self._accepted))
            if self._rate is not None:
                passed, self._filled = now - self._filled, now
                self._rate = self._base + GROWTH * (now - self._continued) ** 2
                self._tokens = min(self._tokens + passed * self._rate, max(1.0, BURST * self._rate))
                if self._tokens < 1:
                    return (1 - self._tokens) / self._rate
                self._tokens -= 1
            self._used = now
            return 0.0

    def accept(self, sent: float) -> None:
        """Count a request that the service did not throttle."""
        with self._lock:
            self._accepted += 1
            if self._probing and sent > self._throttled:
                self._continue()

    def throttle(self, sent: float, retry_after: float | None) -> None:
        """Slow down for a request that the service throttled.

        Args:
            sent: When it was sent, by the clock.
            retry_after: The seconds that the service asked the client to wait, if it did.
        """
        with self._lock:
            now = self._clock()
            if retry_after is not None:
                self._resume = max(self._resume, now + retry_after + self._jitter)
            if sent <= self._throttled:
                return
            self._throttled = now
            if retry_after is None:
                self._resume = max(self._resume, now + self._pause * random.uniform(0.8, 1))  # noqa: S311 - no secret
                self._pause = min(self._pause * PAUSE_GROWTH, LONGEST_PAUSE)
            else:
                self._asked = now + retry_after
                self._jitter = retry_after * random.uniform(0, JITTER)  # noqa: S311 - no secret
                self._resume = max(self._resume, self._asked + self._jitter)
            self._paused, self._probing = True, False

    def _continue(self) -> None:
        now = self._clock()
        self._paused = self._probing = False
        self._pause = FIRST_PAUSE
        while len(self._starts) > 1 and self._starts[0][0] < now - MEMORY:
            self._starts.popleft()
        then, accepted = self._starts[0]
        passed = now - then
        if self._rate is None and self._asked > self._throttled:
            # The service rounds Retry-After up, and limits are mostly for whole seconds.
            passed = max(math.floor(self._asked - then), self._throttled - then) / CAUTION
        rate = (self._accepted - accepted) / max(passed, 0.001)
        if self._rate is not None:
            rate = max(rate, self._rate * DECREASE)
        self._rate = self._base = max(rate, MIN_RATE)
        self._continued = now
        self._starts.append((now, self._accepted))
        self._filled = now
        self._tokens = 1.0


_paces: weakref.WeakKeyDictionary[object, Pace] = weakref.WeakKeyDictionary()


def pace_of(client: object) -> Pace:
    """Return the pace that all jobs of an `ApiClient` share."""
    return _paces.setdefault(client, Pace())
