"""The main example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from test.support import ROOT


def story(code: int = 0, **variables: str) -> str:
    """What the example prints when it ends with `code`, on standard output or, if it fails, standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "docs/examples/six_operations.py")],
        capture_output=True,
        text=True,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("QOVERY_")}, **variables},
    )
    assert done.returncode == code, done.stderr
    assert bool(done.stderr) == bool(code)
    return done.stderr or done.stdout


def test_six_operations__by_itself() -> None:
    """Without anything set it tells of all six operations, shows no value and leaves nothing behind."""
    told = story()
    assert re.findall(r"^\d\. (\w+)", told, re.MULTILINE) == ["list", "create", "alias", "override", "edit", "delete"]
    assert "Left out" not in told
    assert "as many as at the start: True" in told
    for value in ("correct horse", "tr0ub4dor", "only here"):
        assert value not in told


def test_six_operations__against_a_service(sandbox: Sandbox) -> None:
    """With an environment named it touches its own keys only, and deletes them."""
    before = sandbox.secrets(ENVIRONMENT_ID)
    told = story(QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert f"Talking to {sandbox.url}" in told
    assert sandbox.secrets(ENVIRONMENT_ID) == before
    assert {request.operation for request in sandbox.requests} == {
        "list_environment_secrets",
        "create_environment_secret",
        "create_environment_secret_alias",
        "edit_environment_secret",
        "delete_environment_secret",
    }


@pytest.mark.parametrize(
    ("disturb", "said"),
    [
        (lambda sandbox: sandbox.fail("edit_environment_secret", status=400), "edit_environment_secret failed: 400"),
        (lambda sandbox: sandbox.drop_reply("create_environment_secret"), "create_environment_secret failed"),
        (
            lambda sandbox: sandbox.drop_reply("create_environment_secret_alias"),
            "create_environment_secret_alias failed",
        ),
    ],
    ids=["edit refused", "reply to create lost", "reply to alias lost"],
)
def test_six_operations__that_fail(sandbox: Sandbox, disturb: Callable[[Sandbox], None], said: str) -> None:
    """What it made is deleted even when it cannot go on, and when it never learnt that it made it."""
    disturb(sandbox)
    told = story(1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert told.startswith(f"It did not work out: {said}")
    assert not any(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID))


def test_six_operations__one_delete_fails(sandbox: Sandbox) -> None:
    """One secret that cannot be deleted does not keep the others."""
    sandbox.fail("delete_environment_secret", status=400)
    told = story(1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert told.startswith("It did not work out: delete_environment_secret failed: 400")
    assert sum(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID)) == 1
