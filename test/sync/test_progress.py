"""Progress callables and bars."""

from __future__ import annotations

import sys
import threading

import pytest

from qovery import (
    EnvironmentSecretApi,
)  # fmt: skip  # fmt: skip
from qovery.sandbox import Sandbox
from qovery.sync import Result, plan_secrets


def test_apply__progress(api: EnvironmentSecretApi, env: str) -> None:
    """A callable is told of every action, in the thread of the caller."""
    seen: list[tuple[int, int, str, str]] = []

    def tell(done: int, total: int, result: Result) -> None:
        seen.append((done, total, result.key, threading.current_thread().name))

    plan = plan_secrets(api, env, {"A": "v", "QOVERY_X": "v"}, aliases={"A2": "A"})
    plan.apply(progress=tell, skip_conflicts=True)
    here = threading.current_thread().name
    assert seen == [(1, 3, "QOVERY_X", here), (2, 3, "A", here), (3, 3, "A2", here)]


def test_apply__progress_fails(api: EnvironmentSecretApi, env: str) -> None:
    """An error of the callable ends the apply, and the report is on the plan."""
    plan = plan_secrets(api, env, {f"K{at}": "v" for at in range(20)})

    def tell(done: int, total: int, result: Result) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plan.apply(max_workers=1, progress=tell)
    assert plan.report is not None
    assert plan.report.succeeded
    assert plan.report.skipped


CANARY = "canary-<value>"


def test_apply__own_progress(api: EnvironmentSecretApi, env: str) -> None:
    """Any callable hears of every action."""
    heard: list[tuple[int, int, str]] = []
    plan = plan_secrets(api, env, {"A": CANARY})
    plan.apply(progress=lambda done, total, result: heard.append((done, total, result.key))).raise_for_failures()
    assert heard == [(1, 1, "A")]


def test_apply__quiet(api: EnvironmentSecretApi, sandbox: Sandbox, env: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Unless it is asked for, nothing is printed, whatever happens; a bar without failures counts none."""
    sandbox.fail("create_environment_secret", status=400)
    plan = plan_secrets(api, env, {"A": CANARY, "B": CANARY}, aliases={"C": "A", "D": "B"})
    assert plan.apply().failed
    assert tuple(capfd.readouterr()) == ("", "")
    plan.apply(progress=True).raise_for_failures()
    out, bar = capfd.readouterr()
    assert (out, "4/4" in bar, "failed" in bar) == ("", True, False)


def test_apply__bar_without_console(
    api: EnvironmentSecretApi, sandbox: Sandbox, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a program without a console there is no bar, and all else is as usual, after a failure too."""
    sandbox.fail("create_environment_secret", status=400)
    monkeypatch.setattr(sys, "stderr", None)
    report = plan_secrets(api, env, {"A": CANARY, "B": CANARY}).apply(max_workers=1, progress=True)
    assert [result.state for result in report.results] == ["failed", "succeeded"]
