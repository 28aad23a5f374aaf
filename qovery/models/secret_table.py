"""Secrets as a table: key, scope, kind, target and age, never a value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from qovery.models.api_variable_scope_enum import APIVariableScopeEnum
from qovery.models.api_variable_type_enum import APIVariableTypeEnum
from qovery.table import ShownAsTable, Table, age

COLUMNS = ("key", "scope", "kind", "target", "age")


if TYPE_CHECKING:

    class _Target(Protocol):
        @property
        def key(self) -> str: ...
        @property
        def scope(self) -> APIVariableScopeEnum: ...

    class _Row(_Target, Protocol):
        """The fields of `Secret` in a row; a protocol, since the module of `Secret` imports this one."""

        @property
        def variable_type(self) -> APIVariableTypeEnum | None: ...
        @property
        def aliased_secret(self) -> _Target | None: ...
        @property
        def overridden_secret(self) -> _Target | None: ...
        @property
        def created_at(self) -> datetime: ...
        @property
        def updated_at(self) -> datetime | None: ...


def secret_cells(secret: _Row | None) -> tuple[str, ...]:
    """Return scope, kind, target and age of a secret; empty cells for None. The age counts from the last write."""
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
    """Mixin for models that are shown as a table of secrets."""

    def _secrets(self) -> Sequence[_Row]:
        raise NotImplementedError

    def _table(self) -> Table:
        secrets = self._secrets()
        caption = "1 secret" if len(secrets) == 1 else f"{len(secrets)} secrets"
        return Table(caption, COLUMNS, [(secret.key, *secret_cells(secret)) for secret in secrets])
