"""The public surface is what the snapshot says, and every name of it says what it is for."""

from __future__ import annotations

from pathlib import Path

import griffe
import pytest

from test.surface import names, text

SNAPSHOT = Path(__file__).parent / "surface.txt"
DEFINED = {target.path: target for target in names().values() if target.name != "__init__"}


def test_surface__is_the_snapshot() -> None:
    """It changes on purpose: with the snapshot, which `test/surface.py` makes anew, and the changelog."""
    assert text().splitlines() == SNAPSHOT.read_text().splitlines()


@pytest.mark.parametrize("path", sorted(DEFINED))
def test_surface__is_documented(path: str) -> None:
    """What is public has a docstring; an attribute may be named by its class's, a member of an enum is its name."""
    target = DEFINED[path]
    if target.is_attribute and target.parent and target.parent.is_module:
        return  # a comment says it
    told = "" if target.docstring is None else target.docstring.value
    parent = target.parent
    if target.is_attribute and isinstance(parent, griffe.Class) and not told:
        classes = [parent, *parent.mro()]
        told = "".join(one.docstring.value for one in classes if one.docstring and target.name in one.docstring.value)
        told = told or " ".join(str(base) for base in parent.bases if str(base) == "OpenEnum")
    assert told
