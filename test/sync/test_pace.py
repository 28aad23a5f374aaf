"""Client-side pacing against rate limits, in virtual time."""

from __future__ import annotations

import gc
import heapq
import itertools
import math
import random
import weakref
from collections import deque
from typing import Protocol

import pytest

from qovery import ApiClient, Configuration
from qovery.sync import pace as pace_module
from qovery.sync.pace import FIRST_PAUSE, MIN_RATE, PROBE_TIMEOUT, Pace, pace_of
from test.support import combinations


class Limit(Protocol):
    def ask(self, now: float) -> float | None:
        """Return None if a request is accepted, otherwise the seconds until the next one is."""


class SlidingWindow:
    """50 requests in any second."""

    def __init__(self) -> None:
        self.recent: deque[float] = deque()

    def ask(self, now: float) -> float | None:
        while self.recent and self.recent[0] <= now - 1:
            self.recent.popleft()
        if len(self.recent) >= 50:
            return self.recent[0] + 1 - now
        self.recent.append(now)
        return None


class TokenBucket:
    """50 requests per second, with a burst of 50."""

    tokens, filled = 50.0, 0.0

    def ask(self, now: float) -> float | None:
        self.tokens, self.filled = min(50, self.tokens + (now - self.filled) * 50), now
        if self.tokens < 1:
            return (1 - self.tokens) / 50
        self.tokens -= 1
        return None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def simulate(limit: Limit, workers: int, jobs: int, keys: int, retry_after: bool) -> tuple[float, int]:
    """Return the seconds until `jobs` jobs have sent `keys` requests each, and how many were throttled."""
    clock = Clock()
    pace = Pace(clock)
    waiting, busy, throttled, number = [keys] * jobs, [0] * jobs, 0, itertools.count()
    events: list[tuple[float, int, int, float | None, float | None]] = [
        (0.0, next(number), job, None, None) for job in range(jobs)
    ]
    while events:
        clock.now, _, job, sent, rejected = heapq.heappop(events)
        if sent is not None:
            busy[job] -= 1
            if rejected is None:
                pace.accept(sent)
            else:
                throttled += 1
                waiting[job] += 1
                pace.throttle(sent, math.ceil(rejected) if retry_after else None)
        while waiting[job] and busy[job] < workers:
            delay = pace.take()
            if delay:
                heapq.heappush(events, (clock.now + delay + 0.0001, next(number), job, None, None))
                break
            waiting[job] -= 1
            busy[job] += 1
            response = (clock.now + 0.02, next(number), job, clock.now, limit.ask(clock.now + 0.01))
            heapq.heappush(events, response)
    assert (sum(waiting), sum(busy)) == (0, 0)
    return clock.now, throttled


@pytest.mark.parametrize(
    ("load", "limit", "retry_after"),
    combinations([(8, 1), (32, 1), (64, 1), (8, 4)], [SlidingWindow, TokenBucket], [True, False]),
)
def test_pace__uses_the_limit(load: tuple[int, int], limit: type[Limit], retry_after: bool) -> None:
    """500 requests take at most 1.15 times the minimum under the limit, and few of them are throttled."""
    workers, jobs = load
    random.seed(0)
    seconds, throttled = simulate(limit(), workers, jobs, 500, retry_after)
    assert seconds <= 1.15 * 500 * jobs / 50
    assert throttled <= 2 * workers * jobs + 100


def test_pace__no_limit() -> None:
    """Without a 429 no request is delayed."""
    pace = Pace(Clock())
    assert {pace.take() for _ in range(10_000)} == {0.0}
    assert pace.rate is None


def test_pace__retry_after() -> None:
    """A 429 stops all requests for the seconds in `Retry-After`; then one request probes the limit."""
    clock = Clock()
    pace = Pace(clock)
    assert pace.take() == 0
    clock.now = 1.0
    pace.throttle(0.5, 7)
    assert 7 <= pace.take() <= 7 * (1 + pace_module.JITTER)
    clock.now += pace.take()
    assert pace.take() == 0
    assert pace.take() == FIRST_PAUSE
    pace.accept(clock.now)
    assert pace.rate is not None


def test_pace__longest_retry_after() -> None:
    """A later 429 of the same burst makes the delay longer, never shorter."""
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1.0
    pace.throttle(0.5, 2)
    pace.throttle(0.6, 60)
    pace.throttle(0.7, 1)
    assert pace.take() >= 60


def test_pace__backoff() -> None:
    """Without `Retry-After`, each throttled probe makes the next delay longer, up to a cap."""
    clock = Clock()
    pace = Pace(clock)
    pauses = []
    for _ in range(60):
        while delay := pace.take():
            clock.now += delay
        clock.now += 0.01
        pace.throttle(clock.now - 0.005, None)
        pauses.append(pace.take())
    assert pauses[0] < FIRST_PAUSE * 1.01
    assert 6 < pauses[-1] <= pace_module.LONGEST_PAUSE * 1.01


def test_pace__late_response() -> None:
    """A response to a request from before the 429 does not end the delay."""
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1.0
    pace.take()
    pace.throttle(0.9, 1)
    pace.accept(0.8)
    assert pace.take() >= 1


def test_pace__lost_probe() -> None:
    """If the outcome of a probe is never reported, another probe follows."""
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1.0
    pace.take()
    pace.throttle(0.9, 1)
    clock.now += 2
    assert pace.take() == 0
    clock.now += PROBE_TIMEOUT - 1
    assert pace.take() == FIRST_PAUSE
    clock.now += 1
    assert pace.take() == 0


def test_pace__lowest_rate() -> None:
    """The rate never falls to zero."""
    clock = Clock()
    pace = Pace(clock)
    clock.now = 1.0
    pace.take()
    clock.now = 1e6
    pace.throttle(clock.now - 1, 1)
    clock.now += 2
    pace.take()
    pace.accept(clock.now)
    assert pace.rate is not None
    assert pace.rate >= MIN_RATE


def test_pace_of__client() -> None:
    """Jobs of one client share a pace, other clients have their own, and a pace does not keep its client alive."""
    one, other = ApiClient(Configuration()), ApiClient(Configuration())
    assert pace_of(one) is pace_of(one)
    assert pace_of(one) is not pace_of(other)
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
