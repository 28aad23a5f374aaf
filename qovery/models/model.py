"""The base of every schema: reading, writing and a representation that shows no secret."""

# No `from __future__ import annotations`: before 2.13, pydantic looks for what the annotation of `__pydantic_extra__`
# names in the module of each subclass.

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from qovery.exceptions import ApiAttributeError, ApiTypeError, ApiValueError
from qovery.legacy import MODEL, name_hint
from qovery.origins import raise_from_signal_handler
from qovery.redaction.marks import MASK
from qovery.redaction.sealing import sealed

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
    except ValueError as error:
        raise_from_signal_handler(error)  # another text shows the value
    raise ApiValueError(f"{type(model).__name__} has a value that is not JSON serializable")


def _readable(value: Any) -> Any:
    if isinstance(value, Model):
        return {name: _readable(shown) for name, shown in value.__repr_args__()}
    return [_readable(item) for item in value] if isinstance(value, list) else value
