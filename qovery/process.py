"""`this_process`: tells a process from its parent, of which a forked child inherits all objects."""

from __future__ import annotations

import functools
import os

#: An entry for each fork between the first process and this one: in a PID namespace a child may have the id of its
#: parent. Some servers fork uncounted.
forks: list[None] = []

if hasattr(os, "register_at_fork"):  # not on Windows
    # Not a function of this module: the interpreter would keep its globals, and clear modules one by one at its end.
    os.register_at_fork(after_in_child=functools.partial(forks.append, None))


def this_process() -> int:
    """Return a key for this process, which no parent of it has."""
    return os.getpid() + (len(forks) << 32)  # more than any process id
