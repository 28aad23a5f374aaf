"""Output of the commands: results on stdout, the rest on stderr, colors on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from errno import EINVAL
from typing import TextIO

from qovery.cli.arguments import PROGRAM
from qovery.printable import printable

#: The colors of rows, as parameters of the escape sequence SGR.
_COLORS = {
    "create": "32", "override": "32", "alias": "32", "update": "33", "delete": "31", "keep": "2", "conflict": "1;31",
    "failed": "1;31", "skipped": "33", "missing": "33", "FAIL": "1;31", "ok": "32",
}  # fmt: skip


def say(text: object) -> None:
    """Print one line on stderr."""
    show(f"{PROGRAM}: {printable(str(text))}", sys.stderr)


def show(text: str, stream: TextIO | None) -> None:
    """Print text, as far as the stream can show it.

    A reader that has gone away, as `head` does, is no error: a command does what it was told, and its exit status
    counts.
    """
    if stream is None:
        return  # it is closed
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what is still buffered
        if not isinstance(error, BrokenPipeError) and not (os.name == "nt" and error.errno == EINVAL):
            raise


def show_table(table: str, rows: Sequence[str], stream: TextIO | None) -> None:
    """Print the text of a table.

    Args:
        table: The text, which ends with one line for each row.
        rows: What tells the color of each row.
        stream: Where to print it.
    """
    lines = table.split("\n")
    if _has_colors(stream) and rows:
        colored = [
            f"\x1b[{_COLORS[row]}m{line}\x1b[0m" if row in _COLORS else line
            for line, row in zip(lines[-len(rows) :], rows, strict=True)
        ]
        lines = [*lines[: -len(rows)], *colored]
    show("\n".join(lines), stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is open, and a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def _has_colors(stream: TextIO | None) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not is_terminal(stream):
        return False
    # Old consoles of Windows would show the escape sequences.
    return os.name != "nt" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))
