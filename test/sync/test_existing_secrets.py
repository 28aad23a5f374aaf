"""Existing secrets: `KEEP`, policies, values from callables and renames."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from pydantic import SecretStr

from qovery import ApiTypeError, ApiValueError, EnvironmentSecretApi, SecretRequest
from qovery.sandbox import Sandbox
from qovery.sync import KEEP, plan_secrets


def writes(sandbox: Sandbox) -> list[str]:
    return [request.operation for request in sandbox.requests if request.operation != "list_environment_secrets"]


def test_keep__sends_no_value(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A kept secret survives `prune` without a request; a new description is written without its value."""
    sandbox.add_secret(env, "KEPT", "kept")
    sandbox.add_secret(env, "DESCRIBED", "described", description="old")
    wanted = {"KEPT": KEEP, "DESCRIBED": SecretRequest(key="DESCRIBED", description="new")}
    report = plan_secrets(api, env, wanted, prune=True).apply()
    assert report.complete
    assert writes(sandbox) == ["edit_environment_secret"]
    assert {one.key: (sandbox.value(env, one.key), one.description) for one in sandbox.secrets(env)} == {
        "KEPT": ("kept", None),
        "DESCRIBED": ("described", "new"),
    }


def test_keep__deleted_meanwhile(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A kept secret that was deleted before the apply is reported, since it has no value to create it with."""
    secret = sandbox.add_secret(env, "KEPT", "kept")
    plan = plan_secrets(api, env, {"KEPT": KEEP})
    api.delete_environment_secret(env, secret.id)
    report = plan.apply()
    assert [(one.key, one.state) for one in report.unfinished] == [("KEPT", "skipped")]
    assert "does not exist" in str(report.unfinished[0].error)


def test_existing_keep__callable(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A callable makes the value of a new secret once, and is not called for an existing one."""
    made: list[str] = []

    def make() -> SecretStr:
        made.append(secrets.token_urlsafe())
        return SecretStr(made[-1])

    sandbox.add_secret(env, "OLD", "old")
    sandbox.drop_reply("create_environment_secret")
    wanted = {"OLD": make, "NEW": make}
    for _ in range(2):
        plan = plan_secrets(api, env, wanted, existing="keep")
        assert plan.apply().complete
    assert made == [sandbox.value(env, "NEW")]
    assert sandbox.value(env, "OLD") == "old"


def test_existing_keep__created_meanwhile(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A key that another client created since the plan is left unchanged, and its callable is not called."""
    plan = plan_secrets(api, env, {"NEW": lambda: pytest.fail("called")}, existing="keep")
    sandbox.add_secret(env, "NEW", "theirs")
    assert plan.apply().complete
    assert sandbox.value(env, "NEW") == "theirs"


@pytest.mark.parametrize(
    ("factory", "error", "text"),
    [
        (lambda: 1 / 0, ZeroDivisionError, "division"),
        (lambda: 5, ApiTypeError, "callable for 'BAD' must return a str"),
        (
            lambda: "changeme",
            ApiValueError,
            "callable for 'BAD' returned what is not written: the value is a placehold",
        ),
    ],
)
def test_existing_keep__callable_that_fails(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, factory: Any, error: type[Exception], text: str
) -> None:
    """An error in a callable fails its key and the actions that depend on it; the others are written."""
    plan = plan_secrets(api, env, {"BAD": factory, "GOOD": "v"}, aliases={"A": "BAD"}, existing="keep")
    report = plan.apply()
    assert [(one.key, one.state) for one in report.results] == [
        ("BAD", "failed"), ("GOOD", "succeeded"), ("A", "skipped"),
    ]  # fmt: skip
    assert isinstance(report.failed[0].error, error)
    assert text in str(report.failed[0].error)


def test_existing_fail__created_meanwhile(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """With `fail`, a key that was created since the plan is reported, not overwritten."""
    plan = plan_secrets(api, env, {"NEW": "mine"}, existing="fail")
    sandbox.add_secret(env, "NEW", "theirs")
    assert [one.key for one in plan.apply().unfinished] == ["NEW"]
    assert sandbox.value(env, "NEW") == "theirs"


@pytest.mark.parametrize("value", [None, "new"])
@pytest.mark.parametrize("fault", [None, "drop_reply", "reset_connection"])
def test_rename__keeps_id_and_aliases(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, value: str | None, fault: Any
) -> None:
    """A rename keeps the secret and its aliases, with the old or a new value, and can be applied again."""
    old = sandbox.add_secret(env, "OLD", "old")
    sandbox.add_secret(env, "SHARED", "s", scope="PROJECT")
    plan_secrets(api, env, {}, aliases={"A": "OLD"}).apply().raise_for_failures()
    rules: dict[str, Any] = {"aliases": {"A": "NEW", "B": "NEW"}, "renames": {"OLD": "NEW"}, "prune": True}
    if fault:
        getattr(sandbox, fault)("edit_environment_secret")
    for _ in range(2):
        plan = plan_secrets(api, env, {"NEW": value} if value else {}, **rules)
        report = plan.apply()
        assert report.complete, report
        assert plan.apply().complete
        listed = {one.key: one for one in sandbox.secrets(env)}
        assert {key: sandbox.value(env, key) for key in listed} == {
            "NEW": value or "old", "A": value or "old", "B": value or "old", "SHARED": "s",
        }  # fmt: skip
        assert listed["NEW"].id == old.id
