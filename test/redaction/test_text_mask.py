"""Secrets in foreign text are found, however they are written."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qovery.redaction.marks import MASK
from qovery.redaction.text_mask import SHORTEST_IN_TEXT, TextMask, mask_json
from test.support.canaries import ECHOES, upper_json

# A secret shorter than the bound is not searched for in texts: "1" or "on" is in all of them. Four characters are
# the fewest that such a search can tell from accident, and a PIN has as many. Renderings of our own have no bound.
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
secrets = values.filter(lambda text: len(text.strip()) >= SHORTEST_IN_TEXT)
hosts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ESCAPES: list[Callable[[str], str]] = [
    str,
    upper_json,
    lambda char: json.dumps(char)[1:-1],
    lambda char: repr(char)[1:-1],
    lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    lambda char: f"&#{ord(char)};",
    lambda char: html.escape(char),
]


@given(secrets, hosts, st.sampled_from(list(ECHOES)))
def test_text_mask__any_secret(secret: str, around: str, how: str) -> None:
    """However a secret is written in a text, it does not stay.

    Left out is what is a part of the mask or of what stands around it: there it says nothing.
    """
    form = ECHOES[how](secret)
    assume(form not in MASK + around and form.strip("*"))
    assert form not in TextMask([secret])(f"{around}|{form}|{around}").replace(around, "")


@given(secrets, st.lists(st.sampled_from(ESCAPES[:4]), min_size=40, max_size=40), st.booleans())
def test_text_mask__escaped_in_part(secret: str, escapes: list[Callable[[str], str]], nested: bool) -> None:
    """Each character may be escaped in its own way, and all of it once more."""
    assume(secret.strip("*"))
    # A backslash of its own would escape what follows it.
    ways = [upper_json if char == "\\" else escape for escape, char in zip(escapes, secret, strict=False)]
    form = "".join(escape(char) for escape, char in zip(ways, secret, strict=True))
    form = json.dumps(form)[1:-1] if nested else form
    assert TextMask([secret])(f"|{form}|") == f"|{MASK}|"


def test_text_mask__end_in_the_middle_of_an_escape() -> None:
    """Where an escape stands for more than the secret's last character, all of it goes."""
    assert TextMask(["abc≂"])("-abc&NotEqualTilde;-") == f"-{MASK}-"


@pytest.mark.parametrize("escape", ESCAPES)
def test_text_mask__overlapping_secrets(escape: Callable[[str], str]) -> None:
    """Of secrets that share characters nothing stays, nor of one that stands in the text twice."""
    text = "".join(map(escape, "-abcdefgh-abcd-abcdefgh-"))
    for order in (["abcd", "cdefgh"], ["cdefgh", "abcd"]):
        assert TextMask(order)(text) == MASK.join(map(escape, "----"))


def test_text_mask__short_secrets_and_numbers() -> None:
    """Very short secrets are not searched for; a number in JSON is."""
    assert TextMask(["1"])("a1b1") == "a1b1"
    assert mask_json({"pin": 12345, "ok": True}, TextMask(["12345"])) == {"pin": MASK, "ok": True}


@given(secrets)
def test_mask_json__any_secret(secret: str) -> None:
    """In parsed JSON a secret is masked in keys and values."""
    assume(secret.strip("*"))
    hidden = mask_json({"a": [secret], secret: 1}, TextMask([secret]))
    assert hidden == {"a": [MASK], MASK: 1}
