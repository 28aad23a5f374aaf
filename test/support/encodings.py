"""Common encodings of a text, and a decoder that is independent of the package."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from test.support.canaries import upper_json


def browser_cp1252(raw: bytes) -> str:
    """Decode cp1252 as browsers do: bytes that cp1252 does not define become control characters."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in raw)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "PHP JSON": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON, all escaped": upper_json,
    "Python": lambda text: repr(text)[1:-1],
    "Python bytes": lambda text: repr(_raw(text))[2:-1],
    "octal": lambda text: "".join(rf"\{byte:03o}" for byte in _raw(text)),
    "JavaScript": lambda text: "".join(rf"\u{{{ord(char):x}}}" for char in text),
    "URL": quote,
    "URL segment": lambda text: quote(text, safe=""),
    "URL, all escaped": lambda text: "".join(f"%{byte:02x}" for byte in _raw(text)),
    "form": quote_plus,
    "HTML": html.escape,
    "numeric HTML entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "base64": lambda text: base64.b64encode(_raw(text)).decode(),
    "URL-safe base64": lambda text: base64.urlsafe_b64encode(_raw(text)).decode().rstrip("="),
    "wrapped base64": lambda text: base64.encodebytes(_raw(text)).decode(),
    "MIME base64": lambda text: "\r\n".join(textwrap.wrap(base64.b64encode(_raw(text)).decode(), 76)),
    "PowerShell base64": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: _raw(text).hex(),
    "upper hex": lambda text: _raw(text).hex().upper(),
    "hex with colons": lambda text: _raw(text).hex(":"),
    "hex with spaces": lambda text: _raw(text).hex(" "),
    "hex with prefixes": lambda text: ", ".join(f"0x{byte:02x}" for byte in _raw(text)),
    "Go bytes": lambda text: " ".join(map(str, _raw(text))),
    "Node Buffer": lambda text: ",".join(map(str, _raw(text))),
    "latin-1 mojibake": lambda text: _raw(text).decode("latin-1"),
    "cp1252 mojibake": lambda text: browser_cp1252(_raw(text)),
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "CRLF": lambda text: re.sub("\r\n|\r|\n", "\r\n", text),
    "CR": lambda text: re.sub("\r\n|\n", "\r", text),
    "LF": lambda text: re.sub("\r\n|\r", "\n", text),
}


def encode(text: str, chain: Iterable[str]) -> str:
    for name in chain:
        text = ENCODINGS[name](text)
    return text


def readable(text: str, secret: str) -> bool:
    """Whether the secret can be read after applying every decoder recursively, up to three times."""
    wanted = _plain(secret)
    seen = level = {text}
    for _ in range(4):
        if any(wanted in _plain(one) for one in level):
            return True
        level = {decoded for one in level for decoded in _decoded(one)} - seen
        seen = seen | level
    return False


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", re.sub("\r\n|\r", "\n", text))


def _decoded(text: str) -> Iterator[str]:
    with contextlib.suppress(ValueError):
        yield json.loads(f'"{text}"', strict=False)
    yield _unescaped(text)
    yield from (unquote(text), unquote_plus(text), html.unescape(text), unicodedata.normalize("NFC", text))
    for codec in ("latin-1", "cp1252"):
        with contextlib.suppress(ValueError):
            yield text.encode(codec).decode()
    with contextlib.suppress(ValueError):
        yield bytes(map(_browser_byte, text)).decode()
    for raw in _bytes(text):
        yield raw.decode("latin-1")
        with contextlib.suppress(ValueError):
            yield raw.decode()
        with contextlib.suppress(ValueError):
            yield raw.decode("utf-16-le")


def _unescaped(text: str) -> str:
    """Undo the backslash escapes of Python, JSON and JavaScript, also in a partly escaped text."""
    simple = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

    def one(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1 and escape[0] in "uUx":
            return chr(int(escape[1:].strip("{}"), 16))
        return chr(int(escape, 8)) if escape.isdigit() and len(escape) == 3 else simple.get(escape, escape)

    pattern = (
        r"\\(u\{[0-9a-f]+\}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-3][0-7]{2}|.)"
    )
    plain = re.sub(pattern, one, text, flags=re.S)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _browser_byte(char: str) -> int:
    return ord(char) if ord(char) < 256 else char.encode("cp1252")[0]


def _bytes(text: str) -> Iterator[bytes]:
    for run in re.findall(r"[A-Za-z0-9+/_\s-]{6,}", text):
        run = "".join(run.split()).replace("-", "+").replace("_", "/")
        with contextlib.suppress(ValueError):
            yield base64.b64decode(run + "=" * (-len(run) % 4))
    for run in re.findall(r"(?:(?:0x)?[0-9a-fA-F]{2}[:,\s]*){4,}", text):
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(re.sub(r"0x|[:,\s]", "", run))
    for run in re.findall(r"(?:\d{1,3}[,\s]+){3,}\d{1,3}", text):
        with contextlib.suppress(ValueError):
            yield bytes(map(int, re.findall(r"\d+", run)))
