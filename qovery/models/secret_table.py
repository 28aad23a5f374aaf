"""How secrets are shown as a table: keys, scopes, kinds, targets and ages, and never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qovery.table import ShownAsTable, Table, age

if TYPE_CHECKING:
    from qovery.models.secret import Secret

COLUMNS = ("key", "scope", "kind", "target", "age")


def secret_cells(secret: Secret | None) -> tuple[str, ...]:
    """Scope, kind, target and age of a secret; empty without one. The age counts from the last write."""
    if secret is None:
        return ("",) * 4
    other = secret.aliased_secret or secret.overridden_secret
    return (
        secret.scope.value,
        secret.variable_type.value if secret.variable_type else "",
        "" if other is None else f"{other.key} ({other.scope.value})",
        age(secret.updated_at or secret.created_at),
    )


class SecretTable(ShownAsTable):
    """A model that shows itself as a table of secrets."""

    def _secrets(self) -> list[Secret]:
        raise NotImplementedError

    def _table(self) -> Table:
        secrets = self._secrets()
        caption = "1 secret" if len(secrets) == 1 else f"{len(secrets)} secrets"
        return Table(caption, COLUMNS, [(secret.key, *secret_cells(secret)) for secret in secrets])
