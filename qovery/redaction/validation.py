"""`ApiValidationError`: the error for fields that do not fit a model, created from pydantic's without the input."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError
from typing_extensions import Self

from qovery.exceptions import ApiValueError
from qovery.legacy import name_hint
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import MASK

#: How many problems of an error may suggest a name, since an input may have any number of unknown fields.
_SUGGESTIONS = 20


class ApiValidationError(ApiValueError, ValidationError):
    """Fields that do not fit a model. It never carries the input, which may be a secret.

    It is a `pydantic.ValidationError` too, whose methods it has: `title`, `errors()`, `error_count()` and `json()`.
    """

    def __init__(self, *_: Any) -> None:
        """Pydantic makes it; see `without_input`."""
        self.path_to_item = None

    @classmethod
    def without_input(cls, error: ValidationError, known: Collection[str] = ()) -> Self:
        """The same problems, with the mask as their input. The hint for an unknown field knows the `known` ones."""
        problems: list[tuple[str, tuple[str | int, ...], str]] = []
        for problem in error.errors():
            cause = problem.get("ctx", {}).get("error")
            if isinstance(cause, Exception):  # raised while a validator ran
                raise_from_signal_handler(cause)
            kind, loc, text = problem["type"], tuple(problem["loc"]), problem["msg"]
            if known and kind == "extra_forbidden" and len(loc) == 1 and len(problems) < _SUGGESTIONS:
                text += name_hint({}, known, loc[0])  # an inner model has given its own
            problems.append((kind, loc, text))
        return cls._made_of(error.title, problems)

    @classmethod
    def _made_of(cls, title: str, problems: list[tuple[str, tuple[str | int, ...], str]]) -> Self:
        # Each as a custom error: pydantic composes the text of its own ones from values that are not kept.
        return cls.from_exception_data(
            title,
            [
                InitErrorDetails(type=PydanticCustomError(kind, text), loc=loc, input=MASK)
                for kind, loc, text in problems
            ],
            hide_input=True,
        )

    def errors(self, **_: Any) -> list[Any]:
        """One mapping for each problem, with `type`, `loc` (the path to the field), `msg` and, masked, `input`."""
        return super().errors()

    def json(self, **options: Any) -> str:
        """`errors()` as JSON."""
        return json.dumps(self.errors(), **options)

    def __str__(self) -> str:
        lines = [f"{'.'.join(map(str, e['loc'])) or self.title}: {e['msg']}" for e in self.errors()]
        return f"{self.title} is not valid: {'; '.join(lines)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._made_of, (self.title, [(e["type"], e["loc"], e["msg"]) for e in self.errors()])
