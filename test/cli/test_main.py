"""The command as a whole: help texts, processes, errors and interruptions."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from qovery import __version__
from qovery.cli.main import main
from qovery.sandbox import Sandbox
from test.support import PATIENCE, wait_until
from test.support.commands import CANARY, Run, check, command
from test.support.hostile import HostileServer, read, reset, stall
from test.support.scripts import run_script

COMMANDS = ("list", "compare", "plan", "apply", "doctor")


def test_version(run: Run) -> None:
    """The version is that of the package."""
    assert run("--version") == (0, f"qovery-secrets {__version__}\n", "")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help(run: Run, name: str) -> None:
    """Each help text has examples and the exit statuses, in lines of at most 80 characters of ASCII."""
    done = run(*filter(None, [name]), "--help")
    assert (done.status, done.err) == (0, "")
    assert f"usage: qovery-secrets {name}" in done.out
    examples, _, statuses = done.out.partition("\nexamples:\n")[2].partition("\n\nexit status:\n")
    assert "qovery-secrets " in examples
    assert [line.split()[0] for line in statuses.splitlines() if line.startswith("  ")][:2] == ["0", "1"]
    assert "  64   a wrong command line" in statuses
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.out.isascii()


def test_help__loads_little() -> None:
    """A help text imports neither the models nor the libraries."""
    output = run_script(
        """
        import sys, typing_extensions
        sys.argv = ["qovery", "--help"]
        from qovery.cli.main import main
        main()
        print(sorted({"pydantic", "urllib3", "ssl", "dotenv", "qovery.sync"}.intersection(sys.modules)))
        """
    )
    assert output.splitlines()[-1] == "[]"


def test_module(set_up: Sandbox, env: str) -> None:
    """`python -m qovery` runs the command and exits with its status."""
    set_up.add_secret(env, "A", CANARY)
    with command("list") as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err, out.startswith("1 secret\n")) == (0, "", True)
    with command("list", "--older-than", "0h") as process:
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 2


@pytest.mark.parametrize("arguments", [["list"], ["plan", ".env"], ["apply", ".env", "--yes"], ["compare", ".env"]])
@pytest.mark.parametrize("status", [401, 403, 404, 500, None])
@pytest.mark.usefixtures("dotenv")
def test_errors__in_one_line(set_up: Sandbox, run: Run, arguments: list[str], status: int | None) -> None:
    """Errors of the service or the connection are one line on stderr."""
    if status is None:
        set_up.reset_connection(times=None)
    else:
        set_up.fail("list_environment_secrets", status=status, times=None)
    done = run(*arguments)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("qovery-secrets: list_environment_secrets failed: ")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none", "none: No such file or directory"),
        (".", ".: Is a directory"),
        ("a\x1bb", "a\\x1bb: No such file or directory"),
        ("none/none", "none/none: No such file or directory"),
    ],
)
@pytest.mark.needs_posix
def test_errors__of_files(set_up: Sandbox, run: Run, file: str, message: str) -> None:
    """A file that cannot be read is an error that names it, before anything is sent."""
    assert run("plan", file) == (1, "", f"qovery-secrets: {message}\n")
    assert set_up.requests == []


def test_errors__missing_extra(set_up: Sandbox, run: Run, dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` file without python-dotenv is a one-line error; JSON needs no extra."""
    monkeypatch.setitem(sys.modules, "dotenv.parser", None)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    done = run("plan", dotenv)
    assert (done.status, done.err.count("\n"), "python-dotenv" in done.err) == (1, 1, True)
    assert run("apply", "-", "--yes", stdin=f'{{"A": "{CANARY}"}}').status == 0


@pytest.mark.needs_posix
def test_errors__closed_stdin(set_up: Sandbox) -> None:
    """A closed standard input is a one-line error."""
    for arguments, message in ((["plan", "-"], "standard input is closed"), (["apply", ".env"], "no terminal")):
        done = subprocess.run(
            ["sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "qovery", *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert message in done.stderr


def test_warnings__in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is one line on stderr; as an error, it ends the command."""
    monkeypatch.setenv("QOVERY_API_URL", "http://qovery.invalid")
    monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
    done = run("list", "--environment", "e")
    assert (done.status, done.err.count("\n")) == (1, 1)
    monkeypatch.setattr("warnings.filters", [])
    done = run("list", "--environment", "e")
    assert (done.status, done.err.startswith("qovery-secrets: warning: ")) == (1, True)


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interruption__of_a_list(tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C or SIGTERM ends a running call without a traceback."""
    with HostileServer([read, stall]) as service:
        variables = {"QOVERY_API_URL": service.url, "QOVERY_API_TOKEN": CANARY, "QOVERY_ENVIRONMENT_ID": "e"}
        with command("list", env=variables) as process:
            wait_until(lambda: process.poll() is not None or service.requests)
            process.send_signal(how)
            out, err = process.communicate(timeout=PATIENCE)
    check(out + err)
    assert (process.returncode, out, err) == (130, "", "qovery-secrets: interrupted\n")


def test_connection__that_drops(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that drops each time is a one-line error."""
    with HostileServer([read, reset]) as service:
        monkeypatch.setenv("QOVERY_API_URL", service.url)
        monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
        done = run("list", "--environment", "e")
    assert (done.status, done.err.count("\n")) == (1, 1)


def test_main__in_another_thread(set_up: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """The command runs in any thread, and restores the signal handlers."""
    before = signal.getsignal(signal.SIGTERM)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(main(["list"])))
    thread.start()
    thread.join()
    assert statuses == [main(["list"])] == [0]
    assert signal.getsignal(signal.SIGTERM) is before
