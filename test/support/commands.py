"""Run the command line in this process, in a new process, or on a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from qovery.cli.main import main
from test.support import ROOT

#: A value that no command may show.
CANARY = "canary-of-a-command"


class Done(NamedTuple):
    """The exit status and output of a command."""

    status: int
    out: str
    err: str


#: A function that runs a command in this process, with text or bytes on stdin.
Run = Callable[..., Done]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process, and checks that it prints neither value nor traceback."""

    def run(*arguments: object, stdin: str | bytes = b"") -> Done:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setenv("NO_COLOR", "1")  # some CI services force colors on the help texts of argparse
        capsys.readouterr()
        done = Done(main([*map(str, arguments)]), *capsys.readouterr())
        check(done.out + done.err)
        return done

    return run


def check(output: str) -> None:
    assert CANARY not in output
    assert "Traceback" not in output


def command(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a new process; its streams are pipes unless the options say otherwise."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "qovery", *map(str, arguments)],
        env=environ,
        **{**pipes, "text": True, **options},
    )


class Terminal:
    """The output of a command on a terminal, and input to it."""

    def __init__(self, ours: int, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        self._ours = ours

    def read_until(self, text: str | None = None) -> str:
        """Read until this text appears, or to the end. Return all output so far."""
        while text is None or text not in self.text:
            data = b""
            with contextlib.suppress(OSError):  # Linux raises it when the command has closed the terminal
                data = os.read(self._ours, 65536)
            if not data:
                assert text is None, self.text
                break
            self.text += data.decode().replace("\r\n", "\n")
        return self.text

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())


@contextlib.contextmanager
def on_terminal(*arguments: object, **options: Any) -> Iterator[Terminal]:
    """A command whose stdin, stdout and stderr are a terminal."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, **options}
    try:
        with command(*arguments, **streams) as process:
            os.close(theirs)
            try:
                yield Terminal(ours, process)
            finally:
                process.kill()
    finally:
        os.close(ours)
