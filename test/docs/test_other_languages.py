"""The guide for other languages: each block runs against a mock server in its own process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from test.support import NIGHTLY, PATIENCE, ROOT
from test.support.sandboxes import Start

PAGE = (ROOT / "docs/guides/other-languages.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


def pointed_to(url: str, program: str) -> str:
    """A program of the page that uses the mock server at `url`."""
    assert ADDRESS in program
    return program.replace(ADDRESS, url)


def run(*command: str, folder: Path, **variables: str) -> str:
    env = {**os.environ, "no_proxy": "*", **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.needs_posix
@pytest.mark.parametrize("behaviour", ["documented", "observed"] if NIGHTLY else ["documented"])
@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_node__six_operations(start: Start, tmp_path: Path, behaviour: str) -> None:
    """The official npm client runs the six operations."""
    (package,) = re.findall(r"npm install (\S+)`", PAGE)
    _, url = start("--behaviour", behaviour)
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", package]
    if subprocess.run(install, cwd=tmp_path, capture_output=True, timeout=4 * PATIENCE).returncode:
        pytest.skip("the npm registry cannot be reached")
    (program,) = blocks("js")
    (tmp_path / "story.mjs").write_text(pointed_to(url, program))
    printed = run("node", "story.mjs", folder=tmp_path)
    key, aliased, overridden = printed.split()
    assert (key, aliased) == ("NODE_KEY", overridden)


@pytest.mark.needs_posix
@needs_curl
def test_curl__creates_edits_lists_and_deletes(start: Start, tmp_path: Path) -> None:
    """The commands with curl run, and delete the secret that they create."""
    _, url = start()
    printed = run("bash", "-euo", "pipefail", "-c", pointed_to(url, blocks("sh")[0]), folder=tmp_path)
    assert '"key":"CURL_KEY"' in printed
    assert "CURL_KEY" not in run("curl", "-s", url, folder=tmp_path).partition("Requests")[0]


@pytest.mark.needs_posix
@needs_curl
def test_ci__background_step(tmp_path: Path) -> None:
    """The CI step returns when the mock server is ready, and leaves it running."""
    job = yaml.safe_load(blocks("yaml")[0])["jobs"]["test"]
    (script,) = [step["run"] for step in job["steps"] if step.get("name") == "Start the mock server"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    script = (
        script.replace("8080", str(port)).replace("nohup qovery-sandbox", f"nohup {sys.executable} -m qovery.sandbox")
        + "\necho $!"
    )
    pid = run("bash", "-euo", "pipefail", "-c", script, folder=tmp_path, QOVERY_API_URL=url)
    try:
        assert "Qovery sandbox" in (tmp_path / "ready.html").read_text()
        assert (tmp_path / "sandbox.log").read_text().startswith(f"Qovery sandbox listening on {url}")
    finally:
        os.kill(int(pid), signal.SIGTERM)
