"""Error recorders, each as a function from an error to everything that it records."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import logging
import logging.handlers
import pickle
import tempfile
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import loguru
import sentry_sdk
import structlog
from IPython.core import ultratb
from opentelemetry.sdk.trace import TracerProvider
from rich.console import Console
from rich.traceback import Traceback
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from test.support.tools import Collector, attributes


def walk(error: BaseException | None) -> Iterator[BaseException]:
    """An error, its causes, its contexts, and those in a group."""
    if error is not None:
        yield error
        for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
            yield from walk(other)


def frames(error: BaseException) -> str:
    """Every local of every frame with its attributes, as recorded by cgitb and crash reporters."""
    seen: list[Any] = []
    for one in walk(error):
        seen += [str(one), repr(one), one.args, vars(one), attributes(one), getattr(one, "__notes__", "")]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            seen += [(name, attributes(value)) for name, value in frame.f_locals.items()]
    return repr(seen)


def raised(error: BaseException, record: Callable[[], Any]) -> None:
    """Record while the error is being handled."""
    try:
        raise error
    except BaseException:
        record()


def standard(error: BaseException) -> str:
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(lines) + "".join(traceback.format_exception(error))


def fault_handler(error: BaseException) -> str:
    with tempfile.TemporaryFile() as written:
        raised(error, lambda: faulthandler.dump_traceback(written))
        written.seek(0)
        return written.read().decode() + str(error)


def logged(error: BaseException) -> str:
    """The output of log handlers that write text, send pickles, or keep the record."""
    record = logging.LogRecord("n", 10, "p", 1, "%s", (error,), (type(error), error, error.__traceback__))
    text = logging.Formatter().format(record)
    sent = pickle.loads(logging.handlers.SocketHandler("127.0.0.1", 1).makePickle(record)[4:])
    return f"{text} {sent} {vars(record)}"


def rich_traceback(error: BaseException) -> str:
    console = Console(record=True, width=200, file=io.StringIO())
    trace = Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, locals_max_string=None)
    console.print(trace)
    return console.export_text()


def ipython_verbose(error: BaseException) -> str:
    shower = ultratb.FormattedTB(mode="Verbose")
    return shower.text(type(error), error, error.__traceback__)


def loguru_diagnosis(error: BaseException) -> str:
    written = io.StringIO()
    options: dict[str, Any] = {"level": 0, "diagnose": True, "backtrace": True}
    sinks = [loguru.logger.add(written, serialize=serialize, **options) for serialize in (False, True)]
    try:
        loguru.logger.opt(exception=error).error("failed: {}", error)
        raised(error, lambda: loguru.logger.exception("failed"))
    finally:
        for sink in sinks:
            loguru.logger.remove(sink)
    return written.getvalue()


def structlog_traceback(error: BaseException) -> str:
    lines: list[Any] = []
    for processors in (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)],
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.RichTracebackFormatter(show_locals=True))],
    ):
        logger = structlog.wrap_logger(Collector(lines), processors=processors)
        logger.error("failed", exc_info=error, error=str(error))
    return "".join(map(str, lines))


class Kept(Transport):
    """A transport that keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent += [item.payload.json for item in envelope.items]


def sentry_event(error: BaseException) -> str:
    """The event with the locals of frames, at the maximum depth."""
    kept = Kept()
    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1:1/1",
        transport=kept,
        default_integrations=False,
        include_local_variables=True,
        max_value_length=10_000,
        auto_enabling_integrations=False,
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.set_extra("error", error)
        scope.capture_exception(error)
    assert kept.sent
    return json.dumps(kept.sent)


def open_telemetry(error: BaseException) -> str:
    span = TracerProvider().get_tracer("test").start_span("call")
    span.record_exception(error)
    span.end()
    return str(span.to_json())  # type: ignore[attr-defined] # an attribute of the SDK's span


def pickled(error: BaseException) -> str:
    content = pickle.dumps(error)
    return content.decode("latin-1") + frames(pickle.loads(content))


def printed(error: BaseException) -> str:
    """The interpreter's output for an unhandled error."""
    written = io.StringIO()
    with contextlib.redirect_stderr(written):
        traceback.print_exception(error)
    return written.getvalue()


#: Name of a tool -> function that returns what it records of an error.
RECORDERS: dict[str, Callable[[BaseException], str]] = {
    "frames": frames,
    "traceback": standard,
    "interpreter": printed,
    "faulthandler": fault_handler,
    "logging": logged,
    "rich": rich_traceback,
    "IPython": ipython_verbose,
    "loguru": loguru_diagnosis,
    "structlog": structlog_traceback,
    "sentry-sdk": sentry_event,
    "OpenTelemetry": open_telemetry,
    "pickle": pickled,
}
