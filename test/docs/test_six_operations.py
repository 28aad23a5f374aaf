"""The main example, `six_operations.py`."""

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


def run(*arguments: str, code: int = 0, **variables: str) -> str:
    """Run the example, check its exit status, and return its standard output, or standard error if it fails."""
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
    output = run()
    assert re.findall(r"^\d\. (\w+)", output, re.MULTILINE) == ["list", "create", "alias", "override", "edit", "delete"]
    assert "Skipped" not in output
    assert "the same number as at the start: True" in output
    for value in ("correct horse", "tr0ub4dor", "only here"):
        assert value not in output


def test_six_operations__against_a_service(sandbox: Sandbox) -> None:
    """With `--live` it changes only keys that it creates, and deletes them."""
    before = sandbox.secrets(ENVIRONMENT_ID)
    output = run("--live", QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert f"Calling {sandbox.url}" in output
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
    run(QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert sandbox.requests == []


@pytest.mark.parametrize("missing", ["QOVERY_API_TOKEN", "QOVERY_ENVIRONMENT_ID"])
def test_six_operations__live_without_settings(missing: str) -> None:
    """With `--live`, a variable that is not set is named before anything is sent."""
    given = {"QOVERY_API_TOKEN": "a-token", "QOVERY_ENVIRONMENT_ID": ENVIRONMENT_ID, missing: ""}
    assert f"--live needs the environment variable {missing}" in run("--live", code=2, **given)


@pytest.mark.parametrize(
    ("inject", "said"),
    [
        (lambda sandbox: sandbox.fail("edit_environment_secret", status=400), "edit_environment_secret failed: 400"),
        (lambda sandbox: sandbox.drop_reply("create_environment_secret"), "create_environment_secret failed"),
        (
            lambda sandbox: sandbox.drop_reply("create_environment_secret_alias"),
            "create_environment_secret_alias failed",
        ),
    ],
    ids=["edit rejected", "response to create lost", "response to alias lost"],
)
def test_six_operations__that_fail(sandbox: Sandbox, inject: Callable[[Sandbox], None], said: str) -> None:
    """After a failure the example deletes its secrets, even one whose creation has an unknown outcome."""
    inject(sandbox)
    output = run(
        "--live", code=1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID
    )
    assert output.startswith(f"six_operations.py failed: {said}")
    assert not any(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID))


def test_six_operations__one_delete_fails(sandbox: Sandbox) -> None:
    """A secret that cannot be deleted does not stop the deletion of the others."""
    sandbox.fail("delete_environment_secret", status=400)
    output = run(
        "--live", code=1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID
    )
    assert output.startswith("six_operations.py failed: delete_environment_secret failed: 400")
    assert sum(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID)) == 1
