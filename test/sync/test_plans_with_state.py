"""Plans and comparisons with a state file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qovery import ApiTypeError, ApiValueError, EnvironmentSecretApi, SecretEditRequest, SecretRequest
from qovery.exceptions import ApplyInterrupted
from qovery.sandbox import Sandbox
from qovery.sync import StateFile, compare_secrets, plan_secrets

KEY = "a key of the tests, made up"


@pytest.fixture
def state(tmp_path: Path) -> StateFile:
    return StateFile(tmp_path / "state.json", KEY)


def kinds(plan: Any) -> list[tuple[str, str]]:
    return [(action.kind, action.key) for action in plan.actions]


def edit(api: EnvironmentSecretApi, env: str, secret: Any, value: str) -> None:
    api.edit_environment_secret(env, secret.id, SecretEditRequest(key=secret.key, value=value))


def test_unchanged__sends_nothing(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """Unchanged secrets of any kind are kept: plan and apply only list."""
    sandbox.add_secret(env, "OWN", "old")
    sandbox.add_secret(env, "SHARED", "s", scope="PROJECT")
    wanted = {
        "NEW": "n", "OWN": "o", "SHARED": "s", "FILE": SecretRequest(key="FILE", value="f", mount_path="/f"),
        "NOTE": SecretRequest(key="NOTE", value="v", description="for people"),
    }  # fmt: skip
    first = plan_secrets(api, env, wanted, aliases={"A": "NEW"}, state=state)
    assert first.apply().complete
    sandbox.behaviour = "observed"  # lists the mount path of a file
    again = plan_secrets(api, env, wanted, aliases={"A": "NEW"}, state=state)
    before = len(sandbox.requests)
    known = [(kind, key) for kind, key in kinds(again) if key != "FILE"]
    assert known == [("keep", "NEW"), ("keep", "OWN"), ("keep", "SHARED"), ("keep", "NOTE"), ("keep", "A")]
    assert again.actions[0].reason == "unchanged since the last apply"
    assert again.drift == ()
    again.apply(skip_conflicts=True)
    assert {request.method for request in sandbox.requests[before:]} == {"GET"}


def test_drift__is_named_and_written_again(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile
) -> None:
    """A secret that another client edited or recreated is drift, until the next apply has written it."""
    wanted = {"EDITED": "a", "RECREATED": "b", "GONE": "c", "FINE": "d"}
    plan_secrets(api, env, wanted, state=state).apply().raise_for_failures()
    by_key = {secret.key: secret for secret in sandbox.secrets(env)}
    edit(api, env, by_key["EDITED"], "theirs")
    api.delete_environment_secret(env, by_key["GONE"].id)
    api.delete_environment_secret(env, by_key["RECREATED"].id)
    sandbox.add_secret(env, "RECREATED", "theirs")
    plan = plan_secrets(api, env, wanted, state=state)
    assert kinds(plan) == [("update", "EDITED"), ("update", "RECREATED"), ("create", "GONE"), ("keep", "FINE")]
    assert [action.key for action in plan.drift] == ["EDITED", "RECREATED"]
    assert "drift: it was changed elsewhere" in str(plan)
    plan.apply().raise_for_failures()
    assert [sandbox.value(env, key) for key in wanted] == list(wanted.values())
    assert {kind for kind, _ in kinds(plan_secrets(api, env, wanted, state=state))} == {"keep"}


def test_drift__between_plan_and_apply(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """If a secret changes after the plan found it unchanged, the apply writes it."""
    plan_secrets(api, env, {"A": "a"}, state=state).apply().raise_for_failures()
    plan = plan_secrets(api, env, {"A": "a"}, state=state)
    edit(api, env, sandbox.secrets(env)[0], "theirs")
    assert [one.kind for one in plan.apply().results] == ["update"]
    assert sandbox.value(env, "A") == "a"


@pytest.mark.parametrize(
    "request_", [SecretRequest(key="A", value="new"), SecretRequest(key="A", value="a", description="")]
)
def test_changed__is_written(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile, request_: SecretRequest
) -> None:
    """A change to the value or any other field is written."""
    plan_secrets(api, env, {"A": "a"}, state=state).apply().raise_for_failures()
    plan = plan_secrets(api, env, {"A": request_}, state=state)
    assert kinds(plan) == [("update", "A")]
    assert "differs from the last write" in plan.actions[0].reason


def test_record__only_what_succeeded(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """A failure is not recorded; a write with a lost response is recorded once it has succeeded again."""
    sandbox.fail("create_environment_secret", status=400)
    plan_secrets(api, env, {"FAILED": "a"}, state=state).apply()
    sandbox.drop_reply("create_environment_secret")
    plan_secrets(api, env, {"LOST": "b"}, state=state).apply().raise_for_failures()
    assert state.read(sandbox.url, env).entries.keys() == {"LOST"}
    assert kinds(plan_secrets(api, env, {"FAILED": "a", "LOST": "b"}, state=state)) == [
        ("create", "FAILED"), ("keep", "LOST"),
    ]  # fmt: skip


def test_record__after_an_interruption(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """An interrupted apply has recorded what it wrote."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    plan = plan_secrets(api, env, {"A": "a", "B": "b"}, state=state)
    with pytest.raises(ApplyInterrupted):
        plan.apply(max_workers=1, progress=interrupt)
    assert state.read(sandbox.url, env).entries.keys() >= {"A"}


