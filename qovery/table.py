"""`Table`: rows of text, aligned for a terminal or as HTML for a notebook. The only renderer of this package."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from qovery.printable import printable

# No colours: text and lines take those of the page, so dark and light themes both work.
_LINE = "border-bottom:1px solid rgba(128,128,128,.4)"
_CELL = f"text-align:left;padding:.2em .8em;{_LINE}"

# Cells of up to that many characters stay on one line.
_SHORT = 24


class Table:
    """Rows under a caption and column names; the first cell of a row is its header."""

    def __init__(self, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.caption = caption
        self.columns = columns
        self.rows = rows

    def text(self) -> str:
        """Return the table in aligned columns, its caption first; non-printable characters are escaped."""
        rows = [[printable(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([printable(self.caption), *(lines if self.rows else [])])

    def html(self) -> str:
        """Return the table as HTML that needs no style sheet."""
        head = "".join(f'<th scope="col" style="{_CELL}">{_escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>"
            + f'<th scope="row" style="{_style(row[0])};font-weight:normal">{_breakable(row[0])}</th>'
            + "".join(f'<td style="{_style(cell)}">{_breakable(cell)}</td>' for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        caption = f'<caption style="text-align:left;padding:.4em .8em">{_escape(self.caption)}</caption>'
        return (
            '<table style="border-collapse:collapse;background:transparent;color:inherit">'
            f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


class ShownAsTable:
    """Mixin for objects that `print`, notebooks and IPython show as a table."""

    def _table(self) -> Table:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self._table().text() if not cycle else "…")


def age(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago a moment was, in one unit: `5 min`, `3 h`, `12 d`."""
    seconds = int(((now or datetime.now(timezone.utc)) - moment).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _escape(text: str) -> str:
    import html  # slow to import, and only notebooks need it

    return html.escape(printable(text))


def _style(text: str) -> str:
    return f"{_CELL};white-space:{'nowrap' if len(text) <= _SHORT else 'normal'}"


def _breakable(text: str) -> str:
    """Return HTML in which a long name may wrap after an underscore, so that a wide table fits."""
    return _escape(text).replace("_", "_<wbr>") if len(text) > _SHORT else _escape(text)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    import unicodedata  # slow to import, and rarely needed

    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
