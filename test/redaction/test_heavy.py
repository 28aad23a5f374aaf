"""Tools that import and patch a lot, each in its own process, if they are installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from test.support import PATIENCE, ROOT
from test.support.things import leak


@pytest.mark.parametrize("tool", ["ddtrace", "logfire"])
def test_tool__shows_no_secret(tool: str) -> None:
    """Tools record objects, validations, calls and errors without a secret; secrets in other classes are detected."""
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed: tox -e channels")
    for planted in ("", "planted"):
        command = [sys.executable, "-m", "test.support.heavy", tool, planted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=True)
        recorded = json.loads(done.stdout)
        assert "call" in recorded
        assert bool(leak(recorded)) == bool(planted)
