"""The decisions of `retry`, as a table; nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import retry
from qovery.api.environment_secret_api import CREATE, CREATE_ALIAS, CREATE_OVERRIDE, DELETE, EDIT, LIST
from qovery.operation import Operation
from qovery.retry import Outcome

IDEMPOTENT = (LIST, EDIT, DELETE)
OTHERS = (CREATE, CREATE_ALIAS, CREATE_OVERRIDE)

# outcome, retried if idempotent, retried if not, outcome of a write is unknown
TABLE = [
    (Outcome(sent=False), True, True, False),
    (Outcome(sent=True), True, False, True),
    (Outcome(425), True, True, False),
    (Outcome(429), True, True, False),
    (Outcome(503), True, True, False),
    (Outcome(408), True, False, True),
    (Outcome(500), True, False, True),
    (Outcome(502), True, False, True),
    (Outcome(504), True, False, True),
    (Outcome(501), False, False, False),
    (Outcome(520), False, False, True),
    (Outcome(200), False, False, False),
    (Outcome(301), False, False, False),
    (Outcome(400), False, False, False),
    (Outcome(401), False, False, False),
    (Outcome(404), False, False, False),
    (Outcome(409), False, False, False),
    (Outcome(sent=False, final=True), False, False, False),
]


@pytest.mark.parametrize(("outcome", "safe", "unsafe", "unknown"), TABLE, ids=lambda value: str(value))
@pytest.mark.parametrize("operation", [*IDEMPOTENT, *OTHERS], ids=lambda operation: operation.name)
def test_next_delay__row(operation: Operation[Any], outcome: Outcome, safe: bool, unsafe: bool, unknown: bool) -> None:
    """Each outcome is retried or not, and leaves the outcome of a write known or unknown."""
    retried = retry.next_delay(operation, outcome, attempt=1, max_retries=3, left=60) is not None
    assert retried == (safe if operation in IDEMPOTENT else unsafe)
    assert retry.is_outcome_unknown(operation, outcome) == (unknown and operation is not LIST)


def test_next_delay__is_bounded_by_the_attempt() -> None:
    """A delay is random below a bound that doubles, up to a cap."""
    for attempt in range(1, 12):
        seconds = [retry.next_delay(LIST, Outcome(503), attempt, max_retries=99, left=60) for _ in range(50)]
        limit = min(retry.BACKOFF_CAP, retry.BACKOFF_BASE * 2 ** (attempt - 1))
        assert all(second is not None and 0 <= second <= limit for second in seconds)
        assert len(set(seconds)) > 1


def test_next_delay__upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff is exponential: the bound of the jitter doubles from 0.25 to 8 seconds."""
    monkeypatch.setattr(retry, "BACKOFF_BASE", 0.25)
    monkeypatch.setattr("random.uniform", lambda low, high: (low, high)[1])
    longest = [retry.next_delay(LIST, Outcome(503), attempt, 9, 60) for attempt in range(1, 8)]
    assert longest == [0.25, 0.5, 1, 2, 4, 8, 8]


def test_next_delay__number_of_retries() -> None:
    """At most max_retries attempts follow the first."""
    assert retry.next_delay(LIST, Outcome(503), attempt=3, max_retries=3, left=60) is not None
    assert retry.next_delay(LIST, Outcome(503), attempt=4, max_retries=3, left=60) is None
    assert retry.next_delay(LIST, Outcome(503), attempt=1, max_retries=0, left=60) is None


@pytest.mark.parametrize(
    ("asked", "left", "most"), [(5, 60, 5.25), (0, 60, 0.25), (59.9, 60, 60), (60, 60, None), (1e6, 60, None)]
)
def test_next_delay__retry_after(asked: float, left: float, most: float | None) -> None:
    """A `Retry-After` is honoured with a little jitter if the deadline allows it; otherwise the call ends."""
    delays = [retry.next_delay(CREATE, Outcome(429, retry_after=asked), 1, 3, left) for _ in range(50)]
    if most is None:
        assert set(delays) == {None}
    else:
        assert len(set(delays)) > 1
        assert all(delay is not None and asked <= delay <= most for delay in delays)


@pytest.mark.parametrize(
    ("operation", "status", "outcome_unknown", "success"),
    [
        (LIST, 200, False, True),
        (CREATE, 299, False, True),
        (DELETE, 404, False, False),
        (DELETE, 404, True, True),
        (EDIT, 404, True, False),
        (LIST, 199, False, False),
        (CREATE, 300, False, False),
    ],
)
def test_is_success__row(operation: Operation[Any], status: int, outcome_unknown: bool, success: bool) -> None:
    """A 2xx is a success, and so is a 404 for a delete after a lost response."""
    assert retry.is_success(operation, status, outcome_unknown) == success
