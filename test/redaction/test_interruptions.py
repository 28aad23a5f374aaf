"""Exceptions of another thread in the middle of calls."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from test.support import NIGHTLY, PATIENCE, ROOT
from test.support.interruptions import Stop, shown
from test.support.things import VALUE


@pytest.mark.parametrize("seed", [1, 2, 3] if NIGHTLY else [1])
def test_interruption__at_any_moment(seed: int) -> None:
    """It leaves the call as itself, no frame but the seal's shows a value, and the next call finds a connection."""
    count = 3000 if NIGHTLY else 150
    command = [sys.executable, "-m", "test.support.interruptions", str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * PATIENCE, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert set(seen["outcomes"]) <= {"Stop", "SoftLimit", "BadRequestException", "NoneType"}
    # The interpreter drops what is raised in `closed` of an HTTPResponse that it finalizes.
    assert seen["outcomes"].get("NoneType", 0) < count / 20
    assert seen["late"] < count / 2


def test_interruption__shows_a_planted_secret() -> None:
    """A frame that holds a value is seen."""

    def stop(held: str) -> None:
        raise Stop

    with pytest.raises(Stop) as caught:
        stop(VALUE)
    assert [text for text in shown(caught.value) if "stop.held" in text]
