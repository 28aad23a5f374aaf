"""Pages: every Python block runs against a mock server, and every link resolves."""

from __future__ import annotations

import logging
import re
import runpy
from functools import partialmethod
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from qovery import ApiClient
from qovery.api.environment_secret_api import OPERATIONS
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.support import ROOT
from test.support.pages import anchors

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SYBIL = Sybil(parsers=[PythonCodeBlockParser()], path=str(ROOT))
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@by_page
def test_page__blocks_run(
    page: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of a page run in order, in an empty folder; the environment that the variables name is only read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ApiClient, "_default", None)
    logger = logging.getLogger("qovery")
    monkeypatch.setattr(logger, "filters", [])  # later tests must not see the filters and levels of a page
    document = SYBIL.parse(page)
    try:
        for example in document.examples():
            example.evaluate()
    finally:
        if isinstance(own := document.namespace.get("sandbox"), Sandbox):
            own.stop()
        if ApiClient._default is not None:
            ApiClient._default.close()
        logger.setLevel(logging.NOTSET)
    assert {request.method for request in sandbox.requests} <= {"GET"}
    assert not (tmp_path / ".env").exists()


@by_page
def test_page__links(page: Path) -> None:
    """The file and the heading that a link names exist."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_pages__name_every_command_the_same() -> None:
    """CI runs the test command of the README."""
    commands = re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 2
    steps = commands[1].split(" && ")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert all(step.replace("python3", '"$python"') in ci for step in steps)


def test_readme__on_a_package_index() -> None:
    """The README for a package index has the same code and no relative links."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = runpy.run_path(str(ROOT / "setup.py"))["for_an_index"](readme)
    assert [target for target in re.findall(r"\]\(([^)\s]+)\)", shown) if not target.startswith("https://")] == []
    code = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    assert code.findall(shown) == code.findall(readme)
    assert shown != readme


def test_reference__every_operation_succeeds(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples use all six operations against a mock server of their own, and every request succeeds."""
    document = SYBIL.parse(ROOT / "docs/EnvironmentSecretApi.md")
    for example in document.examples():
        example.evaluate()
    assert sandbox.requests == []
    sandbox = document.namespace["sandbox"]
    sandbox.stop()
    assert {request.operation for request in sandbox.requests} == {operation.name for operation in OPERATIONS}
    assert {request.status for request in sandbox.requests} <= {200, 201, 204}


@pytest.mark.parametrize("behaviour", ["documented", "observed"])
@pytest.mark.parametrize("name", ["README.md", "docs/guides/sync.md", "docs/guides/write-only-secrets.md"])
def test_page__output(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    behaviour: Behaviour,
) -> None:
    """The output on these pages is printed, in their order, with either behaviour of the service."""
    page = ROOT / name
    monkeypatch.setattr(Sandbox, "__init__", partialmethod(Sandbox.__init__, behaviour=behaviour))
    test_page__blocks_run(page, sandbox, monkeypatch, tmp_path, capsys)
    printed = re.sub(r"\b\d+ s\b", "0 s", capsys.readouterr().out)
    blocks = re.compile(r"^```text\n(.*?)^```|^ *print\([^\n]*\)  # ([^…\n]*)", re.MULTILINE | re.DOTALL)
    at = 0
    for block, comment in blocks.findall(page.read_text(encoding="utf-8")):
        assert (block or comment) in printed[at:]
        at = printed.index(block or comment, at)
