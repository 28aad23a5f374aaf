"""Concurrent threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from test.support import PATIENCE

THREADS = 32


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
