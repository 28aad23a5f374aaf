"""Unknown outcomes: another list decides the result of an action and the next request."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qovery import ApiException, EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sync import Report, Result, plan_secrets
from test.support import NIGHTLY
from test.support.clients import Connect

KEYS = [f"K{number}" for number in range(12)]


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


@pytest.fixture
def once(sandbox: Sandbox, connect: Connect) -> EnvironmentSecretApi:
    """An API that retries no call."""
    return connect(sandbox, retries=0)


@pytest.mark.parametrize("operation", ["create_environment_secret", "create_environment_secret_alias"])
def test_apply__lost_response(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, operation: str) -> None:
    """A write with a lost response is found in a list, and the actions that depend on it are applied."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    plan = plan_secrets(api, env, {"A": "v"}, aliases={"A2": "A", "S2": "SHARED"})
    sandbox.drop_reply(operation)
    report = plan.apply(max_workers=1)
    assert (report.failed, report.skipped) == ((), ())
    assert sandbox.value(env, "A2") == "v"
    assert sandbox.value(env, "S2") == "shared"


def test_apply__lost_before(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A create with a lost request is sent again after a list that does not show the secret."""
    plan = plan_secrets(api, env, {"A": "v"}, aliases={"A2": "A"})
    sandbox.reset_connection("create_environment_secret")
    report = plan.apply()
    assert brief(report.succeeded) == [("create", "A"), ("alias", "A2")]
    assert [request.method for request in sandbox.requests][:5] == ["GET", "GET", "POST", "GET", "POST"]
    assert sandbox.value(env, "A2") == "v"


def test_apply__lost_for_good(sandbox: Sandbox, once: EnvironmentSecretApi, env: str) -> None:
    """Without retries, a create that is always reset is sent twice and reported as failed."""
    sandbox.reset_connection("create_environment_secret", times=None)
    report = plan_secrets(once, env, {"A": "v"}, aliases={"A2": "A"}).apply()
    assert (brief(report.failed), brief(report.skipped)) == ([("create", "A")], [("alias", "A2")])
    assert isinstance(report.failed[0].error, ApiException)
    assert report.failed[0].error.outcome_unknown
    assert [request.method for request in sandbox.requests].count("POST") == 2
    assert sandbox.secrets(env) == []


@pytest.mark.parametrize(
    ("operation", "values", "aliases", "done", "then"),
    [
        ("create_environment_secret", {"NEW": "v"}, {}, ("update", "NEW"), ["POST", "GET", "PUT"]),
        ("create_environment_secret_alias", {}, {"A": "SHARED"}, ("alias", "A"), ["POST", "GET"]),
        ("create_environment_secret_override", {"SHARED": "v"}, {}, ("update", "SHARED"), ["POST", "GET", "PUT"]),
        ("edit_environment_secret", {"OWN": "v"}, {}, ("update", "OWN"), ["PUT", "GET", "PUT"]),
        ("delete_environment_secret", {}, {}, ("delete", "OWN"), ["DELETE", "GET"]),
    ],
)
def test_apply__decided_by_a_list(
    sandbox: Sandbox,
    once: EnvironmentSecretApi,
    env: str,
    operation: str,
    values: dict[str, str],
    aliases: dict[str, str],
    done: tuple[str, str],
    then: list[str],
) -> None:
    """After a lost response a list follows, and an edit if only an edit makes the value certain."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    if done[1] == "OWN":
        sandbox.add_secret(env, "OWN", "old")
    plan = plan_secrets(once, env, values, aliases=aliases, prune=True, allow_empty=True)
    sandbox.drop_reply(operation)
    report = plan.apply()
    assert (brief(report.succeeded), report.failed, report.skipped) == ([done], (), ())
    assert [request.method for request in sandbox.requests] == ["GET", "GET", *then]
    assert {key: sandbox.value(env, key) for key in values} == values
    assert ("OWN" in {secret.key for secret in sandbox.secrets(env)}) == ("OWN" in values)


def test_apply__decided_once(sandbox: Sandbox, once: EnvironmentSecretApi, env: str) -> None:
    """An edit that loses every response is sent twice and reported as failed."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.drop_reply("edit_environment_secret", times=None)
    report = plan_secrets(once, env, {"OWN": "new"}).apply()
    assert brief(report.failed) == [("update", "OWN")]
    assert [request.method for request in sandbox.requests].count("PUT") == 2


def test_apply__list_after_a_lost_response_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """If the list that should decide an outcome fails too, the first error is reported."""
    sandbox.add_secret(env, "A", "old", mount_path="/a")
    plan = plan_secrets(api, env, {"A": "v"}, replace=True)

    def break_list(done: int, total: int, result: Result) -> None:
        sandbox.drop_reply("create_environment_secret")
        sandbox.fail("list_environment_secrets", status=400)

    (failure,) = plan.apply(progress=break_list).failed
    assert isinstance(failure.error, ApiException)
    assert failure.error.outcome_unknown


def test_apply__deleted_at_the_last_moment(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A deletion that is rejected because the secret no longer exists counts as success."""
    own = sandbox.add_secret(env, "OWN", "own")
    plan_secrets(api, env, {}, aliases={"A": "OWN"}).apply().raise_for_failures()

    def be_faster(done: int, total: int, result: Result) -> None:
        if result.key == "A":
            api.delete_environment_secret(env, own.id)

    report = plan_secrets(api, env, {}, prune=True, allow_empty=True).apply(progress=be_faster)
    assert [request.status for request in sandbox.requests if request.method == "DELETE"] == [204, 204, 404]
    assert brief(report.succeeded) == [("delete", "A"), ("delete", "OWN")]


@pytest.mark.parametrize(("scope", "kind"), [("ENVIRONMENT", "update"), ("PROJECT", "override"), (None, None)])
def test_apply__conflict_at_the_last_moment(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, scope: Any, kind: str | None
) -> None:
    """A create that gets 409 becomes an update or override if the key exists now, and fails otherwise."""
    sandbox.add_secret(env, "A", "old", mount_path="/a")
    plan = plan_secrets(api, env, {"A": "mine"}, replace=True)

    def be_faster(done: int, total: int, result: Result) -> None:
        if result.kind == "delete":
            sandbox.fail("create_environment_secret", status=409)
            if scope:
                sandbox.add_secret(env, "A", "theirs", scope=scope)

    report = plan.apply(progress=be_faster)
    assert brief(report.succeeded) == [("delete", "A"), *([(kind, "A")] if kind else [])]
    assert brief(report.failed) == ([] if kind else [("create", "A")])
    assert {sandbox.value(env, secret.key) for secret in sandbox.secrets(env)} == ({"mine"} if kind else set())


def test_apply__deleted_after_the_list(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A secret that is deleted between the list and its edit is created."""
    sandbox.add_secret(env, "FIRST", "old")
    own = sandbox.add_secret(env, "OWN", "old")
    plan = plan_secrets(api, env, {"FIRST": "new", "OWN": "new"})

    def be_faster(done: int, total: int, result: Result) -> None:
        if result.key == "FIRST":
            api.delete_environment_secret(env, own.id)

    report = plan.apply(1, progress=be_faster)
    assert brief(report.succeeded) == [("update", "FIRST"), ("create", "OWN")]
    assert sandbox.value(env, "OWN") == "new"


@pytest.mark.parametrize("round_", range(3 if NIGHTLY else 1))
def test_apply__two_at_once(sandbox: Sandbox, connect: Connect, env: str, round_: int) -> None:
    """Two clients that apply the same desired state concurrently both succeed."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    sandbox.add_secret(env, "OLD", "old")
    wanted = {**dict.fromkeys(KEYS, "v"), "SHARED": "v"}
    start = threading.Barrier(2)

    def apply(_: int) -> Report:
        plan = plan_secrets(connect(sandbox, retries=3), env, wanted, aliases={"A": "K0", "B": "K1"}, prune=True)
        start.wait()
        return plan.apply(4)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(apply, range(2)))
    assert [str(report) for report in reports if not report.complete] == []
    values = {secret.key: sandbox.value(env, secret.key) for secret in sandbox.secrets(env)}
    assert values == {**wanted, "A": "v", "B": "v"}
