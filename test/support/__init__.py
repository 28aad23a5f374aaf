"""Helpers shared by the tests: servers, clients, processes and texts."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: The root directory of the repository.
ROOT = Path(__file__).parents[2]

#: The timeout of waits for events that must happen, in seconds. No test depends on its length.
PATIENCE = 120.0

#: Whether tests run exhaustively with random examples, instead of being fast and deterministic.
NIGHTLY = os.environ.get("TEST_PROFILE") == "nightly"


def combinations(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All combinations in the nightly profile; by default enough to use each value. Pass the longest axis first."""
    if NIGHTLY:
        return list(itertools.product(*axes))
    # Each further axis is shifted on every pass, so that two axes of the same length do not stay in step.
    return [
        tuple(axis[(number + shift * (number // len(axis))) % len(axis)] for shift, axis in enumerate(axes))
        for number in range(len(axes[0]))
    ]


def spread(cases: Iterable[T], count: int) -> list[T]:
    """All cases in the nightly profile; by default some of them, the first and the last included."""
    every = list(cases)
    return every if NIGHTLY else [every[at * (len(every) - 1) // max(count - 1, 1)] for at in range(count)]


def unmeasured() -> dict[str, str]:
    """The environment of a process that coverage must not measure: it writes a file, and takes a lock of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def wait_until(condition: Callable[[], object]) -> None:
    """Poll until a condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.002)
