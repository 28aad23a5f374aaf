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
    ├── SyncError                       many secrets at once
    │   ├── PlanHostError                   a plan for another host
    │   ├── PlanConflictError               a plan that cannot be applied as a whole
    │   ├── PlanChangedError                a plan whose environment has changed since
    │   ├── SkippedError                    an action of a plan that an apply did not attempt
    │   └── ApplyError                      also an ExceptionGroup (3.11): everything that an apply did not do
    └── ApiException                    a call that reached, or tried to reach, the service
        ├── BadRequestException             400
        ├── UnauthorizedException           401
        ├── ForbiddenException              403
        ├── NotFoundException               404
        ├── ConflictException               409
        ├── UnprocessableEntityException    422
        ├── TooManyRequestsException        429
        ├── ServiceException                5xx
        ├── ApiConnectionError          no answer: `status` is None
        │   └── ApiTimeoutError         no answer in time
        └── ApiDecodeError              an answer that cannot be read

    KeyboardInterrupt
    └── ApplyInterrupted                Ctrl-C during an apply; carries the report

    UserWarning
    ├── InsecureWarning                 a setting under which secrets can be read on their way
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
    """What the errors about an argument have in common: a text, and `path_to_item`, where it applies."""

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
    """A module of an older client was imported that does not exist."""


class MissingExtraError(OpenApiException, ImportError):
    """A part of this package was used whose extra is not installed."""


def _restore(cls: type[OpenApiException], args: tuple[Any, ...], state: dict[str, Any]) -> OpenApiException:
    """Rebuild an error without running a constructor that would compose its text a second time."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ApiException(OpenApiException):
    """A call that failed after it was accepted for sending.

    Attributes:
        status: The HTTP status, or None where no answer came.
        reason: The reason phrase of the answer, or what went wrong where no answer came.
        body: The text of the answer, masked, or None if none came or it is longer than 256 KiB.
        data: The answer's JSON, masked, or None if it was not JSON or `body` is None.
        headers: The headers of the answer, masked, or None.
        operation: The name of the operation, for example `"create_environment_secret"`.
        attempts: How many times the request was tried.
        request_id: The id that the service gave to the request, or None.
        retry_after: The seconds that the service asked to wait, or None.
        outcome_unknown: True if the operation writes and the service may have applied it.
        args: Status, reason and the rest as a mapping, as JSON has them: the class called with them makes it again.
    """

    args: Any = _JsonArguments()
    _hint = ""  # what the text adds for the reader

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
        """What the service said: the `detail` of its answer, else the `message`, else None."""
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
            text += "; the service may have applied it, so list the secrets before you repeat it"
        return text

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"


_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id")


class BadRequestException(ApiException):
    """400: the service does not accept the request."""


class UnauthorizedException(ApiException):
    """401: the token is missing, wrong or expired, or lacks a right."""


class ForbiddenException(ApiException):
    """403: the token may not do this; the service also answers so for what does not exist."""


class NotFoundException(ApiException):
    """404: the environment or the secret does not exist."""


class ConflictException(ApiException):
    """409: a secret with this key exists already."""


class UnprocessableEntityException(ApiException):
    """422: the service understood the request but cannot apply it."""


class TooManyRequestsException(ApiException):
    """429: too many requests; `retry_after` says how long to wait where the service said so."""


class ServiceException(ApiException):
    """5xx: the service failed."""


class ApiConnectionError(ApiException):
    """No answer came: the connection could not be made, or broke before the answer was complete."""


class ApiTimeoutError(ApiConnectionError):
    """No complete answer came in time."""


class ApiDecodeError(ApiException):
    """An answer came that cannot be read: not JSON, not of the documented shape, or too large."""


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
    """The class for an answer with this status, which is not a 2xx."""
    return _BY_STATUS.get(status, ServiceException if 500 <= status <= 599 else ApiException)


class SyncError(OpenApiException):
    """The base of the errors of `qovery.sync`."""

    def __str__(self) -> str:
        return _printable(str(self.args[0])) if self.args else ""


class PlanHostError(SyncError):
    """A plan was made for another host than its client calls now, and was not applied."""


class PlanConflictError(SyncError):
    """A plan has conflicts, and was not applied; `conflicts` are the actions that are conflicts."""

    def __init__(self, message: str, conflicts: Sequence[Any] = ()) -> None:
        super().__init__(message, conflicts)
        self.conflicts = tuple(conflicts)


class PlanChangedError(SyncError):
    """The environment is no longer what the plan saw, so nothing was written; `keys` are those that have changed."""

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message, keys)
        self.keys = tuple(keys)


class SkippedError(SyncError):
    """An action of a plan was not attempted, although the plan meant to do it."""


class ApplyError(SyncError, _ErrorGroup):
    """Actions of a plan failed, or were skipped although the plan meant to do them.

    Attributes:
        message: How many, and their keys.
        exceptions: The error of each; a `SkippedError` for those that were skipped.
        report: The report of the apply; None on the parts that `except*` and `split` make.
    """

    report: Any = None

    def __str__(self) -> str:
        return _printable(self.message)

    def derive(self, excs: Sequence[Any], /) -> Any:
        """The same error with `excs` as its failures, as `except*` wants it."""
        return ApplyError(self.message, excs)


class ApplyInterrupted(KeyboardInterrupt):
    """Ctrl-C during an apply, after what was running had ended.

    Attributes:
        report: What was done, and what was not.
    """

    def __init__(self, report: Any = None) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return "interrupted; `report` says what was done"


class LibraryError(Exception):
    """Stands as the cause of an error for one of another library: its class and text, not its frames."""

    def __str__(self) -> str:
        return _printable(super().__str__())


class InsecureWarning(UserWarning):
    """A setting under which others can read secrets on their way to the service."""


class StateFileWarning(UserWarning):
    """A state file cannot be used or written, so unchanged secrets are written again."""
