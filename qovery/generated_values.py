"""Helpers of generated clients: plain values of a body, and the choice of a media type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qovery.exceptions import ApiTypeError


def plain(value: Any) -> Any:
    """`value` as JSON has it, secrets in the clear; see `ApiClient.sanitize_for_serialization`.

    Raises:
        ApiTypeError: It holds an object without attributes.
        RecursionError: It holds itself.
    """
    from datetime import date
    from decimal import Decimal
    from enum import Enum
    from uuid import UUID

    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (bool, bytes, float, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    for method in ("get_secret_value", "reveal", "to_dict"):
        if callable(getattr(value, method, None)):
            return plain(getattr(value, method)())
    if hasattr(value, "__dict__"):
        return plain(vars(value))
    raise ApiTypeError(f"{type(value).__name__} is not JSON serializable")


def preferred(types: Sequence[str] | None) -> str | None:
    """The first media type that is JSON, else the first, else None."""
    return next((one for one in types or () if "json" in one.lower()), types[0] if types else None)
