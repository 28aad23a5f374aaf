"""Tables in terminals and notebooks."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from qovery.table import Table, age
from test.support.tables import TableReader

NASTY = "<script>alert('&')</script>"
NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def test_html__structure() -> None:
    """The HTML has a caption, column and row headers for screen readers, and the cells of the text."""
    columns, rows = ("key", "reason"), [("A", "b"), ("A_KEY_THAT_IS_MUCH_TOO_LONG_FOR_ONE_LINE", "")]
    read = TableReader(Table("two", columns, rows).html())
    assert read.caption == "two"
    assert read.heads == [("thead", "col")] * 2 + [("tbody", "row")] * 2
    assert read.rows == [list(columns), *map(list, rows)]


def test_html__escaped() -> None:
    """A field from a server is escaped as text."""
    table = Table(NASTY, (NASTY, NASTY), [(NASTY, NASTY + "_" * 30)])
    assert "<script" not in table.html()
    read = TableReader(table.html())
    assert {read.caption, *read.rows[0], *read.rows[1]} == {NASTY, NASTY + "_" * 30}


def test_html__themes() -> None:
    """The table uses the colours of the page, and grey lines that are visible on light and dark."""
    style = ";".join(re.findall(r'style="([^"]*)"', Table("t", ("a",), [("b",)]).html()))
    assert "color:inherit" in style
    assert "background:transparent" in style
    assert set(re.findall(r"rgba?\([^)]*\)|#[0-9a-f]{3,8}\b", style)) == {"rgba(128,128,128,.4)"}


def test_text__aligned() -> None:
    """Columns are as wide as their widest cell, wide characters included, and no line ends in a space."""
    text = Table("t", ("key", "reason"), [("鍵", "x"), ("ABC", "y"), ("A", "")]).text()
    assert text.splitlines() == ["t", "key  reason", "鍵   x", "ABC  y", "A"]


def test_text__control_characters() -> None:
    """Terminal control characters and line breaks are escaped, in HTML too."""
    table = Table("t", ("key",), [("a\x1b[31m\nb\u202e",)])
    assert table.text().splitlines()[-1] == r"a\x1b[31m\nb\u202e"
    assert r"a\x1b[31m\nb\u202e" in table.html()


def test_text__empty() -> None:
    """Without rows a terminal shows only the caption."""
    assert Table("0 secrets", ("key",), []).text() == "0 secrets"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"),
     (86400, "1 d"), (400 * 86400, "400 d")],
)  # fmt: skip
def test_age(seconds: int, said: str) -> None:
    """An age has its largest unit only; a time in the future counts as now."""
    assert age(NOW - timedelta(seconds=seconds), NOW) == said
