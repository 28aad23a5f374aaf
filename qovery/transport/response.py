"""What an attempt received, as a value: reads the body up to the cap, and the headers that matter for retries."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING

from urllib3.exceptions import ConnectTimeoutError, InvalidHeader
from urllib3.util import Retry

from qovery.origins import forget_frames
from qovery.retry import Outcome, is_unconfirmed
from qovery.transport.attempt import Attempt
from qovery.transport.failures import TooLargeError
from qovery.transport.messages import RawResponse, Response

if TYPE_CHECKING:
    from qovery.transport.attempt_pool import AttemptPool

_RETRY_AFTER = Retry()
_RETRY_AFTER.retry_after_max = sys.maxsize  # the deadline decides what is too long

#: How much of a body is read at once, in bytes, where its length is not known.
_SLICE = 64 * 1024


def receive(raw: RawResponse, attempt: Attempt, pool: AttemptPool) -> Response:
    """The response as a value; its body is read unless the caller asked for it unread.

    Raises:
        TooLargeError: The body is larger than the request allows.
    """
    request, status = attempt.request, raw.status
    response = Response()
    response.status, response.reason, response.headers = status, raw.reason, raw.headers
    response.outcome = Outcome(status, retry_after=_retry_after(raw) if status >= 300 else None)
    if not request.read:
        weakref.finalize(raw, pool.abandon).atexit = False  # however the caller lets go of it
        response.raw, response.hand_over = raw, attempt.hand_over
    else:
        length, limit = raw.length_remaining, request.max_response_size
        if length is None or length > limit or "content-encoding" in raw.headers:
            response.data = _read_slices(raw, limit)
        else:
            response.data = raw.read()
        if hasattr(raw, "release_conn"):  # not every recorder's has it
            raw.release_conn()
        if pool.held is not None:
            pool.abandon()
    if raw.retries and raw.retries.history:  # by a caller's own policy
        for past in raw.retries.history:
            forget_frames(past.error)
        response.unconfirmed = any(
            is_unconfirmed(request.operation, Outcome(past.status, not isinstance(past.error, ConnectTimeoutError)))
            for past in raw.retries.history
        )
    return response


def _read_slices(raw: RawResponse, limit: int) -> bytes:
    """In slices: a body of tiny chunks, read at once, takes many times its size."""
    data = bytearray()
    while (raw.length_remaining or 0) <= limit and len(data) <= limit:
        part = raw.read(_SLICE)
        if not part:
            return bytes(data)
        data += part
    raw.close()
    raise TooLargeError(f"the response is larger than max_response_size, {limit} bytes")


def _retry_after(raw: RawResponse) -> float | None:
    try:
        return _RETRY_AFTER.get_retry_after(raw)
    except (InvalidHeader, ValueError, OverflowError):
        return None
