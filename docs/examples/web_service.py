"""A web service that embeds one client for its whole life.

    uvicorn web_service:app

    GET /secrets                   the keys of the environment, with scope and kind
    PUT /secrets/{key}             {"value": "…"}: create it, or give it this value

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. Handlers that are no coroutines run in threads, which share the
client. Starlette is what FastAPI stands on: there the same code goes into the same places.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qovery import (
    ApiClient,
    ApiException,
    ApiTimeoutError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    TooManyRequestsException,
)
from qovery.sync import plan_secrets

#: Who waits for an answer of this service waits no longer than this for the one behind it, in seconds.
BUDGET = 5.0


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    configuration = Configuration.from_env()
    configuration.total_timeout = BUDGET
    with ApiClient(configuration) as client:  # the end closes the connections, and ends what is under way
        app.state.api = EnvironmentSecretApi(client)
        app.state.environment_id = os.environ["QOVERY_ENVIRONMENT_ID"]
        yield


def list_secrets(request: Request) -> Response:
    state = request.app.state
    secrets = state.api.list_environment_secrets(state.environment_id).results or []
    return JSONResponse(
        [{"key": secret.key, "scope": secret.scope, "kind": secret.variable_type} for secret in secrets]
    )


async def put_secret(request: Request) -> Response:
    try:
        value = SecretStr((await request.json())["value"])  # so that no traceback of this service shows it
    except (json.JSONDecodeError, KeyError, TypeError):
        return JSONResponse({"detail": 'the body must be {"value": "…"}'}, 400)
    key, state = request.path_params["key"], request.app.state

    def put() -> Response:
        plan = plan_secrets(state.api, state.environment_id, {key: value})
        if plan.conflicts:
            return JSONResponse({"detail": plan.conflicts[0].reason}, 409)
        (result,) = plan.apply(max_workers=1).results
        if result.error is not None:
            raise result.error
        return JSONResponse({"key": key, "done": result.kind}, 201 if result.kind == "create" else 200)

    return await run_in_threadpool(put)


async def failed(request: Request, error: Exception) -> Response:
    """What the service behind this one says is not for the callers of this one; whether to come back is."""
    if isinstance(error, ApiValueError):
        return JSONResponse({"detail": str(error)}, 400)
    headers = {}
    if isinstance(error, TooManyRequestsException) and error.retry_after is not None:
        headers["Retry-After"] = str(round(error.retry_after))
    unknown = isinstance(error, ApiException) and error.outcome_unknown
    detail = "it may have been done, look before you repeat it" if unknown else "try again later"
    return JSONResponse({"detail": detail}, 504 if isinstance(error, ApiTimeoutError) else 503, headers)


app = Starlette(
    routes=[Route("/secrets", list_secrets), Route("/secrets/{key}", put_secret, methods=["PUT"])],
    exception_handlers={ApiException: failed, ApiValueError: failed},
    lifespan=lifespan,
)
