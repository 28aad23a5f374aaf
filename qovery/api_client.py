"""`ApiClient`: an operation, ids, a body and options become a request, and its response a model. Knows no schema."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast
from uuid import UUID

from typing_extensions import Self

from qovery._version import __version__
from qovery.api_response import ApiResponse
from qovery.checks import count, header_key, header_text, host_url, mapping
from qovery.configuration import Configuration
from qovery.exceptions import ApiException, ApiTypeError, ApiValueError, OpenApiException, PlanHostError
from qovery.legacy import CLIENT, LegacyNames
from qovery.models.model import Model, json_bytes
from qovery.operation import OPTIONS, Operation, RequestOptions, unknown_options
from qovery.origins import from_signal_handler
from qovery.redaction.marks import PLAIN_HEADERS, Masked, MaskedDict
from qovery.redaction.sealing import sealed_class
from qovery.response_parser import error_of, parse
from qovery.rest import RESTClientObject
from qovery.retry import DONE, is_success
from qovery.snapshot import Snapshot
from qovery.transport.messages import RawResponse, Request, Response

if TYPE_CHECKING:
    from qovery.models.request_model import RequestModel

T = TypeVar("T")

#: The headers of a request by name in lower case: the name to send, and the value.
_Headers = dict[str, tuple[str, str]]


class _HeaderDict(MaskedDict[str]):
    """Headers; those that cannot hold a credential are shown."""

    shown = PLAIN_HEADERS


@sealed_class
class ApiClient(LegacyNames):
    """Sends operations to the service. Thread-safe.

    `with ApiClient() as client:` closes its connections at the end; so does `close()`. A client that was
    closed opens new connections when it is used again.

    Args:
        configuration: The settings; without them, `Configuration.get_default()`.
        header_name: The name of a header to send with every call.
        header_value: Its value.
        cookie: The `Cookie` header to send with every call.

    Attributes:
        configuration: The settings. Each call reads them once, when it starts.
        rest_client: The object that sends the requests; it never changes.
    """

    _default: ClassVar[ApiClient | None] = None
    _legacy = CLIENT

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
        self.default_headers = _HeaderDict({"User-Agent": f"qovery-python/{__version__}"})
        self._checked: Masked[tuple[Any, _Headers]] = Masked(((), {}))
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
        """Close all connections; running calls in other threads end with `ApiConnectionError`."""
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
        self._default_headers = _HeaderDict(value)

    @property
    def cookie(self) -> str | None:
        """The `Cookie` header."""
        return self._cookie.reveal()

    @cookie.setter
    def cookie(self, value: str | None) -> None:
        self._cookie = Masked(value)

    def set_default_header(self, header_name: str, header_value: str) -> None:
        """Send this header with every call; credentials and a call's own `_headers` take precedence over it."""
        key, text = header_key(header_name), header_text(header_name, header_value)
        headers = self._default_headers
        headers[header_name] = text
        for name in list(headers):  # after the header is set: a call in another thread sends the old or the new one
            if name != header_name and name.lower() == key:
                headers.pop(name, None)

    @classmethod
    def set_default(cls, default: ApiClient | None) -> None:
        """Use this client where none is given; None removes it."""
        cls._default = default

    @classmethod
    def get_default(cls) -> ApiClient:
        """Return the client of `set_default`; without one, create and keep one."""
        if cls._default is None:
            cls._default = ApiClient()
        return cls._default

    def sanitize_for_serialization(self, obj: Any) -> Any:
        """`obj` as JSON has it: a model as its fields that were set, secrets in the clear, times and ids as text."""
        from qovery.generated_values import plain  # rarely needed

        return plain(obj)

    def select_header_accept(self, accepts: Sequence[str]) -> str | None:
        """The first of `accepts`, media types, that is JSON, else the first, else None."""
        from qovery.generated_values import preferred  # rarely needed

        return preferred(accepts)

    def select_header_content_type(self, content_types: Sequence[str]) -> str | None:
        """The first of `content_types`, media types, that is JSON, else the first, else None."""
        from qovery.generated_values import preferred  # rarely needed

        return preferred(content_types)

    # --- Calls ------------------------------------------------------------------------------------

    def call(
        self,
        operation: Operation[T],
        ids: Sequence[str | UUID],
        body: Model | Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> ApiResponse[T]:
        """Run an operation and parse its response; the methods of `EnvironmentSecretApi` use it.

        Args:
            operation: The operation.
            ids: The ids in its path, in their order there.
            body: The model of its request, or a mapping of the fields; None where it has none.
            options: The options of this call.

        Raises:
            ApiTypeError, ApiValueError: An argument cannot be used; nothing was sent.
            ApiException: The call failed.
        """
        request, response = self._send(operation, ids, body, options, True)
        if response.status not in DONE and not is_success(operation, response.status, response.outcome_unknown):
            raise error_of(request, response)
        result: ApiResponse[Any] = ApiResponse(response.status, None, response.data, response.headers)
        if operation.response_model is not None:
            result.data = parse(request, response)
        return result

    def open(
        self,
        operation: Operation[Any],
        ids: Sequence[str | UUID],
        body: Model | Mapping[str, Any] | None,
        options: RequestOptions,
    ) -> RawResponse:
        """Run an operation and return its response unread, whatever its status; the caller reads or closes it.

        `operation`, `ids`, `body` and `options` are as in `call`, and so are the errors, except those of the response.
        """
        return cast("RawResponse", self._send(operation, ids, body, options, False)[1].raw)

    def _send(
        self,
        operation: Operation[Any],
        ids: Sequence[str | UUID],
        body: Model | Mapping[str, Any] | None,
        options: RequestOptions,
        read: bool,
    ) -> tuple[Request, Response]:
        started = time.monotonic()
        epoch = self.rest_client._epoch  # before any code of the caller runs
        settings = self.configuration._snapshot(started, options.get("_request_timeout"))
        if options:
            settings = _with_options(settings, operation, options)
        target = operation.target(ids)
        if operation.request_model is None or type(body) is not operation.request_model:
            body = _body_model(operation, body)
        content = None if body is None else json_bytes(body)
        deadline = started + settings.total_timeout
        credentials = settings.credentials
        signed = None if credentials is None else credentials.headers or credentials.fetch(deadline)
        headers = self._headers(operation, content, signed, options)
        request = Request(
            operation,
            target,
            headers,
            content,
            settings.connect_timeout,
            settings.read_timeout,
            settings.total_timeout,
            deadline,
            settings.max_response_size,
            read,
            [functools.partial(settings.secrets, headers), *([body._secret_texts] if body is not None else [])],
        )
        response = self.rest_client.send(request, settings, epoch)
        if response.status == 401 and signed and headers.get("Authorization") == signed.get("Authorization", ""):
            response = self._renew(request, response, settings, epoch)
        if response.hand_over is not None:
            response.hand_over()
        return request, response

    def _headers(
        self, operation: Operation[Any], content: bytes | None, signed: dict[str, str] | None, options: RequestOptions
    ) -> dict[str, str]:
        """All headers, each name once: the caller's for this call take precedence, then credentials, then defaults."""
        merged: _Headers = {}
        if operation.response_model is not None:
            merged["accept"] = ("Accept", "application/json")
        if content is not None:
            merged["content-type"] = ("Content-Type", "application/json")
        given = tuple(dict.copy(self._default_headers).items())  # a copy: other threads may change the mapping
        known, checked = self._checked.reveal()
        if given != known:  # a mapping is changed in place
            checked = {header_key(name): (name, header_text(name, value)) for name, value in given}
            self._checked = Masked((given, checked))
        merged.update(checked)
        cookie = self._cookie.reveal()
        if cookie:
            merged["cookie"] = ("Cookie", header_text("Cookie", cookie))
        if signed is not None:
            for name, value in signed.items():
                merged[name.lower()] = (name, value)
        if options:
            _add_options(merged, options, content is not None)
        return dict(merged.values())

    def _renew(self, request: Request, response: Response, settings: Snapshot, epoch: object) -> Response:
        """Send the request once more with another token, if its source has one."""
        rejected = request.headers["Authorization"]
        try:
            renewed = cast("Any", settings.credentials).renew(rejected, request.deadline)
        except OpenApiException as error:  # the token's, which does not say what the call has done so far
            if from_signal_handler(error) is not None:
                raise
            failed = error if isinstance(error, ApiException) else ApiException(reason=str(error))
            failed.operation, failed.attempts = request.operation.name, response.attempts
            failed.outcome_unknown = response.outcome_unknown
            raise failed from None
        if renewed is None:
            return response
        response.discard()
        request.secrets.append(functools.partial(settings.secrets, {"Authorization": rejected}))
        request.headers["Authorization"] = renewed
        return self.rest_client.send(request, settings, epoch, response)


def _with_options(settings: Snapshot, operation: Operation[Any], options: RequestOptions) -> Snapshot:
    """The settings of a call with its own options, which are checked here."""
    if not options.keys() <= OPTIONS:
        raise unknown_options(operation, options)
    if options.get("_host_index"):
        raise ApiValueError("_host_index must be 0: there is one server")
    if options.get("_request_auth") is not None:
        settings = settings._replace(credentials=None)
    planned = options.get("_plan_host")
    host = settings.route.host
    if planned not in (None, host) and host_url("_plan_host", planned) != host:
        raise PlanHostError(f"the plan is for {planned}, but the client calls {host}: plan again")
    timeout, retries = options.get("_request_timeout"), options.get("_retries")
    if timeout is not None:
        settings = settings.with_timeout(timeout)
    if retries is not None:
        settings = settings._replace(retries=count("_retries", retries, least=0))
    return settings


def _add_options(merged: _Headers, options: RequestOptions, has_body: bool) -> None:
    """Add the headers of a call's own options."""
    headers: list[tuple[str, str]] = []
    content_type, auth = options.get("_content_type"), mapping("_request_auth", options.get("_request_auth"))
    if content_type and has_body:
        headers.append(("Content-Type", content_type))
    if options.get("_request_auth") is not None:
        if auth.get("in", "header") != "header" or not auth.get("value"):
            raise ApiValueError("_request_auth must have 'in': 'header', a 'key' and a 'value'")
        headers.append((auth.get("key") or "Authorization", auth["value"]))
    headers += mapping("_headers", options.get("_headers")).items()
    for name, value in headers:
        merged[header_key(name)] = (name, header_text(name, value))


def _body_model(operation: Operation[Any], body: Model | Mapping[str, Any] | None) -> RequestModel | None:
    expected = operation.request_model
    if body is None or expected is None:
        if operation.request_required:
            raise ApiTypeError(f"{operation.name} needs a body")
        return None
    if isinstance(body, expected):
        return body
    if isinstance(body, Mapping):
        return expected.from_dict(body)
    raise ApiTypeError(
        f"{operation.name} takes a {expected.__name__} or a mapping of its fields, not a {type(body).__name__}"
    )
