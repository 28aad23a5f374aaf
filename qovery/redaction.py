"""The one place that knows how a secret is masked.

A field that holds a secret is marked once, with `MASKED`, where it is declared. Everything that shows
objects comes here: the representation of models, the mappings that hold credentials, the text of what
a server sent, and the frames that a traceback would keep.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, quote_plus

from pydantic import BaseModel
from pydantic_core import ValidationError
from typing_extensions import ParamSpec

from qovery.exceptions import ApiValidationError, OpenApiException

P = ParamSpec("P")
T = TypeVar("T")

#: What is shown in the place of a secret that is set.
MASK: Final = "**********"

#: Secrets shorter than this are not searched for in texts: they would match everywhere.
SHORTEST_IN_TEXT: Final = 4


class _Mark:
    """The type of `MASKED`."""


#: Marks a model's field as a secret: `Annotated[str, MASKED]`.
MASKED: Final = _Mark()


class Masked(Generic[T]):
    """A value that is read by name and shown masked."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return repr(None if self.value is None else MASK)


class MaskedDict(dict[str, T]):
    """A `dict` that shows its keys and that there are values, but no value."""

    def __repr__(self) -> str:
        return repr({key: None if value is None else MASK for key, value in self.items()})

    def __rich_repr__(self) -> Iterable[tuple[str, str | None]]:
        for key, value in self.items():
            yield key, None if value is None else MASK


def sealed(function: Callable[P, T]) -> Callable[P, T]:
    """Let no error leave `function` with frames attached: their locals may hold a secret.

    The error, its class and its text stay. A pydantic error becomes this package's own, without the
    input; for an error that is no part of this package's tree, a note (on Python 3.11 and later) keeps
    the lines that it came through.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        failure: BaseException
        try:
            return function(*args, **kwargs)
        except ValidationError as error:
            failure = validation_error(error)
        except BaseException as error:
            failure = error
            if not isinstance(error, OpenApiException) and hasattr(error, "add_note"):
                error.add_note("".join(traceback.format_tb(error.__traceback__)))
        del args, kwargs
        try:
            raise failure.with_traceback(None)
        finally:
            del failure  # no cycle between this frame and its error

    return call


def validation_error(error: ValidationError) -> ApiValidationError:
    """The same problems as an error of this package, without the input."""
    return ApiValidationError(
        error.title,
        [
            {name: problem[name] for name in ("type", "loc", "msg")}
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ],
    )


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced: as it is, or escaped for JSON, HTML, a URL, Python or base64."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST_IN_TEXT for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def mask_json(data: Any, mask: Callable[[str], str]) -> Any:
    """Parsed JSON with `mask` applied to every key and value."""
    if isinstance(data, dict):
        return {mask(key): mask_json(value, mask) for key, value in data.items()}
    if isinstance(data, list):
        return [mask_json(value, mask) for value in data]
    if isinstance(data, str):
        return mask(data)
    return MASK if MASK in mask(str(data)) else data


def masked_values(model: BaseModel) -> list[str]:
    """The values of a model's fields that are marked as secrets and set."""
    fields = type(model).model_fields
    values = [getattr(model, name) for name, field in fields.items() if MASKED in field.metadata]
    return [value for value in values if value is not None]


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield html.escape(secret)
    raw = secret.encode("utf-8", "surrogatepass")
    for encoded in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield encoded
        yield _lower_escapes(encoded)
    # Inside a longer text, base64 has three alignments; only what no neighbour changes is searched for.
    for offset in range(3):
        start, end = -(-offset * 4 // 3), (offset + len(raw)) * 8 // 6
        padded = bytes(offset) + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(padded).decode()[start:end]


def _lower_escapes(encoded: str) -> str:
    head, *escapes = encoded.split("%")
    return "%".join([head, *(escape[:2].lower() + escape[2:] for escape in escapes)])
