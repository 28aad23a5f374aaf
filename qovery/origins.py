"""Find by frames where an exception was raised (library, signal handler, log handler), and who called this package."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from types import CodeType, FrameType, TracebackType


def from_library(error: BaseException) -> bool:
    """Whether an exception was raised by the HTTP libraries themselves, not by a caller's code that they called."""
    return bool({"http", "urllib3", "email"}.intersection(_packages(error)[-1:]))


def from_log_handler(error: BaseException) -> bool:
    """Whether an exception was raised in a log handler or filter, or in code that it called."""
    return "logging" in _packages(error) and from_callee(error)


def from_callee(error: BaseException) -> bool:
    """Whether an exception came through other code that this package, urllib3 or logging called.

    False for an exception that interrupted them, such as one of a signal handler or another thread.
    """
    return not {"qovery", "urllib3", "logging"}.issuperset(_packages(error)) and from_signal_handler(error) is None


def from_signal_handler(error: BaseException) -> BaseException | None:
    """Return the exception that a signal handler raised, if it is this error or one of its causes.

    A handler may raise any type, such as `TimeoutError`, which a socket raises too. Only the frames tell them apart.
    """
    handlers = found = None
    for cause in _chain(error):
        if handlers is None:
            handlers = set(_handlers())
        if not handlers.isdisjoint(frame.f_code for frame in _frames(cause.__traceback__)):
            found = cause
            if not type(cause).__module__.startswith("urllib3."):  # its errors get the frames of the error they wrap
                break
    return found


def forget_frames(error: object) -> None:
    """Clear the frames of a library's error and of the errors inside it: they hold the request and the client.

    An exception that was being handled at that time may be the caller's, and is left unchanged.
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
    """Return the top-level packages of an exception's frames; the one that raised it comes last."""
    return list(map(_package_of, _frames(error.__traceback__)))


def _package_of(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__") or ""
    return name.partition(".")[0]


def _handlers() -> Iterator[CodeType]:
    import signal  # rarely needed

    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            function = getattr(handler, "__func__", handler)
            code = getattr(function, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
            if code is not None:
                yield code


def warn_caller(text: str, category: type[Warning]) -> None:
    """Issue a warning that points to the line that called this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and _package_of(frame) == "qovery":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
