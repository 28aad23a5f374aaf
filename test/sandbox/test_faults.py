"""Fault injection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import urllib3

from qovery import (
    ApiConnectionError,
    ApiValueError,
    BadRequestException,
    EnvironmentSecretApi,
    ForbiddenException,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.support import wait_until

AUTHORIZED = {"Authorization": "Token a-token", "Content-Type": "application/json"}


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_fail__times_and_retry_after(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """A status is answered so often, and nothing is done."""
    sandbox.fail("create_environment_secret", status=500, times=2)
    for _ in range(2):
        with pytest.raises(ServiceException):
            api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []
    sandbox.fail(status=429, retry_after=3600)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after == 3600
    assert [request.status for request in sandbox.requests] == [500, 500, 429]


def test_fail__for_ever(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """What fails for ever fails until the next reset."""
    sandbox.fail(status=400, times=None)
    for _ in range(3):
        with pytest.raises(BadRequestException):
            api.list_environment_secrets(env)
    sandbox.reset()
    assert api.list_environment_secrets(sandbox.environment_id).results == []


def test_drop_reply__is_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The write is applied and its answer lost."""
    sandbox.drop_reply("create_environment_secret")
    with pytest.raises(ApiConnectionError) as caught:
        api.create_environment_secret(env, {"key": "A"})
    assert caught.value.outcome_unknown
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert sandbox.requests[-1].status is None


def test_reset_connection__is_not_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The connection is reset and nothing is done."""
    sandbox.reset_connection("create_environment_secret")
    with pytest.raises(ApiConnectionError):
        api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []


def test_tokens__revoked_and_read_only(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """A token may lose the right to write, and then every right."""
    sandbox.read_only("a-token")
    api.list_environment_secrets(env)
    with pytest.raises(ForbiddenException):
        api.create_environment_secret(env, {"key": "A"})
    sandbox.revoke("a-token")
    with pytest.raises(UnauthorizedException):
        api.list_environment_secrets(env)


def test_rate_limit__and_delay(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Beyond the limit there is a 429 that says how long to wait; both are lifted again."""
    sandbox.delay(0.01)
    sandbox.rate_limit(1, per=3600)
    api.list_environment_secrets(env)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 3500
    sandbox.rate_limit(None)
    sandbox.delay(0)
    api.list_environment_secrets(env)


def test_rate_limit__slides(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """When the time of the limit is over, more are let in."""
    sandbox.rate_limit(1, per=0.05)
    url = f"{sandbox.url}/environment/{env}/secret"
    assert http.request("GET", url, headers=AUTHORIZED).status == 200
    wait_until(lambda: http.request("GET", url, headers=AUTHORIZED).status == 200)


@pytest.mark.parametrize(
    ("disturb", "said"),
    [
        (lambda sandbox: sandbox.fail("create_secret"), "create_environment_secret"),
        (lambda sandbox: sandbox.fail(times=0), "at least 1"),
        (lambda sandbox: sandbox.fail(status=200), "300 to 599"),
        (lambda sandbox: sandbox.delay(-1), "negative"),
    ],
    ids=["operation", "times", "status", "seconds"],
)
def test_disturbance__wrong(sandbox: Sandbox, disturb: Callable[[Sandbox], None], said: str) -> None:
    """A disturbance that cannot be meant is an error, not silence."""
    with pytest.raises(ApiValueError, match=said):
        disturb(sandbox)
