"""`plan`, and the options for the desired state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qovery.sandbox import Sandbox
from test.support.commands import CANARY, Done, Run


def planned(done: Done) -> list[str]:
    """The actions in JSON, each as its kind and key."""
    assert done.err == ""
    plan = json.loads(done.out)
    assert plan["version"] == 1
    return [f"{action['kind']} {action['key']}" for action in plan["actions"]]


def test_plan__statuses(set_up: Sandbox, env: str, run: Run, dotenv: Path) -> None:
    """The exit status distinguishes no changes, changes and conflicts; nothing is written."""
    done = run("plan", ".env")
    assert (done.status, done.err) == (2, "")
    assert done.out.startswith("Plan: 2 create\n")
    for key in ("API_KEY", "REGION"):
        set_up.add_secret(env, key, CANARY)
    done = run("plan", ".env", "--existing", "keep")
    assert (done.status, planned(run("plan", ".env", "--existing=keep", "--json"))) == (
        0,
        ["keep API_KEY", "keep REGION"],
    )
    dotenv.write_text(f"NEW={CANARY}\nREGION=\n")
    done = run("plan", ".env")
    assert (done.status, done.out.startswith("Plan: 1 create, 1 conflict\n")) == (3, True)
    assert {request.method for request in set_up.requests} == {"GET"}


def test_plan__options(set_up: Sandbox, env: str, run: Run) -> None:
    """Each option is passed to the plan."""
    for key in ("OLD", "KEPT", "APP_GONE", "GONE"):
        set_up.add_secret(env, key, CANARY)
    set_up.add_secret(env, "FILE", CANARY, mount_path="/etc/file")
    content = json.dumps({"KEPT": CANARY, "NEW": None, "EMPTY": "", "LIKE": "GONE", "FILE": CANARY})
    options = ["--alias", "ALIAS=KEPT", "--rename", "OLD=NEW", "--prune", "--prune-prefix", "APP_"]
    options += ["--existing", "KEPT=keep", "--replace", "--allow", "EMPTY=empty", "--allow-key-like-values"]
    expected = ["keep KEPT", "update NEW", "create EMPTY", "create LIKE", "alias ALIAS", "delete APP_GONE"]
    actions = planned(run("plan", "-", *options, "--json", stdin=content))
    assert sorted(actions) == sorted([*expected, "delete FILE", "create FILE"])
    without = planned(run("plan", "-", "--json", stdin=content))
    assert without == ["update KEPT", "conflict NEW", "conflict EMPTY", "conflict LIKE", "conflict FILE"]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["fail"], ["conflict A", "conflict B", "create C"]),
        (["B=keep"], ["update A", "keep B", "create C"]),
        (["keep", "A=update"], ["update A", "keep B", "create C"]),
        (["A=fail", "keep", "B=update"], ["conflict A", "update B", "create C"]),
    ],
)
def test_plan__existing(set_up: Sandbox, env: str, run: Run, policies: list[str], expected: list[str]) -> None:
    """A policy for one key takes precedence over the policy for all keys."""
    for key in ("A", "B"):
        set_up.add_secret(env, key, CANARY)
    options = [part for one in policies for part in ("--existing", one)]
    assert planned(run("plan", "-", *options, "--json", stdin=f"A={CANARY}\nB={CANARY}\nC={CANARY}\n")) == expected


def test_plan__existing_of_a_renamed_key(set_up: Sandbox, env: str, run: Run) -> None:
    """A policy for all keys also applies to a key that a rename creates."""
    set_up.add_secret(env, "OLD", CANARY)
    set_up.add_secret(env, "A", CANARY)
    options = ["--rename", "OLD=NEW", "--existing", "keep", "--existing", "A=update", "--json"]
    assert planned(run("plan", "-", *options, stdin=f"A={CANARY}")) == ["update A", "update NEW"]


def test_plan__rename_to_an_alias(set_up: Sandbox, env: str, run: Run) -> None:
    """The plan resolves aliases of renamed keys, with any policies."""
    set_up.add_secret(env, "OLD", CANARY)
    options = ["--rename", "OLD=NEW", "--alias", "NEW=A", "--json"]
    expected = planned(run("plan", "-", *options, stdin=f"A={CANARY}"))
    assert planned(run("plan", "-", *options, "--existing", "A=update", stdin=f"A={CANARY}")) == expected


def test_plan__allow_empty(set_up: Sandbox, env: str, run: Run, tmp_path: Path) -> None:
    """An empty FILE is an error; only --allow-empty lets it prune everything."""
    set_up.add_secret(env, "OWN", CANARY)
    (tmp_path / ".env").write_text("# empty\n")
    for more in ([], ["--prune"]):
        done = run("plan", ".env", *more)
        assert (done.status, done.out, "contains no secrets" in done.err) == (1, "", True)
    assert planned(run("plan", ".env", "--prune", "--allow-empty", "--json")) == ["delete OWN"]
    done = run("plan", ".env", "--allow-empty")
    assert (done.status, done.out) == (0, "Plan: nothing to do\n")


def test_plan__state(set_up: Sandbox, env: str, run: Run, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a state file, unchanged secrets need no action, and drift is a change."""
    done = run("plan", ".env", "--state", "state.json")
    assert (done.status, done.out) == (1, "")
    assert done.err == "qovery-secrets: --state needs a key: set QOVERY_STATE_KEY\n"
    monkeypatch.setenv("QOVERY_STATE_KEY", CANARY)
    assert run("apply", ".env", "--state", "state.json", "--yes").status == 0
    assert run("plan", ".env").status == 2
    assert run("plan", ".env", "--state", "state.json").status == 0
    set_up.add_secret(env, "GONE", CANARY)
    dotenv.write_text(f"API_KEY={CANARY}\n")
    options = ["--state", "state.json", "--prune", "--prune-recorded", "--json"]
    assert planned(run("plan", ".env", *options)) == ["keep API_KEY", "delete REGION"]
    assert run("apply", "-", "--yes", stdin='{"API_KEY": "other"}').status == 0
    done = run("plan", ".env", "--state", "state.json")
    assert (done.status, "drift" in done.out or "elsewhere" in done.out) == (2, True)


def test_plan__invalid_state(
    set_up: Sandbox, run: Run, dotenv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An invalid state file is a one-line warning."""
    monkeypatch.setenv("QOVERY_STATE_KEY", CANARY)
    monkeypatch.setattr("warnings.filters", [])
    (tmp_path / "state.json").write_text("no state file")
    done = run("plan", ".env", "--state", "state.json")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("qovery-secrets: warning: state file")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alias", "API_KEY=B"], "API_KEY cannot be a secret and an alias at once"),
        (["--existing", "OTHER=keep"], "existing names keys that are not desired: OTHER"),
        (["--environment", ".."], "environment_id"),
        (["--environment", ""], "no environment: set QOVERY_ENVIRONMENT_ID, or pass --environment ID"),
    ],
)
@pytest.mark.usefixtures("dotenv")
def test_plan__invalid_options(set_up: Sandbox, run: Run, options: list[str], message: str) -> None:
    """An option that does not fit the file or the service is an error before anything is sent."""
    done = run("plan", ".env", *options)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert message in done.err
    assert set_up.requests == []
