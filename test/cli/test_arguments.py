"""Argument types, and the errors for invalid arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

import pytest

from qovery.cli.arguments import count, duration, pair, policy, seconds
from test.support.commands import CANARY, Run


@pytest.mark.parametrize(
    ("read", "text", "result"),
    [
        (duration, "90d", timedelta(days=90)),
        (duration, "12h", timedelta(hours=12)),
        (duration, "4w", timedelta(weeks=4)),
        (count, "8", 8),
        (seconds, "0.5", 0.5),
        (seconds, "600", 600.0),
        (pair("KEY=TARGET"), "A=B=C", ("A", "B=C")),
        (policy, "keep", (None, "keep")),
        (policy, "A=fail", ("A", "fail")),
    ],
)
def test_types__read(read: Any, text: str, result: object) -> None:
    """An argument is converted to its value."""
    assert read(text) == result


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (duration, ["", "90", "d", "-1d", "1.5d", "90m", "9999999d", "90 d", "\u0663d", "90d\n"]),
        (count, ["", "0", "-1", "1.5", "x", "1e3", "9999999"]),
        (seconds, ["", "0", "0.0", "-1", "nan", "inf", "1e3", "10m"]),
        (pair("KEY=TARGET"), ["", "A", "=B", "A=", "="]),
        (policy, ["", "other", "A=", "=keep", "A=other"]),
    ],
)
def test_types__reject(read: Any, texts: list[str]) -> None:
    """An invalid argument is an error that says what is expected."""
    for text in texts:
        with pytest.raises(ArgumentTypeError, match=r"must be"):
            read(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        ([CANARY], "argument COMMAND: invalid choice"),
        (["list", CANARY], "unknown arguments;"),
        (["list", f"--token={CANARY}"], "unknown arguments: --token;"),
        (["list", "--token", CANARY], "unknown arguments: --token;"),
        (["list", f"--json={CANARY}"], "argument --json: ignored explicit argument"),
        (["list", "--js"], "unknown arguments: --js;"),
        (["list", "--older-than", CANARY], "argument --older-than: must be a number of hours, days or weeks"),
        (["compare"], "the following arguments are required: ID_OR_FILE"),
        (["plan"], "the following arguments are required: FILE"),
        (["plan", ".env", f"API_KEY={CANARY}"], "unknown arguments;"),
        (["plan", ".env", "--alias", CANARY], "argument --alias: must be KEY=TARGET"),
        (["plan", ".env", "--alias", "A=B", "--alias", "A=C"], "--alias names a key twice"),
        (["plan", ".env", "--rename", "A=B", "--rename", "A=C"], "--rename names a key twice"),
        (["plan", ".env", "--existing", "keep", "--existing", "fail"], "--existing names a key twice"),
        (["plan", ".env", "--existing", CANARY], "argument --existing: must be update, keep or fail"),
        (["plan", ".env", "--allow", f"A={CANARY}"], "argument --allow: the rule must be one of empty, blank"),
        (["plan", ".env", "--prune-prefix", "APP_"], "--prune-prefix needs --prune"),
        (["plan", ".env", "--prune", "--prune-prefix", ""], "argument --prune-prefix: the prefix is empty"),
        (["plan", ".env", "--prune", "--prune-recorded"], "--prune-recorded needs --prune and --state"),
        (["plan", ".env", "--yes"], "unknown arguments: --yes;"),
        (["apply", ".env", "--max-workers", "0"], "argument --max-workers: must be a positive integer"),
        (["apply", ".env", "--timeout", "-1"], "argument --timeout: "),
        (["apply", ".env", "--timeout"], "argument --timeout: expected one argument"),
    ],
)
def test_command_line__invalid(run: Run, arguments: list[str], message: str) -> None:
    """An invalid command line exits with 64, and the error shows no argument, since it may be a secret value."""
    done = run(*arguments)
    assert (done.status, done.out) == (64, "")
    usage, error = done.err.splitlines()[0], done.err.splitlines()[-1]
    assert usage.startswith("usage: qovery-secrets")
    assert error.startswith("qovery-secrets")
    assert f"error: {message}" in error
    assert error.endswith("--help")
