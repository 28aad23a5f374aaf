"""The mock server as an ASGI application: it maps HTTP requests to calls of the store, and results to JSON."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from qovery.printable import printable
from qovery.sandbox.faults import Fault
from qovery.sandbox.guard import Guard
from qovery.sandbox.http import (
    DisconnectedError,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    error_response,
    invalid_fields,
    json_response,
    rejection,
    send_response,
)
from qovery.sandbox.operations import PATHS, Operation
from qovery.sandbox.scenario import Entry, Scenario
from qovery.sandbox.store import RejectedError, Store
from qovery.sandbox.store.record import normal_id

#: The largest request body, in bytes.
MAX_BODY = 1024 * 1024

_T = TypeVar("_T")

_log = logging.getLogger("qovery_sandbox")  # not a child of "qovery", whose formats may need the client's fields

#: The methods of the store that write, by operation.
_WRITES: dict[str, Callable[..., Any]] = {
    "create_environment_secret": Store.create,
    "edit_environment_secret": Store.edit,
    "delete_environment_secret": Store.delete,
    "create_environment_secret_alias": Store.create_alias,
    "create_environment_secret_override": Store.create_override,
}


class Route(NamedTuple):
    """A path in addition to those of the operations. `path` is a prefix if it ends with a slash."""

    path: str
    method: str
    respond: Callable[[Request, bytes], Response]
    """Runs in a thread, with the request and its body."""
    max_body: int = 0


class App:
    """The ASGI application. Work that may wait for a disk or a lock, or take long, runs in a thread.

    Args:
        store: The secrets.
        scenario: Returns the current scenario.
        guard: Decides which requests to reject.
        routes: The paths to serve in addition to the six operations.
    """

    def __init__(self, store: Store, scenario: Callable[[], Scenario], guard: Guard, routes: Sequence[Route]) -> None:
        self._store = store
        self._scenario = scenario
        self._guard = guard
        self._routes = routes
        # SQLite allows one writer at a time; waiting writers must not block readers.
        self._reads, self._writes, self._others = (
            ThreadPoolExecutor(threads, f"qovery-sandbox-{name}")
            for name, threads in (("reads", 4), ("writes", 1), ("others", 2))
        )

    def close(self) -> None:
        """Wait for running threads, and cancel queued work."""
        for executor in (self._reads, self._writes, self._others):
            executor.shutdown(cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        problem = self._guard.problem(scope["headers"])
        if problem is not None:
            await send_response(error_response(403, problem), send)
            return
        for pattern, methods in PATHS.items():
            found = pattern.fullmatch(request.path)
            if found:
                operation = methods.get(_method(request))
                if operation is None:
                    await send_response(_not_allowed(methods), send)
                else:
                    await self._operate(operation, found.groups(), request, send)
                return
        with contextlib.suppress(DisconnectedError):
            await send_response(await self._other(request), send)

    # --- The six operations -----------------------------------------------------------------------

    async def _operate(self, operation: Operation, ids: tuple[str, ...], request: Request, send: Send) -> None:
        scenario, environment_id = self._scenario(), normal_id(ids[0])
        if scenario.has_retired(environment_id) and not await _run(self._reads, self._store.has, environment_id):
            scenario = scenario.apart()
        entry = Entry(request.method, request.path, request.header(b"user-agent")[:100], operation.name)
        scenario.record(entry)
        try:
            response, fault = await self._respond(operation, ids, request, scenario, entry)
            if scenario.faults.delay and await request.is_dropped_within(scenario.faults.delay):
                raise DisconnectedError
        except DisconnectedError:
            pass
        else:
            if fault is None or fault.kind == "status":
                entry.status = response.status
                await send_response(response, send)
            else:
                await request.abort(reset=fault.kind == "reset")
        _log.info("%s %s %s", entry.method, printable(entry.path), entry.status)

    async def _respond(
        self, operation: Operation, ids: tuple[str, ...], request: Request, scenario: Scenario, entry: Entry
    ) -> tuple[Response, Fault | None]:
        fault = None
        try:
            scenario.faults.admit(request.token)
            fault = scenario.faults.take(operation.name)
            if fault is not None and fault.kind != "drop_reply":
                return error_response(fault.status, "injected fault", fault.retry_after), fault
            if operation.writes and not scenario.faults.may_write(request.token):
                raise RejectedError(403, "this token is read-only")
            content = await request.read_json(MAX_BODY) if operation.request_model else b""
            if scenario.is_over:
                raise RejectedError(503, "the sandbox was reset")
            response = await self._apply(operation, ids, content)
            entry.applied = True
        except RejectedError as rejected:
            response = rejection(rejected)
        return response, fault

    async def _apply(self, operation: Operation, ids: tuple[str, ...], content: bytes) -> Response:
        if operation.writes:
            return await _run(self._writes, self._write, operation, ids, content)
        listed = self._store.cached_list(*ids)
        if listed is None:
            listed = await _run(self._reads, self._store.list_json, *ids)
        return Response(operation.status, listed)

    def _write(self, operation: Operation, ids: tuple[str, ...], content: bytes) -> Response:
        arguments = list[Any](ids)
        if operation.request_model is not None:
            arguments.append(_body(operation, content))
        return json_response(operation.status, _WRITES[operation.name](self._store, *arguments))

    # --- Other paths ------------------------------------------------------------------------------

    async def _other(self, request: Request) -> Response:
        route = next((route for route in self._routes if _matches(route, request.path)), None)
        if route is None:
            return error_response(404, "Not Found")
        if _method(request) != route.method:
            return _not_allowed([route.method])
        try:
            content = await request.read_json(route.max_body) if route.max_body else b""
            return await _run(self._others, route.respond, request, content)
        except RejectedError as rejected:
            return rejection(rejected)


def _run(executor: ThreadPoolExecutor, call: Callable[..., _T], *arguments: Any) -> asyncio.Future[_T]:
    return asyncio.get_running_loop().run_in_executor(executor, call, *arguments)


def _matches(route: Route, path: str) -> bool:
    return path.startswith(route.path) if route.path.endswith("/") and route.path != "/" else path == route.path


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method  # uvicorn omits the body


def _not_allowed(methods: Iterable[str]) -> Response:
    """Return a 405 that names every method of a path."""
    allowed = [name for method in methods for name in ([method, "HEAD"] if method == "GET" else [method])]
    response = error_response(405, "Method Not Allowed")
    return response._replace(headers=((b"allow", ", ".join(allowed).encode()),))


def _body(operation: Operation, content: bytes) -> Any:
    """Return the body as a model."""
    from qovery import models  # imported at the first write, since it is slower than the rest of the start
    from qovery.redaction.validation import ApiValidationError

    if not content and not operation.request_required:
        content = b"{}"
    try:
        return getattr(models, operation.request_model or "").from_json(content)
    except ApiValidationError as error:
        raise invalid_fields(error.errors()) from None
