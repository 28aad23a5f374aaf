"""What may be repeated, and when: decided from the operation, the outcome and the time left. Sends nothing.

A request that certainly did not run is repeated whatever it is: it was never sent, or the service answered
425, 429 or 503. One that may have run (its answer was lost, or is 408, 500, 502 or 504) is repeated only if
running twice leaves what running once leaves: a list, an edit, a delete.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

from qovery.operation import Operation

#: The service has refused to run the request.
DID_NOT_RUN = frozenset({425, 429, 503})

#: The service, or a proxy before it, failed at a point that nobody knows.
MAY_HAVE_RUN = frozenset({408, 500, 502, 504})

#: The first pause is at most this long, in seconds; each one after it may be twice as long.
BACKOFF_BASE = 0.25
BACKOFF_LIMIT = 8.0


class Outcome(NamedTuple):
    """What became of one attempt.

    Attributes:
        status: The status of the answer; None if no complete answer came.
        sent: Whether any part of the request may have reached the service.
        retry_after: The seconds that the service asked to wait.
        final: Whether another attempt can only fail in the same way.
    """

    status: int | None = None
    sent: bool = True
    retry_after: float | None = None
    final: bool = False


def may_have_run(operation: Operation[Any], outcome: Outcome) -> bool:
    """Whether the service may have applied a change that it did not confirm."""
    if outcome.status is None:
        return operation.writes and outcome.sent
    unconfirmed = outcome.status in MAY_HAVE_RUN or (outcome.status >= 500 and outcome.status not in {501, 503})
    return operation.writes and unconfirmed


def pause(operation: Operation[Any], outcome: Outcome, attempt: int, repeats: int, left: float) -> float | None:
    """The seconds to wait before the next attempt, or None to end the call with this outcome.

    Args:
        operation: What was tried.
        outcome: What became of it.
        attempt: How many attempts there were, this one included.
        repeats: How many attempts may follow the first.
        left: The seconds that the call still has.
    """
    if attempt > repeats or outcome.final:
        return None
    if outcome.status is None:
        safe = operation.repeatable or not outcome.sent
    else:
        safe = outcome.status in DID_NOT_RUN or (outcome.status in MAY_HAVE_RUN and operation.repeatable)
    if not safe:
        return None
    seconds = outcome.retry_after
    if seconds is None:  # full jitter
        seconds = random.uniform(0, min(BACKOFF_LIMIT, BACKOFF_BASE * 2 ** (attempt - 1)))  # noqa: S311 - no secret
    return seconds if seconds < left else None


def is_success(operation: Operation[Any], status: int, unconfirmed: bool) -> bool:
    """Whether an answer means that the operation has done its work.

    `unconfirmed` says that an earlier attempt may have run: a delete that then finds nothing has succeeded.
    """
    return 200 <= status <= 299 or (status == 404 and unconfirmed and operation.method == "DELETE")
