"""Find by frames where an exception was raised (library, signal handler, log handler), and who called this package."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from inspect import CO_VARARGS
from itertools import pairwise
from types import CodeType, FrameType, TracebackType
from typing import Any

#: The packages that catch the errors of a connection, and raise their own instead.
_CATCHING = frozenset({"qovery", "urllib3", "http", "socket", "socks", "ssl"})

#: The packages that define errors of a connection, in addition to the standard library.
_RAISING = frozenset({"qovery", "urllib3", "socks", "gevent", "eventlet"})


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
    packages = _packages(error)
    foreign = not {"qovery", "urllib3", "logging"}.issuperset(packages) or _fails_in_logging(error, packages)
    return foreign and from_signal_handler(error) is None


def from_signal_handler(error: BaseException) -> BaseException | None:
    """Return the exception that a signal handler raised, if it is this error or one of its causes.

    A handler may raise any type, such as `TimeoutError`, which a socket raises too. Only the frames tell them apart.
    """
    handlers, found = _handlers(), None
    for cause in _causes(error):
        frames = list(_frames(cause.__traceback__))
        if not handlers.isdisjoint(frame.f_code for frame in frames) or any(map(_handles_signal, frames, frames[1:])):
            found = cause
            if not type(cause).__module__.startswith("urllib3."):  # its errors get the frames of the error they wrap
                break
    return found


def interruption(error: BaseException) -> BaseException | None:
    """Return the exception that interrupted a connection, if it is this error or one that a library replaced by it.

    It is one of a signal handler, or of a class that no library defines: another greenlet may throw any `OSError`.
    """
    foreign = (cause for cause in replaced(error) if _is_foreign(type(cause)) and "logging" not in _packages(cause))
    return from_signal_handler(error) or next(foreign, None)


def raise_from_signal_handler(error: BaseException) -> None:
    """Raise the exception that a signal handler raised, if it is this error or one of its causes.

    For each `except` whose error is replaced or ignored, unless no handler would raise that class.
    """
    found = from_signal_handler(error)
    if found is not None:
        raise found


def replaced(error: BaseException) -> Iterator[BaseException]:
    """Yield an error that this package or a library caught, and those that they had replaced by it."""
    for cause in _causes(error):
        if _CATCHING.issuperset(_packages(cause)[:1]):
            yield cause


def inner_frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of an exception below the one that caught it."""
    return _frames(error.__traceback__ and error.__traceback__.tb_next)


def forget_frames(error: object) -> None:
    """Clear the frames of a library's error and of the errors inside it: they hold the request and the client.

    An exception that was being handled at that time may be the caller's, and is left unchanged.
    """
    if isinstance(error, BaseException):
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = error.__context__ = None
        for inner in (error.__cause__, *error.args):
            forget_frames(inner)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, up to what the caller was handling: no frame of the error caught that."""
    seen: set[int] = set()
    frames: set[FrameType] = set()
    while error is not None:
        seen.add(id(error))
        yield error
        frames.update(_frames(error.__traceback__))
        inner = filter(None, (error.__cause__, error.__context__))
        error = next((one for one in inner if id(one) not in seen and _caught_in(one) in frames), None)


def _caught_in(error: BaseException) -> FrameType | None:
    return error.__traceback__ and error.__traceback__.tb_frame


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


def _fails_in_logging(error: BaseException, packages: list[str]) -> bool:
    """Whether `logging` itself or a function in C that it called has failed: such a handler or filter has no frame."""
    ordinary = isinstance(error, Exception) and not isinstance(error, MemoryError)
    return packages[-1:] == ["logging"] and ordinary and not _is_foreign(type(error))


def _is_foreign(kind: type) -> bool:
    package = kind.__module__.partition(".")[0]
    return package not in _RAISING and package not in sys.stdlib_module_names


def _handlers() -> set[CodeType | None]:
    """Return the code of the signal handlers that are set: such a function may have deleted its arguments."""
    signal: Any = sys.modules.get("signal")  # no handler is set without it, and an import may fail here
    numbers = () if signal is None else signal.valid_signals()
    return {getattr(signal.getsignal(number), "__code__", None) for number in numbers}


def _handles_signal(interrupted: FrameType, frame: FrameType) -> bool:
    """Whether a frame has the arguments of a signal handler: a number, and the frame that was interrupted."""
    if _package_of(frame) in _CATCHING:  # reading the variables of running frames creates reference cycles
        return False
    code, given = frame.f_code, list[Any]()
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & CO_VARARGS)]:
        value = frame.f_locals.get(name)
        given += value if type(value) is tuple else [value]
    return any(at is interrupted and isinstance(number, int) for number, at in pairwise(given))


def warn_caller(text: str, category: type[Warning]) -> None:
    """Issue a warning that points to the line that called this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and _package_of(frame) == "qovery":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
