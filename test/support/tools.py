"""Tools that show, log and compare objects, each as a function from an object to its output."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import reprlib
import string
import types
from collections.abc import Callable, Mapping
from typing import Any

import devtools
import jsonpickle
import loguru
import orjson
import sentry_sdk.serializer
import structlog
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from IPython.lib.pretty import pretty as ipython_pretty
from rich.console import Console
from rich.pretty import pretty_repr

Channel = Callable[[Any], str]

loguru.logger.remove()  # it would write to standard error


def attributes(thing: Any) -> dict[str, Any]:
    """The contents of `vars` and slots, three levels deep."""
    return _attributes(thing, 3)


def _attributes(thing: Any, depth: int) -> Any:
    if not depth or isinstance(thing, (str, bytes, int, float, type, types.ModuleType, types.FunctionType)):
        return thing
    if isinstance(thing, Mapping):
        return {key: _attributes(value, depth - 1) for key, value in thing.items()}
    if isinstance(thing, (list, tuple, set)):
        return [_attributes(value, depth - 1) for value in thing]
    slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ()) if name[:2] != "__"]
    held = {**getattr(thing, "__dict__", {}), **{name: getattr(thing, name, None) for name in slots}}
    return {name: _attributes(value, depth - 1) for name, value in held.items()} or repr(thing)


def items(thing: Any) -> Any:
    """A mapping's contents, copied, merged and iterated in every way; for other objects their attributes."""
    if not isinstance(thing, Mapping):
        return vars(thing) if hasattr(thing, "__dict__") else thing
    plain = dict(thing)
    merged: list[Any] = [{**thing}, plain, list(thing.items()), list(thing.values()), copy.copy(thing)]
    if isinstance(thing, dict):
        inplace = thing.copy()
        inplace |= plain
        merged += [thing | {}, {} | thing, inplace, thing.copy()]
    return merged


def rich_text(thing: Any) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    console.print(thing, [thing], {"a": thing}, vars(thing) if hasattr(thing, "__dict__") else "")
    return console.export_text()


def structlog_text(thing: Any) -> str:
    lines = []
    for render in (
        structlog.processors.JSONRenderer(),
        structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str),
        structlog.processors.KeyValueRenderer(),
        structlog.processors.LogfmtRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
    ):
        written: list[Any] = []
        logger = structlog.wrap_logger(Collector(written), processors=[render])
        try:
            logger.info("event", thing=thing, inside=str(items(thing)))
        except TypeError:  # not every renderer accepts every object
            continue
        lines += written
    return "".join(line.decode() if isinstance(line, bytes) else str(line) for line in lines)


class Collector:
    """A logger for structlog that keeps its arguments."""

    def __init__(self, lines: list[Any]) -> None:
        self._lines = lines

    def info(self, message: Any) -> None:
        self._lines.append(message)

    error = info


def loguru_text(thing: Any) -> str:
    written = io.StringIO()
    logger = loguru.logger
    sinks = [logger.add(written, serialize=serialize, format="{message} {extra}", level=0) for serialize in (0, 1)]
    try:
        logger.bind(thing=thing, inside=items(thing)).info("{} {!r}", thing, thing)
    finally:
        for sink in sinks:
            logger.remove(sink)
    return written.getvalue()


def sentry_data(thing: Any) -> str:
    """The event data for a local variable and for extra data, at the maximum depth."""
    event = {
        "extra": {"thing": thing, "items": items(thing), "attributes": attributes(thing)},
        "contexts": {"a": {"thing": thing}},
        "exception": {"values": [{"stacktrace": {"frames": [{"vars": {"thing": thing, "items": items(thing)}}]}}]},
    }
    return json.dumps(
        [sentry_sdk.serializer.serialize(event, is_vars=as_locals, max_value_length=10_000) for as_locals in (0, 1)]
    )


def log_record(thing: Any) -> str:
    record = logging.LogRecord("n", 10, "p", 1, "%s %r", (thing, thing), None)
    record.thing = thing
    return record.getMessage() + str(vars(record)) + logging.Formatter("{thing} {message}", style="{").format(record)


def ipython_output(thing: Any) -> str:
    """The output of a cell, of `?` and of completion."""
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else InteractiveShell()
    shell.Completer.use_jedi = False  # takes a tenth of a second per object
    shell.user_ns["thing"] = thing
    shown = str(shell.display_formatter.format(thing)) if shell.display_formatter else ""
    found = shell.object_inspect_mime("thing", detail_level=0)
    with provisionalcompleter():
        texts = [list(shell.Completer.completions(line, len(line))) for line in ("thing.", "thing['", "thing.a")]
    return f"{shown} {found} {texts}"


def jsons(thing: Any) -> str:
    both = {"thing": thing, "inside": items(thing)}
    return (
        json.dumps(both, default=str)
        + json.dumps(both, default=repr, indent=1)
        + json.dumps(both, default=attributes_or_text)
    )


def attributes_or_text(thing: Any) -> Any:
    """A common `default` for JSON encoders: the attributes, else the text."""
    return vars(thing) if hasattr(thing, "__dict__") else str(thing)


def orjson_text(thing: Any) -> str:
    both = {"thing": thing, "inside": items(thing)}
    options = orjson.OPT_NON_STR_KEYS
    return (orjson.dumps(both, str, options) + orjson.dumps(both, attributes_or_text, options)).decode()


def templates(thing: Any) -> str:
    """The ways to format an object into a text."""
    return "".join(
        (
            f"{thing} {thing!r} {thing!s:>10}",
            "%s %r" % (thing, thing),  # noqa: UP031 - the format is under test
            "{0} {0!r}".format(thing),  # noqa: UP032 - the format is under test
            string.Template("$thing").substitute(thing=thing),
            ascii(thing),
        )
    )


#: Name of a tool -> function that returns what it shows of an object.
TOOLS: dict[str, Channel] = {
    "repr": lambda thing: f"{thing!r} {[thing]!r} {reprlib.repr(thing)}",
    "templates": templates,
    "pprint": lambda thing: (
        pprint.pformat(thing) + pprint.pformat([{"a": (thing,)}], width=20) + pprint.pformat(items(thing))
    ),
    "vars": lambda thing: repr(attributes(thing)),
    "items, merges and copies": lambda thing: repr(items(thing)),
    "deepcopy": lambda thing: repr(items(copy.deepcopy(thing))),
    "json": jsons,
    "jsonpickle": lambda thing: str(jsonpickle.encode([thing, items(thing)], unpicklable=False, keys=True)),
    "orjson": orjson_text,
    "logging": log_record,
    "structlog": structlog_text,
    "loguru": loguru_text,
    "sentry-sdk": sentry_data,
    "devtools": lambda thing: devtools.pformat(thing) + devtools.pformat({"a": [thing], "items": items(thing)}),
    "rich.print": lambda thing: rich_text(thing) + pretty_repr(thing) + pretty_repr(items(thing)),
    "IPython": lambda thing: ipython_output(thing) + ipython_pretty(thing) + ipython_pretty(items(thing)),
    "pickle": lambda thing: repr(items(pickle.loads(pickle.dumps(thing)))),
}
