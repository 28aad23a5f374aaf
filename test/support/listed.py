"""Secrets as the list operation returns them."""

from __future__ import annotations

from typing import Any

from qovery import Secret


def secret(key: str, kind: str | None = "VALUE", scope: str = "ENVIRONMENT", **fields: Any) -> Secret:
    """A listed secret with an id derived from its key and scope."""
    return Secret.from_dict(
        {"id": f"{scope}-{key}", "created_at": "2026-01-01T00:00:00Z", "key": key, "scope": scope,
         "variable_type": kind, **fields}
    )  # fmt: skip


def other(of: Secret, mount_path: str | None = None) -> dict[str, Any]:
    """The part of a listed alias or override that describes its target."""
    return {"id": of.id, "key": of.key, "mount_path": mount_path, "scope": of.scope, "variable_type": of.variable_type}


def alias(key: str, of: Secret, **fields: Any) -> Secret:
    return secret(key, "ALIAS", aliased_secret=other(of), **fields)


def override(of: Secret, mount_path: str | None = None) -> Secret:
    return secret(of.key, "OVERRIDE", overridden_secret=other(of, mount_path))
