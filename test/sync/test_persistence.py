"""Apply: rate limits, lost responses, other writers, rejected tokens and the time limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qovery import EnvironmentSecretApi, SkippedError, TooManyRequestsException, UnauthorizedException
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS
from qovery.sync import Result, plan_secrets
from test.support import NIGHTLY, spread
from test.support.clients import Connect

KEYS = [f"K{number}" for number in range(60)]


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


def statuses(sandbox: Sandbox, method: str) -> list[int | None]:
    return [request.status for request in sandbox.requests if request.method == method]


# --- Rate limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1))
@pytest.mark.parametrize("workers", [1, 8, 64] if NIGHTLY else [8])
def test_apply__rate_limit(sandbox: Sandbox, connect: Connect, env: str, workers: int) -> None:
    """A rate limit loses no action, even with retries off: a throttled request is sent again, exactly once."""
    api = connect(sandbox, retries=0)
    plan = plan_secrets(api, env, dict.fromkeys(KEYS[:30], "v"), aliases={"A": "K0"})
    sandbox.rate_limit(10, per=0.1)
    report = plan.apply(workers)
    assert report.complete
    assert {secret.key for secret in sandbox.secrets(env)} == {*KEYS[:30], "A"}
    creates = [request for request in sandbox.requests if request.operation == "create_environment_secret"]
    done = [request for request in creates if request.status == 201]
    assert len(done) == 30 + (sandbox.behaviour == "documented")  # a create makes its alias
    assert 429 in {request.status for request in sandbox.requests}


@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1))
@pytest.mark.parametrize("operation", ["edit_environment_secret", "delete_environment_secret",
    "create_environment_secret_alias", "create_environment_secret_override", "list_environment_secrets"])  # fmt: skip
def test_apply__throttled(sandbox: Sandbox, connect: Connect, env: str, operation: str) -> None:
    """Every kind of call is sent again after a 429, more often than a single call is retried."""
    api = connect(sandbox, retries=1)
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "GONE", "old")
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    sandbox.add_secret(env, "QOVERY_DB", "db", scope="BUILT_IN")
    plan = plan_secrets(api, env, {"OWN": "v", "SHARED": "v"}, aliases={"A": "QOVERY_DB"}, prune=True)
    sandbox.fail(operation, status=429, times=6)
    assert plan.apply().complete
    assert sandbox.value(env, "OWN") == sandbox.value(env, "SHARED") == "v"


@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1))
def test_apply__jobs_share_the_pace(sandbox: Sandbox, api: EnvironmentSecretApi) -> None:
    """Jobs of one client for several environments lose no action under one rate limit."""
    environments = [sandbox.add_environment() for _ in range(3)]
    plans = [plan_secrets(api, one, dict.fromkeys(KEYS[:12], "v")) for one in environments]
    sandbox.rate_limit(10, per=0.1)
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda plan: plan.apply(8), plans))
    assert all(report.complete for report in reports)
    assert [len(sandbox.secrets(one)) for one in environments] == [12] * 3


def test_plan__throttled(sandbox: Sandbox, connect: Connect, env: str) -> None:
    """The list of a plan waits for the rate limit too."""
    sandbox.fail("list_environment_secrets", status=429, times=3)
    assert plan_secrets(connect(sandbox, retries=0), env, {}).actions == ()


# --- Requests that did not run --------------------------------------------------------------------


@pytest.mark.parametrize("status", [503, 425])
def test_apply__did_not_run(sandbox: Sandbox, connect: Connect, env: str, status: int) -> None:
    """A request that the service did not run is retried as often as the client's own retry policy allows."""
    sandbox.fail("create_environment_secret", status=status, times=2)
    plan = plan_secrets(connect(sandbox, retries=2), env, {"A": "v"})
    assert plan.apply().complete
    assert statuses(sandbox, "POST") == [status, status, 201]


# --- Errors that end the apply --------------------------------------------------------------------


def test_apply__revoked_token(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A revoked token ends the apply after the calls in progress; everything else is reported."""
    plan = plan_secrets(api, env, dict.fromkeys(KEYS, "v"))

    def revoke(done: int, total: int, result: Result) -> None:
        sandbox.revoke("a-token")

    report = plan.apply(4, progress=revoke)
    posts = statuses(sandbox, "POST")
    assert posts.count(401) <= 4
    assert len(posts) < len(KEYS)
    assert len(report.succeeded) == posts.count(201)
    assert len(report.unfinished) == len(KEYS) - len(report.succeeded)
    assert {type(result.error) for result in report.unfinished} == {UnauthorizedException, SkippedError}
    assert "no call can succeed" in report.skipped[0].reason


def test_apply__right_that_is_missing(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A 401 to one kind of write, as for a token without that permission, does not affect the others."""
    for key in ("A", "B", "C"):
        sandbox.add_secret(env, key, "old")
    plan = plan_secrets(api, env, {"NEW": "v"}, prune=True)
    sandbox.fail("delete_environment_secret", status=401, times=None)
    report = plan.apply(1)
    assert brief(report.succeeded) == [("create", "NEW")]
    assert brief(report.failed) == [("delete", "A"), ("delete", "B"), ("delete", "C")]
    assert statuses(sandbox, "GET") == [200] * 4


def test_apply__timeout(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A time limit ends the apply, and the report names everything unfinished."""
    plan = plan_secrets(api, env, dict.fromkeys(KEYS, "v"))
    sandbox.fail("create_environment_secret", status=429, times=None, retry_after=3600)
    report = plan.apply(4, timeout=30)
    assert {result.key for result in report.unfinished} == set(KEYS)
    assert {type(result.error) for result in report.failed} == {TooManyRequestsException}
    assert report.skipped[0].reason == "not started within 30 s"
    assert not report.complete


def test_apply__endless_rate_limit(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Without a time limit, an apply does not wait for a rate limit of an hour."""
    sandbox.fail("create_environment_secret", status=429, times=None, retry_after=3600)
    report = plan_secrets(api, env, {"A": "v", "B": "v"}).apply(1)
    assert isinstance(report.failed[0].error, TooManyRequestsException)
    assert "the rate limit allows no request" in report.skipped[0].reason


@pytest.mark.parametrize("timeout", [0, -1, "1"])
def test_apply__invalid_timeout(api: EnvironmentSecretApi, env: str, timeout: Any) -> None:
    """A time limit that is not a number above 0 is rejected."""
    with pytest.raises((TypeError, ValueError), match="timeout"):
        plan_secrets(api, env, {}).apply(timeout=timeout)
