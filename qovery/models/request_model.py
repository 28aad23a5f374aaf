"""`RequestModel`: the base of request models, the types of their fields, and how they hold secret values."""

# No `from __future__ import annotations`, as in `model`.

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, SecretStr, model_validator
from pydantic_core import ValidationError

from qovery.models.model import Model
from qovery.redaction.marks import MASKED, Masked
from qovery.redaction.sealing import sealed, without_input


class _SecretField:
    """Reads a secret field, which the instance holds in a `Masked` object, by its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None or self._name not in instance.__dict__:
            raise AttributeError(self._name)  # as for any field of a pydantic class
        held = instance.__dict__[self._name]
        return held.reveal() if isinstance(held, Masked) else held

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self._name] = value if value is None else Masked(value)


class RequestModel(Model):
    """The base of request models: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")

    _secret_names: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:

        @classmethod
        def __pydantic_init_subclass__(cls, **options):
            super().__pydantic_init_subclass__(**options)
            inherited = cls._secret_names
            fields = cls.__pydantic_fields__
            cls._secret_names = tuple(n for n, field in fields.items() if n in inherited or MASKED in field.metadata)
            for name in cls._secret_names:
                if MASKED not in fields[name].metadata:  # a subclass has declared the field again
                    fields[name].metadata += [MASKED]
                    fields[name].exclude_if = _is_none
                type.__setattr__(cls, name, _SecretField(name))
            if inherited and cls.__pydantic_complete__:
                cls.model_rebuild(force=True)

        @model_validator(mode="wrap")
        @classmethod
        def _without_input(cls, data, handler):
            """Errors come without the input, wherever pydantic builds the model."""
            if isinstance(data, dict):
                for name in cls._secret_names:
                    if isinstance(data.get(name), SecretStr):
                        data = {**data, name: data[name].get_secret_value()}
            try:
                return handler(data)
            except ValidationError as error:
                problem = without_input(error, cls.__pydantic_fields__)
            raise problem

        @sealed
        def __setattr__(self, name, value):
            super().__setattr__(name, value.get_secret_value() if isinstance(value, SecretStr) else value)

        @classmethod
        @sealed
        def model_construct(cls, _fields_set=None, **values):
            return _hold(super().model_construct(_fields_set, **values))

        def model_copy(self, **options):
            return _hold(super().model_copy(**options))

    def _secret_texts(self) -> list[str]:
        """The values of the secret fields that are texts."""
        values = [getattr(self, name) for name in self._secret_names]
        return [value for value in values if isinstance(value, str)]


def _hold(model: Any) -> Any:
    """A model that pydantic has not validated, with its secret fields in `Masked` objects."""
    values = model.__dict__
    for name in type(model)._secret_names:
        value = values.get(name)
        if value is not None and not isinstance(value, Masked):
            values[name] = Masked(value)
    return model


_is_none = functools.partial(operator.is_, None)  # without a frame: it is called for each field

if TYPE_CHECKING:

    class SecretText:
        """The value of a secret, as `str`; `pydantic.SecretStr` is accepted. None leaves the field out.

        For type checkers, which take the type of the constructor's argument from `__set__`.
        """

        def __get__(self, instance: Any, owner: type[Any]) -> str | None: ...
        def __set__(self, instance: Any, value: str | SecretStr | None) -> None: ...
else:
    SecretText = Annotated[str | None, Field(strict=True, exclude_if=_is_none), MASKED]

#: A text in a request.
Text = Annotated[str, Field(strict=True)]

#: A text in a request, which may be set to null.
NullableText = Annotated[str | None, Field(strict=True)]

#: A flag in a request, which may be set to null.
NullableFlag = Annotated[bool | None, Field(strict=True)]

_LENGTH = Field(max_length=255).metadata[0]

#: The description in a request: at most 255 characters, or null.
Description = Annotated[Annotated[str, _LENGTH] | None, Field(strict=True)]
