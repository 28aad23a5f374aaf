"""`Action`: one step of a plan, and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from qovery.models import Secret, SecretRequest
from qovery.sync.export import Exported, secret_fields

ActionKind = Literal["create", "update", "override", "alias", "delete", "keep", "conflict"]

#: The kinds in the order of summaries, each with its sign in tables.
SIGNS: dict[ActionKind, str] = {
    "create": "+", "update": "~", "override": "^", "alias": "@", "delete": "-", "keep": "=", "conflict": "!",
}  # fmt: skip


@dataclass(frozen=True)
class Action(Exported):
    """One step of a plan.

    Attributes:
        kind: What to do.
        key: The key of the secret.
        reason: Why, as text; never contains a value.
        secret: The existing secret: to update, override, delete or keep, or the one that causes the conflict.
        target: For an alias, the key of its target.
        cascades: For a delete, the keys that the service deletes with it.
        drift: Whether the secret was changed elsewhere since the last apply, as far as a state file knows.
        at_risk: For the delete of a replacement, the keys that are lost if the secret cannot be created afterwards:
            its own, and `cascades`.
    """

    kind: ActionKind
    key: str
    reason: str
    secret: Secret | None = None
    target: str | None = None
    cascades: tuple[str, ...] = ()
    request: SecretRequest | None = field(default=None, repr=False, compare=False)
    """The request to send; its value is masked wherever it is shown."""
    drift: bool = False
    at_risk: tuple[str, ...] = ()

    def _fields(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "key": self.key,
            "reason": self.reason,
            "secret": secret_fields(self.secret),
            "target": self.target,
            "cascades": list(self.cascades),
            "at_risk": list(self.at_risk),
            "drift": self.drift,
        }
