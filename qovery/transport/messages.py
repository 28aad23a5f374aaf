"""The values that cross the transport's boundary: a request, and the response or failure of one attempt."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import urllib3

from qovery.exceptions import ApiException, LibraryError
from qovery.operation import Operation
from qovery.redaction.sealing import mask_of
from qovery.retry import Outcome

#: The response that a `_without_preload_content` method returns.
RawResponse = urllib3.BaseHTTPResponse

#: The most characters that an error keeps of all headers together.
_HEADERS_KEPT = 64 * 1024


class Request(NamedTuple):
    """One HTTP request.

    Attributes:
        operation: The operation that it belongs to.
        target: The path, with a query if there is one.
        headers: All headers.
        body: The body, or None.
        connect_timeout, read_timeout: Seconds, for each attempt.
        total_timeout: Seconds, for the whole call.
        deadline: When the call must end, by `time.monotonic`.
        max_response_size: The largest body that is read, in bytes after decompression.
        read: Whether the body is read; if not, the caller reads or closes `Response.raw`.
        secrets: Functions that return the secrets of the request, which no text may show.
    """

    operation: Operation[Any]
    target: str
    headers: dict[str, str]
    body: bytes | None
    connect_timeout: float
    read_timeout: float
    total_timeout: float
    deadline: float
    max_response_size: int
    read: bool
    secrets: list[Callable[[], Iterable[str]]]

    @property
    def mask(self) -> Callable[[str], str]:
        """The mask that removes the request's secrets from external text."""
        return mask_of(self.secrets, self.deadline)


class Response:
    """A response.

    `outcome_unknown` says that an earlier attempt may have applied a change without a response. Call `hand_over` to let
    the caller read `raw` without a deadline.
    """

    status: int
    reason: str | None
    headers: Mapping[str, str]
    outcome: Outcome
    data = b""
    raw: RawResponse | None = None  # None once it is read
    hand_over: Callable[[], None] | None = None
    attempts = 1
    outcome_unknown = False

    def discard(self) -> None:
        """Close an unread body before another attempt, since reading it could take until the deadline."""
        if self.raw is not None:
            self.raw.close()


class Failure:
    """A failed attempt: the error to raise, and the text of its cause, not masked yet.

    `raw` is the response, if its body could not be read.
    """

    outcome_unknown = False  # in addition to what the outcome says

    def __init__(
        self,
        error: type[ApiException],
        reason: str,
        outcome: Outcome,
        cause: str = "",
        raw: RawResponse | None = None,
    ) -> None:
        self.error = error
        self.reason = reason
        self.outcome = outcome
        self.cause = cause
        self.raw = raw

    def exception(self, request: Request, attempts: int, outcome_unknown: bool) -> ApiException:
        """Return the error to raise."""
        mask = request.mask
        exception = self.error(
            status=self.raw.status if self.raw else None,
            reason=mask(self.reason),
            headers=mask_headers(self.raw.headers, mask) if self.raw else None,
            operation=request.operation.name,
            attempts=attempts,
            outcome_unknown=outcome_unknown,
        )
        if self.cause:
            exception.__cause__ = LibraryError(mask(self.cause))
        return exception

    def discard(self) -> None:
        """Do nothing: there is no response to close."""


def mask_headers(headers: Mapping[str, str], mask: Callable[[str], str]) -> Mapping[str, str]:
    """Return the headers with `mask` applied to names and values. Lookup stays case-insensitive.

    Headers that do not fit into a total of 64 KiB are left out.
    """
    left, kept = _HEADERS_KEPT, []
    for name, value in headers.items():
        size = len(name) + len(value)
        if size <= left:
            left -= size
            kept.append((mask(name), mask(value)))
    return urllib3.HTTPHeaderDict(kept)
