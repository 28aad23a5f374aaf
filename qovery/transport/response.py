"""Read a response into a value: the body up to the size limit, and the headers that affect retries."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING

from urllib3.exceptions import ConnectTimeoutError, DecodeError, InvalidHeader
from urllib3.util import Retry

from qovery.origins import forget_frames, raise_from_signal_handler
from qovery.retry import Outcome, is_outcome_unknown
from qovery.transport.attempt import Attempt
from qovery.transport.failures import TooLargeError
from qovery.transport.messages import RawResponse, Response
from qovery.transport.policy import CallersPolicy

if TYPE_CHECKING:
    from qovery.transport.attempt_pool import AttemptPool

_RETRY_AFTER = Retry()
_RETRY_AFTER.retry_after_max = sys.maxsize  # the deadline limits it instead

#: The bytes to read at a time from a body of unknown size.
_SLICE = 64 * 1024


def receive(raw: RawResponse, attempt: Attempt, pool: AttemptPool) -> Response:
    """Return the response as a value. Its body is read unless the caller asked for it unread.

    Raises:
        TooLargeError: The body is larger than the request allows.
    """
    request, status = attempt.request, raw.status
    response = Response()
    response.status, response.reason, response.headers = status, raw.reason, raw.headers
    response.outcome = Outcome(status, retry_after=_retry_after(raw) if status >= 300 else None)
    if not request.read:
        weakref.finalize(raw, pool.abandon).atexit = False  # when the caller drops it, read or not
        if isinstance(raw.retries, CallersPolicy):
            raw.retries = raw.retries.policy
        response.raw, response.hand_over = raw, attempt.hand_over
    else:
        length, limit = raw.length_remaining, request.max_response_size
        if length is None or length > limit or "content-encoding" in raw.headers:
            response.data = _read_slices(raw, limit)
        else:
            response.data = raw.read()
        if not response.data and status != 204:  # or loaded already, by a fake
            response.data = getattr(raw, "data", b"")
            if len(response.data) > limit:
                raise _too_large(limit)
        if hasattr(raw, "release_conn"):  # responses of some recorders lack it
            raw.release_conn()
        if pool.held is not None:
            pool.abandon()
    if raw.retries and raw.retries.history:  # retries of a caller's own `Retry`
        for past in raw.retries.history:
            forget_frames(past.error)
        response.outcome_unknown = any(
            is_outcome_unknown(request.operation, Outcome(past.status, not isinstance(past.error, ConnectTimeoutError)))
            for past in raw.retries.history
        )
    return response


def _read_slices(raw: RawResponse, limit: int) -> bytes:
    """Read a body in slices: if many tiny chunks are read in one call, they take several times their size in memory."""
    if "," in raw.headers.get("Content-Encoding", ""):  # a few KB may keep nested decoders busy for minutes
        raw.close()
        raise DecodeError("the response is compressed more than once, which is not supported")
    data = bytearray()
    while (raw.length_remaining or 0) <= limit and len(data) <= limit:
        part = raw.read(_SLICE)
        if not part:
            return bytes(data)
        data += part
    raw.close()
    raise _too_large(limit)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the response is larger than max_response_size ({limit} bytes)")


def _retry_after(raw: RawResponse) -> float | None:
    try:
        return _RETRY_AFTER.get_retry_after(raw)
    except (InvalidHeader, ValueError, OverflowError) as error:
        raise_from_signal_handler(error)
        return None
