"""Code as people write it for generated clients comes to the same here, or to a difference that the guide describes."""

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

#: What some systems do not have.
FORKS = [snippet.name for snippet in SNIPPETS if "fork" in snippet.code]


@pytest.fixture(scope="module")
def ours() -> dict[str, Result]:
    """What all snippets come to with this package, in one process."""
    return results(ROOT)


def test_snippets__are_many() -> None:
    """There are enough of them, each under a name of its own and with a recorded result."""
    assert len(SNIPPETS) >= 90
    assert len({snippet.name for snippet in SNIPPETS}) == len(SNIPPETS)
    assert {snippet.name for snippet in SNIPPETS} == RECORDED.keys()


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_snippet__same_or_documented(snippet: Snippet, ours: dict[str, Result]) -> None:
    """A snippet comes to what it comes to with a generated client, unless it names a section of the guide."""
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


@pytest.mark.skipif(not NIGHTLY, reason="the recorded results do in every run")
@pytest.mark.skipif(not openapi_generator.available(), reason="needs Java and openapi-generator-cli")
def test_record__is_current() -> None:
    """The recorded results are those of a client that is generated now."""
    assert generated_results() == RECORDED
