"""`Decoder`: undoes one common encoding in a text, and maps the result back to positions in the text."""

from __future__ import annotations

import functools
import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from html import unescape
from typing import Final, NamedTuple
from unicodedata import normalize

#: A range of a text: the first character, and the one after the last.
Span = tuple[int, int]

#: The minimum bytes of a run of base64, hex or numbers, if all secrets are that long: most words are shorter.
LONG_RUN: Final = 12


class Decoder(NamedTuple):
    """Undoes one encoding.

    Attributes:
        mark: A character that every text with this encoding has, or ""; only if `keep` is true.
        pattern: Matches what `decode` takes. It has no groups, and matches in linear time.
        decode: Decodes one match.
        keep: Whether the result includes the text between matches.
        last: Whether the result is not decoded again.
    """

    mark: str
    pattern: re.Pattern[str]
    decode: Callable[[str], str]
    keep: bool = True
    last: bool = False

    def decoded(self, text: str) -> str:
        """Return the decoded text."""
        if self.mark not in text:
            return text
        decode = self.decode
        if self.keep:
            return self.pattern.sub(lambda match: decode(match[0]), text)
        return "".join(map(decode, self.pattern.findall(text)))

    def origin(self, text: str, spans: list[Span]) -> list[Span]:
        """Map ranges of the result back to ranges of the text. A match is never divided."""
        if not spans:
            return []
        # For each match: its start in the result; and its end there, its start in the text and its end in the text.
        begins, pieces = [0], [(0, 0, 0)]
        size = done = 0
        for match in self.pattern.finditer(text):
            if self.keep:
                size += match.start() - done
            done = match.end()
            begins.append(size)
            size += len(self.decode(match[0]))
            pieces.append((size, match.start(), done))
        found = []
        for start, end in spans:
            piece_end, text_start, text_end = pieces[bisect_right(begins, start) - 1]
            first = text_start if start < piece_end else text_end + start - piece_end
            piece_end, _, text_end = pieces[bisect_right(begins, end - 1) - 1]
            found.append((first, text_end + max(end - piece_end, 0)))
        return found


@functools.cache
def loosened() -> Decoder:
    """Return the decoder that turns white space, and the plus of a form, into one space, and drops quotes.

    Line breaks and folding then make no difference, nor does the escaping of quotes, or of other characters with a
    backslash: doubled in SQL and CSV, closed and reopened in a shell, as adjacent strings in Python.
    """
    return Decoder("", re.compile(r"[\s+\\\"'`]+"), _loose)


@functools.cache
def decoders(run: int, ascii_only: bool) -> tuple[Decoder, ...]:
    """Return the decoders for secrets of at least `run` bytes, which are all ASCII or not."""
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    backslash = (
        rf"{pair}|\\u[0-9a-fA-F]{{4}}|\\u\{{(?:10[0-9a-fA-F]{{4}}|[0-9a-fA-F]{{1,5}})\}}"
        r"|\\U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2}|\\[^Uux]"
    )
    more = "%[89abAB][0-9a-fA-F]"
    percent = rf"%[c-dC-D][0-9a-fA-F]{more}|%[eE][0-9a-fA-F](?:{more}){{2}}|%[fF][0-4](?:{more}){{3}}|%[0-9a-fA-F]{{2}}"
    entity = r"&(?:#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});"
    base64 = rf"[A-Za-z0-9+/_-]{{{run * 4 // 3},}}(?:(?<=[A-Za-z0-9+/_-]{{16}})\s{{1,20}}[A-Za-z0-9+/_-]+)*"
    hexadecimal = rf"(?:0[xX])?[0-9a-fA-F]{{2}}(?:[\s:,+-]{{0,2}}(?:0[xX])?[0-9a-fA-F]{{2}}){{{run - 1},}}[0-9a-fA-F]?"
    byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?![0-9])"
    numbers = rf"(?<![0-9])-?{byte}(?:[\s,+]{{1,3}}-?{byte}){{{run - 1},}}"
    escapes = (
        Decoder("\\", re.compile(backslash, re.S), from_backslash),
        Decoder("%", re.compile(percent), from_percent),
        Decoder("&", re.compile(entity), unescape),
        Decoder("\0", re.compile("\0+"), lambda zeros: ""),  # UTF-16 read as something else
    )
    runs = (
        (re.compile(base64), from_base64),
        (re.compile(hexadecimal), from_hex),
        (re.compile(numbers), from_numbers),
    )
    texts = tuple(Decoder("", pattern, partial(decode, read=text_of), keep=False) for pattern, decode in runs)
    if ascii_only:
        return (*escapes, *texts)
    data = (Decoder("", pattern, partial(decode, read=data_of), keep=False, last=True) for pattern, decode in runs)
    return (*escapes, *texts, *data, _mojibake(), _composed())


