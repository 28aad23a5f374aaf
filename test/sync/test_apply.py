"""Apply: results, failures, lost responses and progress."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import (
    ApiException,
    ApiValueError,
    ApplyError,
    EnvironmentSecretApi,
    PlanConflictError,
    SecretRequest,
)  # fmt: skip
from qovery.sandbox import Sandbox
from qovery.sync import Result, plan_secrets
from test.support.clients import Connect


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


def test_apply__everything(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """New, own, inherited and BUILT_IN secrets and aliases of each end in the desired state."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    sandbox.add_secret(env, "QOVERY_DB_URL", "db", scope="BUILT_IN")
    sandbox.add_secret(env, "GONE", "x")
    desired = {"NEW": "n", "OWN": "o", "SHARED": "s", "FILE": SecretRequest(key="FILE", value="f", mount_path="/f")}
    aliases = {"DB": "QOVERY_DB_URL", "NEW_TOO": "NEW", "FILE_TOO": "FILE"}
    plan = plan_secrets(api, env, desired, aliases=aliases, prune=True)
    report = plan.apply()
    assert brief(report.succeeded) == [
        ("create", "NEW"), ("update", "OWN"), ("override", "SHARED"), ("create", "FILE"),
        ("alias", "DB"), ("alias", "NEW_TOO"), ("alias", "FILE_TOO"), ("delete", "GONE"),
    ]  # fmt: skip
    assert report.failed == report.skipped == ()
    assert plan.report is report
    values = {secret.key: sandbox.value(env, secret.key) for secret in sandbox.secrets(env)}
    assert values == {
        "QOVERY_DB_URL": "db", "DB": "db", "NEW": "n", "NEW_TOO": "n", "OWN": "o", "SHARED": "s", "FILE": "f",
        "FILE_TOO": "f",
    }  # fmt: skip
    again = plan_secrets(api, env, desired, aliases=aliases, prune=True)
    assert [action.kind for action in again.actions] == ["update"] * 4 + ["keep"] * 3


