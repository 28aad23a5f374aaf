"""Fixtures for commands against both behaviours of the mock server."""

from __future__ import annotations

from pathlib import Path

import pytest

from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.support.commands import CANARY, Run, runner


@pytest.fixture(params=["documented", "observed"])
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    return request.param  # type: ignore[no-any-return]  # one of the two above


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""
    return runner(monkeypatch, capsys)


@pytest.fixture
def set_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    """The mock server, with the environment variables that point to it, in an empty folder."""
    monkeypatch.setenv("QOVERY_API_URL", sandbox.url)
    monkeypatch.setenv("QOVERY_API_TOKEN", "a-token")
    monkeypatch.setenv("QOVERY_ENVIRONMENT_ID", sandbox.environment_id)
    monkeypatch.chdir(tmp_path)
    return sandbox


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    """A file with two keys."""
    file = tmp_path / ".env"
    file.write_text(f"API_KEY={CANARY}\nREGION={CANARY}\n")
    return file
