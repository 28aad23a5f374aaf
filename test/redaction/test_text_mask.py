"""Secrets in foreign text are found in any encoding and in linear time."""

from __future__ import annotations

import base64
import html
import itertools
import json
import math
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qovery.redaction import text_mask
from qovery.redaction.marks import MASK
from qovery.redaction.text_mask import LAYERS, SHORTEST_IN_TEXT, TextMask, credentials, mask_json
from test.support import NIGHTLY
from test.support.canaries import ECHOES, upper_json
from test.support.encodings import ENCODINGS, encode, readable

# Texts are not searched for secrets shorter than four characters: "1" or "on" is in all of them. Four characters are
# the fewest that rarely match by accident, and the length of a PIN. Our own renderings have no such limit.
characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\%&+=;:/\"'<>#xu0123abcdef \n\r\t")
secrets = st.text(characters, min_size=4, max_size=40).filter(lambda text: len(text.strip()) >= SHORTEST_IN_TEXT)
contexts = st.text(characters, max_size=12)
chains = st.lists(st.sampled_from(list(ENCODINGS)), max_size=LAYERS)
ESCAPES: list[Callable[[str], str]] = [
    str,
    upper_json,
    lambda char: json.dumps(char)[1:-1],
    lambda char: repr(char)[1:-1],
    lambda char: "".join(f"%{byte:02x}" for byte in char.encode()),
    lambda char: f"&#{ord(char)};",
    lambda char: html.escape(char),
]
#: A secret with all kinds of characters, and a token.
HARD = "Pässwörd-ﬁx 'a/b' \"c\" & <d>\nline2\r\nключ+e=%41 Я\u0301"
TOKEN = "canary-token-0123"


def leaks(masked: str, secret: str) -> bool:
    return readable(masked.replace(MASK, "\ue000"), secret)


@given(secrets, contexts, contexts, chains, st.sampled_from(["|", " ", '"', "\n"]))
@example("00\x80¡", "", "", ["Python", "JSON in Unicode", "base64"], "|")
@example("00\x1f0", "\U000fb000", "", ["hex", "hex"], "|")
@example("\x80º𐀀𐀀", "", "0000", ["base64", "base64"], "|")
@example("0ā𐐁𐐁", "", "0", ["PowerShell base64"], "|")
@example("0+\n0", "", "", ["CRLF"], "|")
def test_text_mask__any_secret_in_any_encoding(
    secret: str, before: str, after: str, chain: list[str], mark: str
) -> None:
    """A secret in a text that was encoded up to three times is masked."""
    text = encode(f"{before}|{secret}|{after}", chain)
    assume(readable(text, secret) and not leaks(f"{before}{MASK}{after}", secret))
    assert not leaks(TextMask([secret])(f"a{mark}{text}{mark}b"), secret)


PAIRS = [list(pair) for pair in itertools.product(ENCODINGS, repeat=2)]
TRIPLES = [random.Random(seed).choices(list(ENCODINGS), k=3) for seed in range(1000 if NIGHTLY else 200)]


@pytest.mark.parametrize(
    ("secret", "chosen", "undone"),
    [
        pytest.param(TOKEN, PAIRS, 0.98, id="pairs-token"),
        pytest.param(HARD, PAIRS if NIGHTLY else PAIRS[::5], 0.98, id="pairs-hard"),
        pytest.param(TOKEN, TRIPLES, 0.9, id="triples-token"),
        pytest.param(HARD, TRIPLES, 0.9, id="triples-hard"),
    ],
)
def test_text_mask__chains_of_encodings(secret: str, chosen: list[list[str]], undone: float) -> None:
    """A secret is masked in every pair of encodings and many triples; the test's decoder reads nearly all of them.

    It cannot decode some chains in three steps, such as HTML whose ampersands are escaped.
    """
    mask = TextMask([secret])
    read = 0
    for chain in chosen:
        text = encode(f"before: {secret} :after", chain)
        read += readable(text, secret)
        masked = mask(text)
        assert not leaks(masked, secret), chain
        assert MASK in masked, chain
    assert read >= undone * len(chosen)


