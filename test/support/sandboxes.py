"""Sandboxes in their own processes, and the headers of a plain request to a sandbox."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator

#: A sandbox accepts any token.
AUTHORIZED = {"Authorization": "Token a-token", "Content-Type": "application/json"}

#: Starts a sandbox with command-line arguments, and returns the process and its URL.
Start = Callable[..., tuple["subprocess.Popen[str]", str]]


@contextlib.contextmanager
def starter() -> Iterator[Start]:
    """Start sandboxes, and kill those that still run at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "qovery.sandbox", "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Qovery sandbox listening on http://127.0.0.1:"), line
        return process, line.split()[-1]

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            process.communicate()
