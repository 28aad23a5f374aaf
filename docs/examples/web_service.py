"""A web service that embeds one client for its whole life.

    uvicorn web_service:app

    GET /secrets                   the keys of the environment, with scope and kind
    PUT /secrets/{key}             {"value": "…"}: create it, or give it this value

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. The calls of a request run in a thread, share the client with all
other requests, and share one time budget among themselves. Starlette is what FastAPI stands on: there the same code
goes into the same places.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import time
from collections.abc import AsyncIterator

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qovery import ApiClient, ApiException, ApiTimeoutError, ApiValueError, Configuration, EnvironmentSecretApi

logger = logging.getLogger(__name__)


class Secrets:
    """The secrets of the environment, for one request: what it asks for takes no longer than its budget."""

    def __init__(self, request: Request) -> None:
        self.api: EnvironmentSecretApi = request.app.state.api
        self.environment_id: str = request.app.state.environment_id
        self.until: float = time.monotonic() + request.app.state.budget  # the wait for a free thread counts too

    def left(self) -> float:
        return max(self.until - time.monotonic(), 0.001)

    def list(self) -> Response:
        secrets = self.api.list_environment_secrets(self.environment_id, _request_timeout=self.left()).results or []
        return JSONResponse(
            [{"key": secret.key, "scope": secret.scope, "kind": secret.variable_type} for secret in secrets]
        )

    def put(self, key: str, value: SecretStr) -> Response:
        seen = self.api.list_environment_secrets(self.environment_id, _request_timeout=self.left()).results or []
        if value.get_secret_value() in {secret.key for secret in seen}:
            return problem(409, "this value is the name of a key: the service may make an alias of it")
        body = {"key": key, "value": value}
        own = next((secret for secret in seen if secret.key == key and secret.scope == "ENVIRONMENT"), None)
        if own is None:
            self.api.create_environment_secret(self.environment_id, body, _request_timeout=self.left())
            return JSONResponse({"key": key, "done": "create"}, 201)
        if own.variable_type in ("ALIAS", "FILE") or own.aliased_secret or own.owned_by not in (None, "QOVERY"):
            return problem(409, "this key is a file, an alias, or managed elsewhere")
        body["description"] = own.description  # what an edit without one does to it is not documented
        self.api.edit_environment_secret(self.environment_id, own.id, body, _request_timeout=self.left())
        return JSONResponse({"key": key, "done": "edit"})


async def list_secrets(request: Request) -> Response:
    return await run_in_threadpool(Secrets(request).list)


async def put_secret(request: Request) -> Response:
    try:
        value = (await request.json())["value"]
    except (ValueError, KeyError, TypeError):
        value = None
    if not isinstance(value, str):
        return problem(400, 'the body must be {"value": "…"}')
    return await run_in_threadpool(Secrets(request).put, request.path_params["key"], SecretStr(value))


async def failed(request: Request, error: Exception) -> Response:
    """What the service behind this one says is for the log; its callers learn what they can do."""
    logger.warning("%s %s: %s", request.method, request.url.path, error)  # an error never holds a value
    if not isinstance(error, ApiException):
        return problem(400, "this key or this value cannot be sent")
    if error.outcome_unknown:
        return problem(504, "it may have been done: look before you repeat it")
    if error.status in (400, 422):
        return problem(400, "the service refuses this key or this value")
    if error.status == 409:
        return problem(409, "the key is taken")
    if isinstance(error, ApiTimeoutError):
        return problem(504, "no answer in time, and nothing was done")
    if error.status in (401, 403, 404):
        return problem(502, "this service may not do that: its operator knows more")
    return problem(503, "try again later, nothing was done", error.retry_after)


def problem(status: int, detail: str, retry_after: float | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return JSONResponse({"detail": detail}, status, headers)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    with ApiClient(Configuration.from_env()) as client:  # the end closes the connections, and ends what is under way
        app.state.api = EnvironmentSecretApi(client)
        app.state.environment_id = os.environ["QOVERY_ENVIRONMENT_ID"]
        yield


app = Starlette(
    routes=[Route("/secrets", list_secrets), Route("/secrets/{key}", put_secret, methods=["PUT"])],
    exception_handlers={ApiException: failed, ApiValueError: failed},
    lifespan=lifespan,
)
#: The seconds that a request may take, over all its calls.
app.state.budget = 5.0
