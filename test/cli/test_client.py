"""Environment variables of the commands."""

from __future__ import annotations

import pytest

from qovery.sandbox import Sandbox
from test.support.commands import CANARY, Run


def test_connected__without_a_token(set_up: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token nothing is sent, and the error says which variable to set."""
    for token in (None, "", " \n"):
        monkeypatch.delenv("QOVERY_API_TOKEN", raising=False)
        if token is not None:
            monkeypatch.setenv("QOVERY_API_TOKEN", token)
        assert run("list") == (1, "", "qovery-secrets: no token: set QOVERY_API_TOKEN\n")
    assert set_up.requests == []


def test_connected__from_the_environment(set_up: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Token and URL come from the variables; a rejected token is a one-line error that suggests `doctor`."""
    set_up.revoke(CANARY)
    monkeypatch.setenv("QOVERY_API_TOKEN", CANARY)
    done = run("list")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert "401 Unauthorized" in done.err
    assert done.err.endswith(". To find the cause: qovery-secrets doctor\n")
    monkeypatch.setenv("QOVERY_API_URL", "nonsense")
    assert run("list").status == 1


def test_environment_id(set_up: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option takes precedence over the variable, and without both nothing is sent."""
    other = set_up.add_environment()
    assert run("list", "--environment", other).status == 0
    assert set_up.requests[0].path == f"/environment/{other}/secret"
    monkeypatch.setenv("QOVERY_ENVIRONMENT_ID", " ")
    expected = "qovery-secrets: no environment: set QOVERY_ENVIRONMENT_ID, or pass --environment ID\n"
    assert run("list") == (1, "", expected)
    assert len(set_up.requests) == 1


@pytest.mark.parametrize("key", [" ", "short"])
@pytest.mark.usefixtures("dotenv")
def test_state_file__key(set_up: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A state file needs a key that is long enough."""
    monkeypatch.setenv("QOVERY_STATE_KEY", key)
    done = run("plan", ".env", "--state", "state.json")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert ("QOVERY_STATE_KEY" if key == " " else "at least 16 bytes") in done.err
    assert set_up.requests == []
