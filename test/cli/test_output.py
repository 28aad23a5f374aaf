"""Output: colors, other encodings, and streams that cannot be written."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from qovery.cli.output import is_terminal, say, show
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS
from test.support import PATIENCE, spread
from test.support.commands import check, command, on_terminal

RED, GREEN = "\x1b[31m", "\x1b[32m"


@pytest.mark.needs_posix
@pytest.mark.parametrize(
    ("variables", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "empty NO_COLOR", "dumb"],
)
def test_colors(set_up: Sandbox, env: str, dotenv: Path, variables: dict[str, str], colored: bool) -> None:
    """A terminal shows colors, unless the environment says otherwise."""
    set_up.add_secret(env, "GONE", "made-up")
    environ = {"TERM": "xterm", "NO_COLOR": "", **variables}
    with on_terminal("plan", dotenv, "--prune", env=environ) as terminal:
        output = terminal.read_until()
    check(output)
    assert (f"{GREEN}API_KEY" in output, f"{RED}GONE" in output) == (colored, colored)
    assert ("\x1b" in output) is colored


def test_colors__without_a_terminal(set_up: Sandbox, dotenv: Path) -> None:
    """A pipe gets no colors."""
    with command("plan", dotenv) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err, "\x1b" in out) == (2, "", False)


def test_show__other_character_set() -> None:
    """Characters that a stream cannot encode are escaped."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", newline="\n")
    show("caf\xe9 \u2026", stream)
    assert raw.getvalue() == b"caf\xe9 \\u2026\n"


def test_say__one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A message is one line without control characters."""
    say("a\nb\x1b[31m")
    assert capsys.readouterr() == ("", "qovery-secrets: a\\nb\\x1b[31m\n")


def test_show__closed_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that was closed at the start is ignored."""
    show("text", None)
    monkeypatch.setattr(sys, "stderr", None)
    say("text")
    assert not is_terminal(None)


@pytest.mark.needs_posix
@pytest.mark.parametrize("behaviour", spread(BEHAVIOURS, 1))
@pytest.mark.parametrize("redirection", ["| head -n 1", ">&-", "| true", "2>&- | true"])
@pytest.mark.usefixtures("set_up")
def test_show__broken_pipe(dotenv: Path, redirection: str) -> None:
    """A reader that has closed the pipe is not an error."""
    dotenv.write_text("".join(f"{'K' * 200}{number}=made-up\n" for number in range(1000)))
    script = f'"$0" -m qovery plan "$1" {redirection}; echo "status ${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, str(dotenv)], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "status 2"


@pytest.mark.needs_posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.usefixtures("set_up")
def test_show__full_disk(set_up: Sandbox, dotenv: Path) -> None:
    """Output that cannot be written is an error, before anything is applied."""
    with open("/dev/full", "w") as full, command("apply", dotenv, "--yes", stdout=full) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (1, "qovery-secrets: No space left on device\n")
    assert {request.method for request in set_up.requests} == {"GET"}
