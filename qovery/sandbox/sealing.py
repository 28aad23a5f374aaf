"""`sealed` for methods of `Sandbox`, with its imports deferred to the first call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from typing_extensions import ParamSpec

P = ParamSpec("P")
T = TypeVar("T")


def sealed(method: Callable[P, T]) -> Callable[P, T]:
    """`qovery.redaction.sealing.sealed`, imported at the first call, since pydantic is slow to import."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        from qovery.redaction.sealing import sealed

        try:
            return sealed(method)(*args, **kwargs)
        finally:
            del args, kwargs  # the error's traceback keeps this frame

    return call
