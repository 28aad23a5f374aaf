"""Code written for generated clients has the same result here, unless the migration guide documents a difference."""

from __future__ import annotations

import json
import os
import re

import pytest

from test.support import NIGHTLY, ROOT, openapi_generator
from test.support.pages import anchors
from test.support.snippets import RECORD, Result, Snippet, generated_results, results, snippets

SNIPPETS = snippets()
RECORDED: dict[str, Result] = json.loads(RECORD.read_text(encoding="utf-8"))
GUIDE = ROOT / "docs/guides/migration.md"

#: Snippets that need `os.fork`, which some systems lack.
FORKS = [snippet.name for snippet in SNIPPETS if "fork" in snippet.code]


@pytest.fixture(scope="module")
def ours() -> dict[str, Result]:
    """The results of all snippets with this package, in one process."""
    return results(ROOT)


def test_snippets__are_many() -> None:
    """There are at least 90 snippets, each with a unique name and a recorded result."""
    assert len(SNIPPETS) >= 90
    assert len({snippet.name for snippet in SNIPPETS}) == len(SNIPPETS)
    assert {snippet.name for snippet in SNIPPETS} == RECORDED.keys()


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_snippet__same_or_documented(snippet: Snippet, ours: dict[str, Result]) -> None:
    """A snippet has the same result as with a generated client, unless it names a section of the guide."""
    if snippet.name in FORKS and not hasattr(os, "fork"):
        pytest.skip("needs fork")
    if snippet.section:
        assert ours[snippet.name] != RECORDED[snippet.name]
    else:
        assert ours[snippet.name] == RECORDED[snippet.name]


def test_guide__sections_and_rows() -> None:
    """Every section that a snippet names is in the guide, and every row of the guide's table is shown by a snippet."""
    shown = {snippet.section for snippet in SNIPPETS if snippet.section}
    rows = re.findall(r"^\| \[.*?\]\(#(.*?)\) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown <= anchors(GUIDE)
    assert len(rows) > 20
    assert set(rows) <= shown


@pytest.mark.skipif(not NIGHTLY, reason="every run uses the recorded results")
@pytest.mark.skipif(not openapi_generator.available(), reason="needs Java and openapi-generator-cli")
def test_record__is_current() -> None:
    """The recorded results match those of a newly generated client."""
    assert generated_results() == RECORDED
