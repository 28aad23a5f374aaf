"""Helpers for leak tests: canaries, the ways to show an object, and the contents of errors."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from IPython.lib.pretty import pretty as ipython_pretty
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from qovery import (
    EnvironmentSecretApi,
    OpenApiException,
)
from test.support import ROOT

CANARY = 'ca/na"ry-ü\n<value>\n'
TOKEN = "canary-token"
#: The display methods that notebooks call without arguments.
HTML_AND_THE_LIKE = [f"_repr_{kind}_" for kind in ("html", "markdown", "svg", "latex", "json", "mimebundle")]
CHANNELS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": format,
    "f-string": lambda thing: f"{thing} {thing!r} {thing!s:>10}",
    "percent": lambda thing: "%s %r" % (thing, thing),  # noqa: UP031 - the format is under test
    "pprint": pprint.pformat,
    "pprint in containers": lambda thing: pprint.pformat({"a": [thing, (thing,)]}, width=20),
    "IPython": ipython_pretty,
    "rich": pretty_repr,
    "rich in containers": lambda thing: pretty_repr([{"a": thing}]),
    "rich.print": lambda thing: printed(thing),
    "__rich_repr__": lambda thing: str([*getattr(thing, "__rich_repr__", lambda: [repr(thing)])()]),
    "__pretty__": lambda thing: str([*getattr(thing, "__pretty__", lambda fmt: [repr(thing)])(repr)]),
    "to_str": lambda thing: getattr(thing, "to_str", thing.__repr__)(),
    "logging": lambda thing: logging.LogRecord("n", 10, "p", 1, "%s %r", (thing, thing), None).getMessage(),
    "_repr_*_": lambda thing: str([getattr(thing, n)() for n in dir(type(thing)) if n in HTML_AND_THE_LIKE]),
}


def shows(text: str, *canaries: str) -> bool:
    """Whether a text contains a canary, raw or escaped."""
    stripped = [canary.strip() for canary in canaries]
    return any(form in text for one in stripped for form in (one, repr(one)[1:-1], json.dumps(one)[1:-1]))


def printed(thing: Any) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(thing, {"a": [thing]})
    return console.export_text()


#: Frames of files below this directory hold canaries legitimately.
TESTS = str(ROOT / "test")


def walk(error: BaseException | None) -> Iterator[BaseException]:
    """An error, its causes and its contexts."""
    if error is not None:
        yield error
        yield from walk(error.__cause__)
        yield from walk(error.__context__)


def everything(error: BaseException) -> str:
    """Everything that a logger, a crash reporter or a pickle would see of an error, without the frames of tests."""
    seen = []
    for one in walk(error):
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), repr(getattr(one, "__notes__", ""))]
        seen += map(str, vars(one).values())
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                seen.append(repr(dict(frame.f_locals)))
    seen += [repr(pickle.loads(pickle.dumps(error))), str(pickle.dumps(error)), pickle.dumps(error).decode("latin-1")]
    seen.append(str(getattr(error, "headers", "")))
    return "\n".join(seen)


def catch(call: Callable[[], Any]) -> OpenApiException:
    with pytest.raises(OpenApiException) as caught:
        call()
    return caught.value


def tracebacks(error: BaseException) -> Iterator[str]:
    """The traceback as tools print it with locals, without the frames of tests, which hold canaries."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_filename.startswith(TESTS):
        error = error.with_traceback(error.__traceback__.tb_next)
    assert error.__traceback__ is not None
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    yield printed(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))


def upper_json(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))


#: Encodings in which a server may echo a secret; the echo must be masked too.
ECHOES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "without white space": str.strip,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "Go JSON": lambda text: json.dumps(text)[1:-1].replace("<", r"\u003c").replace(">", r"\u003e"),
    "PHP JSON": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON, all escaped": upper_json,
    "Python": lambda text: repr(text)[1:-1],
    "Python bytes": lambda text: repr(text.encode())[2:-1],
    "URL": quote,
    "URL segment": lambda text: quote(text, safe=""),
    "URL, all escaped": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "form": quote_plus,
    "HTML": html.escape,
    "Go HTML": lambda text: html.escape(text).replace("&quot;", "&#34;").replace("\n", "&#xA;"),
    "mojibake": lambda text: text.encode().decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a header": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
    "base64 of a body": lambda text: base64.urlsafe_b64encode(json.dumps({"value": text}).encode()).decode(),
}


def create(api: EnvironmentSecretApi, **options: Any) -> Any:
    with api.api_client:
        return api.create_environment_secret("e", {"key": "A", "value": CANARY}, **options)
