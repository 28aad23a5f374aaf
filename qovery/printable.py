"""`printable`: external text as one line without terminal control sequences."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with every non-printable character as a Python escape sequence.

    These are line breaks, control characters (including the ESC of terminal sequences), and characters that change
    the direction of text.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
