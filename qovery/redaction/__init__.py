"""The one place that knows how a secret is masked.

A field that holds a secret is marked once, with `MASKED`, where it is declared. Everything that shows
objects comes here: the representation of models, the mappings that hold credentials, the text of what
a server sent, and the frames that a traceback would keep.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from pydantic import BaseModel

from qovery.redaction.marks import MASK, MASKED

#: Secrets shorter than this are not searched for in texts: they would match everywhere.
SHORTEST_IN_TEXT: Final = 4


class TextMask:
    """Takes secrets out of a text that came from outside, however they are written there.

    A secret is found as it is, also without the white space around it, in base64, read in another encoding than
    it was written in, and escaped, all of it or in part, for JSON, Python, a URL, a form or HTML, or for one in
    another.

    Args:
        secrets: They are looked at when the first text comes, which for most calls is never.
    """

    __slots__ = ("_forms", "_ready", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = secrets
        self._ready = False

    def __call__(self, text: str) -> str:
        if not self._ready:
            self._prepare()
        spans = sorted(self._spans(text, _LAYERS))
        parts, done = [], 0
        for start, end in spans:
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join([*parts, text[done:]]) if spans else text

    def _prepare(self) -> None:
        self._secrets = {form for secret in self._secrets for form in (secret, secret.strip()) if _is_long(form)}
        forms = {form for secret in self._secrets for form in (*_spellings(secret), *_base64(secret))}
        self._forms = [form for form in forms if _is_long(form)]
        self._ready = True

    def _spans(self, text: str, layers: int) -> Iterable[tuple[int, int]]:
        """Where secrets stand in a text: as they are, or where escapes are undone."""
        for form in self._forms:
            if form in text:
                yield from _find(text, form)
        for mark, escape, unescape in _ESCAPES if layers else ():
            plain = escape.sub(lambda match: unescape(match[0]), text) if mark in text else text  # noqa: B023 - used at once
            found = list(self._spans(plain, layers - 1)) if plain != text else []
            if not found:
                continue
            origin: list[int] = []  # where in the text each character of `plain` comes from
            done = 0
            for match in escape.finditer(text):
                origin += range(done, match.start())
                origin += [match.start()] * len(unescape(match[0]))
                done = match.end()
            origin += range(done, len(text) + 1)
            for start, end in found:
                while origin[end] == origin[end - 1]:  # in the middle of an escape
                    end += 1
                yield origin[start], origin[end]


def mask_json(data: Any, mask: Callable[[str], str]) -> Any:
    """Parsed JSON with `mask` applied to every key and value."""
    if isinstance(data, dict):
        return {mask(key): mask_json(value, mask) for key, value in data.items()}
    if isinstance(data, list):
        return [mask_json(value, mask) for value in data]
    if isinstance(data, str):
        return mask(data)
    return MASK if MASK in mask(str(data)) else data


def masked_values(model: BaseModel) -> list[str]:
    """The texts of a model's fields that are marked as secrets."""
    fields = type(model).model_fields
    values = [getattr(model, name) for name, field in fields.items() if MASKED in field.metadata]
    return [value for value in values if isinstance(value, str)]


def credentials(header: str) -> Iterable[str]:
    """What may be secret in a header's value: all of it, what follows a scheme, the values of cookies, a password."""
    scheme, _, rest = header.partition(" ")
    yield from (header, rest)
    for part in re.split("[;,]", header):
        yield part.partition("=")[2].strip('" ')
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            pair = base64.b64decode(rest).decode()
            yield from (pair, pair.partition(":")[2])


def _is_long(secret: str) -> bool:
    return len(secret) >= SHORTEST_IN_TEXT


def _find(text: str, form: str) -> Iterable[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + len(form))


def _spellings(secret: str) -> Iterable[str]:
    """The secret, and what it looks like where a server or a header takes one encoding for another."""
    yield secret
    raw = secret.encode("utf-8", "surrogatepass")
    yield raw.decode("latin-1")
    yield raw.decode("ascii", "replace")
    for codec in ("ascii", "latin-1", "utf-16-le", "utf-16-be"):
        yield secret.encode(codec, "replace").decode("utf-8", "replace")


def _base64(secret: str) -> Iterable[str]:
    """The secret, as it is and as it is sent, in base64: inside a longer text that has three alignments, of which
    only what no neighbour changes is searched for."""
    for plain in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
        raw = plain.encode("utf-8", "surrogatepass")
        for offset in range(3):
            start, end = -(-offset * 4 // 3), (offset + len(raw)) * 8 // 6
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(bytes(offset) + raw).decode()[start:end]


def _unescape(escape: str) -> str:
    """What a backslash and what follows it stand for in JSON or Python."""
    if escape[1] in "Uux":
        text: str = json.loads(f'"{escape}"') if escape[1] == "u" else chr(int(escape[2:], 16))
        return text
    return _CONTROLS.get(escape[1], escape[1])


#: How many layers of escapes are undone: JSON in a JSON string in a URL is three.
_LAYERS = 3

_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}

_PAIR = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PERCENT = "%[0-7][0-9a-fA-F]|(?:%[89a-fA-F][0-9a-fA-F])+"

#: The ways to escape a character: a mark without which a text has none, the escapes, and what undoes one.
_ESCAPES: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = (
    (
        "\\",
        re.compile(
            rf"{_PAIR}|\\u[0-9a-fA-F]{{4}}|\\U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{{4}}|\\x[0-9a-fA-F]{{2}}|\\[^Uux]", re.S
        ),
        _unescape,
    ),
    ("%", re.compile(_PERCENT), unquote),
    ("+", re.compile(rf"\+|{_PERCENT}"), unquote_plus),
    ("&", re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|\w+);"), html.unescape),
)
