"""`make_private`: a database file that other users of the machine cannot open."""

from __future__ import annotations

import os
import stat

from qovery.exceptions import ApiValueError

#: The suffixes of a database and SQLite's files next to it; SQLite gives new ones the mode of the database.
_SUFFIXES = ("", "-wal", "-shm", "-journal")


def make_private(path: str | os.PathLike[str]) -> None:
    """Create the file with mode 0600, or remove other users' permissions from an existing one and SQLite's files.

    Raises:
        ApiValueError: It is a symbolic link, is not a regular file, or cannot be created or changed.
    """
    path = os.fsdecode(path)
    try:
        problem = next(filter(None, map(_tighten, (path + suffix for suffix in _SUFFIXES))), None)
        if problem is None and not os.path.exists(path):
            _create(path)
    except OSError as error:
        problem = f"{path}: {error.strerror}"
    if problem:
        raise ApiValueError(f"the database cannot be opened: {problem}. Use another file")


def _create(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:  # another process created it just now
        make_private(path)


def _tighten(path: str) -> str | None:
    """Remove other users' permissions. Return what is wrong with the file, or None.

    The file is not opened: closing it would release the locks that this process may hold on it.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is a {'folder' if stat.S_ISDIR(found.st_mode) else 'special file'}"
    if os.name == "posix" and found.st_mode & 0o077:
        os.chmod(path, found.st_mode & 0o700)
    return None
