"""Decoders reverse each encoding exactly, and map spans of the result back to the text."""

from __future__ import annotations

import base64
import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qovery.redaction.decoders import (
    LONG_RUN,
    Decoder,
    cp1252,
    data_of,
    decoders,
    from_backslash,
    from_base64,
    from_hex,
    from_numbers,
    from_percent,
    loosened,
    text_of,
)
from test.support.encodings import browser_cp1252

NAMES = [
    "backslash",
    "percent",
    "entity",
    "zeros",
    "base64",
    "hex",
    "numbers",
    "base64-data",
    "hex-data",
    "numbers-data",
    "mojibake",
    "composed",
]
END = "\x7f"


def decoder(name: str) -> Decoder:
    """Create one of the decoders."""
    if name == "loosened":
        return loosened.__wrapped__()
    return dict(zip(NAMES, decoders.__wrapped__(4, False), strict=True))[name]


@pytest.mark.parametrize(
    ("name", "text", "decoded"),
    [
        ("backslash", r"a\n\"\\\/b", 'a\n"\\/b'),
        ("backslash", r"\a\b\e\f\n\r\t\v\0\q", "\a\b\x1b\f\n\r\t\v\0q"),
        ("backslash", r"\u00fcA\u00FC", "üAü"),
        ("backslash", r"\ud83d\ude00 \uD83D\uDE00 \ud83d", "😀 😀 \ud83d"),
        ("backslash", r"\u{fc}\u{1F600}\u{10ffff}\u{110000}", "üu{110000}".replace("u{", "😀\U0010ffff\\u{")),
        ("backslash", r"\U000000fc\U0010FFFF\U00110000", "ü\U0010ffff\\U00110000"),
        ("backslash", r"\xfc\xFC\x4\X41", "üü\\x4X41"),
        ("backslash", r"\303\274\0\400\08", "Ã¼\x00400\x008"),
        ("backslash", "\\\n\\", "\n\\"),
        ("percent", "%41%7e%7E%2", "A~~%2"),
        ("percent", "%c3%BC%E2%82%ac%f0%9F%98%80", "ü€😀"),
        ("percent", "%FC%c3%41%ff", "üÃA\xff"),
        ("percent", "%e2%82x%f0%9f%98y%ed%a0%80", "â\x82xð\x9f\x98yí\xa0\x80"),
        ("entity", "&amp;&lt;&quot;&#39;&#x27;&#X41;&eacute;&frac12;", "&<\"''Aé½"),
        ("entity", "&amp &none; &#; &#xg; & ; &#1234567890;", "&amp &none; &#; &#xg; & ; &#1234567890;"),
        ("entity", "&CounterClockwiseContourIntegral;", "∳"),
        ("zeros", "a\0b\0\0c", "abc"),
        ("mojibake", "Ã¼ â\u201a¬ ð\x9f\u02dc\x80 Ã\x81 é", "ü € 😀 Á é"),
        ("mojibake", "ð\u0178\u02dc\u20ac â\u201a\xac", "😀 €"),
        ("mojibake", "\xed\xa0\x80x", "\ufffd\ufffd\ufffdx"),
        ("composed", "a\u0308 e\u0301\u0323 x", "ä ẹ\u0301 x"),
        ("loosened", "a  \r\n\t+b\xa0c\"\"d'\\''e`f '\n' g", "a b cdef g"),
    ],
)
def test_decoded__escapes(name: str, text: str, decoded: str) -> None:
    """Escapes are decoded, and other text is unchanged."""
    assert decoder(name).decoded(text) == decoded
    assert decoder(name).decoded("plain") == "plain"


def lines(name: str, text: str) -> list[str]:
    return decoder(name).decoded(text).split(END)[:-1]


RAW = b"pass, and more of it \xc3\xbc"


