"""`TextMask`: finds secrets in external text, in all common encodings, and replaces them.

A text is decoded layer by layer, and each result is searched for the secrets. So each encoding needs only a decoder,
and encodings may be nested in any order. The search uses `str.find`: unlike a regular expression, it is linear for any
text, and it leaves no secret in the cache of `re`.
"""

from __future__ import annotations

import codecs
import functools
import math
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple
from unicodedata import normalize
from urllib.parse import unquote

from qovery.origins import raise_from_signal_handler
from qovery.redaction.decoders import LONG_RUN, STANDARD_BASE64, Span, cp1252, decoders, loosened
from qovery.redaction.marks import MASK

#: Secrets shorter than this are not searched for in text: they would match everywhere.
SHORTEST_IN_TEXT: Final = 4

#: The number of nested encodings that are undone: JSON in a JSON string in a URL is three.
LAYERS: Final = 3

#: Encodings that foreign systems mistake UTF-8 for, beside those that Python always has. Loaded here, for the reason
#: below at `LOADED_MASK`.
_CODECS: Final = ("cp437", "cp850", "cp1250", "cp1251", "mac-roman")
for _name in ("cp1252", "utf-16-le", "utf-16-be", *_CODECS):
    codecs.lookup(_name)

#: The limit on the characters scanned for one text: per character of the text, and a constant for short texts.
_PASSES: Final = 40
_FEW: Final = 1_000_000

#: The characters that one mask may scan after the deadline: enough for the messages of an error.
_LATE: Final = 64 * 1024


class TextMask:
    """Replaces secrets in external text.

    It finds a secret verbatim, with other white space (line endings) or none around it, in NFC or NFD, in base64, hex
    or decimal bytes, decoded with the wrong character set, and escaped, fully or partly, for JSON, Python, a URL, a
    form, HTML, a shell, SQL or CSV; and in up to three nested layers of these.

    The work is linear in the size of the text. A text that takes more, or cannot be searched before the deadline,
    is replaced completely. So is a text for which a codec or a module cannot be loaded.

    Args:
        secrets: The secrets.
        deadline: When the search must end, by `time.monotonic`; None for no deadline.

    Attributes:
        work: The number of characters scanned so far.
    """

    __slots__ = ("_deadline", "_decoders", "_forms", "_late", "_loose", "_secrets", "_shortest", "work")

    def __init__(self, secrets: Iterable[str], deadline: float | None = None) -> None:
        self._secrets: set[str] | None = set(secrets)
        self._deadline = math.inf if deadline is None else deadline
        self._late = _LATE
        self.work = 0

    def __call__(self, text: str) -> str:
        try:
            if self._secrets is not None:
                self._prepare(self._secrets)
            if len(text) < self._shortest:
                return text
            spans = sorted(self._search(text))
        except _TooMuchWorkError:
            return MASK
        except (ImportError, OSError) as problem:  # such as in a process without free file descriptors
            raise_from_signal_handler(problem)
            return MASK
        parts, done = [], 0
        for start, end in spans:
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join([*parts, text[done:]])

    def _prepare(self, secrets: set[str]) -> None:
        self._forms = {form for secret in secrets for form in _forms(secret) if _is_long(form)}
        loose = {(loosened().decoded(form).strip(), form) for form in self._forms}
        self._loose = {short for short, form in loose if (short != form or " " in form) and _is_long(short)}
        self._shortest: float = min(map(len, self._forms | self._loose), default=math.inf)
        self._decoders = decoders(int(min(self._shortest, LONG_RUN)), all(map(str.isascii, self._forms)))
        self._secrets = None

    def _search(self, text: str) -> Iterator[Span]:
        """Find the secrets in a text, verbatim or in what it decodes to."""
        limit = self.work + _PASSES * len(text) + _FEW
        seen = {text}
        level = [_Node(text)]
        for layers in range(LAYERS, -1, -1):
            children = []
            for node in level:
                self._spend(len(node.text), limit)
                yield from node.origin(self._find(node.text))
                for decoder in self._decoders if layers and not node.last else ():
                    decoded = decoder.decoded(node.text)
                    if decoded not in seen:
                        seen.add(decoded)
                        children.append(_Node(decoded, node, decoder))
            level = children

    def _spend(self, characters: int, limit: int) -> None:
        self.work += characters
        late = characters if time.monotonic() >= self._deadline else 0
        if self.work > limit or late > self._late:
            raise _TooMuchWorkError
        self._late -= late

    def _find(self, text: str) -> list[Span]:
        spans = [span for form in self._forms for span in _occurrences(text, form)]
        if self._loose:
            collapsed = loosened().decoded(text)
            found = [span for form in self._loose for span in _occurrences(collapsed, form)]
            spans += loosened().origin(text, found)
        return spans


