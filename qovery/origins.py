"""Tells by frames where an exception was raised (a library, a signal handler, a log handler) and who called us."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from types import CodeType, FrameType, TracebackType


def from_library(error: BaseException) -> bool:
    """Whether it was raised in the code of the HTTP libraries itself, and in no code of a caller that they called."""
    return _package(error) in {"http", "urllib3", "email"}


def from_log_handler(error: BaseException) -> bool:
    """Whether it was raised in a handler or filter that a log record was passed to.

    An exception that interrupts the logging or calling library itself (a signal handler's, another thread's) was not.
    """
    return _package(error) not in {"qovery", "urllib3", "logging"} and from_signal_handler(error) is None


def from_signal_handler(error: BaseException) -> BaseException | None:
    """The exception that a signal handler raised, if it is this error or what this error was made from.

    A handler may raise anything, `TimeoutError` for one, which a socket raises too; only the frames tell.
    """
    handlers = None
    for cause in _chain(error):
        if handlers is None:
            handlers = set(_handlers())
        if not handlers.isdisjoint(frame.f_code for frame in _frames(cause.__traceback__)):
            return cause
    return None


def forget_frames(error: BaseException | None) -> None:
    """Empty the frames that an error and its causes came through: urllib3's hold them, the request and the client."""
    for cause in _chain(error):
        for wrapped in (cause, *cause.args):
            if isinstance(wrapped, BaseException):
                traceback.clear_frames(wrapped.__traceback__)
                wrapped.__traceback__ = None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _package(error: BaseException) -> str:
    """The top-level package of the code that raised it."""
    name = ""
    for frame in _frames(error.__traceback__):
        name = frame.f_globals.get("__name__") or ""
    return name.partition(".")[0]


def _handlers() -> Iterator[CodeType]:
    import signal  # seldom needed

    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            function = getattr(handler, "__func__", handler)
            code = getattr(function, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
            if code is not None:
                yield code


def warn_caller(text: str, category: type[Warning]) -> None:
    """Warn of the line that called this package, from wherever in it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and (frame.f_globals.get("__name__") or "").partition(".")[0] == "qovery":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
