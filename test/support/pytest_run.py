"""Run pytest in its own process, with this package's plugin and the plugins that a test names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from test.support import PATIENCE, ROOT


def run_pytest(*arguments: object, folder: Path, plugins: Sequence[str] = ()) -> tuple[dict[str, int], str]:
    """Run pytest, and return the number of tests by outcome (`{"passed": 2}`) and the output."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *(f"-p{plugin}" for plugin in ("qovery.sandbox.pytest_plugin", "no:cacheprovider", *plugins)),
            *map(str, arguments),
        ],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3 * PATIENCE,
    )
    *_, summary = done.stdout.strip().splitlines() or [""]
    words = summary.strip("= ").partition(" in ")[0].replace(",", "").split()
    return {word: int(number) for number, word in zip(words[::2], words[1::2], strict=True)}, done.stdout
