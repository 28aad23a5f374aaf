"""`Exported`: plans and reports as dictionaries and JSON, without values."""

from __future__ import annotations

import json
from typing import Any

from qovery.exceptions import ApiException, OpenApiException
from qovery.models import Secret
from qovery.sync.inventory import kind_of

#: The version of the shape. It changes when a field is removed or gets another meaning, not when one is added.
VERSION = 1


class Exported:
    """An object that is exported without values, in a documented shape."""

    def to_dict(self) -> dict[str, Any]:
        """Return the object as a dictionary for `json.dumps`, without values; the guide to sync has its shape."""
        return {"version": VERSION, **self._fields()}

    def to_json(self, indent: int | None = None) -> str:
        """Return the object as JSON, without values.

        Args:
            indent: The spaces to indent each level with; None for a single line.
        """
        return json.dumps(self.to_dict(), indent=indent)

    def _fields(self) -> dict[str, Any]:
        raise NotImplementedError


def secret_fields(secret: Secret | None) -> dict[str, Any] | None:
    """Return the exported fields of a secret."""
    if secret is None:
        return None
    other = secret.aliased_secret or secret.overridden_secret
    return {
        "id": secret.id,
        "key": secret.key,
        "scope": secret.scope.value,
        "kind": kind_of(secret).value,
        "target": other.key if other is not None else None,
        "updated_at": (secret.updated_at or secret.created_at).isoformat(),
    }


def error_fields(error: Exception | None) -> dict[str, Any] | None:
    """Return the exported fields of an error. The text of a foreign error may hold anything, so it is left out."""
    if error is None:
        return None
    of_call = error if isinstance(error, ApiException) else None
    return {
        "type": type(error).__name__,
        "status": of_call.status if of_call else None,
        "message": str(error) if isinstance(error, OpenApiException) else None,
        "outcome_unknown": of_call is not None and of_call.outcome_unknown,
    }
