"""`Record`: a secret as it is stored, and its JSON in a response."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple

#: The scopes that a secret of the mock server may have.
Scope = Literal["BUILT_IN", "PROJECT", "ENVIRONMENT"]

#: Highest first: an alias or override targets a higher scope only.
SCOPES: Final = ("BUILT_IN", "PROJECT", "ENVIRONMENT", "APPLICATION")

#: The fields that may be null according to the service's OpenAPI description.
_NULLABLE = {"description", "enable_interpolation_in_file"}

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def normal_id(text: str) -> str:
    """Return a UUID in lower case, as the service writes it. Other ids, which only this server accepts, stay."""
    return text.lower() if _UUID.fullmatch(text) else text


class Record(NamedTuple):
    """A stored secret; the fields are the columns of the table."""

    id: str
    owner: str
    """The id of the environment, or of its project."""
    scope: str
    kind: str
    key: str
    value: str | None
    mount_path: str | None
    description: str | None
    interpolated: int | None
    target: str | None
    """The id of the secret that an alias or override refers to."""
    service_id: str | None
    service_name: str | None
    service_type: str | None
    owned_by: str | None
    created_at: str
    updated_at: str

    def __repr__(self) -> str:
        return f"<Record {self.key}>"  # without the value

    @property
    def rank(self) -> int:
        """The position of its scope in `SCOPES`."""
        return SCOPES.index(self.scope)


def describe(record: Record, target: Record | None, *, strict: bool = False) -> dict[str, Any]:
    """Return the JSON of a secret, never with a value.

    The service sends null for fields that its OpenAPI description does not call nullable. `strict` leaves those
    out; `mount_path` of an alias or override, which the description requires, is then an empty string.
    """
    other = target and {
        "id": target.id,
        "key": target.key,
        "mount_path": (target.mount_path or "") if strict else target.mount_path,
        "scope": target.scope,
        "variable_type": target.kind,
        "description": target.description,
        "enable_interpolation_in_file": _flag(target.interpolated),
    }
    secret = {
        "id": record.id,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "key": record.key,
        "overridden_secret": other if record.kind == "OVERRIDE" else None,
        "aliased_secret": other if record.kind == "ALIAS" else None,
        "scope": record.scope,
        "variable_type": record.kind,
        "service_id": record.service_id,
        "service_name": record.service_name,
        "service_type": record.service_type,
        "owned_by": record.owned_by,
        "description": record.description,
        "enable_interpolation_in_file": _flag(record.interpolated),
    }
    if strict:
        return {name: value for name, value in secret.items() if value is not None or name in _NULLABLE}
    return secret


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)
