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


def story(*arguments: str, code: int = 0, **variables: str) -> str:
    """What the example prints when it ends with `code`, on standard output or, if it fails, standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "docs/examples/six_operations.py"), *arguments],
        capture_output=True,
        text=True,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("QOVERY_")}, **variables},
    )
    assert done.returncode == code, done.stderr
    assert bool(done.stderr) == bool(code)
    return done.stderr or done.stdout


def test_six_operations__by_itself() -> None:
    """By default it runs all six operations against a mock server, shows no value, and leaves nothing behind."""
    told = story()
    assert re.findall(r"^\d\. (\w+)", told, re.MULTILINE) == ["list", "create", "alias", "override", "edit", "delete"]
    assert "Skipped" not in told
    assert "the same number as at the start: True" in told
    for value in ("correct horse", "tr0ub4dor", "only here"):
        assert value not in told


def test_six_operations__against_a_service(sandbox: Sandbox) -> None:
    """With `--live` it changes only keys that it creates, and deletes them."""
    before = sandbox.secrets(ENVIRONMENT_ID)
    told = story("--live", QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert f"Calling {sandbox.url}" in told
    assert sandbox.secrets(ENVIRONMENT_ID) == before
    assert {request.operation for request in sandbox.requests} == {
        "list_environment_secrets",
        "create_environment_secret",
        "create_environment_secret_alias",
        "edit_environment_secret",
        "delete_environment_secret",
    }


def test_six_operations__ignores_the_environment(sandbox: Sandbox) -> None:
    """Without `--live` it calls no service, whatever the variables of the environment name."""
    story(QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert sandbox.requests == []


@pytest.mark.parametrize("missing", ["QOVERY_API_TOKEN", "QOVERY_ENVIRONMENT_ID"])
def test_six_operations__live_without_settings(missing: str) -> None:
    """With `--live`, a variable that is not set is named before anything is sent."""
    given = {"QOVERY_API_TOKEN": "a-token", "QOVERY_ENVIRONMENT_ID": ENVIRONMENT_ID, missing: ""}
    assert f"--live needs the environment variable {missing}" in story("--live", code=2, **given)


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
    told = story("--live", code=1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert told.startswith(f"six_operations.py failed: {said}")
    assert not any(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID))


def test_six_operations__one_delete_fails(sandbox: Sandbox) -> None:
    """One secret that cannot be deleted does not keep the others."""
    sandbox.fail("delete_environment_secret", status=400)
    told = story("--live", code=1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert told.startswith("six_operations.py failed: delete_environment_secret failed: 400")
    assert sum(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID)) == 1
