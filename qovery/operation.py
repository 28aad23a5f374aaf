"""`Operation`, one HTTP operation as a value, and `RequestOptions`, the options of one call."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature, signature
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

from typing_extensions import TypedDict

from qovery import legacy, models
from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.origins import raise_from_signal_handler

if TYPE_CHECKING:
    from qovery.models.request_model import RequestModel

T = TypeVar("T")


class Operation(Generic[T]):
    """One HTTP operation.

    Attributes:
        name: The name of the method that calls it.
        method: The HTTP method.
        path: The path, with a `{name}` for each id.
        status: The status that the documentation names for success.
        response_model: The model of the response; None if it has no body.
        request_model: The model of the request's body, given by its name in `qovery.models`; None if it has none.
        request_required: Whether the body must be given.
        idempotent: Whether running it twice has the same effect as running it once.
    """

    def __init__(
        self,
        name: str,
        method: str,
        path: str,
        status: int,
        response_model: type[T] | None,
        request_model: str | None = None,
        request_required: bool = False,
        idempotent: bool = False,
    ) -> None:
        self.name: Final = name
        self.method: Final = method
        self.path: Final = path
        self.status: Final = status
        self.response_model: Final = response_model
        self._request_model: Final = request_model
        self.request_required: Final = request_required
        self.idempotent: Final = idempotent

    def target(self, ids: Sequence[str | UUID]) -> str:
        """The path with each id encoded as one segment."""
        for one in ids:
            if not isinstance(one, str) or not one.isascii() or not one.replace("-", "").isalnum():  # to be encoded
                ids = list(map(_segment, self._names, ids))
                break
        return self._template.format(*ids)

    @functools.cached_property
    def request_model(self) -> type[RequestModel] | None:
        """The model of the request's body, loaded at its first use; None if it has none.

        Raises:
            ApiValueError: It cannot be loaded at this moment.
        """
        name = self._request_model
        if name is None:
            return None
        try:
            model: type[RequestModel] = getattr(models, name)
        except RuntimeError as error:  # before Python 3.12, wraps an exception that interrupts the making of a class
            problem = error.__cause__ or error
        except (AttributeError, ImportError) as error:  # this call is nested in one that loads it
            raise_from_signal_handler(error)
            problem = ApiValueError(f"{self.name} cannot load {name} at this moment: pass a {name}, not a mapping")
        else:
            return model
        raise problem

    @functools.cached_property
    def _names(self) -> list[str]:
        return [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]

    @functools.cached_property
    def _template(self) -> str:
        return "/".join("{}" if part.startswith("{") else part for part in self.path.split("/"))

    @property
    def writes(self) -> bool:
        """Whether it changes anything at the service."""
        return self.method != "GET"


def _segment(name: str, value: str | UUID) -> str:
    text = str(value) if isinstance(value, UUID) else value
    name = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    if not isinstance(text, str):
        raise ApiTypeError(f"{name} must be a str or a UUID, not {type(text).__name__}")
    if not text.strip() or text in {".", ".."}:
        raise ApiValueError(f"{name} is empty" if not text.strip() else f"{name} must be an id, not {text!r}")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        problem = f"{name} has characters that no URL can carry: {text!r}"
    raise ApiValueError(problem)


class RequestOptions(TypedDict, total=False):
    """The options of one call."""

    _request_timeout: float | tuple[float | None, float | None] | None
    """A number: the seconds for the whole call, all attempts included. A pair: the seconds to connect
    and to wait for data, for each attempt."""
    _request_auth: Mapping[str, Any] | None
    """Credentials for this call only: `{"in": "header", "key": "Authorization", "value": "Bearer …"}`."""
    _content_type: str | None
    """The `Content-Type` of the body, instead of `application/json`."""
    _headers: Mapping[str, str] | None
    """Headers for this call; they take precedence over all others."""
    _retries: int | None
    """How many times this call may be retried where that is safe, instead of `Configuration.retries`."""
    _plan_host: str | None
    """`Plan.host` of the plan that this call belongs to. If the client has another host, the call raises
    `PlanHostError`, and nothing is sent."""
    _host_index: int
    """The index of the server; there is one, so 0."""


OPTIONS = RequestOptions.__annotations__.keys()


def unknown_options(operation: Operation[Any], options: Mapping[str, Any]) -> ApiTypeError:
    """Return the error for unknown options."""
    unknown, model = sorted(options.keys() - OPTIONS), operation.request_model
    body = [] if model is None else [re.sub("(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()]  # its argument
    hint = legacy.name_hint(legacy.OPTIONS, [*OPTIONS, *body], *unknown)
    return ApiTypeError(f"{operation.name} has no option {', '.join(unknown)}{hint}")


C = TypeVar("C", bound=type)


class _SpelledOut(Signature):
    """The signature of a method that takes `**options`, with their names. Made when it is first read."""

    __slots__ = ("_method",)
    _method: FunctionType

    def __getattr__(self, name: str) -> Any:  # the slots of the base are empty until then
        if name == "_method":
            raise AttributeError(name)
        method = self._method
        bare = FunctionType(method.__code__, {}, argdefs=method.__defaults__)  # has no signature of its own yet
        bare.__annotations__ = method.__annotations__
        seen = signature(bare)
        plain = [one for one in seen.parameters.values() if one.kind is not Parameter.VAR_KEYWORD]
        named = [
            Parameter(key, Parameter.KEYWORD_ONLY, default=0 if key == "_host_index" else None, annotation=text)
            for key, text in ((key, hint.__forward_arg__) for key, hint in RequestOptions.__annotations__.items())
        ]
        super().__init__([*plain, *named], return_annotation=seen.return_annotation)
        return object.__getattribute__(self, name)


def spell_out_options(cls: C) -> C:
    """Let the signatures of a class's methods name the options that `**options` takes, for `help` and completion."""
    for member in vars(cls).values():
        if "options" in getattr(member, "__annotations__", ()):
            member.__signature__ = spelled_out = _SpelledOut.__new__(_SpelledOut)
            spelled_out._method = member
    return cls
