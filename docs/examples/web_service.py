"""A FastAPI service with one client for its whole life.

    uvicorn web_service:app

    GET /secrets                   list the keys of the environment, with scope and kind
    PUT /secrets/{key}             {"value": "…"}: create the secret, or set its value

The token is read from QOVERY_API_TOKEN. The environment has a variable of its own, MANAGED_ENVIRONMENT_ID, so that the
service never writes to whatever QOVERY_ENVIRONMENT_ID names. Handlers that are plain functions run in threads, which
share the client.
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

#: The deadline of each call to the Qovery API, in seconds.
DEADLINE = 5.0


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    configuration = Configuration.from_env()
    configuration.total_timeout = DEADLINE
    with ApiClient(configuration) as client:  # at shutdown, closes connections and ends calls in progress
        app.state.api = EnvironmentSecretApi(client)
        app.state.environment_id = os.environ["MANAGED_ENVIRONMENT_ID"]
        yield


app = FastAPI(lifespan=lifespan)


class NewValue(BaseModel):
    value: SecretStr  # not shown in logs


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
def invalid(_: Request, error: RequestValidationError) -> Response:
    """Leave out the input: FastAPI's default response echoes the body, and so the value."""
    return JSONResponse({"detail": [{"loc": one["loc"], "msg": one["msg"]} for one in error.errors()]}, 422)


@app.exception_handler(ApiException)
def failed(request: Request, error: ApiException) -> Response:
    """Log the error of the Qovery API, and tell the caller what to do."""
    logger.warning("%s %s: %s", request.method, request.url.path, error)  # an error never holds a value
    if error.outcome_unknown:
        return JSONResponse({"detail": "the outcome is unknown: check the secret before you retry"}, 504)
    if isinstance(error, ApiTimeoutError):
        return JSONResponse({"detail": "no response in time; nothing was changed"}, 504)
    if error.status in (400, 422):
        return JSONResponse({"detail": "the Qovery API rejected this key or value"}, 400)
    if error.status in (401, 403, 404):
        return JSONResponse({"detail": "this service lacks access: ask its operator"}, 502)
    headers = {} if error.retry_after is None else {"Retry-After": str(math.ceil(error.retry_after))}
    return JSONResponse({"detail": "nothing was changed; retry later"}, 503, headers)
