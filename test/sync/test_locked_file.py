"""A file that several threads and processes change concurrently."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from qovery.sync import locked_file
from qovery.sync.locked_file import locked, replace_file
from test.support import ROOT
from test.support.scripts import COMMAND, run_script

HOLD = """
import sys
from qovery.sync.locked_file import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_locked__threads(tmp_path: Path) -> None:
    """Threads enter one at a time, and each sees the content that the previous one wrote."""
    path = tmp_path / "count"
    path.write_text("0")

    def add() -> None:
        for _ in range(10):
            with locked(str(path)):
                replace_file(str(path), str(int(path.read_text()) + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "40"


def test_locked__killed_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock of another process is not granted until that process is killed."""
    path = str(tmp_path / "file")
    with subprocess.Popen([*COMMAND, HOLD, path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with monkeypatch.context() as patch:
            patch.setattr(locked_file, "PATIENCE", 0.0)
            with pytest.raises(OSError), locked(path):  # noqa: PT011 - whichever the system has
                pass
        holder.kill()
        with locked(path):
            pass


@pytest.mark.needs_posix
def test_locked__forked_child(tmp_path: Path) -> None:
    """A forked child does not keep a lock that its parent holds."""
    script = """
        import os, sys
        from qovery.sync import locked_file
        locked_file.PATIENCE = 0.0
        read, write = os.pipe()
        with locked_file.locked(sys.argv[1]):
            child = os.fork()
            if child == 0:
                os.close(write)
                os.read(read, 1)
                os._exit(0)
        with locked_file.locked(sys.argv[1]):
            print("again")
        os.close(write)
        os.waitpid(child, 0)
    """
    assert run_script(script, str(tmp_path / "file")) == "again\n"


@pytest.mark.needs_posix
def test_locked__link(tmp_path: Path) -> None:
    """A symbolic link as the lock file is an error, and nothing is created at its target."""
    (tmp_path / "file.lock").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"), locked(str(tmp_path / "file")):
        pass
    assert not (tmp_path / "target").exists()


@pytest.mark.needs_posix
def test_replace_file__mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new content has mode 0600 before its first byte, whatever the umask and the old mode."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    modes = []
    create = os.open

    def created(name: str, flags: int, *mode: int) -> int:
        descriptor = create(name, flags, *mode)
        if flags & os.O_CREAT:
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", created)
    before = os.umask(0)
    try:
        replace_file(str(path), b"new")
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_replace_file__fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    """If the new content cannot be written completely, the file keeps its content and no temporary file is left."""
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        replace_file(str(path), b"new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_replace_file__after_a_kill(tmp_path: Path) -> None:
    """A temporary file that a killed process left is not read and does not block a write."""
    path = tmp_path / "file"
    (tmp_path / "file.new").write_text("half")
    replace_file(str(path), b"whole")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "whole")]