@pytest.mark.parametrize("name", ENCODINGS)
def test_text_mask__hides_little_else(name: str) -> None:
    """The text around an encoded secret is unchanged."""
    encoded = encode(TOKEN, [name])
    for before, after in (("on: ", " :on"), ('{"a": "', '"}'), ("(", ")")):
        assert TextMask([TOKEN])(before + encoded + after).rstrip("=\n") in {
            f"{before}{MASK}{end}{after}".rstrip("=\n") for end in ("", "=", "==", "=\n", "\n")
        }


@given(secrets, contexts, st.sampled_from(list(ECHOES)))
def test_text_mask__any_secret(secret: str, around: str, how: str) -> None:
    """An echoed secret is masked in any encoding.

    Forms that are part of the mask or of the surrounding text are skipped, because they prove nothing.
    """
    form = ECHOES[how](secret)
    assume(form not in MASK + around and form.strip("*"))
    assert form not in TextMask([secret])(f"{around}|{form}|{around}").replace(around, "")


@given(secrets, st.lists(st.sampled_from(ESCAPES[:4]), min_size=40, max_size=40), st.booleans())
def test_text_mask__escaped_in_part(secret: str, escapes: list[Callable[[str], str]], nested: bool) -> None:
    """Each character may be escaped differently, and the whole text again."""
    assume(secret.strip("*"))
    # An unescaped backslash would escape the next character.
    ways = [upper_json if char == "\\" else escape for escape, char in zip(escapes, secret, strict=False)]
    form = "".join(escape(char) for escape, char in zip(ways, secret, strict=True))
    form = json.dumps(form)[1:-1] if nested else form
    assert TextMask([secret])(f"|{form}|") == f"|{MASK}|"


def test_text_mask__end_in_the_middle_of_an_escape() -> None:
    """An escape that decodes to more than the last character of the secret is masked as a whole."""
    assert TextMask(["abc≂"])("-abc&NotEqualTilde;-") == f"-{MASK}-"


@pytest.mark.parametrize("escape", ESCAPES)
def test_text_mask__overlapping_secrets(escape: Callable[[str], str]) -> None:
    """Overlapping secrets are masked completely, and so is every occurrence of a secret."""
    text = "".join(map(escape, "-abcdefgh-abcd-abcdefgh-"))
    for order in (["abcd", "cdefgh"], ["cdefgh", "abcd"]):
        assert TextMask(order)(text) == MASK.join(map(escape, "----"))


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ("pässwort", "p\ufffdsswort"),  # latin-1 read as UTF-8
        ("pässwort", "p\ufffd\ufffdsswort"),  # UTF-8 read as ASCII
        ("pässwort", "p?sswort"),
        ("pass€wort", "pass\ufffdwort"),  # cp1252 read as UTF-8
        ("päss€wort", "p\ufffdss?wort"),  # latin-1 has no such character
        ("pässwort", "pÃ¤sswort"),
        ("pässwort", "pÃƒÂ¤sswort"),
        ("pass\u00dfwort", "passÃŸwort"),
        ("pass\u00dfwort", "passÃ\x9fwort"),
        ("pass\u00c1wort", "passÃ\x81wort"),  # cp1252 has no such byte: as browsers read it
        ("pass\u00c1wort", "passÃ\ufffdwort"),  # and as Python does
        ("päss", "pa\u0308ss"),
        ("pa\u0308ss", "päss"),
        ("한국어의", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165\u110b\u1174"),
        ("pässe", "pässe".encode("utf-16-le").decode("utf-8", "replace")),
        ("päss", "päss".encode("utf-16-be").decode("latin-1")),
        ("ключ", "ключ".encode("utf-16-le").decode("latin-1")),
        ("pass", "p\0a\0s\0s"),
        (" pass ", "pass"),
        ("two words", "two\r\n    words"),
        ("two words", "two+words"),
        ('O\'Hara "x"', "O''Hara \"x\""),  # SQL
        ('O\'Hara "x"', 'O\'Hara ""x""'),  # CSV
        ('O\'Hara "x"', 'O\'"\'"\'Hara "x"'),  # a shell
        ("O'Hara $x \\z", "O'Hara `$x \\z"),  # PowerShell
        ('a "b" \\z', 'a \\"b\\" \\z'),  # the backslash itself is not escaped
        ("two words", "two '\n    'words"),  # Python's pprint
        ("pässwort", "pässwort".encode().decode("cp437")),
        ("pässwort", "pässwort".encode().decode("cp1251")),
        ("two+words", "two words"),
        ("a\nbc", "a\rbc"),
        ("0+\n0", "0+\r\n0"),  # too short without its white space
        ("0+\n0", "0+\r0"),
        ("0+\r\n0", "0+\r0"),
        ("0+\r\n0", "0+\n0"),
        ("0+\r0", "0+\n0"),
        ("a\r\nbc", "a\nbc"),
        ("a\rbc", "a\r\nbc"),
    ],
)
def test_text_mask__forms(secret: str, form: str) -> None:
    """A secret is masked completely after normalisation or decoding in another encoding.

    Quotes at its end, and UTF-16 zeros, may remain.
    """
    assert TextMask([secret])(f"-{form}-").replace("\0", "").replace('"', "") == f"-{MASK}-"


