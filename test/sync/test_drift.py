"""Drift between plan and apply."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import (
    ApplyError,
    ApplyInterrupted,
    Configuration,
    EnvironmentSecretApi,
    PlanChangedError,
    PlanHostError,
    SecretRequest,
    SkippedError,
)
from qovery.sandbox import Sandbox
from qovery.sync import Result, plan_secrets
from test.support.clients import Connect
from test.support.recording import RecordingServer


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


def test_apply__concurrent_changes(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A create of a key that exists by then becomes an update; a deletion of a missing secret succeeds."""
    gone = sandbox.add_secret(env, "GONE", "x")
    plan = plan_secrets(api, env, {"A": "mine", "SHARED": "mine"}, prune=True)
    sandbox.add_secret(env, "A", "theirs")
    sandbox.add_secret(env, "SHARED", "theirs", scope="PROJECT")
    api.delete_environment_secret(env, gone.id)
    report = plan.apply()
    assert brief(report.succeeded) == [("update", "A"), ("override", "SHARED"), ("delete", "GONE")]
    assert sandbox.value(env, "A") == sandbox.value(env, "SHARED") == "mine"


def test_apply__changed_since_the_plan(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Nothing is deleted that the plan did not name."""
    own = sandbox.add_secret(env, "OWN", "old")
    kept = sandbox.add_secret(env, "KEPT", "kept", owned_by="DOPPLER")
    wanted = {"OWN": SecretRequest(key="OWN", value="file", mount_path="/own"), "NEW": "v"}
    plan = plan_secrets(api, env, wanted, replace=True, prune=True)
    plan_secrets(api, env, {}, aliases={"LATER": "OWN", "NEW": "OWN"}).apply().raise_for_failures()
    report = plan.apply()
    assert brief(report.skipped) == [("delete", "OWN"), ("create", "OWN"), ("create", "NEW")]
    assert "LATER, NEW would be deleted with it" in report.skipped[0].reason
    assert {secret.id for secret in sandbox.secrets(env)} >= {own.id, kept.id}


def test_apply__target_became_another_kind(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """An alias is skipped if its target now needs a deletion that the plan did not name."""
    own = sandbox.add_secret(env, "OWN", "old")
    plan = plan_secrets(api, env, {"OWN": "new"}, aliases={"A": "OWN"}, replace=True)
    api.delete_environment_secret(env, own.id)
    sandbox.add_secret(env, "OWN", "theirs", mount_path="/own")
    report = plan.apply()
    assert brief(report.skipped) == [("update", "OWN"), ("alias", "A")]
    assert report.skipped[1].reason == "depends on OWN, which was not written"
    assert sandbox.value(env, "OWN") == "theirs"


def test_apply__not_to_be_deleted_any_more(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A secret is kept if its deletion would delete a desired key that is in conflict now."""
    sandbox.add_secret(env, "OWN", "old")
    plan = plan_secrets(api, env, {"A": "v"}, prune=True)
    plan_secrets(api, env, {}, aliases={"A": "OWN"}).apply().raise_for_failures()
    report = plan.apply()
    assert brief(report.skipped) == [("create", "A"), ("delete", "OWN")]
    assert report.skipped[1].reason == "drift: no longer to be deleted"
    assert sandbox.value(env, "A") == "old"


@pytest.mark.parametrize("rules", [{"prune": True}, {"replace": True}])
def test_apply__recreated_by_another_client(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, rules: dict[str, Any]
) -> None:
    """A secret that another client created in place of one to delete is neither deleted nor replaced."""
    old = sandbox.add_secret(env, "OWN", "old", mount_path="/own")
    plan = plan_secrets(api, env, {"OWN": "mine"} if "replace" in rules else {}, allow_empty=True, **rules)
    api.delete_environment_secret(env, old.id)
    theirs = sandbox.add_secret(env, "OWN", "theirs", mount_path="/own")
    report = plan.apply()
    assert report.failed == ()
    assert brief(report.succeeded) == [("delete", "OWN")]
    assert brief(report.skipped) == ([("create", "OWN")] if "replace" in rules else [])
    assert [secret.id for secret in sandbox.secrets(env)] == [theirs.id]


def test_apply__kept_secret_is_gone(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A secret that the plan kept and that was deleted since is not reported as kept."""
    target = sandbox.add_secret(env, "TARGET", "x")
    plan = plan_secrets(api, env, {}, aliases={"A": "TARGET"}, prune=True)
    assert [action.kind for action in plan.actions] == ["alias", "keep"]
    assert [action.key for action in plan.changes] == ["A"]
    api.delete_environment_secret(env, target.id)
    report = plan.apply()
    assert [result.reason for result in report.skipped] == [
        "drift: the target TARGET does not exist",
        "drift: no longer exists",
    ]


@pytest.mark.parametrize("taken_by", ["DOPPLER", "an alias"])
def test_apply__conflict_since_the_plan(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, taken_by: str) -> None:
    """A key that came into conflict after the plan is skipped and raised as an error; the rest is applied."""
    plan = plan_secrets(api, env, {"A": "v", "B": "v"})
    if taken_by == "DOPPLER":
        sandbox.add_secret(env, "A", "theirs", owned_by="DOPPLER")
        reason = "managed by DOPPLER"
    else:
        target = sandbox.add_secret(env, "TARGET", "x", scope="PROJECT")
        api.create_environment_secret_alias(env, target.id, {"key": "A"})
        reason = "it is an alias of TARGET, not a value; use replace=True to delete and recreate it"
    report = plan.apply()
    assert brief(report.succeeded) == [("create", "B")]
    assert report.skipped[0].reason == f"drift: {reason}"
    assert not report.complete
    assert isinstance(report.skipped[0].error, SkippedError)
    with pytest.raises(ApplyError, match="1 of 2 actions were skipped: A") as caught:
        report.raise_for_failures()
    assert [str(error) for error in caught.value.exceptions] == [f"create of A was skipped: drift: {reason}"]


@pytest.mark.parametrize("change", ["add", "edit", "delete"])
def test_apply__strict(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, change: str) -> None:
    """A strict apply writes nothing if a secret was added, changed or deleted since the plan, and names its key."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    own = sandbox.add_secret(env, "OWN", "old")
    plan = plan_secrets(api, env, {"A": "v", "OWN": "v"})
    if change == "add":
        sandbox.add_secret(env, "OTHER", "theirs")
    elif change == "edit":
        api.edit_environment_secret(env, own.id, {"key": "OWN", "value": "theirs"})
    else:
        api.delete_environment_secret(env, own.id)
    before = len(sandbox.requests)
    with pytest.raises(PlanChangedError, match="changed since the plan") as caught:
        plan.apply(strict=True)
    assert caught.value.keys == ("OTHER" if change == "add" else "OWN",)
    assert [request.method for request in sandbox.requests[before:]] == ["GET"]
    assert plan.report is not None
    assert {type(result.error) for result in plan.report.skipped} == {SkippedError}
    assert plan.apply().complete


def test_apply__strict_without_drift(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A strict apply of an unchanged environment is a normal apply."""
    own = sandbox.add_secret(env, "OWN", "old")
    api.create_environment_secret(env, {"key": "B", "value": "v"})
    assert own.key == "OWN"
    assert plan_secrets(api, env, {"A": "v", "OWN": "v"}).apply(strict=True).complete


@pytest.mark.parametrize("change", ["before", "during", "client"])
def test_apply__host_changed(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, connect: Connect, server: RecordingServer, change: str
) -> None:
    """A plan is applied only to the host that it was made for; actions that were not sent are reported as failed."""
    configuration = api.api_client.configuration
    plan = plan_secrets(api, env, {"A": "a", "B": "b"}, aliases={"C": "A"})
    if change == "during":
        report = plan.apply(1, progress=lambda done, *_: setattr(configuration, "host", server.url))
        assert brief(report.succeeded)[:1] == [("create", "A")]
        assert {type(result.error) for result in report.failed} <= {PlanHostError}
        assert len(report.succeeded) < 3
    else:
        if change == "before":
            configuration.host = server.url
        else:
            api.api_client = connect(server).api_client
        with pytest.raises(PlanHostError, match=f"the plan is for {sandbox.url}, but the client calls {server.url}"):
            plan.apply()
        assert {request.method for request in sandbox.requests} == {"GET"}
    assert server.received == []


@pytest.mark.parametrize("call", range(4))
def test_apply__host_changed_by_a_hook(
    sandbox: Sandbox, connect: Connect, env: str, server: RecordingServer, call: int
) -> None:
    """A failover in `refresh_api_key_hook`, at any call, sends nothing of the plan to the other host."""
    api = connect(sandbox, access_token=None, api_key={"ApiKeyAuth": "t"})
    plan = plan_secrets(api, env, {"A": "a", "B": "b"}, aliases={"C": "A"})
    calls = iter(range(100))

    def hook(configuration: Configuration) -> None:
        if next(calls) == call:
            configuration.update(host=server.url, api_key={"ApiKeyAuth": "other"})

    api.api_client.configuration.refresh_api_key_hook = hook
    if call == 0:
        with pytest.raises(PlanHostError, match=f"the plan is for {sandbox.url}, but the client calls {server.url}"):
            plan.apply(max_workers=1)
    else:
        report = plan.apply(max_workers=1)
        assert len(report.succeeded) == call - 1
        assert {type(result.error) for result in report.failed} == {PlanHostError}
    assert server.received == []


# --- Replacements and deletions -------------------------------------------------------------------


@pytest.mark.parametrize("again", ["the same plan", "another plan"])
def test_apply__replacement_that_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, again: str) -> None:
    """The report names the secrets that a failed replacement lost, aliases included; the next apply recreates them."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "OTHER", "old")
    aliases = {"A": "OWN", "B": "OTHER"}
    plan_secrets(api, env, {}, aliases=aliases).apply().raise_for_failures()
    wanted = {"OWN": SecretRequest(key="OWN", value="file", mount_path="/own"), "OTHER": "new"}
    plan = plan_secrets(api, env, wanted, aliases=aliases, replace=True)
    (deletion,) = (action for action in plan.actions if action.kind == "delete")
    assert deletion.at_risk == ("OWN", "A")
    assert "OWN, A would be lost if the next step failed" in str(plan)
    sandbox.fail("create_environment_secret", status=400)
    report = plan.apply()
    assert brief(report.lost) == [("create", "OWN"), ("alias", "A")]
    assert {secret.key for secret in sandbox.secrets(env)} == {"OTHER", "B"}
    assert str(report).count("deleted, and not recreated") == 2
    with pytest.raises(ApplyError, match="left a secret deleted that should be recreated: OWN, A"):
        report.raise_for_failures()
    if again == "another plan":
        plan = plan_secrets(api, env, wanted, aliases=aliases, replace=True)
    report = plan.apply()
    assert report.complete
    assert report.lost == ()
    assert {secret.key: sandbox.value(env, secret.key) for secret in sandbox.secrets(env)} == {
        "OWN": "file", "A": "file", "OTHER": "new", "B": "new",
    }  # fmt: skip


@pytest.mark.usefixtures("sigint")
def test_apply__replacement_that_is_interrupted(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Ctrl-C between the two steps of a replacement is reported as a loss."""
    sandbox.add_secret(env, "OWN", "old", mount_path="/own")
    plan = plan_secrets(api, env, {"OWN": "v"}, replace=True)

    def interrupt(done: int, total: int, result: Result) -> None:
        raise KeyboardInterrupt

    with pytest.raises(ApplyInterrupted) as caught:
        plan.apply(progress=interrupt)
    assert brief(caught.value.report.lost) == [("create", "OWN")]
    assert sandbox.secrets(env) == []
    assert plan.apply().lost == ()


def test_apply__lists_before_it_deletes(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Deletions follow the other writes and another list, and adapt to what that list shows."""
    theirs = sandbox.add_secret(env, "THEIRS", "old")
    for key in ("GONE", "LATE", "FILE"):
        sandbox.add_secret(env, key, "old", mount_path="/x" if key == "FILE" else None)
    plan = plan_secrets(api, env, {"A": "v", "B": "v", "FILE": "v"}, prune=True, replace=True)

    def change(done: int, total: int, result: Result) -> None:
        if result.key == "A":
            api.delete_environment_secret(env, theirs.id)
            sandbox.add_secret(env, "THEIRS", "new")

    before = len(sandbox.requests)
    report = plan.apply(1, progress=change)
    methods = [request.method for request in sandbox.requests[before:]]
    assert methods == ["GET", "POST", "DELETE", "POST", "GET", "DELETE", "DELETE", "DELETE", "POST"]
    assert report.complete
    assert {secret.key: sandbox.value(env, secret.key) for secret in sandbox.secrets(env)} == {
        "A": "v", "B": "v", "FILE": "v", "THEIRS": "new",
    }  # fmt: skip


@pytest.mark.parametrize("status", [400, 401])
def test_apply__list_before_deletions_fails(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, status: int) -> None:
    """If the list before the deletions fails, nothing is deleted, and writes that depend on a deletion are skipped."""
    for key, path in (("GONE", None), ("FILE", "/x")):
        sandbox.add_secret(env, key, "old", mount_path=path)
    plan = plan_secrets(api, env, {"A": "v", "FILE": "v"}, prune=True, replace=True)

    def break_list(done: int, total: int, result: Result) -> None:
        if result.key == "A":
            sandbox.fail("list_environment_secrets", status=status, times=2)

    report = plan.apply(progress=break_list)
    assert brief(report.succeeded) == [("create", "A")]
    assert brief(report.skipped) == [("delete", "FILE"), ("create", "FILE"), ("delete", "GONE")]
    assert "the list before the deletions failed" in report.skipped[0].reason
    assert report.lost == ()
    assert {secret.key for secret in sandbox.secrets(env)} == {"A", "FILE", "GONE"}


def test_apply__only_deletions(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """If nothing is written before the deletions, the first list of the apply is the only one."""
    sandbox.add_secret(env, "GONE", "old")
    plan_secrets(api, env, {}, prune=True, allow_empty=True).apply().raise_for_failures()
    assert [request.method for request in sandbox.requests] == ["GET", "GET", "DELETE"]
