"""The base of every schema: reading, writing and a representation that shows no secret."""

# No `from __future__ import annotations`: before 2.13, pydantic looks for what the annotation of `__pydantic_extra__`
# names in the module of each subclass.

import functools
import math
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_core import ValidationError
from typing_extensions import Self

from qovery.exceptions import ApiAttributeError, ApiTypeError, ApiValueError
from qovery.legacy import MODEL, name_hint
from qovery.redaction.marks import MASK, MASKED, Masked
from qovery.redaction.sealing import sealed
from qovery.redaction.validation import ApiValidationError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _ModelType
else:

    class _ModelType(type(BaseModel)):
        """Defers the schema of a model to its first use, and has the signature that pydantic makes with the schema."""

        def __new__(mcs, name, bases, namespace, **options):
            if "defer_build" not in namespace.get("model_config", {}):
                options.setdefault("defer_build", True)
            cls = super().__new__(mcs, name, bases, namespace, **options)
            cls.model_config["defer_build"] = False  # else adapters are deferred too, and FastAPI's then warn
            return cls

        @property
        def __signature__(cls):  # reading it builds the schema
            if not cls.__pydantic_complete__:
                cls.model_rebuild(raise_errors=False)
            made = vars(cls).get("_signature_of_pydantic")
            if made is None:  # an annotation names no type yet
                raise AttributeError("__signature__")
            from qovery.models.signature import plain  # rarely needed

            return plain(made.__get__(None, cls))

        @__signature__.setter
        def __signature__(cls, made):
            cls._signature_of_pydantic = made


class Model(BaseModel, metaclass=_ModelType):
    """The base of all models. Invalid input raises `ApiValidationError`, which never carries the input."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        plugin_settings={"logfire": {"record": "off"}},  # it would record what goes into a validation
        protected_namespaces=(),
        validate_assignment=True,
    )

    if not TYPE_CHECKING:  # the signatures stay pydantic's

        @classmethod
        def __get_pydantic_json_schema__(cls, core_schema, handler):
            from qovery.models.json_schema import describe  # rarely needed

            return describe(cls, handler(core_schema), handler)

        __init__ = sealed(BaseModel.__init__)
        model_validate = classmethod(sealed(BaseModel.model_validate.__func__))
        model_validate_json = classmethod(sealed(BaseModel.model_validate_json.__func__))
        model_validate_strings = classmethod(sealed(BaseModel.model_validate_strings.__func__))

        @classmethod
        @sealed
        def parse_obj(cls, obj):
            """Deprecated by pydantic: use `from_dict(obj)`."""
            return super().parse_obj(obj)

        @classmethod
        @sealed
        def parse_raw(cls, b, **options):
            """Deprecated by pydantic: use `from_json(b)`."""
            return super().parse_raw(b, **options)

        @classmethod
        @sealed
        def validate(cls, value):
            """Deprecated by pydantic: use `from_dict(value)`."""
            return super().validate(value)

        def model_dump(self, *, warnings=False, **options):  # the warnings show values
            return super().model_dump(warnings=warnings, **options)

        def model_dump_json(self, *, warnings=False, **options):
            return super().model_dump_json(warnings=warnings, **options)

        @sealed
        def __setattr__(self, name, value):
            known = name in type(self).model_fields or self.model_config.get("extra") == "allow"
            if not known and not name.startswith("_"):
                hint = name_hint({}, type(self).model_fields, name)
                raise ApiAttributeError(f"{type(self).__name__} has no field {name!r}{hint}")
            super().__setattr__(name, value)

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name not in MODEL:
                    raise
            raise ApiAttributeError(f"{type(self).__name__} has no attribute {name!r}: {MODEL[name]}")

        def __getitem__(self, name):
            raise ApiTypeError(f"{type(self).__name__} has no items by name: {MODEL['get']}")

        @sealed
        def __setitem__(self, name, value):
            Model.__getitem__(self, name)

    @classmethod
    @sealed
    def from_dict(cls, obj: Mapping[str, Any]) -> Self:
        """Build the model from `obj`, a mapping of its JSON fields.

        Raises:
            ApiValidationError: A field is missing or does not fit.
        """
        return cls.model_validate(obj)

    @classmethod
    @sealed
    def from_json(cls, json_str: str | bytes) -> Self:
        """Build the model from `json_str`, JSON text.

        Raises:
            ApiValidationError: It is not JSON, or a field is missing or does not fit.
        """
        return cls.model_validate_json(json_str)

    def to_dict(self) -> dict[str, Any]:
        """The fields that were set, secrets in the clear, as a new dictionary."""
        return self.model_dump(exclude_unset=True, warnings=False)

    @sealed
    def to_json(self) -> str:
        """The fields that were set, secrets in the clear, as JSON text."""
        return json_bytes(self).decode()

    def to_str(self) -> str:
        """The fields as readable text; secrets are masked."""
        import pprint  # rarely needed

        return pprint.pformat(_readable(self), sort_dicts=False)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            # A field that no schema declares may be anything, an echoed secret too.
            yield name, value if name in fields or value is None else MASK


def json_bytes(model: Model) -> bytes:
    """The fields that were set, secrets in the clear, as JSON."""
    try:
        return model.__pydantic_serializer__.to_json(model, exclude_unset=True, warnings=False)
    except ValueError:
        pass  # its text shows the value
    raise ApiValueError(f"{type(model).__name__} holds what JSON cannot hold")


def _finite(value: Any) -> Any:
    """Reject NaN and infinity, which are not JSON, although pydantic reads them."""
    if isinstance(value, dict):
        _finite(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            _finite(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinity are no JSON")
    return value


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
                problem = ApiValidationError.without_input(error, cls.__pydantic_fields__)
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


class ResponseModel(Model):
    """The base of response models: unknown fields are kept, limits are not enforced."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_finite)]]


def _readable(value: Any) -> Any:
    if isinstance(value, Model):
        return {name: _readable(shown) for name, shown in value.__repr_args__()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


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
