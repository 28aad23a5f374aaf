"""File permissions of the database: no access for other users."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from qovery import ApiValueError
from qovery.sandbox.store.private_file import make_private

pytestmark = pytest.mark.needs_posix


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_make_private__new(tmp_path: Path) -> None:
    """A new file has mode 0600 with any umask."""
    before = os.umask(0)
    try:
        make_private(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o600


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_make_private__existing(tmp_path: Path, suffix: str) -> None:
    """An existing file and SQLite's companion files keep their content, and other users lose access."""
    file = tmp_path / f"old{suffix}"
    file.write_text("content")
    file.chmod(0o664)
    make_private(tmp_path / "old")
    assert (mode(file), file.read_text()) == (0o600, "content")


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("dangling", [False, True])
def test_make_private__symbolic_link(tmp_path: Path, suffix: str, dangling: bool) -> None:
    """A symbolic link raises an error, and its target is unchanged."""
    target = tmp_path / "target"
    if not dangling:
        target.touch(mode=0o644)
    (tmp_path / f"link{suffix}").symlink_to(target)
    with pytest.raises(ApiValueError, match="symbolic link"):
        make_private(tmp_path / "link")
    assert not target.exists() if dangling else mode(target) == 0o644


def test_make_private__not_a_file(tmp_path: Path) -> None:
    """A directory, a pipe, and a file in a missing directory raise an error."""
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path, "folder"), (tmp_path / "pipe", "special file"), (tmp_path / "a/b", "No such file")):
        with pytest.raises(ApiValueError, match=said):
            make_private(path)
