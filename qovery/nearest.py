"""Names that do not exist: the error suggests the known name that is closest."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeVar

from qovery.exceptions import ApiTypeError

C = TypeVar("C", bound=type)


def nearest(known: Iterable[str], *names: object) -> str:
    """What an error adds about unknown names: the known names that are closest to them, if any is close."""
    from difflib import get_close_matches  # for errors alone

    plain = {one.strip("_"): one for one in known}
    found = [get_close_matches(str(name)[:100].strip("_").lower(), plain, 1, 0.7) for name in names]
    meant = ", ".join(dict.fromkeys(repr(plain[one]) for matches in found for one in matches))
    return f" (did you mean {meant}?)" if meant else ""


def settings_by_name(cls: C) -> C:
    """Let an argument that a class's constructor does not have be an `ApiTypeError` that suggests another name."""
    construct: Any = vars(cls)["__init__"]
    code = construct.__code__
    known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(construct)
    def call(*args: Any, **settings: Any) -> None:
        unknown = sorted(settings.keys() - set(known))
        if unknown:
            names = ", ".join(map(repr, unknown))
            raise ApiTypeError(f"{cls.__name__} has no setting {names}{nearest(known, *unknown)}")
        construct(*args, **settings)

    type.__setattr__(cls, "__init__", call)
    return cls
