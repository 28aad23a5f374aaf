"""Concurrent threads."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from test.support import PATIENCE

THREADS = 32


@contextlib.contextmanager
def fast_switches() -> Iterator[None]:
    """Let threads switch after every few instructions."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in threads that start together, and return what each returned or raised."""
    begin = threading.Barrier(THREADS)
    ends: list[Any] = [None] * THREADS

    def run(number: int) -> None:
        begin.wait()
        try:
            ends[number] = work(number)
        except Exception as error:
            ends[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    return ends
