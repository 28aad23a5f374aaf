"""Foreign text as one printable line, without terminal control characters."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qovery.exceptions import ApiException, ApplyError, LibraryError, PlanConflictError
from qovery.printable import printable

HOSTILE = {
    "line break": "a\nb",
    "carriage return": "a\rb",
    "line separator": "a\u2028b",
    "colour": "a\x1b[31mb",
    "title": "a\x1b]0;title\x07b",
    "link": "a\x1b]8;;http://example.com\x1b\\\\b",
    "C1 control": "a\x9b31mb",
    "bidi override": "a\u202eb",
    "bidi isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "delete": "a\x7fb",
    "surrogate": "a\udc80b",
}


@given(st.text())
def test_printable__any_text(text: str) -> None:
    """The result is one printable line; text that already is one stays unchanged."""
    shown = printable(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


def test_printable__says_what_it_replaced() -> None:
    """An unprintable character is shown as its Python escape."""
    assert printable("a\n\x1b\x9b\u202e\udc80ü") == "a\\n\\x1b\\x9b\\u202e\\udc80ü"


@pytest.mark.parametrize("kind", HOSTILE)
def test_errors__are_one_printable_line(kind: str) -> None:
    """Text from a server is part of an error message, but cannot control a terminal or start a new line in a log."""
    text = HOSTILE[kind]
    error = ApiException(
        400, text, operation="list_environment_secrets", data={"detail": text}, headers={"X-Request-Id": text}
    )
    errors = [error, LibraryError(text), ApplyError(text, [error]), PlanConflictError(text)]
    for shown in [*map(str, errors), repr(error), str(error.reason), str(error.detail), str(error.request_id)]:
        assert shown.isprintable()
        assert text not in shown
    assert error.data == {"detail": text}
