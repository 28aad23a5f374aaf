"""`Action`: one thing that a plan would do, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qovery.models import Secret, SecretRequest

ActionKind = Literal["create", "update", "override", "alias", "delete", "keep", "conflict"]

#: The kinds in the order of summaries, each with the sign that stands before it in tables.
SIGNS: dict[ActionKind, str] = {
    "create": "+", "update": "~", "override": "^", "alias": "@", "delete": "-", "keep": "=", "conflict": "!",
}  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One thing that a plan would do.

    Attributes:
        kind: What it is.
        key: The key.
        reason: Why, in words; never a value.
        secret: The secret that it meets: to update, override, delete or keep, or in its way.
        target: For an alias, the key that it stands for.
        cascades: For a delete, the keys that the service deletes with it.
    """

    kind: ActionKind
    key: str
    reason: str
    secret: Secret | None = None
    target: str | None = None
    cascades: tuple[str, ...] = ()
    request: SecretRequest | None = field(default=None, repr=False, compare=False)
    """What is sent, its value masked wherever it is shown."""
