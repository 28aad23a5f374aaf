"""Names that do not exist: the error suggests the known name that is closest."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(known: Iterable[str], *names: object) -> str:
    """Return the hint of an error about unknown names: the closest known names, if any is close."""
    plain = {one.strip("_"): one for one in known}
    found = [get_close_matches(str(name)[:100].strip("_").lower(), plain, 1, 0.7) for name in names]
    meant = ", ".join(dict.fromkeys(repr(plain[one]) for matches in found for one in matches))
    return f" (did you mean {meant}?)" if meant else ""
