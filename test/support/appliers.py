"""Processes that plan and apply secrets; some are killed midway.

`python -m test.support.appliers` reads lines of JSON, each a list of `Task`s, forks a process for each task, and
prints how each ended as a line of JSON. It has no threads, so a fork takes milliseconds and is safe.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, TypedDict

from qovery import ApiException, SecretRequest, retry
from qovery.sync import pace, plan_secrets
from test.support.clients import client_for


class Task(TypedDict):
    """The secrets that a process applies; a value is a text and an optional mount path."""

    url: str
    environment: str
    values: dict[str, tuple[str, str | None]]
    aliases: dict[str, str]
    rules: dict[str, bool]
    workers: int
    results: int | None
    """The number of results after which the process kills itself, or None."""


#: Settings that shorten backoff and rate limits to milliseconds.
SHORT_WAITS = [(retry, "BACKOFF_BASE", 0.001), (pace, "FIRST_PAUSE", 0.001), (pace, "MIN_RATE", 1000.0)]

#: Exit codes: a complete report, an incomplete one, or none. A process killed by a signal has a negative one.
COMPLETE, INCOMPLETE, NO_REPORT = 0, 1, 2


class Appliers:
    """The process that forks one process per task."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *tasks: Task) -> list[int]:
        """Run the tasks concurrently, each in its own process, and return how each ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(tasks), file=self._process.stdin, flush=True)
        ends: list[int] = json.loads(self._process.stdout.readline())
        return ends


@contextlib.contextmanager
def appliers() -> Iterator[Appliers]:
    """Start the process; it ends with the context."""
    command = [sys.executable, "-m", "test.support.appliers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Appliers(process)


def _apply(task: Task) -> int:
    api = client_for(task["url"], retries=1)
    wanted = {
        key: value if path is None else SecretRequest(key=key, value=value, mount_path=path)
        for key, (value, path) in task["values"].items()
    }

    def die(done: int, *_: Any) -> None:
        if done == task["results"]:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        plan = plan_secrets(api, task["environment"], wanted, aliases=task["aliases"], **task["rules"])
        report = plan.apply(task["workers"], skip_conflicts=True, progress=die)
    except ApiException:
        return NO_REPORT
    return COMPLETE if report.complete else INCOMPLETE


def _fork(task: Task) -> int:
    child = os.fork()
    if child:
        return child
    end = 70  # a bug in this file, with its traceback on stderr
    try:
        end = _apply(task)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(end)


def main() -> None:
    for module, name, value in SHORT_WAITS:
        setattr(module, name, value)
    for line in sys.stdin:
        children = [_fork(task) for task in json.loads(line)]
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)


if __name__ == "__main__":
    main()