def test_apply__twice(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Applying a plan again changes no secret's id and deletes nothing more."""
    sandbox.add_secret(env, "FILE", "x", mount_path="/f")
    sandbox.add_secret(env, "GONE", "x")
    plan = plan_secrets(api, env, {"NEW": "n", "FILE": "v"}, aliases={"A": "NEW"}, prune=True, replace=True)
    plan.apply()
    before = {secret.key: secret.id for secret in sandbox.secrets(env)}
    report = plan.apply()
    assert {secret.key: secret.id for secret in sandbox.secrets(env)} == before
    assert report.failed == ()
    assert ("update", "NEW") in brief(report.succeeded)
    assert ("update", "FILE") in brief(report.succeeded)


def test_apply__replace_with_aliases(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A secret of another kind is recreated, and so is its desired alias."""
    sandbox.add_secret(env, "OWN", "old")
    plan_secrets(api, env, {}, aliases={"A": "OWN", "B": "OWN"}).apply().raise_for_failures()
    wanted = {"OWN": SecretRequest(key="OWN", value="file", mount_path="/own")}
    report = plan_secrets(api, env, wanted, aliases={"A": "OWN"}, replace=True).apply()
    assert brief(report.succeeded) == [("delete", "OWN"), ("create", "OWN"), ("alias", "A")]
    assert sorted(secret.key for secret in sandbox.secrets(env)) == ["A", "OWN"]
    assert sandbox.value(env, "A") == "file"


def test_apply__alias_that_waits_for_two(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """An alias with another target waits for the deletion of its key and for the creation of that target."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    plan_secrets(api, env, {}, aliases={"A": "SHARED"}).apply().raise_for_failures()
    report = plan_secrets(api, env, {"NEW": "new"}, aliases={"A": "NEW"}, replace=True).apply()
    assert brief(report.succeeded) == [("create", "NEW"), ("delete", "A"), ("alias", "A")]
    assert sandbox.value(env, "A") == "new"


def test_apply__conflicts(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A plan with conflicts is rejected as a whole, unless its conflicts are skipped."""
    plan = plan_secrets(api, env, {"QOVERY_X": "v", "A": "v"})
    with pytest.raises(PlanConflictError, match="QOVERY_X") as caught:
        plan.apply()
    assert caught.value.conflicts == plan.conflicts
    assert sandbox.secrets(env) == []
    report = plan.apply(skip_conflicts=True)
    assert (brief(report.succeeded), brief(report.skipped)) == ([("create", "A")], [("conflict", "QOVERY_X")])
    assert report.skipped[0].error is None
    assert report.complete
    report.raise_for_failures()


@pytest.mark.parametrize("workers", [0, -1, 1.5, None])
def test_apply__max_workers(api: EnvironmentSecretApi, env: str, workers: Any) -> None:
    """A max_workers that is not a positive int is rejected."""
    with pytest.raises(ApiValueError, match="max_workers"):
        plan_secrets(api, env, {}).apply(workers)


def test_apply__one_fault(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A failure of one key stops only the actions that depend on it; everything unfinished can be raised."""
    plan = plan_secrets(api, env, {"A": "v", "B": "v"}, aliases={"A2": "A", "B2": "B"})
    sandbox.fail("create_environment_secret", status=400)
    report = plan.apply(max_workers=1)
    assert brief(report.failed) == [("create", "A")]
    assert brief(report.skipped) == [("alias", "A2")]
    assert "depends on A, which was not written" in report.skipped[0].reason
    assert brief(report.succeeded) == [("create", "B"), ("alias", "B2")]
    with pytest.raises(ApplyError, match=r"^1 of 4 actions failed: A; 1 of 4 actions were skipped: A2$") as caught:
        report.raise_for_failures()
    assert [type(error).__name__ for error in caught.value.exceptions] == ["BadRequestException", "SkippedError"]
    assert report.unfinished == (*report.failed, *report.skipped)
    assert caught.value.report is report


def test_apply__nothing_to_raise(api: EnvironmentSecretApi, env: str) -> None:
    """A complete report raises nothing."""
    report = plan_secrets(api, env, {"A": "v"}).apply()
    report.raise_for_failures()
    assert report.complete
    assert report.unfinished == ()


def test_apply__alias_of_an_update_that_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """An alias of an existing secret does not depend on the update of that secret."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.fail("edit_environment_secret", status=400)
    report = plan_secrets(api, env, {"OWN": "new"}, aliases={"A": "OWN"}).apply()
    assert brief(report.failed) == [("update", "OWN")]
    assert brief(report.succeeded) == [("alias", "A")]


def test_apply__descriptions(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A create, an update and an override write every field of the request, not only the value."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    wanted = {key: SecretRequest(key=key, value="v", description=f"of {key}") for key in ("NEW", "OWN", "SHARED")}
    plan_secrets(api, env, wanted).apply().raise_for_failures()
    own = {secret.key: secret for secret in sandbox.secrets(env) if secret.scope == "ENVIRONMENT"}
    assert {key: secret.description for key, secret in own.items()} == {key: f"of {key}" for key in wanted}


@pytest.mark.parametrize("fails", [True, False])
def test_apply__prunes_an_alias_first(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, fails: bool) -> None:
    """An alias is deleted before its target, which is kept if the alias cannot be deleted."""
    own = sandbox.add_secret(env, "OWN", "own")
    plan_secrets(api, env, {}, aliases={"A": "OWN"}).apply().raise_for_failures()
    if fails:
        sandbox.fail("delete_environment_secret", status=400)
    report = plan_secrets(api, env, {}, prune=True, allow_empty=True).apply()
    if fails:
        assert brief(report.failed) == [("delete", "A")]
        assert report.skipped[0].reason == "depends on A, which was not deleted"
        assert own.id in {secret.id for secret in sandbox.secrets(env)}
    else:
        assert brief(report.succeeded) == [("delete", "A"), ("delete", "OWN")]
        assert sandbox.requests[-1].path.endswith(own.id)
        assert sandbox.secrets(env) == []


def test_apply__first_list_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """If the list before the writes fails, nothing is written, and the report says so."""
    plan = plan_secrets(api, env, {"A": "v"})
    sandbox.fail("list_environment_secrets", status=400)
    with pytest.raises(ApiException):
        plan.apply()
    assert plan.report is not None
    assert brief(plan.report.skipped) == [("create", "A")]
    assert sandbox.secrets(env) == []


def test_apply__key_like_value(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A value that equals a key is reported as the kind of secret that the service made of it."""
    sandbox.add_secret(env, "OWN", "own")
    report = plan_secrets(api, env, {"NEW": "OWN"}, allow_key_like_values=True).apply()
    (result,) = report.succeeded
    listed = next(secret for secret in sandbox.secrets(env) if secret.key == "NEW")
    assert (result.kind == "alias") == (listed.aliased_secret is not None)


def test_apply__read_only(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """With a read-only token, every action fails with the service's own error."""
    gone = sandbox.add_secret(env, "GONE", "x")
    plan = plan_secrets(api, env, {"A": "v"}, prune=True)
    sandbox.read_only("a-token")
    report = plan.apply()
    assert brief(report.failed) == [("create", "A"), ("delete", "GONE")]
    assert [secret.id for secret in sandbox.secrets(env)] == [gone.id]


def test_apply__unreachable(connect: Connect, env: str) -> None:
    """If the service is unreachable, planning raises the error of the list."""
    with pytest.raises(ApiException):
        plan_secrets(connect("http://127.0.0.1:9", retries=0), env, {})


@pytest.mark.parametrize("path", ["/shared", "/else"])
def test_apply__mount_path_of_an_override(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, path: str) -> None:
    """An override of a file fails if the response shows another mount path than the desired one."""
    sandbox.add_secret(env, "FILE", "shared", scope="PROJECT", mount_path="/shared")
    report = plan_secrets(api, env, {"FILE": SecretRequest(key="FILE", value="f", mount_path=path)}).apply()
    assert report.complete == (path == "/shared")
    if path == "/else":
        assert str(report.failed[0].error) == "override of FILE: the file is mounted at /shared, not at /else"


@pytest.mark.parametrize("replace", [True, False])
def test_apply__mount_path_that_is_not_listed(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, replace: bool
) -> None:
    """A file whose mount path is not in the list is recreated with `replace`, and a conflict without it."""
    sandbox.add_secret(env, "FILE", "old", mount_path="/old")
    plan = plan_secrets(api, env, {"FILE": SecretRequest(key="FILE", value="f", mount_path="/new")}, replace=replace)
    if replace:
        assert plan.apply().complete
        assert sandbox.value(env, "FILE") == "f"
    else:
        assert "does not say whether it is mounted at /new" in plan.conflicts[0].reason
