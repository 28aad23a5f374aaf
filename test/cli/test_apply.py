"""`apply`: confirmation, report and interruption."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS
from qovery.sync import Plan
from test.support import PATIENCE, spread, wait_until
from test.support.commands import CANARY, Run, check, command, on_terminal
from test.support.hostile import HostileServer, http_response, read, respond, stall

INTERRUPTED = "qovery-secrets: interrupted; the report has what was done"


def keys(sandbox: Sandbox) -> list[str]:
    return sorted(secret.key for secret in sandbox.secrets(sandbox.environment_id))


def test_apply__complete(set_up: Sandbox, env: str, run: Run, dotenv: Path) -> None:
    """The plan and the report are printed, and the environment has the secrets of the file."""
    set_up.add_secret(env, "GONE", CANARY)
    done = run("apply", ".env", "--yes", "--prune", "--max-workers", "2", "--timeout", "60")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Plan: 2 create, 1 delete\n")
    assert "\n3 succeeded, 0 failed, 0 skipped\n" in done.out
    assert [set_up.value(env, key) for key in ("API_KEY", "REGION")] == [CANARY] * 2
    assert keys(set_up) == ["API_KEY", "REGION"]


def test_apply__json(set_up: Sandbox, env: str, run: Run) -> None:
    """With --json, stdout has only the report, and stderr has the plan."""
    done = run("apply", "-", "--yes", "--json", stdin=json.dumps({"A": CANARY, "B": CANARY}))
    assert (done.status, done.err.startswith("Plan: 2 create\n")) == (0, True)
    report = json.loads(done.out)
    assert (report["version"], report["complete"]) == (1, True)
    assert [result["key"] for result in report["results"]] == ["A", "B"]
    assert set_up.value(env, "B") == CANARY


@pytest.mark.parametrize("arguments", [[".env"], ["-"], [".env", "--json"]])
@pytest.mark.usefixtures("dotenv")
def test_apply__without_a_terminal(set_up: Sandbox, run: Run, arguments: list[str]) -> None:
    """Without a terminal and without --yes, nothing is sent."""
    done = run("apply", *arguments, stdin="A=made-up")
    expected = "qovery-secrets: there is no terminal to ask on: pass --yes to apply without a question\n"
    assert done == (1, "", expected)
    assert set_up.requests == []


def test_apply__conflicts(set_up: Sandbox, run: Run) -> None:
    """Conflicts are printed, and nothing is applied unless they are skipped."""
    content = f"B={CANARY}\nC=changeme\n"
    done = run("apply", "-", "--yes", stdin=content)
    assert (done.status, done.out.startswith("Plan: 1 create, 1 conflict\n")) == (3, True)
    assert done.err.splitlines() == [
        "qovery-secrets: the plan has conflicts, so nothing was applied; --skip-conflicts applies the rest"
    ]
    assert {request.method for request in set_up.requests} == {"GET"}
    done = run("apply", "-", "--yes", "--json", stdin=content)
    assert (done.status, done.out) == (3, "")
    done = run("apply", "-", "--yes", "--skip-conflicts", stdin=content)
    assert (done.status, done.err, keys(set_up)) == (0, "", ["B"])


def test_apply__strict(set_up: Sandbox, env: str, run: Run, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --strict, a change since the plan is reported, and nothing is applied."""
    apply = Plan.apply

    def meanwhile(plan: Plan, *arguments: Any, **options: Any) -> Any:
        set_up.add_secret(env, "REGION", "another")
        return apply(plan, *arguments, **options)

    monkeypatch.setattr(Plan, "apply", meanwhile)
    done = run("apply", str(dotenv), "--yes", "--strict")
    assert (done.status, done.err) == (
        3,
        "qovery-secrets: changed since the plan, so nothing was applied: REGION\n",
    )
    assert keys(set_up) == ["REGION"]


@pytest.mark.usefixtures("dotenv")
def test_apply__failures(set_up: Sandbox, run: Run) -> None:
    """Failures and actions that did not finish in time are in the report and the exit status."""
    set_up.fail("create_environment_secret", status=403)
    done = run("apply", ".env", "--yes")
    assert (done.status, "1 succeeded, 1 failed, 0 skipped" in done.out) == (1, True)
    set_up.rate_limit(1, per=3600)
    done = run("apply", ".env", "--yes", "--timeout", "0.2", "--json")
    assert done.status == 1
    assert not done.out or json.loads(done.out)["complete"] is False


