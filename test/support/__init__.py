"""What tests share: servers, clients, processes and the texts that they check."""

import os
import time
from collections.abc import Callable
from pathlib import Path

#: The folder of the repository.
ROOT = Path(__file__).parents[2]

#: How long a test waits, in seconds, for what must happen. No test passes or fails by its length.
PATIENCE = 120.0

#: Whether tests look deep, at random examples, instead of being fast and the same in every run.
NIGHTLY = os.environ.get("TEST_PROFILE") == "nightly"


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what no event announces."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
