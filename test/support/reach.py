"""What can be reached from an object, by whatever it refers to."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from typing import Any

from qovery.redaction.marks import Masked

#: Code and what belongs to the interpreter. An iterator's method is what `Masked` holds its value by.
_ENDS = (type, types.ModuleType, types.FunctionType, types.CodeType, types.MethodWrapperType, Masked)


def reachable(root: object) -> Iterator[tuple[str, object]]:
    """Every object that an object leads to, with the classes on the way there. Masked objects lead nowhere."""
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
    """All text that an object leads to."""
    for path, thing in reachable(root):
        if isinstance(thing, str):
            yield path, thing
        elif isinstance(thing, (bytes, bytearray)):
            yield path, bytes(thing).decode("latin-1")
