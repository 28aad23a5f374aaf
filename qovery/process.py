"""`this_process`: tells a process from its parent, of which a forked child inherits all objects."""

from __future__ import annotations

import functools
import os
import threading

#: An entry for each fork between the first process and this one: in a PID namespace a child may have the id of its
#: parent. Some servers fork uncounted.
forks: list[None] = []

if hasattr(os, "register_at_fork"):  # not on Windows
    # Not a function of this module: the interpreter would keep its globals, and clear modules one by one at its end.
    os.register_at_fork(after_in_child=functools.partial(forks.append, None))


class ProcessLock:
    """A reentrant lock of each process: a fork may happen while another thread holds the parent's.

    It is made late, since a monkey patch may replace the class after the import.
    """

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    def get(self) -> threading.RLock:
        """Return the lock of this process."""
        return self._locks.setdefault(this_process(), threading.RLock())


def this_process() -> int:
    """Return a key for this process, which no parent of it has."""
    return os.getpid() + (len(forks) << 32)  # more than any process id
