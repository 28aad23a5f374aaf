"""The tests on the page about testing pass."""

from __future__ import annotations

import re
from pathlib import Path

from test.support import ROOT
from test.support.pytest_run import run_pytest

PAGE = (ROOT / "docs/guides/testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CREATE = """def test_create(qovery_sandbox, qovery_api):
    qovery_api.create_environment_secret(qovery_sandbox.environment_id, {"key": "A", "value": "canary"})
"""


def test_page__tests_pass(tmp_path: Path) -> None:
    """They pass with the plugins that the page names, each in a file of its own."""
    for number, text in enumerate(BLOCKS):
        assert "def test_" in text
        (tmp_path / f"test_block_{number}.py").write_text(text)
    outcomes, printed = run_pytest(folder=tmp_path, plugins=["pytest_recording.plugin", "pytest_socket"])
    assert outcomes.keys() == {"passed"}, printed
    assert outcomes["passed"] >= "".join(BLOCKS).count("def test_")


def test_page__filters(tmp_path: Path) -> None:
    """The filters on the page keep the value and the token out of a cassette of pytest-recording."""
    (text,) = (text for text in BLOCKS if "vcr_config" in text)
    (tmp_path / "test_filters.py").write_text(text.partition("def test_")[0] + CREATE)
    outcomes, printed = run_pytest(folder=tmp_path, plugins=["pytest_recording.plugin"])
    assert outcomes == {"passed": 1}, printed
    (cassette,) = tmp_path.rglob("*.yaml")
    recorded = cassette.read_text()
    assert ("canary" in recorded, "Token sandbox" in recorded, recorded.count("REDACTED")) == (False, False, 2)
