"""Exceptions that another thread raises during calls."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from test.support import NIGHTLY, PATIENCE, ROOT, unmeasured
from test.support.interruptions import Stop, shown
from test.support.things import VALUE


@pytest.mark.parametrize("seed", [1, 2, 3] if NIGHTLY else [1])
def test_interruption__at_any_moment(seed: int) -> None:
    """An interruption propagates unchanged, shows no value in its frames, and leaves the connection usable."""
    count = 3000 if NIGHTLY else 150
    command = [sys.executable, "-m", "test.support.interruptions", str(count), str(seed)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=10 * PATIENCE, cwd=ROOT, env=unmeasured(), check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["problems"] == []
    assert set(seen["outcomes"]) <= {"Stop", "SoftLimit", "BadRequestException", "NoneType"}
    # The interpreter discards an exception raised in `closed` of an HTTPResponse that it finalizes.
    assert seen["outcomes"].get("NoneType", 0) < count / 20
    assert seen["late"] < count / 2


def test_interruption__shows_a_planted_secret() -> None:
    """The detector finds a value that a frame holds."""

    def stop(held: str) -> None:
        raise Stop

    with pytest.raises(Stop) as caught:
        stop(VALUE)
    assert [text for text in shown(caught.value) if "stop.held" in text]
