"""`sealed` for methods of `Sandbox`, without what it needs being loaded at the start."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from typing_extensions import ParamSpec

P = ParamSpec("P")
T = TypeVar("T")


def sealed(method: Callable[P, T]) -> Callable[P, T]:
    """`qovery.redaction.sealing.sealed`, loaded with the first call, since pydantic takes long to load."""

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        from qovery.redaction.sealing import sealed

        try:
            return sealed(method)(*args, **kwargs)
        finally:
            del args, kwargs  # this frame leaves with the error

    return call
