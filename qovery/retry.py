"""The retry policy: decides from the operation, the outcome and the time left. Sends nothing.

A request that certainly did not run is retried: it was never sent, or the service responded with 425, 429 or 503. A
request that may have run (its response was lost, or is 408, 500, 502 or 504) is retried only if the operation is
idempotent: a list, an edit, a delete. Retries use exponential backoff with full jitter.
"""

import random
from typing import Any, NamedTuple

from qovery.operation import Operation

#: The service ran the request.
DONE = range(200, 300)

#: The service did not run the request.
DID_NOT_RUN = frozenset({425, 429, 503})

#: The service, or a proxy in front of it, failed, and may have run the request before.
MAY_HAVE_RUN = frozenset({408, 500, 502, 504})

#: The bound of the first random delay, in seconds; it doubles with each retry, up to the cap.
BACKOFF_BASE = 0.25
BACKOFF_CAP = 8.0


class Outcome(NamedTuple):
    """The result of one attempt, as far as retries are concerned.

    Attributes:
        status: The status of the response; None if no complete response arrived.
        sent: Whether any part of the request may have reached the service.
        retry_after: The seconds that the service asked the client to wait.
        final: Whether a retry would fail in the same way.
    """

    status: int | None = None
    sent: bool = True
    retry_after: float | None = None
    final: bool = False


def is_outcome_unknown(operation: Operation[Any], outcome: Outcome) -> bool:
    """Whether the service may have applied a change that it did not confirm."""
    if outcome.status is None:
        return operation.writes and outcome.sent
    outcome_unknown = outcome.status == 408 or (outcome.status >= 500 and outcome.status not in {501, 503})
    return operation.writes and outcome_unknown


def next_delay(
    operation: Operation[Any], outcome: Outcome, attempt: int, max_retries: int, left: float
) -> float | None:
    """The seconds to wait before the next attempt, or None to end the call with this outcome.

    Args:
        operation: The operation.
        outcome: The result of the last attempt.
        attempt: The number of attempts so far.
        max_retries: How many attempts may follow the first.
        left: The seconds until the deadline.
    """
    if attempt > max_retries or outcome.final:
        return None
    if outcome.status is None:
        safe = operation.idempotent or not outcome.sent
    else:
        safe = outcome.status in DID_NOT_RUN or (outcome.status in MAY_HAVE_RUN and operation.idempotent)
    if not safe:
        return None
    asked = outcome.retry_after
    if asked is None:
        delay = random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2 ** (attempt - 1)))  # noqa: S311 - no secret
    else:  # a minimum; the jitter on top keeps many clients from retrying at the same time
        delay = asked + random.uniform(0, min(BACKOFF_BASE, max(left - asked, 0) / 2))  # noqa: S311 - no secret
    return delay if delay < left else None


def is_success(operation: Operation[Any], status: int, outcome_unknown: bool) -> bool:
    """Whether a response means that the operation succeeded.

    `outcome_unknown` says that an earlier attempt may have run: a delete that then finds nothing has succeeded.
    """
    return status in DONE or (status == 404 and outcome_unknown and operation.method == "DELETE")
