"""`ApiClient`: an operation, ids, a body and options become bytes, and the answer a model. Knows no schema."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

import pydantic_core
from typing_extensions import Self

from qovery._version import __version__
from qovery.api_response import ApiResponse
from qovery.configuration import Configuration, header_text, mapping, name_key, positive
from qovery.exceptions import (
    ApiDecodeError,
    ApiException,
    ApiTypeError,
    ApiValueError,
    exception_class,
)
from qovery.models.model import Model, RequestModel, json_bytes
from qovery.operation import Operation, RequestOptions
from qovery.redaction import Masked, MaskedDict, TextMask, credentials, mask_json, masked_values, sealed
from qovery.rest import Answer, Limits, RawResponse, Request, RESTClientObject, mask_headers
from qovery.retry import is_success

T = TypeVar("T")

#: Headers that hold no credential, so that their values may stay in texts.
_PLAIN_HEADERS = frozenset({"accept", "content-type", "user-agent"})


#: From this size on, in bytes, an answer is parsed without garbage collection.
_LARGE = 256 * 1024

#: What an error keeps of an answer's body, in bytes: all of it or nothing, since a cut may leave half a secret.
_KEPT = 256 * 1024

_OPTIONS = RequestOptions.__annotations__.keys()


class ApiClient:
    """Sends operations to the service. One may be shared by all threads of a process.

    `with ApiClient() as client:` closes its connections at the end; so does `close()`. A client that was
    closed opens new connections when it is used again.

    Args:
        configuration: The settings; without them, `Configuration.get_default()`.
        header_name: The name of a header to send with every call.
        header_value: Its value.
        cookie: The `Cookie` header to send with every call.

    Attributes:
        configuration: The settings. What concerns connections is read when the first one is opened.
        rest_client: What sends the requests; it is the same object as long as the client lives.
    """

    _default: ClassVar[ApiClient | None] = None

    @sealed
    def __init__(
        self,
        configuration: Configuration | None = None,
        header_name: str | None = None,
        header_value: str | None = None,
        cookie: str | None = None,
    ) -> None:
        if not isinstance(configuration, (Configuration, type(None))):
            raise ApiTypeError(f"configuration must be a Configuration, not {type(configuration).__name__}")
        self.configuration = Configuration.get_default() if configuration is None else configuration
        self.rest_client = RESTClientObject(self.configuration)
        self.default_headers = MaskedDict({"User-Agent": f"qovery-python/{__version__}"})
        self._cookie = Masked(cookie)
        if header_name is not None:
            self.set_default_header(header_name, header_value or "")

    def __repr__(self) -> str:
        return f"<ApiClient {self.configuration.host}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; calls under way in other threads end with `ApiConnectionError`."""
        self.rest_client.close()

    @property
    def user_agent(self) -> str:
        """The `User-Agent` header."""
        return self.default_headers["User-Agent"]

    @user_agent.setter
    def user_agent(self, value: str) -> None:
        self.set_default_header("User-Agent", value)

    @property
    def default_headers(self) -> dict[str, str]:
        """The headers that are sent with every call."""
        return self._default_headers

    @default_headers.setter
    def default_headers(self, value: Mapping[str, str]) -> None:
        self._default_headers = MaskedDict(value)

    @property
    def cookie(self) -> str | None:
        """The `Cookie` header."""
        return self._cookie.value

    @cookie.setter
    def cookie(self, value: str | None) -> None:
        self._cookie = Masked(value)

    @sealed
    def set_default_header(self, header_name: str, header_value: str) -> None:
        """Send this header with every call; credentials and a call's own `_headers` win over it."""
        key, text = name_key(header_name), header_text(header_name, header_value)
        for name in [name for name in self.default_headers if name.lower() == key]:
            del self.default_headers[name]
        self.default_headers[header_name] = text

    @classmethod
    def set_default(cls, default: ApiClient | None) -> None:
        """Use this client wherever none is given; None forgets it."""
        cls._default = default

    @classmethod
    def get_default(cls) -> ApiClient:
        """The client of `set_default`, else one that is made now and kept."""
        if cls._default is None:
            cls._default = ApiClient()
        return cls._default

    # --- Calls ------------------------------------------------------------------------------------

    @sealed
    def call(
        self,
        operation: Operation[T],
        ids: Sequence[str | UUID],
        body: RequestModel | Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> ApiResponse[T]:
        """Run an operation and read its answer; what the methods of `EnvironmentSecretApi` stand on.

        Args:
            operation: The operation.
            ids: The ids in its path, in their order there.
            body: The model of its request, or a mapping of the fields; None where it has none.
            options: What is set for this call.

        Raises:
            ApiTypeError, ApiValueError: An argument cannot be used; nothing was sent.
            ApiException: The call failed.
        """
        request = self._request(operation, ids, body, options)
        answer = self._send(request, read=True)
        if not is_success(operation, answer.status, answer.unconfirmed):
            raise self._error(request, answer)
        response: ApiResponse[Any] = ApiResponse(answer.status, None, answer.data, answer.headers)
        if operation.answer is not None:
            response.data = self._parse(request, answer)
        return response

    @sealed
    def open(
        self,
        operation: Operation[Any],
        ids: Sequence[str | UUID],
        body: RequestModel | Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> RawResponse:
        """Run an operation and return its answer unread, whatever its status; the caller reads or closes it.

        `operation`, `ids`, `body` and `options` are as in `call`, and so are the errors, but those about the answer.
        """
        response = self._send(self._request(operation, ids, body, options), read=False).response
        return cast("RawResponse", response)

    def _request(
        self,
        operation: Operation[Any],
        ids: Sequence[str | UUID],
        body: RequestModel | Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> Request:
        if not options.keys() <= _OPTIONS:
            raise ApiTypeError(f"{operation.name} has no option {', '.join(sorted(options.keys() - _OPTIONS))}")
        if options.get("_host_index"):
            raise ApiValueError("_host_index must be 0: there is one server")
        target = operation.target(ids)
        model = _body_model(operation, body)
        content = None if model is None else json_bytes(model)
        limits = self._limits(options.get("_request_timeout"))
        configured = self.configuration.authorization() if options.get("_request_auth") is None else None
        headers = self._headers(operation, content, configured, options)
        return Request(
            operation,
            target,
            headers,
            content,
            limits,
            time.monotonic() + limits.total,
            configured if headers.get("Authorization") == configured else None,
            TextMask(chain.from_iterable(map(self._secrets, [headers], [model]))),  # called when it is looked at
        )

    def _headers(
        self, operation: Operation[Any], content: bytes | None, authorization: str | None, options: RequestOptions
    ) -> dict[str, str]:
        """All headers, each name once: the caller's for this call win, then credentials, then defaults."""
        merged: dict[str, tuple[str, str]] = {}

        def add(name: str, value: str) -> None:
            merged[name_key(name)] = (name, header_text(name, value))

        if operation.answer is not None:
            merged["accept"] = ("Accept", "application/json")
        if content is not None:
            merged["content-type"] = ("Content-Type", "application/json")
        for name, value in self.default_headers.items():
            add(name, value)
        if self.cookie:
            add("Cookie", self.cookie)
        if authorization is not None:
            merged["authorization"] = ("Authorization", authorization)
        if not options:
            return dict(merged.values())
        content_type = options.get("_content_type")
        if content_type and content is not None:
            add("Content-Type", content_type)
        if options.get("_request_auth") is not None:
            auth = mapping("_request_auth", options["_request_auth"])
            if auth.get("in", "header") != "header" or not auth.get("value"):
                raise ApiValueError("_request_auth must have 'in': 'header', a 'key' and a 'value'")
            add(auth.get("key") or "Authorization", auth["value"])
        for name, value in mapping("_headers", options.get("_headers")).items():
            add(name, value)
        return dict(merged.values())

    def _limits(self, timeout: float | tuple[float | None, float | None] | None) -> Limits:
        settings = self.configuration
        if timeout is None:
            return Limits(settings.connect_timeout, settings.read_timeout, settings.total_timeout)
        if not isinstance(timeout, (tuple, list)):
            total = positive("_request_timeout", timeout)
            return Limits(min(settings.connect_timeout, total), total, total)
        if len(timeout) != 2:
            raise ApiValueError("_request_timeout must be a number, or a pair of seconds to connect and to read")
        connect, read = (
            settings.total_timeout if part is None else positive("_request_timeout", part) for part in timeout
        )
        return Limits(connect, read, max(settings.total_timeout, connect + read))

    def _secrets(self, headers: Mapping[str, str], model: RequestModel | None) -> Iterator[str]:
        """Everything in a request that no text may show."""
        if model is not None:
            yield from masked_values(model)
        for name, value in headers.items():
            if name.lower() not in _PLAIN_HEADERS:
                yield from credentials(value)
        yield from self.configuration.proxy_secrets()

    def _send(self, request: Request, read: bool) -> Answer:
        answer = self.rest_client.send(request, read)
        if answer.status != 401 or request.authorization is None:
            return answer
        renewed = self.configuration.renew_authorization(request.authorization)
        if renewed is None:
            return answer
        answer.discard()
        headers = {**request.headers, "Authorization": renewed}
        request.mask.also(credentials(renewed))
        return self.rest_client.send(request._replace(headers=headers), read, answer)

    # --- Answers ----------------------------------------------------------------------------------

    def _parse(self, request: Request, answer: Answer) -> Any:
        model = cast("type[Model]", request.operation.answer)
        try:
            return _validate(model, answer.data)
        except ValueError as error:
            problem = str(error) if answer.data else "it is empty"
        details = self._details(request, answer)
        details["reason"] = f"the answer cannot be read: {request.mask(problem)}"
        start = " ".join((details["body"] or "")[:100].split())
        if start:
            details["reason"] += f"; it begins {start!r}"
        raise ApiDecodeError(**details, outcome_unknown=request.operation.writes)

    def _error(self, request: Request, answer: Answer) -> ApiException:
        details = self._details(request, answer)
        location = details["headers"].get("Location")
        if 300 <= answer.status <= 399 and location:
            details["reason"] += f" to {location}, which is not followed: look at host"
        if answer.status == 401 and not any(name.lower() == "authorization" for name in request.headers):
            details["reason"] += ", no credentials were sent: set access_token or api_key['ApiKeyAuth']"
        return exception_class(answer.status)(
            **details, retry_after=answer.outcome.retry_after, outcome_unknown=answer.unconfirmed
        )

    def _details(self, request: Request, answer: Answer) -> dict[str, Any]:
        """What every error with an answer carries, masked."""
        body, data = _masked_body(answer.data, request.mask) if len(answer.data) <= _KEPT else (None, None)
        return {
            "status": answer.status,
            "reason": request.mask(answer.reason or ""),
            "body": body,
            "data": data,
            "headers": mask_headers(answer.headers, request.mask),
            "operation": request.operation.name,
            "attempts": answer.attempts,
        }


def _masked_body(content: bytes, mask: TextMask) -> tuple[str, Any]:
    """The text of an answer and its JSON, masked."""
    body = mask(content.decode("utf-8", "replace"))
    try:
        plain = pydantic_core.from_json(content)
    except ValueError:
        return body, None
    data = mask_json(plain, mask)
    # JSON has more ways to write a secret than a text search knows, a number for one.
    return (body if data == plain else json.dumps(data)), data


def _validate(model: type[Model], data: bytes) -> Model:
    """Bytes to model. While a large answer is parsed, which is one call into C, the collector is paused: it
    would walk the growing list again and again, for a third of the time."""
    if len(data) < _LARGE or not gc.isenabled():
        return model.model_validate_json(data)
    gc.disable()
    try:
        return model.model_validate_json(data)
    finally:
        gc.enable()


def _body_model(operation: Operation[Any], body: RequestModel | Mapping[str, Any] | None) -> RequestModel | None:
    expected = operation.body
    if body is None or expected is None:
        if operation.body_required:
            raise ApiTypeError(f"{operation.name} needs a body")
        return None
    if isinstance(body, expected):
        return body
    if isinstance(body, Mapping):
        return expected.from_dict(body)
    raise ApiTypeError(
        f"{operation.name} takes a {expected.__name__} or a mapping of its fields, not a {type(body).__name__}"
    )
