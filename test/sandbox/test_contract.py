"""The sandbox against `docs/openapi.yaml`, by schemathesis: generated requests, wrong ones, and chains of links."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from qovery.api.environment_secret_api import OPERATIONS
from qovery.sandbox import Sandbox

NAMES = {operation.name for operation in OPERATIONS}
DOCUMENT = Path(__file__).parent.parent.parent / "docs/openapi.yaml"

# 400 is also how the rules answer (no alias of an alias), which a schema cannot state.
SETTINGS = """
[parameters]
environmentId = "{environment_id}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403", "404", "409"]
"""


@pytest.mark.skipif(not importlib.util.find_spec("schemathesis"), reason="schemathesis needs Python 3.11")
@pytest.mark.parametrize(
    ("behaviour", "left_out"),
    [
        # A create replaces a secret of the same key, which is then rightly gone; schemathesis cannot know that.
        pytest.param("documented", ["--exclude-checks", "ensure_resource_availability"], id="documented"),
        pytest.param("observed", [], id="observed"),
    ],
)
def test_contract__holds(behaviour: str, left_out: list[str], tmp_path: Path) -> None:
    """Every answer is one that the document describes, whatever is sent, and none is a 5xx."""
    with Sandbox(behaviour=behaviour, tokens=frozenset({"a-token"})) as sandbox:
        (tmp_path / "schemathesis.toml").write_text(SETTINGS.format(environment_id=sandbox.environment_id))
        program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
        options = ["--url", sandbox.url, "--header", "Authorization: Token a-token", "--mode", "all"]
        steady = ["--max-examples", "10", "--generation-deterministic", "--no-color"]
        done = subprocess.run(
            [*program, "run", str(DOCUMENT), *options, *steady, *left_out],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        succeeded = {request.operation for request in sandbox.requests if (request.status or 500) < 300}
        assert succeeded == NAMES
