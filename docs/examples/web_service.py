"""A FastAPI service that embeds one client for its whole life.

    uvicorn web_service:app

    GET /secrets                   the keys of the environment, with scope and kind
    PUT /secrets/{key}             {"value": "…"}: create it, or give it this value

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. Handlers that are no coroutines run in threads, which share the
client.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, SecretStr

from qovery import (
    ApiClient,
    ApiException,
    ApiTimeoutError,
    Configuration,
    EnvironmentSecretApi,
)
from qovery.sync import plan_secrets

logger = logging.getLogger(__name__)

#: Who waits for an answer of this service waits no longer than this for each call to the one behind it, in seconds.
BUDGET = 5.0


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    configuration = Configuration.from_env()
    configuration.total_timeout = BUDGET
    with ApiClient(configuration) as client:  # the end closes the connections, and ends what is under way
        app.state.api = EnvironmentSecretApi(client)
        app.state.environment_id = os.environ["QOVERY_ENVIRONMENT_ID"]
        yield


app = FastAPI(lifespan=lifespan)


class NewValue(BaseModel):
    value: SecretStr  # so that no log of this service shows it


@app.get("/secrets")
def list_secrets(request: Request) -> list[dict[str, str | None]]:
    state = request.app.state
    secrets = state.api.list_environment_secrets(state.environment_id).results or []
    return [{"key": secret.key, "scope": secret.scope, "kind": secret.variable_type} for secret in secrets]


@app.put("/secrets/{key}")
def put_secret(request: Request, key: str, new: NewValue) -> Response:
    state = request.app.state
    plan = plan_secrets(state.api, state.environment_id, {key: new.value})
    if plan.conflicts:
        return JSONResponse({"detail": plan.conflicts[0].reason}, 409)
    (result,) = plan.apply(max_workers=1).results
    if result.error is not None:
        raise result.error
    return JSONResponse({"key": key, "done": result.kind}, 201 if result.kind == "create" else 200)


@app.exception_handler(RequestValidationError)
def refused(_: Request, error: RequestValidationError) -> Response:
    """FastAPI's own answer repeats the body, and so the value."""
    return JSONResponse({"detail": [{"loc": one["loc"], "msg": one["msg"]} for one in error.errors()]}, 422)


@app.exception_handler(ApiException)
def failed(request: Request, error: ApiException) -> Response:
    """What the service behind this one says is for the log; its callers learn what they can do."""
    logger.warning("%s %s: %s", request.method, request.url.path, error)  # an error never holds a value
    if error.outcome_unknown:
        return JSONResponse({"detail": "it may have been done: look before you retry it"}, 504)
    if isinstance(error, ApiTimeoutError):
        return JSONResponse({"detail": "no answer in time, and nothing was done"}, 504)
    if error.status in (400, 422):
        return JSONResponse({"detail": "the service refuses this key or this value"}, 400)
    if error.status in (401, 403, 404):
        return JSONResponse({"detail": "this service may not do that: its operator knows more"}, 502)
    headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
    return JSONResponse({"detail": "try again later, nothing was done"}, 503, headers)
