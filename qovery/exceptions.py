"""Every error that this package raises.

    OpenApiException
    ├── ApiTypeError                    also a TypeError: an argument of the wrong type
    ├── ApiValueError                   also a ValueError: an argument that cannot be used
    │   ├── ApiValidationError          also a pydantic.ValidationError: fields that do not fit a model
    │   └── DotenvError                 a `.env` file with mistakes, each with its line
    ├── ApiAttributeError               also an AttributeError: an attribute that does not exist
    ├── ApiKeyError                     also a KeyError: a name that does not exist
    ├── ApiImportError                  also an ImportError: a module that does not exist
    ├── MissingExtraError               also an ImportError: an extra of this package is not installed
    ├── SyncError                       planning and applying secrets in bulk
    │   ├── PlanHostError                   a plan for another host
    │   ├── PlanConflictError               a plan that cannot be applied as a whole
    │   ├── PlanChangedError                a plan whose environment has changed since
    │   ├── SkippedError                    an action of a plan that an apply did not attempt
    │   └── ApplyError                      also an ExceptionGroup (3.11): the failures of an apply
    └── ApiException                    a call that reached, or tried to reach, the service
        ├── BadRequestException             400
        ├── UnauthorizedException           401
        ├── ForbiddenException              403
        ├── NotFoundException               404
        ├── ConflictException               409
        ├── UnprocessableEntityException    422
        ├── TooManyRequestsException        429
        ├── ServiceException                5xx
        ├── ApiConnectionError          no response: `status` is None
        │   └── ApiTimeoutError         no response in time
        └── ApiDecodeError              a response that cannot be read

    KeyboardInterrupt
    └── ApplyInterrupted                Ctrl-C during an apply; carries the report

    UserWarning
    ├── InsecureWarning                 a setting under which secrets can be read in transit
    └── StateFileWarning                a state file that is ignored, or could not be written

All but ApiException, ApplyError, SkippedError and ApplyInterrupted are raised before anything is sent. `except
ApiException` is enough for everything that can happen to a call afterwards. Texts, bodies and headers are masked before
they get here; see `qovery.redaction`. All errors can be copied and pickled. The `args` of an ApiException, also from
JSON, make it again (Celery). Their text is one printable line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Self

from qovery.error_group import ErrorGroup as _ErrorGroup
from qovery.error_state import JsonArguments as _JsonArguments
from qovery.error_state import take as _take
from qovery.printable import printable as _printable

PathToItem = Sequence[str | int]


class OpenApiException(Exception):
    """The base of every error of this package."""


class _ArgumentError(OpenApiException):
    """The base of the errors about an argument: a text, and `path_to_item` if it applies."""

    def __init__(self, msg: str, path_to_item: PathToItem | None = None) -> None:
        self.path_to_item = path_to_item
        if path_to_item:
            msg = f"{msg} at {''.join(f'[{step!r}]' for step in path_to_item)}"
        super().__init__(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the text in quotes


class ApiTypeError(_ArgumentError, TypeError):
    """An argument has the wrong type."""


class ApiValueError(_ArgumentError, ValueError):
    """An argument has the right type but a value that cannot be used."""


class ApiAttributeError(_ArgumentError, AttributeError):
    """An attribute that does not exist was read or set."""


class ApiKeyError(_ArgumentError, KeyError):
    """A name that does not exist was looked up."""


class DotenvError(ApiValueError):
    """A `.env` file with mistakes.

    Attributes:
        problems: One pair for each mistake: the line, from 1, and what is wrong there. Never a value.
    """

    def __init__(self, name: str, problems: Sequence[tuple[int, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{name}:{line}: {problem}" for line, problem in problems))


class ApiImportError(OpenApiException, ImportError):
    """A module of an older client was imported, which does not exist here."""


class MissingExtraError(OpenApiException, ImportError):
    """A feature was used without its extra being installed."""


def _restore(cls: type[OpenApiException], args: tuple[Any, ...], state: dict[str, Any]) -> OpenApiException:
    """Rebuild an error without running a constructor that would compose its text a second time."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ApiException(OpenApiException):
    """A call that failed after it was accepted for sending.

    Attributes:
        status: The HTTP status, or None if no response arrived.
        reason: The reason phrase of the response, or what went wrong if no response arrived.
        body: The text of the response, masked, or None if none arrived or it is longer than 256 KiB.
        data: The JSON of the response, masked, or None if it was not JSON or `body` is None.
        headers: The headers of the response, masked, or None.
        operation: The name of the operation, for example `"create_environment_secret"`.
        attempts: The number of attempts.
        request_id: The id that the service gave to the request, or None.
        retry_after: The seconds that the service asked the client to wait, or None.
        outcome_unknown: True if the operation writes and the service may have applied it.
        args: Status, reason and the rest as a mapping, as JSON has them: the class called with them makes it again.
    """

    args: Any = _JsonArguments()
    _hint = ""  # what to do, added to the text

    def __init__(
        self,
        status: int | None = None,
        reason: str | None = None,
        http_resp: Any = None,
        *,
        body: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        operation: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__()
        self.status = status
        self.reason = reason
        self.body = body
        self.data = data
        self.headers = headers
        self.operation = operation
        self.attempts = attempts
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        _take(self, http_resp)

    @classmethod
    def from_response(cls, *, http_resp: Any, body: str | None, data: Any) -> Self:
        """Raise the class that belongs to the status of `http_resp`."""
        raise exception_class(http_resp.status)(http_resp=http_resp, body=body, data=data)

    @property
    def detail(self) -> str | None:
        """The error text of the service: the `detail` of the response, else the `message`, else None."""
        if not isinstance(self.data, Mapping):
            return None
        text = self.data.get("detail") or self.data.get("message")
        return _printable(text) if isinstance(text, str) else None

    @property
    def request_id(self) -> str | None:
        """The id that the service, or a proxy before it, gave to the request."""
        headers = {name.lower(): value for name, value in (self.headers or {}).items()}
        return next((_printable(headers[name]) for name in _REQUEST_ID_HEADERS if name in headers), None)

    def __str__(self) -> str:
        what = " ".join(str(part) for part in (self.status, self.reason) if part)
        text = f"{self.operation or 'call'} failed: {what or type(self).__name__}"
        if self.detail or self._hint:
            text += f": {'; '.join(filter(None, (self.detail, self._hint)))}"
        if self.attempts > 1:
            text += f" (after {self.attempts} attempts)"
        if self.request_id:
            text += f" [request {self.request_id}]"
        if self.outcome_unknown:
            text += "; the service may have applied it, so list the secrets before you retry it"
        return text

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"


_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id")


class BadRequestException(ApiException):
    """400: the service rejected the request."""


class UnauthorizedException(ApiException):
    """401: the token is missing, wrong or expired, or lacks a right."""


class ForbiddenException(ApiException):
    """403: the token may not do this; the service also returns this for ids that do not exist."""


class NotFoundException(ApiException):
    """404: the environment or the secret does not exist."""


class ConflictException(ApiException):
    """409: a secret with this key already exists."""


class UnprocessableEntityException(ApiException):
    """422: the service understood the request but cannot apply it."""


class TooManyRequestsException(ApiException):
    """429: too many requests; `retry_after` is the time to wait, if the service sent one."""


class ServiceException(ApiException):
    """5xx: the service failed."""


class ApiConnectionError(ApiException):
    """No response arrived: the connection failed, or broke before the response was complete."""


class ApiTimeoutError(ApiConnectionError):
    """No complete response arrived in time."""


class ApiDecodeError(ApiException):
    """A response cannot be read: it is not JSON, not of the documented shape, or too large."""


_BY_STATUS: dict[int, type[ApiException]] = {
    400: BadRequestException,
    401: UnauthorizedException,
    403: ForbiddenException,
    404: NotFoundException,
    409: ConflictException,
    422: UnprocessableEntityException,
    429: TooManyRequestsException,
}


def exception_class(status: int) -> type[ApiException]:
    """Return the class for a response with this status, which is not 2xx."""
    return _BY_STATUS.get(status, ServiceException if 500 <= status <= 599 else ApiException)


class SyncError(OpenApiException):
    """The base of the errors of `qovery.sync`."""

    def __str__(self) -> str:
        return _printable(str(self.args[0])) if self.args else ""


class PlanHostError(SyncError):
    """The client's host is not the one that the plan was made for; nothing was applied."""


class PlanConflictError(SyncError):
    """A plan has conflicts, and was not applied; `conflicts` are the actions that are conflicts."""

    def __init__(self, message: str, conflicts: Sequence[Any] = ()) -> None:
        super().__init__(message, conflicts)
        self.conflicts = tuple(conflicts)


class PlanChangedError(SyncError):
    """The environment has changed since the plan, so nothing was written; `keys` are the changed keys."""

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message, keys)
        self.keys = tuple(keys)


class SkippedError(SyncError):
    """A planned action was not attempted."""


class ApplyError(SyncError, _ErrorGroup):
    """Planned actions failed or were skipped.

    Attributes:
        message: How many, and their keys.
        exceptions: The error of each; a `SkippedError` for those that were skipped.
        report: The report of the apply; None on the parts that `except*` and `split` make.
    """

    report: Any = None

    def __str__(self) -> str:
        return _printable(self.message)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """Return the same error with `excs` as its failures; `except*` calls this."""
        return ApplyError(self.message, excs)


class ApplyInterrupted(KeyboardInterrupt):
    """Ctrl-C during an apply, raised after running calls have ended.

    Attributes:
        report: What was done, and what was not.
    """

    def __init__(self, report: Any = None) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return "interrupted; `report` has the results"


class LibraryError(Exception):
    """The cause of an error, from another library: its class and text, without its frames."""

    def __str__(self) -> str:
        return _printable(super().__str__())


class InsecureWarning(UserWarning):
    """A setting under which others can read secrets in transit."""


class StateFileWarning(UserWarning):
    """A state file cannot be used or written, so unchanged secrets are written again."""
