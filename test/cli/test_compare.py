"""`compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qovery.sandbox import Sandbox
from test.support.commands import CANARY, Run

KEY = "a key for the state file of a test"


def test_compare__environments(set_up: Sandbox, env: str, run: Run) -> None:
    """The exit status shows whether all environments have the same keys."""
    other = set_up.add_environment()
    for one in (env, other):
        set_up.add_secret(one, "A", CANARY)
    done = run("compare", env, other)
    assert (done.status, done.err, done.out.split("\n")[0]) == (0, "", "1 keys: 1 in common, 0 missing somewhere")
    set_up.add_secret(env, "B", CANARY)
    done = run("compare", other, env)
    assert (done.status, done.err) == (2, "")
    assert done.out.splitlines()[3].split()[:2] == ["B", "missing"]
    done = run("compare", other, env, "--json")
    compared = json.loads(done.out)
    assert (done.status, done.err) == (2, "")
    assert (compared["version"], compared["columns"]) == (1, [other, env])
    assert run("compare", other).out == run("compare", env, other).out


def test_compare__file(set_up: Sandbox, env: str, run: Run, tmp_path: Path) -> None:
    """Keys can also come from a `.env` file or JSON, in a file or on stdin."""
    example = tmp_path / ".env.example"
    example.write_text(f"A=\nB={CANARY}\n")
    set_up.add_secret(env, "A", CANARY)
    done = run("compare", ".env.example")
    assert (done.status, done.err) == (2, "")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["key", "A", "B"]
    set_up.add_secret(env, "B", CANARY)
    assert [run("compare", *more, ".env.example").status for more in ([], [env], [env])] == [0, 0, 0]
    (tmp_path / "keys").write_text('{"A": "", "B": null}')
    assert run("compare", "keys").status == 0
    assert run("compare", "-", env, stdin=f"A={CANARY}").status == 2
    assert run("compare", env, set_up.add_environment(), ".env.example").status == 2


def test_compare__state(set_up: Sandbox, env: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a state file, equal values of two environments are shown; they do not affect the exit status."""
    other = set_up.add_environment()
    monkeypatch.setenv("QOVERY_STATE_KEY", KEY)
    for one, value in ((env, "made-up"), (other, "other")):
        content = json.dumps({"REUSED": CANARY, "OWN": value})
        done = run("apply", "-", "--yes", "--environment", one, "--state", "state.json", stdin=content)
        assert done.status == 0
    done = run("compare", env, other, "--state", "state.json")
    assert (done.status, done.err) == (0, "")
    assert [line.split()[-1] for line in done.out.splitlines()[1:]] == ["values", "different", "same"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["none.env"], 1, "none.env: No such file or directory"),
        (["a/b"], 1, "a/b: No such file or directory"),
        (["."], 1, ".: Is a directory"),
        (["ENV", "ENV"], 1, "an environment is given twice"),
        ([".env.example", "-"], 64, "only one file can be compared"),
        (["A", "B", "--environment", "C"], 64, "--environment is for a single ID_OR_FILE"),
        (["A", "B", "--state", "state.json"], 1, "--state needs a key: set QOVERY_STATE_KEY"),
    ],
)
@pytest.mark.needs_posix
def test_compare__invalid(
    set_up: Sandbox, env: str, run: Run, tmp_path: Path, arguments: list[str], status: int, message: str
) -> None:
    """An argument that cannot be compared is an error that names it."""
    (tmp_path / ".env.example").write_text("A=\n")
    done = run("compare", *(env if one == "ENV" else one for one in arguments))
    assert (done.status, done.out) == (status, "")
    assert message in done.err.splitlines()[-1]
    assert set_up.requests == []
