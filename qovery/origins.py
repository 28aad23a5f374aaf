"""Tells by frames where an exception was raised (a library, a signal handler, a log handler) and who called us."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from types import CodeType, FrameType, TracebackType


def from_library(error: BaseException) -> bool:
    """Whether it was raised in the code of the HTTP libraries itself, and in no code of a caller that they called."""
    return bool({"http", "urllib3", "email"}.intersection(_packages(error)[-1:]))


def from_log_handler(error: BaseException) -> bool:
    """Whether it was raised in a handler or filter that a log record was passed to, or in what that called."""
    return "logging" in _packages(error) and from_callee(error)


def from_callee(error: BaseException) -> bool:
    """Whether it came through code that is no part of this package, urllib3 or logging, but was called by them.

    An exception that interrupts these (a signal handler's, another thread's) did not.
    """
    return not {"qovery", "urllib3", "logging"}.issuperset(_packages(error)) and from_signal_handler(error) is None


def from_signal_handler(error: BaseException) -> BaseException | None:
    """The exception that a signal handler raised, if it is this error or what this error was made from.

    A handler may raise anything, `TimeoutError` for one, which a socket raises too; only the frames tell.
    """
    handlers = found = None
    for cause in _chain(error):
        if handlers is None:
            handlers = set(_handlers())
        if not handlers.isdisjoint(frame.f_code for frame in _frames(cause.__traceback__)):
            found = cause
            if not type(cause).__module__.startswith("urllib3."):  # whose errors get the frames of what they wrap
                break
    return found


def forget_frames(error: object) -> None:
    """Empty the frames that a library's error, and those inside it, came through: they hold the request and the client.

    What was being handled when it was raised may be the caller's, and stays as it is.
    """
    if isinstance(error, BaseException):
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = error.__context__ = None
        for inner in (error.__cause__, *error.args):
            forget_frames(inner)


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


def _packages(error: BaseException) -> list[str]:
    """The top-level packages of the code that it came through; that which raised it comes last."""
    return list(map(_package_of, _frames(error.__traceback__)))


def _package_of(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__") or ""
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
    while frame.f_back and _package_of(frame) == "qovery":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