def test_apply__broken_pipe(set_up: Sandbox, env: str, dotenv: Path) -> None:
    """A reader that closes the pipe changes neither what is applied nor the exit status."""
    with command("apply", dotenv, "--yes") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        output = process.stderr.read()
    assert (process.returncode, output, keys(set_up)) == (0, "", ["API_KEY", "REGION"])


@pytest.mark.needs_posix
@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1))
@pytest.mark.parametrize(
    ("typed", "status", "written"),
    [("y\n", 0, True), ("YES\n", 0, True), ("\n", 1, False), ("n\n", 1, False), ("\x04", 1, False)],
)
def test_apply__question(set_up: Sandbox, env: str, dotenv: Path, typed: str, status: int, written: bool) -> None:
    """On a terminal the command asks for confirmation; only y and yes confirm."""
    with on_terminal("apply", dotenv) as terminal:
        shown = terminal.read_until("[y/N] ")
        assert f"Apply 2 changes to environment {env} at {set_up.url}? [y/N] " in shown
        assert {request.method for request in set_up.requests} == {"GET"}
        terminal.type(typed)
        output = terminal.read_until()
        terminal.process.wait(PATIENCE)
    check(output)
    assert (terminal.process.returncode, bool(keys(set_up))) == (status, written)
    assert ("nothing was applied" in output) is not written
    assert ("Applying:" in output) is written, repr(output)


@pytest.mark.needs_posix
def test_apply__no_confirmation_without_changes(set_up: Sandbox, env: str, dotenv: Path) -> None:
    """Without changes the command does not ask for confirmation."""
    for key in ("API_KEY", "REGION"):
        set_up.add_secret(env, key, CANARY)
    with on_terminal("apply", dotenv, "--existing", "keep") as terminal:
        output = terminal.read_until()
    assert "[y/N]" not in output
    assert "2 succeeded" in output


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
def test_apply__ctrl_c_at_the_question(set_up: Sandbox, dotenv: Path) -> None:
    """Ctrl-C at the confirmation prompt ends the command."""
    with on_terminal("apply", dotenv) as terminal:
        terminal.read_until("[y/N] ")
        terminal.process.send_signal(signal.SIGINT)
        output = terminal.read_until()
        terminal.process.wait(PATIENCE)
    check(output)
    assert (terminal.process.returncode, output.splitlines()[-1]) == (130, "qovery-secrets: interrupted")
    assert keys(set_up) == []


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_apply__interrupted(set_up: Sandbox, dotenv: Path, how: signal.Signals) -> None:
    """After Ctrl-C or SIGTERM, the command waits for running calls, and the report lists what was applied."""
    dotenv.write_text("".join(f"K{number}={CANARY}\n" for number in range(400)))
    set_up.delay(0.1)
    with command("apply", dotenv, "--yes", "--json") as process:
        wait_until(lambda: process.poll() is not None or len(set_up.requests) > 12)  # all threads run
        process.send_signal(how)
        out, err = process.communicate(timeout=PATIENCE)
    check(out + err)
    assert (process.returncode, err.splitlines()[-1]) == (130, INTERRUPTED)
    report = json.loads(out)
    assert [one["error"] for one in report["results"] if one["state"] == "failed"] == []
    assert not report["complete"]
    assert sorted(one["key"] for one in report["results"] if one["state"] == "succeeded") == keys(set_up)


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
def test_apply__interrupted_twice(dotenv: Path) -> None:
    """After a second Ctrl-C the command ends without waiting, and the report names what was running."""
    empty = http_response(200, '{"results": []}', "Content-Type: application/json")
    with HostileServer([*respond(empty, empty), read, stall], [read, stall]) as service:
        variables = {"QOVERY_API_URL": service.url, "QOVERY_API_TOKEN": "a-token", "QOVERY_ENVIRONMENT_ID": "e"}
        with command("apply", dotenv, "--yes", "--json", env=variables) as process:
            wait_until(lambda: process.poll() is not None or len(service.requests) == 4)
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
            out, err = process.communicate(timeout=PATIENCE)
    check(out + err)
    assert (process.returncode, err.splitlines()[-1]) == (130, INTERRUPTED)
    errors = [result["error"]["message"] for result in json.loads(out)["results"]]
    assert ["was running at the interruption" in error for error in errors] == [True, True]
