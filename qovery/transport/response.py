"""What an attempt received, as a value: reads the body up to the cap, and the headers that matter for retries."""

from __future__ import annotations

import sys

from urllib3.exceptions import ConnectTimeoutError, InvalidHeader
from urllib3.util import Retry

from qovery.retry import Outcome, is_unconfirmed
from qovery.transport.attempt import Attempt
from qovery.transport.failures import TooLargeError
from qovery.transport.messages import RawResponse, Request, Response

_RETRY_AFTER = Retry()
_RETRY_AFTER.retry_after_max = sys.maxsize  # the deadline decides what is too long

#: How much of a body is read at once, in bytes, where its length is not known.
_SLICE = 64 * 1024


def response(request: Request, attempt: Attempt, raw: RawResponse, data: bytes) -> Response:
    """The value for a response whose body is `data`, or is left unread."""
    outcome = Outcome(raw.status, retry_after=_retry_after(raw) if raw.status >= 300 else None)
    received = Response(raw.status, raw.reason, raw.headers, data, None, outcome)
    if not request.read:
        received.raw, received.hand_over = raw, attempt.hand_over
    received.unconfirmed = any(
        is_unconfirmed(request.operation, Outcome(past.status, not isinstance(past.error, ConnectTimeoutError)))
        for past in (raw.retries.history if raw.retries else ())  # by a caller's own policy
    )
    return received


def read_body(raw: RawResponse, limit: int) -> bytes:
    """The body, decompressed.

    Raises:
        TooLargeError: It is larger than `limit` bytes.
    """
    length = raw.length_remaining
    if length is not None and length <= limit and "content-encoding" not in raw.headers:
        data = raw.read()
    else:
        data = b"" if length is not None and length > limit else _read_slices(raw, limit)
        if len(data) > limit or (length is not None and length > limit):
            raw.close()
            raise TooLargeError(f"the response is larger than max_response_size, {limit} bytes")
    raw.release_conn()
    return data


def _read_slices(raw: RawResponse, limit: int) -> bytes:
    """In slices: a body of tiny chunks, read at once, takes many times its size."""
    data = bytearray()
    while len(data) <= limit:
        part = raw.read(_SLICE)
        if not part:
            break
        data += part
    return bytes(data)


def _retry_after(raw: RawResponse) -> float | None:
    try:
        return _RETRY_AFTER.get_retry_after(raw)
    except (InvalidHeader, ValueError, OverflowError):
        return None
