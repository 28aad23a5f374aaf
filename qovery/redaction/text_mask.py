"""`TextMask`: finds secrets in foreign text, however they are encoded there, and replaces them.

A text is decoded layer by layer, and each result is searched for the secrets. So an encoding is described once, by what
undoes it, and any of them may be inside any other. The search is `str.find`: it is linear for any text, which a regular
expression is not, and it leaves no secret in the cache of `re`.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qovery.redaction.marks import MASK

if TYPE_CHECKING:
    import re

#: Secrets shorter than this are not searched for in text: they would match everywhere.
SHORTEST_IN_TEXT: Final = 4

#: How many layers of encodings are undone: JSON in a JSON string in a URL is three.
LAYERS: Final = 3

#: The characters that the search of one text may look at: so many for each of its own, and a few more for a short one.
_PASSES: Final = 40
_FEW: Final = 1_000_000

#: The characters that one mask may look at after the deadline: enough for the messages of an error.
_LATE: Final = 64 * 1024

_Span = tuple[int, int]


class TextMask:
    """Replaces secrets in text that came from outside.

    A secret is found as it is, also with other white space (line endings) or none around it, in NFC or NFD, in base64
    or hex, decoded with the wrong character set, and escaped, all of it or in part, for JSON, Python, a URL, a form or
    HTML; and in up to three layers of these.

    The work is linear in the size of the text. A text that takes more, or is not searched before the deadline, is
    replaced as a whole.

    Args:
        secrets: They are read when the first text arrives, for most calls never.
        deadline: When the search must end, by `time.monotonic`; None if there is no such time.

    Attributes:
        work: The number of characters looked at so far.
    """

    __slots__ = ("_deadline", "_forms", "_late", "_loose", "_secrets", "_shortest", "work")

    def __init__(self, secrets: Iterable[str], deadline: float | None = None) -> None:
        self._secrets: Iterable[str] | None = secrets
        self._deadline = deadline
        self._late = _LATE
        self.work = 0

    def __call__(self, text: str) -> str:
        if self._secrets is not None:
            self._prepare(self._secrets)
        if len(text) < self._shortest:
            return text
        try:
            spans = sorted(self._search(text))
        except _TooMuchWorkError:
            return MASK
        parts, done = [], 0
        for start, end in spans:
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join([*parts, text[done:]]) if spans else text

    def _prepare(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in set(secrets) if _is_long(secret.strip()) for form in _forms(secret)}
        self._forms = sorted(filter(_is_long, forms))
        loose = {_loose().decoded(form).strip() for form in self._forms}
        self._loose = sorted(form for form in loose if " " in form and _is_long(form))
        self._shortest = min(map(len, [*self._forms, *self._loose]), default=math.inf)
        self._secrets = None

    def _search(self, text: str) -> Iterator[_Span]:
        """Where secrets are in a text: as they are, or in what it decodes to."""
        limit = self.work + _PASSES * len(text) + _FEW
        decoders = _decoders(int(min(self._shortest, _LONG_RUN)))
        seen = {"", text}
        level = [_Node(text, None, None)]
        for layer in range(LAYERS + 1):
            children = []
            for node in level:
                self._spend(len(node.text), limit)
                yield from node.origin(self._find(node.text))
                for decoder in decoders if layer < LAYERS else ():
                    decoded = decoder.decoded(node.text)
                    if decoded not in seen:
                        seen.add(decoded)
                        children.append(_Node(decoded, node, decoder))
            level = children

    def _spend(self, characters: int, limit: int) -> None:
        self.work += characters
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._late -= characters
        if self.work > limit or self._late < 0:
            raise _TooMuchWorkError

    def _find(self, text: str) -> list[_Span]:
        spans = [span for form in self._forms for span in _occurrences(text, form)]
        if self._loose:
            collapsed = _loose().decoded(text)
            found = [span for form in self._loose for span in _occurrences(collapsed, form)]
            spans += _loose().origin(text, found)
        return spans


class _TooMuchWorkError(Exception):
    pass


class _Node(NamedTuple):
    """A text that another one decodes to."""

    text: str
    parent: Any  # a _Node, or None for the text itself
    decoder: Any  # what made it of its parent's text

    def origin(self, spans: list[_Span]) -> list[_Span]:
        """Where in the text at the root the characters come from."""
        node = self
        while spans and node.parent is not None:
            spans = node.decoder.origin(node.parent.text, spans)
            node = node.parent
        return spans


class _Decoder(NamedTuple):
    """What undoes one encoding.

    Attributes:
        mark: A character without which a text has no such encoding, or "".
        pattern: What is decoded at once.
        decode: Decodes it.
        keep: Whether what is not encoded stays.
    """

    mark: str
    pattern: re.Pattern[str]
    decode: Callable[[str], str]
    keep: bool

    def decoded(self, text: str) -> str:
        """The text that it decodes to; empty if nothing is encoded so."""
        if self.mark not in text:
            return ""
        decode = self.decode
        if self.keep:
            return self.pattern.sub(lambda match: decode(match[0]), text)
        return "".join(decode(run) for run in self.pattern.findall(text))

    def origin(self, text: str, spans: list[_Span]) -> list[_Span]:
        """Where in the text the characters of the decoded one come from."""
        if not spans:
            return []
        from bisect import bisect_right

        begins, pieces = [0], [(0, 0, 0)]  # of each piece: where it begins and ends in the decoded text, and ...
        size = done = 0
        for match in self.pattern.finditer(text):
            size += match.start() - done if self.keep else 0
            begins.append(size)
            done = match.end()
            size += len(self.decode(match[0]))
            pieces.append((size, match.start(), done))
        found = []
        for start, end in spans:
            decoded_end, piece_start, piece_end = pieces[bisect_right(begins, start) - 1]
            first = piece_start if start < decoded_end else piece_end + start - decoded_end
            decoded_end, _, piece_end = pieces[bisect_right(begins, end - 1) - 1]
            found.append((first, piece_end + max(end - decoded_end, 0)))
        return found


def mask_json(data: Any, mask: Callable[[str], str]) -> Any:
    """Parsed JSON with `mask` applied to every key and value."""
    if isinstance(data, dict):
        return {mask(key): mask_json(value, mask) for key, value in data.items()}
    if isinstance(data, list):
        return [mask_json(value, mask) for value in data]
    if isinstance(data, str):
        return mask(data)
    return MASK if MASK in mask(str(data)) else data


def credentials(header: str) -> Iterator[str]:
    """What may be secret in the value of a header, whichever header it is.

    That is all of it, what follows a scheme of up to three words, its last word, the values of cookies and parameters,
    what follows an id and a colon, and all this of what is in base64.
    """
    yield from _secret_parts(header)
    for word in header.split():
        decoded = _text_in_base64(word)
        if decoded:
            yield from _secret_parts(decoded)


def _secret_parts(text: str) -> Iterator[str]:
    from urllib.parse import unquote

    yield text
    for count in (1, 2, 3):
        yield text.split(None, count)[-1] if text.strip() else ""
    words = text.split()
    yield from words[-1:]
    for part in text.replace(",", ";").split(";"):
        value = part.partition("=")[2].strip('" ')
        yield from (value, unquote(value))
    for word in words:
        yield word.partition(":")[2]


def _text_in_base64(word: str) -> str:
    """What a word is in base64; empty if it is not, or no text."""
    import binascii

    try:
        text = binascii.a2b_base64(word.translate(_STANDARD_BASE64) + "=" * (-len(word) % 4)).decode()
    except ValueError:
        return ""
    return text if text.isprintable() else ""


def _is_long(form: str) -> bool:
    return len(form) >= SHORTEST_IN_TEXT


def _occurrences(text: str, form: str) -> Iterator[_Span]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _forms(secret: str) -> set[str]:
    """A secret, and what it becomes where its characters are normalised or read in another encoding."""
    exact = {secret, secret.strip()}
    forms = set(exact)
    for form in exact:
        for codec in ("utf-16-le", "utf-16-be"):
            raw = form.encode(codec, "surrogatepass")
            forms |= {raw.decode("latin-1"), raw.decode("utf-8", "replace")}
    if secret.isascii():
        return forms
    lossy = {_utf8(form).decode("ascii", "replace") for form in exact}
    for codec in ("ascii", "latin-1", "cp1252"):
        lossy |= {form.encode(codec, "replace").decode("utf-8", "replace") for form in exact}
    # What little is left of a short one would match other text.
    forms |= {form for form in lossy if _is_long(form.replace("?", "").replace("\ufffd", ""))}
    for _ in range(LAYERS):
        exact |= {change(form) for form in exact for change in _changes()}
    return forms | exact


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@functools.cache
def _changes() -> tuple[Callable[[str], str], ...]:
    """What happens to a text's characters on the way: normal forms, and UTF-8 read in an encoding of one byte."""
    from unicodedata import normalize

    # Browsers read the five bytes that cp1252 does not define as control characters.
    table = {code: char for code in range(128, 160) if (char := bytes([code]).decode("cp1252", "ignore"))}
    return (
        functools.partial(normalize, "NFC"),
        functools.partial(normalize, "NFD"),
        lambda text: _utf8(text).decode("latin-1"),
        lambda text: _utf8(text).decode("latin-1").translate(table),
        lambda text: _utf8(text).decode("cp1252", "replace"),
    )


