"""The example service's own test-suite, run as its authors would."""

from __future__ import annotations

from test.pytest_run import ROOT, run_pytest


def test_preview_environments__own_tests_pass() -> None:
    """The suite passes with the plugin and nothing else."""
    outcomes, printed = run_pytest("-q", folder=ROOT / "docs/examples/preview_environments")
    assert outcomes.keys() == {"passed"}, printed
