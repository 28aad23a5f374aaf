"""The mock server as an ASGI application: HTTP requests become calls of the store, and JSON responses."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from qovery.api.environment_secret_api import OPERATIONS
from qovery.operation import Operation
from qovery.printable import printable
from qovery.redaction.validation import ApiValidationError
from qovery.sandbox.faults import Fault, Faults
from qovery.sandbox.guard import Guard
from qovery.sandbox.store import RejectedError, Store

#: The largest request body, in bytes.
MAX_BODY = 1024 * 1024

#: How many requests are recorded.
MAX_REQUESTS = 10_000

_log = logging.getLogger("qovery.sandbox")

_Endpoint = Callable[[Request], Awaitable[Response]]


class SeenRequest(NamedTuple):
    """A recorded request; `status` is None if no response was sent, `client` is its User-Agent."""

    method: str
    path: str
    status: int | None
    client: str
    operation: str


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self.requests: deque[SeenRequest] = deque(maxlen=MAX_REQUESTS)


def make_app(
    store: Store, faults: Faults, request_log: RequestLog, extra_routes: list[BaseRoute] | None = None
) -> Starlette:
    """Make the application. `extra_routes` are served beside the six operations."""
    calls: dict[str, Callable[..., Any]] = {
        "list_environment_secrets": lambda environment: {"results": store.list(environment)},
        "create_environment_secret": store.create,
        "edit_environment_secret": store.edit,
        "delete_environment_secret": store.delete,
        "create_environment_secret_alias": store.create_alias,
        "create_environment_secret_override": store.create_override,
    }
    endpoints: dict[str, dict[str, _Endpoint]] = {}
    for operation in OPERATIONS:
        endpoint = _endpoint(operation, calls[operation.name], faults, request_log)
        endpoints.setdefault(operation.path, {})[operation.method] = endpoint
    # One route for a path, so that a 405 names every method of it.
    routes: list[BaseRoute] = [
        Route(path, _by_method(methods), methods=list(methods)) for path, methods in endpoints.items()
    ]
    return Starlette(routes=[*routes, *(extra_routes or [])], exception_handlers={HTTPException: _http_error})


def guarded(app: ASGIApp, guard: Guard) -> ASGIApp:
    """Return `app` behind a guard, which rejects requests with 403."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        problem = guard.problem(scope["headers"])
        await (app if problem is None else error_response(403, problem))(scope, receive, send)

    return respond


def _by_method(endpoints: Mapping[str, _Endpoint]) -> _Endpoint:
    async def respond(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return respond


def _endpoint(
    operation: Operation[Any], call: Callable[..., Any], faults: Faults, request_log: RequestLog
) -> _Endpoint:
    async def respond(request: Request) -> Response:
        fault = None
        try:
            if faults.delay:
                await asyncio.sleep(faults.delay)
            token = _authorized(request, faults)
            _check_limit(faults)
            fault = faults.take(operation.name)
            if fault is not None and fault.kind != "drop_reply":
                response = error_response(fault.status, "injected fault", fault.retry_after)
            else:
                if operation.writes and not faults.may_write(token):
                    raise RejectedError(403, "this token is read-only")
                response = json_response(operation.status, call(*await _arguments(request, operation)))
        except RejectedError as rejected:
            response = rejection(rejected)
        disconnects = fault is not None and fault.kind != "status"
        client = request.headers.get("user-agent", "")[:100]
        record = SeenRequest(
            request.method, request.url.path, None if disconnects else response.status_code, client, operation.name
        )
        request_log.requests.append(record)
        _log.info("%s %s %s", record.method, printable(record.path), record.status)
        if fault is not None and disconnects:
            await _disconnect(request, fault)
        return response

    return respond


def token_of(request: Request) -> str:
    """Return the token or JWT of a request, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"token", "bearer"} else ""


def _authorized(request: Request, faults: Faults) -> str:
    token = token_of(request)
    if not token or not faults.accepts(token):
        raise RejectedError(401, "access token is missing or invalid")
    return token


def _check_limit(faults: Faults) -> None:
    seconds = faults.over_limit()
    if seconds is not None:
        raise RejectedError(429, "too many requests", seconds)


async def _arguments(request: Request, operation: Operation[Any]) -> list[Any]:
    """The ids in the path, and the body if the operation has one."""
    arguments = [request.path_params[name] for name in ("environmentId", "secretId") if name in operation.path]
    if operation.request_model is not None:
        arguments.append(await _body(request, operation))
    return arguments


async def _body(request: Request, operation: Operation[Any]) -> Any:
    content = await read_json(request, MAX_BODY)
    if not content and not operation.request_required:
        content = b"{}"
    try:
        return operation.request_model.from_json(content) if operation.request_model else None
    except ApiValidationError as error:
        raise invalid_fields(error) from None


async def read_json(request: Request, limit: int) -> bytes:
    """Read the body. It must be empty or declared as JSON."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise RejectedError(413, f"the body is larger than {limit} bytes")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and media_type != "application/json":
        raise RejectedError(415, "the content type must be application/json")
    return bytes(content)


def invalid_fields(error: ApiValidationError) -> RejectedError:
    """A 400 that names the invalid fields, without their values."""
    problems = (f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors())
    return RejectedError(400, "; ".join(problems))


def json_response(status: int, data: object, headers: Mapping[str, str] | None = None) -> Response:
    if status == 204:
        return Response(status_code=status)
    return Response(to_json(data), status, headers, media_type="application/json")


def rejection(rejected: RejectedError) -> Response:
    """The response to a request that is rejected."""
    return error_response(rejected.status, rejected.detail, rejected.retry_after, **rejected.fields)


def error_response(status: int, detail: str, retry_after: float | None = None, **fields: object) -> Response:
    """An error, in the format of the service."""
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return json_response(status, {"status": status, "detail": detail, **fields}, headers)


async def _disconnect(request: Request, fault: Fault) -> None:
    """Close or reset the connection instead of sending a response."""
    transport: asyncio.Transport = request.scope["state"]["qovery.transport"]
    if fault.kind == "reset":
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _http_error(_request: Request, error: Any) -> Response:  # an HTTPException
    return json_response(error.status_code, {"status": error.status_code, "detail": error.detail}, error.headers)
