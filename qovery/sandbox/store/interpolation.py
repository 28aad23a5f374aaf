"""`resolve`: the value that an application reads, with `{{OTHER_KEY}}` replaced."""

from __future__ import annotations

import re
from collections.abc import Callable

from qovery.sandbox.store.record import Record

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def resolve(key: str, find: Callable[[str], Record | None]) -> str:
    """Return the value under a key. `find` returns the secret that an application sees there, aliases followed.

    A reference to a key that does not exist, or that leads back to itself, stays unchanged.

    Raises:
        KeyError: The key does not exist.
    """
    record = find(key)
    if record is None:
        raise KeyError(key)
    return _value(record, find, frozenset({key}))


def _value(record: Record, find: Callable[[str], Record | None], seen: frozenset[str]) -> str:
    if record.mount_path and not record.interpolated:
        return record.value or ""

    def replace(reference: re.Match[str]) -> str:
        key = reference[1]
        other = None if key in seen else find(key)
        return reference[0] if other is None else _value(other, find, seen | {key})

    return _REFERENCE.sub(replace, record.value or "")
