"""The origin of an exception: who raised it."""

from __future__ import annotations

import functools
import json
import logging
import signal
from collections.abc import Callable
from types import FrameType
from unittest.mock import Mock

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


def with_text(text: str, number: int, frame: FrameType | None) -> None:
    raise TimeoutError(text)


def without_arguments(number: int, frame: FrameType | None) -> None:
    del number, frame
    fail()


def one_shot(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    fail()


HANDLERS: dict[str, Callable[[int, FrameType | None], object]] = {
    "function": fail,
    "method": SignalHandler().method,
    "object": SignalHandler(),
    "any arguments": lambda *_: fail(),
    "deleted arguments": without_arguments,
    "partial": functools.partial(with_text, "raised by a handler"),
    "partial of a method": functools.partial(SignalHandler().method),
    "cached": functools.lru_cache(fail),
    "mock": Mock(side_effect=TimeoutError("raised by a handler")),
    "one shot": one_shot,
}


def interrupted() -> None:
    signal.raise_signal(signal.SIGUSR1)


def wrapped() -> None:
    """Raise what an interruption causes."""
    try:
        interrupted()
    except TimeoutError as error:
        try:
            raise ValueError
        except ValueError:
            raise OSError from error


def hidden() -> None:
    """Raise what an interruption causes, from an error that was never raised."""
    try:
        interrupted()
    except TimeoutError:
        raise OSError from ValueError()


@pytest.mark.needs_posix
@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("act", [interrupted, wrapped, hidden])
def test_from_signal_handler__raised_by_it(handler: str, act: Callable[[], None]) -> None:
    """An exception that a handler raised is found, also as the cause or context of another error."""
    before = signal.signal(signal.SIGUSR1, HANDLERS[handler])
    try:
        found = origins.from_signal_handler(caught(act))
        assert repr(found) == "TimeoutError('raised by a handler')"
        assert origins.from_signal_handler(caught(lambda: json.loads("{"))) is None
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.needs_posix
def test_from_signal_handler__that_was_handled_before() -> None:
    """An exception that the caller is handling is not the cause of a later one, at any depth."""

    def again() -> None:
        try:
            json.loads("{")
        except ValueError:
            raise OSError from None

    before = signal.signal(signal.SIGUSR1, fail)
    try:
        interrupted()
    except TimeoutError:
        error = caught(again)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert error.__context__ is not None
    assert isinstance(error.__context__.__context__, TimeoutError)
    assert origins.from_signal_handler(error) is None


def test_from_signal_handler__raised_elsewhere() -> None:
    """The same function called by other code is not a handler."""
    assert origins.from_signal_handler(caught(fail)) is None
    assert origins.from_signal_handler(caught(functools.partial(fail, 1, None))) is None


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
