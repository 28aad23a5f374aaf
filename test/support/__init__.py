"""What tests share: servers, clients, processes and the texts that they check."""

import itertools
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: The folder of the repository.
ROOT = Path(__file__).parents[2]

#: How long a test waits, in seconds, for what must happen. No test passes or fails by its length.
PATIENCE = 120.0

#: Whether tests look deep, at random examples, instead of being fast and the same in every run.
NIGHTLY = os.environ.get("TEST_PROFILE") == "nightly"


def combinations(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Every combination in the nightly profile; by default as few as use each value. The longest axis comes first."""
    if NIGHTLY:
        return list(itertools.product(*axes))
    # Each further axis is shifted at each turn, so that two of the same length do not go in step.
    return [
        tuple(axis[(number + shift * (number // len(axis))) % len(axis)] for shift, axis in enumerate(axes))
        for number in range(len(axes[0]))
    ]


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what no event announces."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