def _from_backslash(escape: str) -> str:
    """What an escape of JSON, JavaScript, Python or C stands for."""
    kind = escape[1]
    if len(escape) == 12:
        pair = bytes.fromhex(escape[2:6] + escape[8:])
        return pair.decode("utf-16-be")
    if kind in "Uux":
        return chr(int(escape[2:].strip("{}"), 16))
    return _CONTROLS.get(kind, kind) if len(escape) == 2 else chr(int(escape[1:], 8))


def _from_percent(escape: str) -> str:
    raw = bytes.fromhex(escape.replace("%", ""))
    try:
        return raw.decode()
    except ValueError:
        return raw.decode("latin-1")


def _from_base64(run: str) -> str:
    """What a run decodes to, whichever of its first four characters the base64 begins with."""
    from binascii import a2b_base64

    run = "".join(run.split()).translate(_STANDARD_BASE64)
    return "".join(
        a2b_base64(run[offset:] + "A" * (-len(run[offset:]) % 4)).decode("latin-1") + "\n" for offset in range(4)
    )


def _from_hex(run: str) -> str:
    """What a run decodes to, whichever of its first two digits the hex begins with."""
    run = "".join(run.lower().replace("0x", "").translate(_NO_SEPARATORS).split())
    return "".join(
        bytes.fromhex(run[offset : offset + (len(run) - offset) // 2 * 2]).decode("latin-1") + "\n" for offset in (0, 1)
    )


def _from_numbers(run: str) -> str:
    return "".join(chr(int(number)) for number in run.replace(",", " ").split()) + "\n"


_CONTROLS = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_STANDARD_BASE64 = {ord("-"): "+", ord("_"): "/"}
_NO_SEPARATORS = {ord(":"): "", ord("-"): "", ord(","): ""}

#: How many bytes a run of base64 or hex has at least, where all secrets are that long: most words are shorter.
_LONG_RUN: Final = 12


@functools.cache
def _loose() -> _Decoder:
    """Makes one space of any white space, and of the plus that stands for a space in a form."""
    import re

    return _Decoder("", re.compile(r"[\s+]+"), lambda space: " ", True)


@functools.cache
def _decoders(run: int) -> tuple[_Decoder, ...]:
    """The encodings that are undone, for secrets of at least `run` bytes."""
    import html
    import re

    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    backslash = (
        rf"{pair}|\\u[0-9a-fA-F]{{4}}|\\u\{{(?:10[0-9a-fA-F]{{4}}|[0-9a-fA-F]{{1,5}})\}}"
        r"|\\U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2}|\\[^Uux]"
    )
    more = "%[89abAB][0-9a-fA-F]"
    percent = rf"%[c-dC-D][0-9a-fA-F]{more}|%[eE][0-9a-fA-F](?:{more}){{2}}|%[fF][0-4](?:{more}){{3}}|%[0-9a-fA-F]{{2}}"
    entity = r"&(?:#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,31});"
    base64 = rf"[A-Za-z0-9+/_-]{{{run * 4 // 3},}}(?:(?<=[A-Za-z0-9+/_-]{{16}})(?:\r\n?|\n)[ \t]*[A-Za-z0-9+/_-]+)*"
    hexadecimal = rf"[0-9a-fA-F]{{2}}(?:[\s:,-]{{0,2}}(?:0[xX])?[0-9a-fA-F]{{2}}){{{run - 1},}}"
    byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?![0-9])"
    numbers = rf"{byte}(?:[\s,]{{1,3}}{byte}){{{run - 1},}}"
    return (
        _Decoder("\\", re.compile(backslash, re.S), _from_backslash, True),
        _Decoder("%", re.compile(percent), _from_percent, True),
        _Decoder("&", re.compile(entity), html.unescape, True),
        _Decoder("", re.compile(base64), _from_base64, False),
        _Decoder("", re.compile(hexadecimal), _from_hex, False),
        _Decoder("", re.compile(numbers), _from_numbers, False),
    )
