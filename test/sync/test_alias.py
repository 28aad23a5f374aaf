"""Aliases in both behaviours, and the cleanup where the service creates none."""

from __future__ import annotations

from typing import Any

import pytest

from qovery import EnvironmentSecretApi, Secret, SyncError
from qovery.sandbox import Sandbox
from qovery.sync import Result, plan_secrets
from test.support.recording import RecordingServer


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


def test_apply__rejected_alias(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A rejected alias of an inherited secret fails; nothing is created instead."""
    sandbox.add_secret(env, "SHARED", "shared", scope="PROJECT")
    sandbox.fail("create_environment_secret_alias", status=400)
    report = plan_secrets(api, env, {}, aliases={"A": "SHARED"}).apply()
    assert brief(report.failed) == [("alias", "A")]
    assert [secret.key for secret in sandbox.secrets(env)] == ["SHARED"]


#: Faults after an alias was rejected, each with its operation and the number of times it is injected.
FAULTS: dict[str, list[tuple[str, str, int | None]]] = {
    "nothing": [],
    "deletion fails": [("delete_environment_secret", "400", 1)],
    "deletion always fails": [("delete_environment_secret", "400", None)],
    "deletion is lost": [("delete_environment_secret", "reset", 1)],
    "response of the deletion is lost": [("delete_environment_secret", "drop", 2)],
    "response of the creation is lost": [("create_environment_secret", "drop", 1)],
    "both are lost": [("create_environment_secret", "drop", 1), ("delete_environment_secret", "reset", 1)],
    "creation is lost": [("create_environment_secret", "reset", 1)],
    "throttled": [("create_environment_secret", "429", 1), ("delete_environment_secret", "429", 2)],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_alias__rejected(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, fault: str) -> None:
    """A rejected alias of an own secret is created by its key as the value; a value that makes no alias is deleted."""
    own = sandbox.add_secret(env, "OWN", "own")
    sandbox.fail("create_environment_secret_alias", status=400, times=None)
    for operation, what, times in FAULTS[fault]:
        if what == "drop":
            sandbox.drop_reply(operation, times=times)
        elif what == "reset":
            sandbox.reset_connection(operation, times=times)
        else:
            sandbox.fail(operation, status=int(what), times=times, retry_after=0)
    report = plan_secrets(api, env, {}, aliases={"A": "OWN"}).apply()
    there = {secret.key: secret for secret in sandbox.secrets(env)}
    if sandbox.behaviour == "documented":
        assert brief(report.succeeded) == [("alias", "A")]
        assert there["A"].aliased_secret is not None
        assert there["A"].aliased_secret.id == own.id
    else:
        assert brief(report.failed) == [("alias", "A")]
        assert there.keys() == {"OWN"} or sandbox.value(env, "A") == ""
        assert (fault == "deletion always fails") == ("A" in there)
        assert isinstance(report.failed[0].error, SyncError) == ("A" in there)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, TimeoutError])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_alias__interrupted(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, error: type[BaseException], moment: str
) -> None:
    """An interruption of the creation leaves no plain value behind."""
    sandbox.add_secret(env, "OWN", "own")
    sandbox.fail("create_environment_secret_alias", status=400, times=None)

    class Interrupted(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            if moment == "after":
                super().create_environment_secret(*args, **options)
            raise error

    report = plan_secrets(Interrupted(api.api_client), env, {}, aliases={"A": "OWN"}).apply()
    assert brief(report.failed) == [("alias", "A")]
    assert {secret.variable_type for secret in sandbox.secrets(env) if secret.key == "A"} <= {"ALIAS"}


def test_alias__time_limit(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """The time limit of an apply does not stop it from deleting a plain value."""
    sandbox.add_secret(env, "OWN", "own")
    sandbox.fail("create_environment_secret_alias", status=400, times=None)

    class Late(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            created = super().create_environment_secret(*args, **options)
            assert options["_request_timeout"] < 50
            over.append(True)
            return created

        def delete_environment_secret(self, *args: Any, **options: Any) -> None:
            assert options["_request_timeout"] > 1
            super().delete_environment_secret(*args, **options)

    over: list[bool] = []
    late = Late(api.api_client)
    plan_secrets(late, env, {}, aliases={"A": "OWN"}).apply(timeout=20)
    assert over
    assert {secret.variable_type for secret in sandbox.secrets(env) if secret.key == "A"} <= {"ALIAS"}


def test_alias__host_changed(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, server: RecordingServer) -> None:
    """A plain value is not deleted at another host: the error says where to delete it."""
    sandbox.add_secret(env, "OWN", "own")
    sandbox.fail("create_environment_secret_alias", status=400, times=None)

    class Moved(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            created = super().create_environment_secret(*args, **options)
            self.api_client.configuration.host = server.url
            return created

    report = plan_secrets(Moved(api.api_client), env, {}, aliases={"A": "OWN"}).apply()
    if sandbox.behaviour == "documented":
        assert brief(report.succeeded) == [("alias", "A")]
    else:
        assert [str(result.error)[:55] for result in report.failed] == [
            "A may be left as a plain value that holds the key OWN. "
        ]
        assert f"the plan is for {sandbox.url}" in str(report.failed[0].error)
    assert server.received == []


def test_alias__key_created_by_another_client(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A value that another client created under the key is not mistaken for one that the apply left behind."""
    sandbox.add_secret(env, "OWN", "own")
    sandbox.fail("create_environment_secret_alias", status=400, times=None)

    class Faster(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            sandbox.reset_connection("create_environment_secret")
            sandbox.add_secret(env, "A", "theirs", description="theirs")
            return super().create_environment_secret(*args, **options)

    report = plan_secrets(Faster(api.api_client), env, {}, aliases={"A": "OWN"}).apply()
    assert brief(report.failed) == [("alias", "A")]
    assert sandbox.value(env, "A") == "theirs"


def test_alias__left_by_a_killed_process(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A plain value of a killed apply is replaced by the next apply; a value of another client is a conflict."""
    sandbox.add_secret(env, "OWN", "own")
    sandbox.add_secret(env, "A", "OWN", description="Alias of OWN")
    sandbox.add_secret(env, "B", "OWN", description="theirs")
    plan = plan_secrets(api, env, {}, aliases={"A": "OWN", "B": "OWN"})
    assert [(action.kind, action.key) for action in plan.actions] == [
        ("delete", "A"),
        ("alias", "A"),
        ("conflict", "B"),
    ]
    assert plan.apply(skip_conflicts=True).complete
    assert {secret.key for secret in sandbox.secrets(env) if secret.aliased_secret} == {"A"}
