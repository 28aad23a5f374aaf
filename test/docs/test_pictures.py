"""The pictures show what the code prints, and the benchmark results are the same everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from test.benchmark.__main__ import Row
from test.support import ROOT
from test.tools import pictures

STORED = sorted(pictures.FOLDER.glob("*.svg"))


def test_pictures__are_current() -> None:
    """Each stored picture equals a new drawing; `python -m test.tools.pictures` updates them."""
    assert pictures.draw() == {file.name: file.read_text(encoding="utf-8") for file in STORED}


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_picture__self_contained(file: Path) -> None:
    """A picture is well-formed, has a text alternative, and loads nothing."""
    root = ElementTree.parse(file).getroot()
    assert root.get("aria-label")
    addresses = re.findall(r"[a-z]+://[^\"]+|@import|@font-face", file.read_text(encoding="utf-8"))
    assert addresses == ["http://www.w3.org/2000/svg"]


def test_picture__is_used() -> None:
    """Each picture is on a page."""
    text = "".join(page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    assert [file.name for file in STORED if f"pictures/{file.name})" not in text] == []


def test_benchmark__results_agree() -> None:
    """The table in the guide has the results that the chart is drawn from."""
    page = (ROOT / "docs/guides/performance.md").read_text(encoding="utf-8").splitlines()
    results = json.loads((pictures.FOLDER / "benchmark.json").read_text(encoding="utf-8"))
    for result in results:
        result.pop("holds")
    lines = [Row(**result).line() for result in results]
    assert [line for line in page if line in lines] == lines