class _TooMuchWorkError(Exception):
    pass


class _Node(NamedTuple):
    """A text, the node that it was decoded from and the decoder; both None for the text at the root."""

    text: str
    parent: Any = None  # a _Node
    decoder: Any = None  # a Decoder

    @property
    def last(self) -> bool:
        return self.decoder is not None and bool(self.decoder.last)

    def origin(self, spans: list[Span]) -> list[Span]:
        """Map ranges of this text back to ranges of the text at the root."""
        node = self
        while spans and node.parent is not None:
            spans = node.decoder.origin(node.parent.text, spans)
            node = node.parent
        return spans


def mask_json(data: Any, mask: Callable[[str], str]) -> Any:
    """Return parsed JSON with `mask` applied to every key and value."""
    if isinstance(data, dict):
        return {mask(key): mask_json(value, mask) for key, value in data.items()}
    if isinstance(data, list):
        return [mask_json(value, mask) for value in data]
    if isinstance(data, str):
        return mask(data)
    return MASK if MASK in mask(str(data)) else data


def credentials(header: str) -> Iterator[str]:
    """Yield the parts of a header's value that may be secret, for any header.

    These are the whole value, the part after a scheme of up to three words, the last word, the values of cookies and
    parameters, the part after an id and a colon, and all of these in decoded base64.
    """
    yield from _secret_parts(header)
    for word in header.split():
        yield from _secret_parts(_text_in_base64(word))


def _secret_parts(text: str) -> Iterator[str]:
    yield text
    words = text.split()
    yield from words[-1:]
    for count in range(1, min(4, len(words))):
        yield text.split(None, count)[-1]
    for part in text.replace(",", ";").split(";"):
        value = part.partition("=")[2].strip('" ')
        yield from (value, unquote(value))
    for word in words:
        yield word.partition(":")[2].rstrip(",;")


def _text_in_base64(word: str) -> str:
    """Return the text that a word encodes in base64, or an empty string if there is none."""
    try:
        text = b64decode(word.translate(STANDARD_BASE64) + "=" * (-len(word) % 4), validate=True).decode()
    except ValueError as error:
        raise_from_signal_handler(error)
        return ""
    return text if text.isprintable() else ""


def _is_long(form: str) -> bool:
    return len(form) >= SHORTEST_IN_TEXT


def _occurrences(text: str, form: str) -> Iterator[Span]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _forms(secret: str) -> set[str]:
    """Return a secret, and its forms after normalisation or decoding with another character set."""
    lines = secret.replace("\r\n", "\n").replace("\r", "\n")
    exact = {secret, secret.strip(), lines, lines.replace("\n", "\r\n"), lines.replace("\n", "\r")}
    if secret.isascii() or not _is_long(secret.strip()):
        return exact
    wide = [form.encode(codec, "surrogatepass") for form in exact for codec in ("utf-16-le", "utf-16-be")]
    forms = {raw.strip(b"\0").decode("latin-1") for raw in wide}
    lossy = {raw.decode("utf-8", "replace").replace("\0", "") for raw in wide}
    for codec in ("ascii", *_CODECS):
        lossy |= {_utf8(form).decode(codec, "replace") for form in exact}
    for codec in ("ascii", "latin-1", "cp1252"):
        lossy |= {form.encode(codec, "replace").decode("utf-8", "replace") for form in exact}
    # The remains of a short one would match unrelated text.
    forms |= {form for form in lossy if _is_long(form.replace("?", "").replace("\ufffd", ""))}
    for _ in range(LAYERS):
        exact |= {change(form) for form in exact for change in _changes()}
    return forms | exact


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@functools.cache
def _changes() -> tuple[Callable[[str], str], ...]:
    """Return the changes of a text in transit: normal forms, and UTF-8 read in a single-byte encoding."""
    return (
        functools.partial(normalize, "NFC"),
        functools.partial(normalize, "NFD"),
        lambda text: _utf8(text).decode("latin-1"),
        lambda text: _utf8(text).decode("latin-1").translate(cp1252()),
        lambda text: _utf8(text).decode("cp1252", "replace"),
    )


#: Defined last, so that a call in a signal handler that interrupts the import of this module finds none or a whole one.
LOADED_MASK: Final = TextMask