def _loose(run: str) -> str:
    return " " if run.strip("\\\"'`") else ""


def from_backslash(escape: str) -> str:
    """Decode an escape sequence of JSON, JavaScript, Python or C."""
    kind = escape[1]
    if len(escape) == 12:
        return bytes.fromhex(escape[2:6] + escape[8:]).decode("utf-16-be")
    if kind in "Uux":
        return chr(int(escape[2:].strip("{}"), 16))
    return _CONTROLS.get(kind, kind) if len(escape) == 2 else chr(int(escape[1:], 8))


def from_percent(escape: str) -> str:
    """Decode the percent-encoding of one character, in UTF-8 or latin-1."""
    raw = bytes.fromhex(escape.replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def from_base64(run: str, read: Callable[[bytes], str]) -> str:
    """Decode a run as base64 from each of its first four characters."""
    run = "".join(run.split()).translate(STANDARD_BASE64)
    return "".join(read(a2b_base64(run[start:] + "A" * ((start - len(run)) % 4))) for start in range(4))


def from_hex(run: str, read: Callable[[bytes], str]) -> str:
    """Decode a run as hex from each of its first two digits."""
    run = "".join(run.lower().replace("0x", "").translate(_NO_SEPARATORS).split())
    return "".join(read(bytes.fromhex(digits[: len(digits) // 2 * 2])) for digits in (run, run[1:]))


def from_numbers(run: str, read: Callable[[bytes], str]) -> str:
    """Decode a list of decimal bytes, as Go, Java (with signs) and Node.js print it."""
    return read(bytes(int(number) % 256 for number in run.replace(",", " ").replace("+", " ").split()))


def text_of(raw: bytes) -> str:
    """Decode bytes as UTF-8, or the printable parts of other data, and as UTF-16 if there are enough zeros."""
    try:
        texts = [raw.decode()]
    except UnicodeDecodeError:  # such as base64 that is read from the wrong character
        texts = _printed().findall(raw.decode("utf-8", "replace"))
    if raw.count(0) * 4 > len(raw):
        texts += [raw.decode(codec, "replace") for codec in ("utf-16-le", "utf-16-be")]
    return "".join(text + _END for text in texts)


def data_of(raw: bytes) -> str:
    """Decode bytes as latin-1, one character per byte."""
    return raw.decode("latin-1") + _END


@functools.cache
def _printed() -> re.Pattern[str]:
    return re.compile("[^\0-\x08\x0e-\x1f\x7f-\x9f\ufffd]{4,}")


@functools.cache
def cp1252() -> dict[int, str]:
    """Map the control characters of latin-1 to characters of cp1252, except the five that cp1252 leaves undefined."""
    return {code: char for code in range(128, 160) if (char := bytes([code]).decode("cp1252", "ignore"))}


def _mojibake() -> Decoder:
    """Return the decoder for UTF-8 that was read as latin-1 or cp1252."""
    table = {ord(char): code for code, char in cp1252().items()}
    more = f"[\x80-\xbf{''.join(map(chr, table))}]"
    pattern = f"[\xc2-\xdf]{more}|[\xe0-\xef]{more}{{2}}|[\xf0-\xf4]{more}{{3}}"
    return Decoder(
        "", re.compile(pattern), lambda char: char.translate(table).encode("latin-1").decode("utf-8", "replace")
    )


def _composed() -> Decoder:
    """Return the decoder that composes a letter and its accents into one character."""
    return Decoder("", re.compile("[^\u0300-\u036f][\u0300-\u036f]+"), partial(normalize, "NFC"))


_CONTROLS = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_END = "\x7f"  # of a text; part of no encoding
_NO_SEPARATORS = dict.fromkeys(map(ord, ":-,+"))

#: For `str.translate`: the alphabet of base64 in URLs -> the usual one.
STANDARD_BASE64: Final = {ord("-"): "+", ord("_"): "/"}
