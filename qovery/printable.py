"""`printable`: foreign text as one line that a terminal shows and does not obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with every character that does not print as an escape sequence of Python.

    That is so for line breaks, control characters (the ESC of a terminal's sequences among them), and what changes the
    direction of text.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
