"""A small file shared by processes: `locked` takes its lock, `replace_file` replaces it atomically."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

#: The seconds to wait for other processes.
PATIENCE = 30.0

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    #: Raised by Windows while another process holds the lock, or has the file open.
    _BUSY: type[OSError] = PermissionError
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        # Closing is not enough: a child that was forked in between has the file open too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    _BUSY = BlockingIOError


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of a file against other threads and processes. It is released when the process ends, in any way.

    The lock is on `<path>.lock`, which stays: if it were deleted, two processes could lock different files.

    Raises:
        OSError: The lock file cannot be opened, or others have held the lock for `PATIENCE` seconds.
    """
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    try:
        _patiently(lambda: _lock(descriptor))
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: str, content: bytes) -> None:
    """Replace a file atomically, with mode 0600. Its lock must be held.

    Raises:
        OSError: It cannot be written, and is unchanged.
    """
    new = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)  # left by a killed process
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _patiently(lambda: os.replace(new, path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise
    _sync_folder(path)


def _patiently(action: Callable[[], object]) -> None:
    """Retry while another process blocks the action."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            action()
        except _BUSY:
            if time.monotonic() >= deadline:
                raise
        else:
            return
        time.sleep(0.01)


def _sync_folder(path: str) -> None:
    """Make the rename survive a power failure, where the system supports it."""
    with contextlib.suppress(OSError):  # Windows cannot open folders
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
