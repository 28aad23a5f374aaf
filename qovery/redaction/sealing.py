"""Remove frames, input and secrets from errors. The locals of a call may hold secrets."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from pydantic_core import ValidationError
from typing_extensions import ParamSpec

from qovery.exceptions import ApiValueError, OpenApiException
from qovery.legacy import argument_problem
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import MASK

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)


def sealed(function: Callable[P, T]) -> Callable[P, T]:
    """Remove frames from the errors that leave `function`: their locals may hold a secret.

    The error, its class and its text stay. A pydantic error becomes this package's own, without the input. What
    was being handled when an error was raised is forgotten; the error that it was raised `from` stays, without
    frames. For an error outside this package's tree, a note (on Python 3.11 and later) keeps the lines that it came
    through.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        failure: BaseException
        try:
            return function(*args, **kwargs)
        except ValidationError as error:
            failure = without_input(error)
        except BaseException as error:
            failure = _explained(error, function, args, kwargs)
            if not isinstance(failure, OpenApiException) and hasattr(error, "add_note"):
                error.add_note("".join(traceback.format_tb(error.__traceback__)))
        del args, kwargs
        _forget_frames(failure, sys.exc_info()[1])
        try:
            raise failure
        finally:
            del failure  # no cycle between this frame and its error

    return call


def without_input(error: ValidationError, known: Collection[str] = ()) -> ApiValueError:
    """Return an error of pydantic without its input. The hint for an unknown field knows the `known` ones.

    The error has no details if the module that describes them cannot be loaded.
    """
    if isinstance(error, ApiValueError):
        return error
    try:
        from qovery.redaction.validation import ApiValidationError  # only errors need it
    except (ImportError, OSError) as problem:  # such as a process without free file descriptors
        raise_from_signal_handler(problem)
        return ApiValueError(f"{error.title} is not valid {_no_details(problem)}")
    return ApiValidationError.without_input(error, known)


def mask_of(secrets: Iterable[Callable[[], Iterable[str]]], deadline: float | None = None) -> Callable[[str], str]:
    """Return the function that removes secrets from external text.

    It removes every text if its modules cannot be loaded.

    Args:
        secrets: Functions that return the secrets.
        deadline: When the search must end, by `time.monotonic`; None for no deadline.
    """
    try:
        from qovery.redaction.text_mask import LOADED_MASK  # only errors need it

        return LOADED_MASK((secret for part in secrets for secret in part()), deadline)
    except (ImportError, OSError) as problem:  # such as a process without free file descriptors
        raise_from_signal_handler(problem)
        hidden = f"{MASK} {_no_details(problem)}"
        return lambda _: hidden


def _no_details(problem: Exception) -> str:
    return f"(no details: {getattr(problem, 'strerror', None) or problem})"


def sealed_class(cls: C) -> C:
    """Seal the constructor, `__setattr__` and every public method of a class, class methods included."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name not in {"__init__", "__setattr__"}:
            continue
        if isinstance(member, classmethod):
            setattr(cls, name, classmethod(sealed(member.__func__)))
        elif callable(member) and not isinstance(member, (type, staticmethod)):
            setattr(cls, name, sealed(member))
    return cls


def _explained(
    error: BaseException, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> BaseException:
    """An error, or a better one if Python could not even call the function, for an argument that it does not have."""
    never_called = type(error) is TypeError and error.__traceback__ is not None and error.__traceback__.tb_next is None
    problem = argument_problem(function, args, kwargs) if never_called else None
    return problem or error


def _forget_frames(error: BaseException | None, handled: BaseException | None) -> None:
    """Of an error and its causes, up to one that the caller is handling: that is the caller's own."""
    while error is not None and error is not handled:
        error.__traceback__ = error.__context__ = None
        error = error.__cause__