@pytest.mark.parametrize("secret", ["üüüü", "abcü", "abc", "  ab  ", "", " "])
def test_text_mask__too_little_to_search(secret: str) -> None:
    """A secret that is too short, or becomes too short in another encoding, is not searched for."""
    text = "???? ab?? abc? abc \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd  a  b  ab "
    assert TextMask([secret])(text) == text


def test_text_mask__shortest() -> None:
    """Four characters are enough, also after conversion to another encoding or without surrounding white space."""
    mask = TextMask(["1234", " 5678 ", "abcdü", "e fg"])
    assert mask("1234") == mask("5678") == mask("abcd?") == mask("e  fg") == MASK


def test_text_mask__more_layers() -> None:
    """At most three layers of encoding are decoded."""
    for layers, found in ((3, True), (4, False)):
        text = encode("Abc%", ["URL, all escaped", *["URL"] * (layers - 1)])
        assert (TextMask(["Abc%"])(text) == MASK) is found


def test_text_mask__lone_surrogate() -> None:
    """A secret with a lone surrogate is masked."""
    assert TextMask(["ab\ud800cd"])("-ab\ud800cd- \\ud800") == f"-{MASK}- \\ud800"


@given(st.text(characters, max_size=200), st.sampled_from([TOKEN, HARD]))
@example("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\nQUJD 61:62:63 1, 2, 3 %41 &amp; \\n \0", HARD)
def test_text_mask__leaves_other_text(text: str, secret: str) -> None:
    """A text without the secret is unchanged."""
    assert TextMask([secret, f"Bearer {secret}"])(text) == text


def test_text_mask__without_secrets() -> None:
    """A mask without secrets hides nothing, and secrets are read once."""
    assert TextMask([])("text") == "text"
    assert TextMask([])("text" * 100_000) == "text" * 100_000
    asked: list[None] = []
    mask = TextMask(secret for secret in [TOKEN] if not asked.append(None))
    assert [mask(TOKEN), mask(TOKEN), len(asked)] == [MASK, MASK, 1]


# --- Cost -----------------------------------------------------------------------------------------------------

