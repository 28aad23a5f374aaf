"""Data from a server or a proxy is masked before any library can log or trace it."""

from __future__ import annotations

import json
import subprocess
import sys

from test.support import PATIENCE, ROOT
from test.support.things import leak


def recorded(*arguments: str) -> dict[str, str]:
    """The records of sentry-sdk, OpenTelemetry and the loggers for each call."""
    command = [sys.executable, "-m", "test.support.wire", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_records__show_no_secret() -> None:
    """Reasons, malformed heads, interim responses and responses to CONNECT leak no secret with any policy."""
    found = recorded()
    assert len(found) == 96
    assert all("http.url" in text for text in found.values())
    assert "httplib" in found["reason of a success, direct, ours"]
    assert {name: leak(text) for name, text in found.items() if leak(text)} == {}


def test_records__show_planted_secrets() -> None:
    """With urllib3 alone, nearly every one of these responses puts a secret into a record."""
    found = recorded("planted")
    shown = {name for name, text in found.items() if leak(text)}
    assert {f"reason of a {kind}, direct" for kind in ("success", "failure")} <= shown
    assert {f"malformed {part}, direct" for part in ("header", "status", "version", "length")} <= shown
    assert {f"{what}, tunnel" for what in ("reason of a failure", "malformed status", "not HTTP")} <= shown