@pytest.mark.parametrize("before", ["", "A", "AB", "ABC", "ABCD"])
@pytest.mark.parametrize("around", ["", " ", "'", "."])
def test_decoded__base64(before: str, around: str) -> None:
    """Base64 is decoded wherever it starts in a run."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for size in (4, 5, 6, 7, len(RAW)):
            text = f"{around}{before}{encode(RAW[:size]).decode()}{around}"
            for found in (lines("base64", text), lines("base64-data", text)):
                assert any(RAW[:size].decode("latin-1")[: min(size, 20)] in line for line in found)


def test_decoded__every_alignment() -> None:
    """Each run is decoded from every possible alignment, and each result is terminated."""
    aligned = [base64.b64decode("QUJDREVG"[start:] + "A" * start).decode("latin-1") for start in range(4)]
    for text, read in (("(QUJDREVG)", aligned), ("(QUJDREVG, QUJDREVG)", aligned * 2)):
        assert decoder("base64-data").decoded(text) == "".join(line + END for line in read)
    assert decoder("hex-data").decoded("(616263646)") == f"abcd{END}\x16&6F{END}"
    assert decoder("numbers-data").decoded("(1, 2, 3, 4, 5)") == f"\1\2\3\4\5{END}"


def test_decoded__base64_lines() -> None:
    """Lines of 16 or more characters continue on the next line, with any line ending and indentation."""
    encoded = base64.b64encode(RAW * 3).decode()
    for size in (16, 17, 64):
        parts = [encoded[at : at + size] for at in range(0, len(encoded), size)]
        for end in ("\n", "\r\n", "\r", "\n  \t", " ", " " * 20):
            assert (RAW * 3).decode() in lines("base64", f"body: {end.join(parts)}.")[0]
    assert lines("base64", "QUJDREVGR0hJSkt\nQUJD") == lines("base64", "QUJDREVGR0hJSkt")
    assert lines("base64", "QUJDREVGR0hJSktM" + " " * 21 + "QUJD") == lines("base64", "QUJDREVGR0hJSktM")
    assert len(lines("base64", "QUJDREVGR0hJSktM\nQUJD")[0]) == 15


@pytest.mark.parametrize(
    "text",
    [
        "70617373",
        "7061 7373",
        "70:61:73:73",
        "70-61-73-73",
        "70, 61, 73, 73",
        "0x70,0x61,0x73,0x73",
        "0X70 0X61 0X73 0X73",
        "0x70617373",
        "70\r\n61\r\n73\r\n73",
        "70+61+73+73",
        "a70617373",
        "a706173737",
    ],
)
def test_decoded__hex(text: str) -> None:
    """Hex is decoded with any common separator, starting at either digit."""
    for found in (lines("hex", f"({text})"), lines("hex-data", f"({text})")):
        assert any("pass" in line for line in found)
    assert decoder("hex").origin(f"({text})", [(0, 1)]) == [(1, len(text) + 1)]


@pytest.mark.parametrize("text", ["112 97 115 115", "112,97,115,115", "[112, 97, 115, 115]", "112+97+115+115"])
def test_decoded__numbers(text: str) -> None:
    """A list of decimal byte values is decoded."""
    assert lines("numbers", text) == lines("numbers-data", text) == ["pass"]


@pytest.mark.parametrize("text", ["256, 97, 115, 115", "112, 97, 1150, 115", "112 97 115", "112;97;115;115", "0112"])
def test_decoded__other_numbers(text: str) -> None:
    """Numbers that are not a list of bytes, or too few of them, are unchanged."""
    assert decoder("numbers").decoded(text) == ""


def test_decoded__numbers_at_the_edge() -> None:
    """A list may contain the largest and the smallest byte value."""
    assert lines("numbers-data", "255, 249, 199, 99, 0") == ["\xff\xf9\xc7c\0"]
    assert lines("numbers-data", "-1, 97, -128, 0") == ["\xffa\x80\0"]


@pytest.mark.parametrize(("run", "shortest"), [(4, 5), (12, 16)])
def test_decoders__long_runs(run: int, shortest: int) -> None:
    """Runs that are too short for any of the secrets are ignored."""
    ours = decoders(run, True)
    assert len(ours) == 7
    assert not any(decoder.last for decoder in ours)
    assert ours[4].decoded(("YWFh" * 9)[: shortest - 1]) == ""
    assert ours[4].decoded(("YWFh" * 9)[:shortest]) != ""
    assert ours[5].decoded("61" * (run - 1)) == ""
    assert ours[5].decoded("61" * run) != ""
    assert ours[6].decoded(" ".join(["97"] * (run - 1))) == ""
    assert ours[6].decoded(" ".join(["97"] * run)) != ""


def test_decoders__of_data() -> None:
    """Only results that may be binary data are not decoded again; decoders of runs drop the text around them."""
    assert [decoder.last for decoder in decoders(LONG_RUN, False)] == [False] * 7 + [True] * 3 + [False] * 2
    assert [decoder.keep for decoder in decoders(LONG_RUN, False)] == [True] * 4 + [False] * 6 + [True] * 2


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"pass", ["pass"]),
        ("pässe".encode(), ["pässe"]),
        (b"\xffabc\xffdefg\x01hij\nk", ["defg", "hij\nk"]),
        ("pass".encode("utf-16-le"), ["p\0a\0s\0s\0", "pass", "瀀愀猀猀"]),
        ("pass".encode("utf-16-be"), ["\0p\0a\0s\0s", "瀀愀猀猀", "pass"]),
        (b"abc\0", ["abc\0"]),
        (b"abc\0\0", ["abc\0\0", "扡c\ufffd", "慢挀\ufffd"]),
        (b"", [""]),
    ],
)
def test_text_of__bytes(raw: bytes, text: list[str]) -> None:
    """Bytes are read as UTF-8; of other data the printable parts are kept. UTF-16 is tried only if there are zeros."""
    assert text_of(raw).split(END)[:-1] == text


@given(st.binary())
def test_data_of__any_bytes(raw: bytes) -> None:
    """Data is read as one character per byte."""
    assert data_of(raw) == raw.decode("latin-1") + END


def test_cp1252__as_browsers_read_it() -> None:
    """The table has the 27 characters of cp1252 that are not in latin-1."""
    assert len(cp1252()) == 27
    assert bytes(range(256)).decode("latin-1").translate(cp1252()) == browser_cp1252(bytes(range(256)))


@given(st.text(st.sampled_from('ab"\\\n\0ü€😀'), max_size=20), st.data())
def test_origin__of_escapes(plain: str, data: st.DataObject) -> None:
    """A span of the result maps to exactly the escapes that it was decoded from."""
    pieces = [json.dumps(char)[1:-1] for char in plain]
    text = "".join(pieces)
    assert decoder("backslash").decoded(text) == plain
    start = data.draw(st.integers(0, max(len(plain) - 1, 0)))
    end = data.draw(st.integers(start + 1, max(len(plain), start + 1)))
    if end <= len(plain):
        first, last = len("".join(pieces[:start])), len("".join(pieces[:end]))
        assert decoder("backslash").origin(text, [(start, end)]) == [(first, last)]


def test_origin__within_one_escape() -> None:
    """A span within one escape maps to the whole escape, and text between escapes keeps its position."""
    text = "a&NotEqualTilde;b&lt;c"  # the first decodes to two characters, the second to one
    size = len("&NotEqualTilde;")
    spans = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (0, 6)]
    b, c = 1 + size, 1 + size + 5
    assert decoder("entity").decoded(text) == "a≂\u0338b<c"
    assert decoder("entity").origin(text, spans) == [
        (0, 1),
        (1, b),
        (1, b),
        (b, b + 1),
        (b + 1, c),
        (c, c + 1),
        (0, c + 1),
    ]
    assert decoder("entity").origin(text, []) == []
    assert decoder("entity").origin("plain", [(1, 3)]) == [(1, 3)]


def test_origin__of_removed_zeros() -> None:
    """Removed zeros between characters belong to the span around them."""
    assert decoder("zeros").origin("-p\0a\0s\0s\0-", [(1, 5)]) == [(1, 8)]


def test_origin__of_runs() -> None:
    """A span in a run maps to the whole run."""
    text = "one: 70617373, two: 70:61:73:73:65."
    decoded = decoder("hex").decoded(text)
    assert decoder("hex").origin(text, [(decoded.index("passe"), decoded.index("passe") + 5)]) == [(20, 34)]
    assert decoder("hex").origin(text, [(0, 4)]) == [(5, 13)]
    assert decoder("hex").origin(text, [(0, decoded.index("passe") + 1)]) == [(5, 34)]


@pytest.mark.parametrize(
    ("decode", "text", "decoded"),
    [
        (from_backslash, r"\ud83d\ude00", "😀"),
        (from_percent, "%fc", "ü"),
        (partial(from_base64, read=data_of), "cGFzcw", "pass\0\x00"),
        (partial(from_hex, read=data_of), "70617", "pa\x7f\x06\x17"),
        (partial(from_numbers, read=data_of), "1,2 +3", "\1\2\3"),
    ],
)
def test_from__one(decode: object, text: str, decoded: str) -> None:
    """A single escape or run is decoded."""
    assert callable(decode)
    result = decode(text)
    assert result.startswith(decoded.rstrip("\0")) if "\0" in decoded else result.rstrip(END) == decoded