SHAPES: dict[str, Callable[[int], str]] = {
    "words": lambda size: "the quick brown fox " * (size // 20),
    "the start of a secret": lambda size: "a" * size,
    "URL": lambda size: "%41" * (size // 3),
    "URL in URL": lambda size: "%252541" * (size // 7),
    "backslashes": lambda size: "\\" * size,
    "HTML": lambda size: "&amp;amp;#65;" * (size // 13),
    "an unterminated entity": lambda size: "&#" + "9" * size,
    "JSON": lambda size: json.dumps([{"a": json.dumps({"b": "\n%20&lt;"})}] * (size // 40)),
    "base64": lambda size: base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode(),
    "single-letter base64": lambda size: "V" * size,
    "wrapped base64": lambda size: base64.encodebytes(b"x" * (size * 3 // 4)).decode(),
    "hex": lambda size: random.Random(1).randbytes(size // 2).hex(),
    "odd hex digits": lambda size: "a:" * (size // 2),
    "hex in pairs": lambda size: "61:" * (size // 3),
    "numbers": lambda size: "97, " * (size // 4),
    "zeros": lambda size: "\0" * size,
    "spaces": lambda size: " " * size,
    "accents": lambda size: "e" + "\u0301" * size,
    "mojibake": lambda size: "ÃƒÂ¤" * (size // 4),
    "everything": lambda size: "\\u0025&#37;%5C%26+a=b 61:62 \0" * (size // 29),
}
LONG = ["a" * 5000 + "b", "%41" * 1000 + "ü", HARD, "a b" * 1000]


def calls(function: Callable[[], Any]) -> int:
    """The number of function calls, including C functions."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_cost__is_linear(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of twice the length takes at most twice the work, in characters and in calls, within the limit."""
    monkeypatch.setattr(text_mask, "_FEW", 0)
    work, called = [], []
    for size in (4096, 8192):
        text, mask = SHAPES[shape](size), TextMask(LONG)
        called.append(calls(lambda text=text, mask=mask: mask(text)))  # type: ignore[misc] # a new mask for each text
        work.append(mask.work)
        assert mask.work <= 40 * len(text)
        assert mask(text) == text
    assert work[1] <= 2.1 * work[0]
    assert called[1] <= 2.1 * called[0] + 100


def test_cost__of_a_quadratic_search_shows() -> None:
    """The call counter detects quadratic work."""
    one, two = (calls(lambda size=size: [text.find("b") for text in ["a"] * size**2]) for size in (50, 100))  # type: ignore[misc] # as above
    assert two > 3 * one


@pytest.mark.parametrize("shape", SHAPES)
def test_cost__of_patterns(shape: str) -> None:
    """A large text of any shape is searched in time: a backtracking pattern would take hours."""
    size = (256 if NIGHTLY else 64) * 1024
    text, long = SHAPES[shape](size), size // 4
    assert TextMask(["a" * long + "b", "ü" * long + "b"])(text) in {text, MASK}


def test_cost__of_too_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that exceeds its work budget is replaced as a whole, and the next one has its own budget."""
    monkeypatch.setattr(text_mask, "_FEW", 0)
    monkeypatch.setattr(text_mask, "_PASSES", 1)
    mask = TextMask([TOKEN])
    plain = "no encoding in here"
    assert mask(plain) == plain
    assert mask.work == len(plain)
    assert mask(plain + "\\n") == MASK
    assert mask(plain) == plain


def test_cost__of_a_short_text() -> None:
    """The work budget of a short text is enough for all encodings together."""
    text = (
        "%41 \\x41 &#65; 414243444546474849505152 QUJDREVGR0hJSktMTU5PUFFS 65,66,67,68,69,70,71,72,73,74,75,76,77 \0 Ã¤"
    )
    mask = TextMask([HARD])
    assert mask(text) == text
    assert mask.work > 8 * len(text)


def test_deadline__reached() -> None:
    """After the deadline, a short text such as a timeout message is still searched; a long one is replaced."""
    mask = TextMask([TOKEN], deadline=0)
    assert mask(f"no response in time, {TOKEN}") == f"no response in time, {MASK}"
    assert mask("x " * 10_000) == "x " * 10_000
    assert mask("x " * 100_000) == MASK
    assert mask("x " * 10_000) == "x " * 10_000  # the replaced text used none of the late budget
    assert mask("x " * 15_000) == MASK  # all texts share the late budget


def test_deadline__exact_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The late budget applies from the exact time of the deadline on, and its size is exact."""
    monkeypatch.setattr(text_mask.time, "monotonic", lambda: 5.0)
    monkeypatch.setattr(text_mask, "_LATE", len(TOKEN))
    late = TextMask([TOKEN], deadline=5.0)
    assert [late(TOKEN), late(TOKEN[:-1] + "x")] == [MASK, MASK]
    assert TextMask([TOKEN], deadline=5.0)(TOKEN + "x") == MASK
    monkeypatch.setattr(text_mask, "_LATE", 0)
    for deadline in (None, 5.1):
        assert TextMask([TOKEN], deadline)(TOKEN + "x") == MASK + "x"


def test_deadline__not_reached() -> None:
    """Before the deadline, or without one, a text of any length is searched."""
    text = "x " * 100_000
    for mask in (TextMask([TOKEN], deadline=math.inf), TextMask([TOKEN]), TextMask([TOKEN], None)):
        assert mask(text + TOKEN) == text + MASK


# --- JSON and headers -------------------------------------------------------------------------------------------


@given(secrets)
def test_mask_json__any_secret(secret: str) -> None:
    """A secret in parsed JSON is masked in keys and values."""
    assume(secret.strip("*"))
    hidden = mask_json({"a": [secret], secret: 1}, TextMask([secret]))
    assert hidden == {"a": [MASK], MASK: 1}


def test_text_mask__whose_codecs_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that cannot be searched is replaced; once it can be, the mask has all its secrets."""

    def fail(_: str) -> Any:
        raise OSError(24, "Too many open files")

    mask = TextMask(iter(["first", "second"]))
    with monkeypatch.context() as patch:
        patch.setattr(text_mask, "_forms", fail)
        assert mask("first, second, third") == MASK
        assert mask("") == MASK
    assert mask("first, second, third") == f"{MASK}, {MASK}, third"


@pytest.mark.needs_posix
def test_text_mask__that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signal handler raises during the search propagates."""

    def limit(*_: Any) -> None:
        raise TimeoutError("the limit")

    monkeypatch.setattr(text_mask, "_forms", lambda _: signal.raise_signal(signal.SIGUSR1))
    before = signal.signal(signal.SIGUSR1, limit)
    try:
        with pytest.raises(TimeoutError, match="the limit"):
            TextMask(["secret"])("text")
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_mask_json__numbers() -> None:
    """A number is masked if its text is a secret; other values are unchanged."""
    data = {"pin": 12345, "ok": True, "none": None, "other": [1.5, "a1b1"]}
    assert mask_json(data, TextMask(["12345", "1"])) == {**data, "pin": MASK}


PAIR = base64.b64encode(f"user:{TOKEN}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        TOKEN,
        f"Bearer {TOKEN}",
        f"Token  {TOKEN} ",
        f"ApiKey v2 {TOKEN}",
        f"A scheme of\t{TOKEN}",
        f"a scheme of five words {TOKEN}",
        f"id:{TOKEN}",
        f"Key id:{TOKEN}, more=1",
        f"a=b; session={TOKEN}; c=d",
        f'key="{TOKEN}", other=1',
        f"session={TOKEN.replace('-', '%2D')}",
        f"Basic {PAIR}",
        f"basic {PAIR}",
        PAIR,
        PAIR.rstrip("="),
        f"Other {PAIR}",
        base64.urlsafe_b64encode(f"ü?>:{TOKEN}".encode()).decode(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.b64encode(f"session={TOKEN}".encode()).decode(),
    ],
)
def test_credentials__of_a_header(header: str) -> None:
    """Both the token within a header and the whole header are treated as secrets."""
    mask = TextMask(credentials(header))
    assert mask(f"({TOKEN})") == f"({MASK})"
    assert mask(f"({header.strip()})") == f"({MASK})"


@pytest.mark.parametrize(
    "header", ["Digest one two three four five six", "Digest one two three", "Digest one two", " Digest one"]
)
def test_credentials__of_words(header: str) -> None:
    """The last word and everything after up to three words are secrets; the words of a scheme are not."""
    found = set(credentials(header)) - {""}
    words = header.split()
    assert found == {header, *(" ".join(words[count:]) for count in range(1, min(4, len(words)))), words[-1]}


def test_credentials__of_parts() -> None:
    """The value of a parameter starts after its first equals sign; only punctuation is trimmed from its end."""
    assert "b=c-long" in set(credentials("a=b=c-long"))
    assert "0123X" in set(credentials("id:0123X,"))
    assert "abcdef" not in set(credentials("YWJj.ZGVm"))  # not base64
    assert "abcde" in set(credentials("YWJjZGU"))


@pytest.mark.parametrize("header", ["", " ", ":", "=", "!!!!", "AAAAAAAA", "Basic /w==", "Basic AAAA", "ü " * 10])
def test_credentials__of_nothing(header: str) -> None:
    """A header without a decodable credential yields only parts of its own text."""
    assert all(part in header for part in credentials(header))
