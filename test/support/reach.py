"""Find everything that is reachable from an object through references."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from typing import Any

from qovery.redaction.marks import Masked

#: Objects that are not followed: code and interpreter internals. `Masked` holds its value in an iterator's method.
_ENDS = (type, types.ModuleType, types.FunctionType, types.CodeType, types.MethodWrapperType, Masked)


def reachable(root: object) -> Iterator[tuple[str, object]]:
    """Every object reachable from `root`, with its path of class names. Masked objects are not followed."""
    seen, paths = {id(root)}, [(type(root).__name__, root)]
    while paths:
        path, thing = paths.pop()
        yield path, thing
        if isinstance(thing, types.FrameType):
            others: list[Any] = [dict(thing.f_locals), thing.f_back]
        else:
            others = gc.get_referents(thing)
        for other in others:
            if id(other) not in seen and not isinstance(other, _ENDS) and other is not thing:
                seen.add(id(other))
                paths.append((f"{path} > {type(other).__name__}", other))


def texts(root: object) -> Iterator[tuple[str, str]]:
    """All text reachable from `root`, with its path."""
    for path, thing in reachable(root):
        if isinstance(thing, str):
            yield path, thing
        elif isinstance(thing, (bytes, bytearray)):
            yield path, bytes(thing).decode("latin-1")
