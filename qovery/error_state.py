"""The state that an `ApiException` takes from a response, and the `args` that recreate it, also after JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qovery.printable import printable

#: The attributes beside status and reason.
_REST = ("body", "data", "headers", "operation", "attempts", "retry_after", "outcome_unknown")

_kept: Any = BaseException.args


class JsonArguments:
    """The attribute `args` of an error: what was set, else its status, its reason and the rest as one mapping."""

    def __get__(self, error: Any, owner: type | None = None) -> Any:
        if error is None:
            return self
        values = vars(error)
        rest = {name: values[name] for name in _REST if name in values}
        if rest.get("headers") is not None:
            rest["headers"] = dict(rest["headers"])
        return _kept.__get__(error) or (values.get("status"), values.get("reason"), rest)

    def __set__(self, error: Any, value: Any) -> None:
        _kept.__set__(error, value)


def take(error: Any, source: Any) -> None:
    """Give an error what a response says and the error does not, or the last of its `args` has."""
    if isinstance(source, Mapping):
        vars(error).update((name, source[name]) for name in _REST if name in source)
    elif source is not None:
        for name in ("status", "reason", "headers"):
            if getattr(error, name) is None:
                setattr(error, name, getattr(source, name))
        content = getattr(source, "data", None) if error.body is None else None
        if isinstance(content, bytes):
            error.body = content.decode("utf-8", "replace")
    if error.reason is not None:
        error.reason = printable(error.reason)
