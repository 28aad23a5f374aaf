"""The values that cross the transport's boundary: a request, and what one attempt at it came to."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import urllib3

from qovery.exceptions import ApiException, LibraryError
from qovery.operation import Operation
from qovery.retry import Outcome

if TYPE_CHECKING:
    from qovery.redaction.text_mask import TextMask

#: The response that a `_without_preload_content` method returns.
RawResponse = urllib3.BaseHTTPResponse

#: The characters that an error keeps of all headers together.
_HEADERS_KEPT = 64 * 1024


class Request(NamedTuple):
    """One HTTP request.

    Attributes:
        operation: The operation that it is for.
        target: The path and what follows it.
        headers: All headers.
        body: The body, or None.
        connect_timeout, read_timeout: Seconds, for each attempt.
        total_timeout: Seconds, for the whole call.
        deadline: When the call must end, by `time.monotonic`.
        max_response_size: The largest body that is read, in bytes after decompression.
        read: Whether the body is read; if not, the caller reads or closes `Response.raw`.
        secrets: What returns everything in the request that no text may show.
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
    def mask(self) -> "TextMask":
        """What takes the request's secrets out of a text from outside."""
        from qovery.redaction.text_mask import TextMask  # for errors alone

        return TextMask(chain.from_iterable(part() for part in self.secrets), self.deadline)


class Response:
    """A response.

    `unconfirmed` says that an earlier attempt may have applied a change without a response, `hand_over` that the
    caller reads `raw` from now on, without a deadline.
    """

    status: int
    reason: str | None
    headers: Mapping[str, str]
    outcome: Outcome
    data = b""
    raw: RawResponse | None = None  # None once it is read
    hand_over: Callable[[], None] | None = None
    attempts = 1
    unconfirmed = False

    def discard(self) -> None:
        """Let go of an unread body before another attempt: reading it could take until the deadline."""
        if self.raw is not None:
            self.raw.close()


class Failure:
    """Why there is no response: the error to raise and the text, not yet masked, of what caused it.

    `raw` is the response whose body could not be read.
    """

    unconfirmed = False  # beyond what the outcome says

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

    def exception(self, request: Request, attempts: int, unconfirmed: bool) -> ApiException:
        """The error to raise."""
        mask = request.mask
        exception = self.error(
            status=self.raw.status if self.raw else None,
            reason=mask(self.reason),
            headers=mask_headers(self.raw.headers, mask) if self.raw else None,
            operation=request.operation.name,
            attempts=attempts,
            outcome_unknown=unconfirmed,
        )
        if self.cause:
            exception.__cause__ = LibraryError(mask(self.cause))
        return exception

    def discard(self) -> None:
        """There is no connection to let go of."""


def mask_headers(headers: Mapping[str, str], mask: Callable[[str], str]) -> Mapping[str, str]:
    """The headers with `mask` applied to names and values; names are still found in any case.

    Headers that do not fit into 64 KiB, all together, are left out.
    """
    left, kept = _HEADERS_KEPT, []
    for name, value in headers.items():
        size = len(name) + len(value)
        if size <= left:
            left -= size
            kept.append((mask(name), mask(value)))
    return urllib3.HTTPHeaderDict(kept)
