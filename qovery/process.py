"""`this_process`: tells a process from its parent, of which a forked child inherits all objects."""

from __future__ import annotations

import os
from typing import Final

#: More than any process id.
_STEP: Final = 1 << 32

#: Grows with each fork, since in a PID namespace a child may have the id of its parent. Some servers fork uncounted.
offset = 0


def this_process() -> int:
    """Return a key for this process, which no parent of it has."""
    return os.getpid() + offset


def _forked() -> None:
    global offset
    offset += _STEP


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
