"""The origin of an exception: who raised it."""

from __future__ import annotations

import functools
import json
import logging
import signal
from collections.abc import Callable
from types import FrameType

import pytest
import urllib3

import qovery
from qovery import origins


def caught(function: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of any class
        function()
    return raised.value


def fail(number: int = 0, frame: FrameType | None = None) -> None:
    raise TimeoutError("raised by a handler")


class SignalHandler:
    def method(self, number: int, frame: FrameType | None) -> None:
        fail()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        fail()


@pytest.mark.needs_posix
@pytest.mark.parametrize(
    "handler", [fail, SignalHandler().method, SignalHandler()], ids=["function", "method", "object"]
)
def test_from_signal_handler__raised_by_it(handler: Callable[[int, FrameType | None], None]) -> None:
    """An exception that a handler raised is found, also as the cause or context of another error."""
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        error = caught(functools.partial(signal.raise_signal, signal.SIGUSR1))
        wrapped = ValueError()
        wrapped.__context__ = error
        chained = OSError()
        chained.__cause__ = wrapped
        assert [origins.from_signal_handler(one) for one in (error, wrapped, chained)] == [error] * 3
        assert origins.from_signal_handler(caught(lambda: json.loads("{"))) is None
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_from_signal_handler__raised_elsewhere() -> None:
    """The same function called by other code is not a handler."""
    assert origins.from_signal_handler(caught(fail)) is None


class Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        record.__dict__["act"]()


def logged(act: Callable[[], object]) -> Exception:
    """The exception that escapes a log call whose handler runs `act`."""
    logger = logging.Logger("one")
    logger.addHandler(Handler())
    return caught(lambda: logger.info("text", extra={"act": act}))


def test_from_log_handler__is_behind_logging() -> None:
    """An error that came through a log handler is recognized, whoever raised it; an error of other code is not."""
    assert origins.from_log_handler(logged(fail))
    assert origins.from_log_handler(logged(lambda: qovery.Configuration(host="")))
    assert not origins.from_log_handler(caught(fail))


def test_from_callee__is_code_of_a_caller() -> None:
    """An error that came through foreign code is a callee's; an error of this package alone is not."""
    assert origins.from_callee(caught(fail))
    assert origins.from_callee(logged(fail))


def test_from_library__is_code_of_the_library() -> None:
    """An error that the HTTP libraries raise is theirs; an error of a function that they call is not."""
    assert origins.from_library(caught(lambda: urllib3.Timeout(connect="soon")))  # type: ignore[arg-type] # fails there
    assert not origins.from_library(caught(fail))
