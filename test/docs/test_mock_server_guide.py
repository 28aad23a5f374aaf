"""The mock server guide: every block of the page, and the test suite of the example service."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from qovery.sandbox import Sandbox
from qovery.sandbox.seed_model import Seed
from test.support import ROOT
from test.support.pytest_run import run_pytest
from test.support.sandboxes import Start

PAGE = (ROOT / "docs/guides/mock-server.md").read_text(encoding="utf-8")
BLOCKS = [(found[1], found[2]) for found in re.finditer(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def test_page__kinds_of_blocks() -> None:
    """Every block is of a kind that runs: its tests, commands and seed here, other Python in `test_pages`."""
    assert {kind for kind, _ in BLOCKS} == {"python", "sh", "json"}


def test_page__tests_pass(tmp_path: Path) -> None:
    """The tests on the page pass with the plugin alone."""
    tests = [text for kind, text in BLOCKS if kind == "python" and "def test_" in text]
    for number, text in enumerate(tests):
        (tmp_path / f"test_block_{number}.py").write_text(text)
    outcomes, printed = run_pytest(folder=tmp_path)
    assert outcomes == {"passed": sum(text.count("def test_") for text in tests)}, printed


@pytest.mark.needs_posix
@pytest.mark.skipif(not shutil.which("curl"), reason="the commands on the page use curl")
def test_page__commands_work(start: Start) -> None:
    """The commands on the page work; each curl command uses the mock server started by the command before it."""
    url = ""
    for text in (text for kind, text in BLOCKS if kind == "sh"):
        if text.startswith("qovery-sandbox"):
            _, _, _, *options = shlex.split(text)  # without the program and its port
            _, url = start(*options)
        else:
            script = text.replace("http://127.0.0.1:8080", url)
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, ""), script
            assert done.stdout


def test_page__seed(tmp_path: Path) -> None:
    """The seed file on the page can be loaded."""
    file = tmp_path / "seed.json"
    (text,) = (text for kind, text in BLOCKS if kind == "json")
    file.write_text(text)
    with Sandbox(seeded=False) as sandbox:
        assert sandbox.load(file) == [environment.id for environment in Seed.model_validate_json(text).environments]


def test_preview_environments__own_tests_pass() -> None:
    """The test suite of the example service passes with the plugin alone."""
    outcomes, printed = run_pytest("-q", folder=ROOT / "docs/examples/preview_environments")
    assert outcomes.keys() == {"passed"}, printed
