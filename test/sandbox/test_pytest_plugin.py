"""The pytest plugin, in runs of its own."""

from __future__ import annotations

import re
from pathlib import Path

from test.support import ROOT
from test.support.pytest_run import run_pytest

TESTS = """
import pytest, qovery

urls, environments = set(), set()

@pytest.mark.parametrize("round", range(3))
def test_fresh(qovery_sandbox, qovery_api, round):
    environment_id = qovery_sandbox.environment_id
    assert qovery_sandbox.environments() == [environment_id]
    assert qovery_api.list_environment_secrets(environment_id).results == []
    assert [request.operation for request in qovery_sandbox.requests] == ["list_environment_secrets"]
    assert qovery_sandbox.behaviour == "documented"
    qovery_api.create_environment_secret(environment_id, {"key": "A", "value": "b"})
    assert qovery_sandbox.value(environment_id, "A") == "b"
    qovery_sandbox.behaviour = "observed"
    qovery_sandbox.read_only("sandbox")
    qovery_sandbox.revoke("sandbox")
    qovery_sandbox.rate_limit(1, per=3600)
    qovery_sandbox.fail()
    qovery_sandbox.delay(3600)
    urls.add(qovery_sandbox.url)
    environments.add(environment_id)

def test_all():
    assert (len(urls), len(environments)) == (1, 3)
"""

COSTS_NOTHING = """
import sys

def test_modules():
    assert {name for name in sys.modules if name.partition(".")[0] == "qovery"} == {
        "qovery", "qovery._version", "qovery.sandbox", "qovery.sandbox.pytest_plugin"
    }
    assert not {"pydantic", "urllib3", "starlette", "uvicorn", "httptools"} & set(sys.modules)
"""

MISSING = """
import sys

sys.modules["uvicorn"] = None

def test_it(qovery_sandbox):
    pass
"""


def test_fixtures__are_fresh_in_each_test(tmp_path: Path) -> None:
    """One server, and behind it nothing of an earlier test: no secret, no request, no disturbance."""
    (tmp_path / "test_it.py").write_text(TESTS)
    outcomes, printed = run_pytest(folder=tmp_path)
    assert outcomes == {"passed": 4}, printed


def test_plugin__costs_nothing(tmp_path: Path) -> None:
    """A run that asks for no fixture imports neither the SDK nor what the sandbox is made of."""
    (tmp_path / "test_it.py").write_text(COSTS_NOTHING)
    outcomes, printed = run_pytest(folder=tmp_path)
    assert outcomes == {"passed": 1}, printed


def test_plugin__says_what_to_install(tmp_path: Path) -> None:
    """Where the extra is missing the fixture says how to get it."""
    (tmp_path / "test_it.py").write_text(MISSING)
    outcomes, printed = run_pytest(folder=tmp_path)
    assert outcomes == {"error": 1}
    assert "pip install 'qovery[sandbox]'" in printed
    assert "Traceback" not in printed


def test_plugin__is_an_entry_point() -> None:
    """The distribution names the plugin for pytest."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'\[project\.entry-points\.pytest11\]\nqovery = "qovery\.sandbox\.pytest_plugin"', project)
