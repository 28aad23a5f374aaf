"""Ctrl-C during an apply."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import pytest

from qovery import (
    ApplyInterrupted,
    EnvironmentSecretApi,
    Secret,
)  # fmt: skip
from qovery.sandbox import Sandbox
from qovery.sync import Report, Result, plan_secrets
from test.support import PATIENCE


def brief(results: tuple[Result, ...]) -> list[tuple[str, str]]:
    return [(result.kind, result.key) for result in results]


def interrupted(plan: Any, sandbox: Sandbox, env: str) -> Report:
    with pytest.raises(ApplyInterrupted, match="has the results") as caught:
        plan.apply(max_workers=2, progress=lambda *_: signal.raise_signal(signal.SIGINT))
    assert caught.value.report is plan.report
    report: Report = plan.report
    assert {result.key for result in report.succeeded} == {secret.key for secret in sandbox.secrets(env)}
    return report


@pytest.mark.usefixtures("sigint")
def test_apply__ctrl_c(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """Ctrl-C starts no more actions and waits for those in progress; the report covers both."""
    sandbox.delay(0.1)
    report = interrupted(plan_secrets(api, env, {f"K{at}": "v" for at in range(50)}), sandbox, env)
    assert report.failed == ()
    assert len(report.succeeded) + len(report.skipped) == 50
    assert report.skipped[-1].reason == "not started before the interruption"


def test_apply__ctrl_c_in_the_start_of_a_thread(
    sandbox: Sandbox, api: EnvironmentSecretApi, env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose start is interrupted after it runs is waited for, like any other."""
    start, begun = threading.Thread.start, threading.Event()
    create = api.create_environment_secret

    def interrupted_start(thread: threading.Thread) -> None:
        start(thread)
        if thread.name.startswith("qovery-sync"):
            assert begun.wait(PATIENCE)
            raise KeyboardInterrupt

    def slow_create(*arguments: Any, **options: Any) -> Secret:
        begun.set()
        return create(*arguments, **options)

    monkeypatch.setattr(api, "create_environment_secret", slow_create)
    monkeypatch.setattr(threading.Thread, "start", interrupted_start)
    sandbox.delay(0.3)
    plan = plan_secrets(api, env, {"A": "v", "B": "v"})
    with pytest.raises(ApplyInterrupted) as caught:
        plan.apply()
    assert [(result.key, result.state) for result in caught.value.report.results] == [
        ("A", "succeeded"), ("B", "skipped"),
    ]  # fmt: skip


def waits_for_what_runs(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "shutdown":
        frame = frame.f_back
    return frame is not None


def join_workers() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("qovery-sync"):
            thread.join()


@pytest.mark.needs_posix
def test_apply__ctrl_c_twice(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A second Ctrl-C does not wait; the report says that the outcome of an action in progress is unknown."""
    begun, over = threading.Event(), threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    class Slow(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            if args[1].key == "B":
                begun.set()
                over.wait(PATIENCE)
            return super().create_environment_secret(*args, **options)

    def again() -> None:
        while not over.wait(0.01):
            signal.pthread_kill(main, signal.SIGINT)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if waits_for_what_runs(frame):
            raise KeyboardInterrupt

    def tell(done: int, total: int, result: Result) -> None:
        assert begun.wait(PATIENCE)
        nagging.start()
        raise KeyboardInterrupt

    nagging = threading.Thread(target=again)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        plan = plan_secrets(Slow(api.api_client), env, {"A": "v", "B": "v"})
        with pytest.raises(ApplyInterrupted) as caught:
            plan.apply(max_workers=2, progress=tell)
    finally:
        over.set()
        nagging.join()
        join_workers()
        signal.signal(signal.SIGINT, before)
    (failure,) = caught.value.report.failed
    assert "create of B was running at the interruption" in str(failure.error)
    assert brief(caught.value.report.succeeded) == [("create", "A")]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, TimeoutError])
def test_apply__interrupted_in_a_worker(api: EnvironmentSecretApi, env: str, error: type[BaseException]) -> None:
    """Any exception in a worker's call fails its action only; the others are applied, and the apply finishes."""

    class Interrupted(EnvironmentSecretApi):
        def create_environment_secret(self, *args: Any, **options: Any) -> Secret:
            if args[1].key == "B":
                raise error
            return super().create_environment_secret(*args, **options)

    report = plan_secrets(Interrupted(api.api_client), env, {"A": "v", "B": "v", "C": "v"}).apply(max_workers=1)
    assert brief(report.succeeded) == [("create", "A"), ("create", "C")]
    (failure,) = report.failed
    assert failure.key == "B"
    assert isinstance(failure.error, error) or f"{error.__name__} interrupted create of B" in str(failure.error)
