"""Mark secrets, and hold them in objects that return a value only on request and never show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import repeat
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from typing_extensions import Self

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Shown instead of a secret that is set.
MASK: Final = "**********"

#: Headers that hold no credential, so that their values may stay in texts.
PLAIN_HEADERS: Final = frozenset({"accept", "content-type", "user-agent"})


class _Mark:
    """The type of `MASKED`. A field that it marks holds a `Masked` object, and is serialised as the value in it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        schema = handler(source)
        nullable = schema["type"] == "nullable"
        held = core_schema.no_info_after_validator_function(Masked, schema["schema"] if nullable else schema)
        held["serialization"] = core_schema.plain_serializer_function_ser_schema(
            _reveals, return_schema=core_schema.str_schema()
        )
        return {**schema, "schema": held} if nullable else held

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        found = handler(schema)
        strings = [one for one in found.get("anyOf", ()) if one.get("type") == "string"]
        for one in (found, *strings):
            one.update(format="password", writeOnly=True)
        return found

    def __repr__(self) -> str:
        return "MASKED"


#: Marks a model's field as a secret: `Annotated[str, MASKED]`.
MASKED: Final = _Mark()


class Masked(Generic[T]):
    """An object that holds a value and shows the mask. It compares and hashes as its value.

    Attributes:
        reveal: Returns the value.
    """

    __slots__ = ("reveal",)

    def __init__(self, value: T) -> None:
        # Neither an attribute nor a closure: whatever walks objects finds a method of an iterator. It has no frame.
        self.reveal: Callable[[], T] = repeat(value).__next__

    def __repr__(self) -> str:
        return repr(None if self.reveal() is None else MASK)

    def __str__(self) -> str:
        return str(None if self.reveal() is None else MASK)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __eq__(self, other: object) -> bool:
        return bool(self.reveal() == (other.reveal() if isinstance(other, Masked) else other))

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reveal(),)


def held(name: str) -> property:
    """An attribute whose value is kept like that of a `Masked` object, under `name`. Reading it passes no frame."""
    return property(methodcaller(name), lambda self, value: setattr(self, name, Masked(value).reveal))


class MaskedDict(dict[str, T]):
    """A `dict` that holds its values in `Masked` objects.

    `[]`, `get`, `pop` and `setdefault`, which name a key, take and return the value itself. Whatever shows, copies or
    serialises the whole sees the objects.
    """

    #: The keys, in lower case, whose values are no secrets and are held as they are.
    shown: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, values: Mapping[str, T] | Iterable[tuple[str, T]] = ()) -> None:
        super().__init__()
        self.update(values)

    def _hold(self, key: str, value: Any) -> Any:
        """Return the object to store for a value."""
        if isinstance(value, Masked) or value is None:
            return value
        return value if key.lower() in self.shown else Masked(value)

    def __getitem__(self, key: str) -> T:
        value: T = _reveal(super().__getitem__(key))
        return value

    def __setitem__(self, key: str, value: T) -> None:
        super().__setitem__(key, self._hold(key, value))

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, else `default`."""
        return _reveal(super().get(key, default))

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value, else `default`."""
        return _reveal(super().pop(key, *default))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set to `default` if the key is not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, values: Any = (), /, **named: T) -> None:
        """Set the values of another mapping, or of pairs."""
        for key, value in dict(values, **named).items():
            self[key] = value

    def copy(self) -> Self:
        """Another one with the same values."""
        return type(self)(self)

    @classmethod
    def fromkeys(cls, keys: Iterable[str], value: Any = None) -> Self:  # type: ignore[override] # one type of keys
        """One with the same value for all keys."""
        return cls(dict.fromkeys(keys, value))

    def __or__(self, other: Any) -> Self:  # type: ignore[override] # the result masks too
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> Self:  # type: ignore[override] # the result masks too
        result = type(self)(other)
        result.update(self)
        return result

    def __ior__(self, other: Any) -> Self:  # type: ignore[override] # as `update`
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __rich_repr__(self) -> Iterator[tuple[str, str]]:
        for key, value in self.items():
            yield key, str(value)


# Without a name, pydantic_core asks for the `repr`, and replaces an exception of a signal handler in that by its own.
_reveals = partial(methodcaller("reveal"))
_reveals.__name__ = "reveal"  # type: ignore[attr-defined] # an attribute of the instance


def _reveal(value: Any) -> Any:
    return value.reveal() if isinstance(value, Masked) else value
