"""The pytest plugin, in runs of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qovery.extras import missing
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


SCOPES = """
import pytest, qovery
from qovery.sandbox import Sandbox

def api_of(sandbox):
    configuration = qovery.Configuration(host=sandbox.url, access_token="t", no_proxy="*")
    return qovery.EnvironmentSecretApi(qovery.ApiClient(configuration))

@pytest.fixture(scope="session")
def session_sandbox(qovery_sandbox_session):
    api_of(qovery_sandbox_session).create_environment_secret(qovery_sandbox_session.environment_id, {"key": "SESSION"})
    return qovery_sandbox_session

@pytest.fixture(scope="module")
def module_sandbox(qovery_sandbox_module):
    api_of(qovery_sandbox_module).create_environment_secret(qovery_sandbox_module.environment_id, {"key": "MODULE"})
    return qovery_sandbox_module

@pytest.mark.parametrize("round", range(3))
def test_scopes(session_sandbox, module_sandbox, qovery_sandbox, qovery_api, round):
    qovery_api.create_environment_secret(qovery_sandbox.environment_id, {"key": "FUNCTION"})
    for sandbox, keys in (
        (session_sandbox, ["SESSION"]), (module_sandbox, ["MODULE"]), (qovery_sandbox, ["FUNCTION"])
    ):
        assert [secret.key for secret in sandbox.secrets(sandbox.environment_id)] == keys
    assert len({session_sandbox.url, module_sandbox.url, qovery_sandbox.url}) == 3
"""

UNITTEST = """
import unittest

import pytest, qovery
from qovery.sandbox import Sandbox

class TestOfUnittest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(seeded=False).start()
        cls.addClassCleanup(cls.sandbox.stop)

    def setUp(self):
        self.sandbox.reset()

    def test_one(self):
        self.check("ONE")

    def test_two(self):
        self.check("TWO")

    def check(self, key):
        environment_id = self.sandbox.environment_id
        with qovery.ApiClient(qovery.Configuration(host=self.sandbox.url, access_token="t", no_proxy="*")) as client:
            qovery.EnvironmentSecretApi(client).create_environment_secret(environment_id, {"key": key})
        self.assertEqual([secret.key for secret in self.sandbox.secrets(environment_id)], [key])

@pytest.mark.usefixtures("of_pytest")
class TestOfPytest(unittest.TestCase):
    @pytest.fixture
    def of_pytest(self, qovery_sandbox):
        self.sandbox = qovery_sandbox

    def test_fixture(self):
        self.assertEqual(self.sandbox.secrets(self.sandbox.environment_id), [])
"""


@pytest.mark.parametrize(
    ("plugins", "options"),
    [([], []), (["xdist.plugin"], ["-n2"]), (["pytest_randomly"], [])],
    ids=["alone", "xdist", "randomly"],
)
def test_fixtures__of_any_scope(tmp_path: Path, plugins: list[str], options: list[str]) -> None:
    """A module and a session have their own sandbox, also with processes and in a random order."""
    for number in range(3):
        (tmp_path / f"test_scopes_{number}.py").write_text(SCOPES)
    (tmp_path / "test_unittest.py").write_text(UNITTEST)
    outcomes, printed = run_pytest(*options, folder=tmp_path, plugins=plugins)
    assert outcomes == {"passed": 12}, printed


def test_unittest__without_pytest(tmp_path: Path) -> None:
    """A `Sandbox` works in unittest's own runner."""
    (tmp_path / "test_unittest.py").write_text(
        UNITTEST.replace('@pytest.mark.usefixtures("of_pytest")', "@unittest.skip('')")
    )
    command = [sys.executable, "-W", "error", "-m", "unittest", "-q"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (done.returncode, "OK" in done.stderr) == (0, True), done.stderr


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
    assert missing("the sandbox, which imports uvicorn,", "sandbox") in printed
    assert "Traceback" not in printed


def test_plugin__is_an_entry_point() -> None:
    """The distribution names the plugin for pytest."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'\[project\.entry-points\.pytest11\]\nqovery = "qovery\.sandbox\.pytest_plugin"', project)