def test_record__renames_and_deletions(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """A renamed key, a deleted one and the aliases that were deleted with it leave the state file."""
    plan_secrets(api, env, {"OLD": "a", "GONE": "b"}, aliases={"WITH_IT": "GONE"}, state=state).apply()
    plan = plan_secrets(api, env, {"NEW": "c"}, renames={"OLD": "NEW"}, prune=True, state=state)
    plan.apply().raise_for_failures()
    assert state.read(sandbox.url, env).entries.keys() == {"NEW"}
    assert kinds(plan_secrets(api, env, {"NEW": "c"}, state=state)) == [("keep", "NEW")]


def test_prune_recorded__only_what_was_written(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile
) -> None:
    """A secret that is not in the state file, or that was recreated elsewhere, is not pruned."""
    sandbox.add_secret(env, "THEIRS", "x")
    plan_secrets(api, env, {"OURS": "a", "RECREATED": "b"}, state=state).apply().raise_for_failures()
    (old,) = [secret for secret in sandbox.secrets(env) if secret.key == "RECREATED"]
    api.delete_environment_secret(env, old.id)
    sandbox.add_secret(env, "RECREATED", "theirs")
    plan = plan_secrets(api, env, {"NEW": "n"}, prune=True, prune_recorded=True, state=state)
    assert kinds(plan) == [("create", "NEW"), ("delete", "OURS")]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"state": "state.json"}, ApiTypeError, "state must be a StateFile, not str"),
        ({"prune": True, "prune_recorded": True}, ApiValueError, "it needs both"),
        ({"prune_recorded": True}, ApiValueError, "it needs both"),
    ],
)
def test_state__invalid(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, options: Any, error: type[Exception], text: str
) -> None:
    """An invalid argument is an error before anything is sent."""
    with pytest.raises(error, match=text):
        plan_secrets(api, env, {"A": "a"}, **options)
    assert sandbox.requests == []


def test_compare__values_of_applies(sandbox: Sandbox, api: EnvironmentSecretApi, env: str, state: StateFile) -> None:
    """A value that two environments share is found from the recorded applies, without reading either value."""
    other = sandbox.add_environment()
    plan_secrets(api, env, {"REUSED": "a", "OWN": "b", "EDITED": "c"}, state=state).apply().raise_for_failures()
    plan_secrets(api, other, {"REUSED": "a", "OWN": "x", "EDITED": "c"}, state=state).apply().raise_for_failures()
    (edited,) = [secret for secret in sandbox.secrets(other) if secret.key == "EDITED"]
    edit(api, other, edited, "theirs")
    rows = {row.key: row.values for row in compare_secrets(api, env, other, state=state).rows}
    assert rows == {"REUSED": "same", "OWN": "different", "EDITED": "unknown"}
