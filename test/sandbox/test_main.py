"""The command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qovery import (
    UnauthorizedException,
)
from qovery.sandbox.seed import ENVIRONMENT_ID
from test.support import PATIENCE
from test.support.clients import Connect
from test.support.sandboxes import Start


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_command__stops_cleanly(start: Start, how: signal.Signals) -> None:
    """It prints one line, and ends with 0 and without a word when it is told to."""
    process, _ = start()
    process.send_signal(how)
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 0


def test_command__token_and_seed(connect: Connect, start: Start, tmp_path: Path) -> None:
    """Only the tokens that are named are let in; the seed file takes the place of the built-in one."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"id": "e1", "secrets": [{"key": "A", "scope": "PROJECT"}]}]}))
    _, url = start("--token", "good", "--seed", file)
    for token, allowed in (("good", True), ("bad", False)):
        api = connect(url, access_token=token)
        if allowed:
            assert len(api.list_environment_secrets("e1").results or []) == 1
        else:
            with pytest.raises(UnauthorizedException):
                api.list_environment_secrets("e1")


def test_command__log(connect: Connect, start: Start) -> None:
    """With `--log-level info` each request is a line on stderr, without values and tokens."""
    process, url = start("--log-level", "info")
    api = connect(url, access_token="canary-token")
    api.create_environment_secret(ENVIRONMENT_ID, {"key": "A", "value": "canary-value"})
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert f"POST /environment/{ENVIRONMENT_ID}/secret 201" in err
    assert "canary" not in out + err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--public"),
        (["--host", "example.test"], "--public"),
        (["--seed", "/nowhere.json"], "cannot be read"),
        (["--db", "/nowhere/sandbox.db"], "/nowhere"),
        (["--db", __file__], "not a database"),
    ],
)
def test_command__refuses(arguments: list[str], said: str) -> None:
    """What cannot be done is one line that says what to do."""
    done = subprocess.run([sys.executable, "-m", "qovery.sandbox", *arguments], capture_output=True, text=True)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_command__without_the_extra() -> None:
    """Where the extra is missing one line says what to install."""
    program = "import sys; sys.modules['uvicorn'] = None; from qovery.sandbox.__main__ import main; main([])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr == "qovery-sandbox: the sandbox needs uvicorn: pip install 'qovery[sandbox]'\n"
    program = "import sys; sys.modules['starlette'] = None; from qovery.sandbox import Sandbox"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.endswith("pip install 'qovery[sandbox]'\n")


def test_command__help_names_the_environment() -> None:
    """`--help` says which environment there is."""
    done = subprocess.run(
        [sys.executable, "-m", "qovery.sandbox", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert ENVIRONMENT_ID in done.stdout
