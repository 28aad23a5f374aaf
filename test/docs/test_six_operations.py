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


def run(code: int = 0, **variables: str) -> str:
    """Run the example, check its exit status, and return its standard output, or standard error if it fails."""
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
    """Without any variable set, the example reports all six operations, shows no value and leaves nothing behind."""
    output = run()
    assert re.findall(r"^\d\. (\w+)", output, re.MULTILINE) == ["list", "create", "alias", "override", "edit", "delete"]
    assert "Left out" not in output
    assert "as many as at the start: True" in output
    for value in ("correct horse", "tr0ub4dor", "only here"):
        assert value not in output


def test_six_operations__against_a_service(sandbox: Sandbox) -> None:
    """With an environment id set, the example touches only its own keys, and deletes them."""
    before = sandbox.secrets(ENVIRONMENT_ID)
    output = run(QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert f"Talking to {sandbox.url}" in output
    assert sandbox.secrets(ENVIRONMENT_ID) == before
    assert {request.operation for request in sandbox.requests} == {
        "list_environment_secrets",
        "create_environment_secret",
        "create_environment_secret_alias",
        "edit_environment_secret",
        "delete_environment_secret",
    }


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
    output = run(1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert output.startswith(f"It did not work out: {said}")
    assert not any(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID))


def test_six_operations__one_delete_fails(sandbox: Sandbox) -> None:
    """A secret that cannot be deleted does not stop the deletion of the others."""
    sandbox.fail("delete_environment_secret", status=400)
    output = run(1, QOVERY_API_URL=sandbox.url, QOVERY_API_TOKEN="a-token", QOVERY_ENVIRONMENT_ID=ENVIRONMENT_ID)
    assert output.startswith("It did not work out: delete_environment_secret failed: 400")
    assert sum(secret.key.startswith("DEMO_") for secret in sandbox.secrets(ENVIRONMENT_ID)) == 1
