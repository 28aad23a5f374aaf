"""`compare_secrets`: compare the secrets of environments, and `Comparison`, its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from qovery.api.environment_secret_api import LIST, EnvironmentSecretApi
from qovery.exceptions import ApiTypeError, ApiValueError
from qovery.models import APIVariableScopeEnum, Secret
from qovery.models.secret_table import secret_cells
from qovery.redaction.sealing import sealed
from qovery.sync.export import Exported
from qovery.sync.inventory import Inventory, kind_of
from qovery.sync.service import Service
from qovery.sync.state_file import RecordedState, StateFile
from qovery.table import ShownAsTable, Table

#: What is known about the values of a key: all are the same, at least two differ, or neither is known.
Values = Literal["same", "different", "unknown"]

#: The name of the column of `keys`.
KEYS = "keys"


@dataclass(frozen=True)
class ComparedKey:
    """One key in each of the compared columns.

    Attributes:
        key: The key.
        secrets: The secret that each environment sees under the key, by the environment's id. Environments without
            the key are omitted.
        missing: The columns without the key: ids of environments, or `keys`.
        values: `same` if the values in all environments are known to be the same, `different` if at least two are
            known to differ, otherwise `unknown`. An inherited secret has the same value everywhere. Other values are
            known only from a state file.
        same_in: The ids of environments that are known to have the same value, in groups of at least two.
    """

    key: str
    secrets: Mapping[str, Secret]
    missing: tuple[str, ...]
    values: Values = "unknown"
    same_in: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Comparison(ShownAsTable, Exported):
    """The keys of several environments. `print` and notebooks show them as a table, without values.

    Attributes:
        columns: The ids of the environments, and `keys` if keys are compared too.
        rows: One row for each key, sorted by key.
    """

    columns: tuple[str, ...]
    rows: tuple[ComparedKey, ...]

    _repr_pretty_ = ShownAsTable._repr_pretty_  # IPython prefers a class's own `__repr__` to this, if inherited

    @property
    def common(self) -> tuple[ComparedKey, ...]:
        """The keys that every column has."""
        return tuple(row for row in self.rows if not row.missing)

    @property
    def missing(self) -> tuple[ComparedKey, ...]:
        """The keys that at least one column lacks."""
        return tuple(row for row in self.rows if row.missing)

    @property
    def same_keys(self) -> bool:
        """Whether every column has every key. Scopes, kinds, ages and values do not matter."""
        return not self.missing

    @property
    def same_values(self) -> tuple[ComparedKey, ...]:
        """The keys under which at least two environments are known to have the same value."""
        return tuple(row for row in self.rows if row.same_in)

    def _fields(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns),
            "same_keys": self.same_keys,
            "rows": [
                {
                    "key": row.key,
                    "missing": list(row.missing),
                    "values": row.values,
                    "same_in": [list(group) for group in row.same_in],
                    "secrets": {column: _described(secret) for column, secret in row.secrets.items()},
                }
                for row in self.rows
            ],
        }

    def _table(self) -> Table:
        caption = f"{len(self.rows)} keys: {len(self.common)} in common, {len(self.missing)} missing somewhere"
        extra = ["values"] if any(row.values != "unknown" for row in self.rows) else []
        rows = [
            (row.key, *(_cell(row, column) for column in self.columns), *(getattr(row, name) for name in extra))
            for row in self.rows
        ]
        return Table(caption, ("key", *self.columns, *extra), rows)


@sealed
def compare_secrets(
    api: EnvironmentSecretApi,
    *environment_ids: str | UUID,
    keys: Iterable[str] | None = None,
    state: StateFile | None = None,
) -> Comparison:
    """Compare the keys of environments with each other, or with a set of keys. Sends one list request per environment.

    BUILT_IN secrets differ between any two environments, so their keys are compared only if they are in
    `keys`, or if another environment has them in another scope.

    Args:
        api: The API to list with.
        environment_ids: The ids of the environments.
        keys: Keys to compare with, for example `read_dotenv_keys(".env.example")`.
        state: A state file, to compare the values that it has fingerprints of.

    Raises:
        ApiTypeError, ApiValueError: The arguments are invalid; nothing was sent.
        PlanHostError: The host of the client was changed during the comparison.
        ApiException: A list request failed.
    """
    listed_keys = _checked_keys(keys)
    columns = _checked_columns(environment_ids, listed_keys)
    if state is not None and not isinstance(state, StateFile):
        raise ApiTypeError(f"state must be a StateFile, not {type(state).__name__}")
    services = [Service(api, one) for one in environment_ids]
    host = services[0].host
    inventories = {str(service.environment_id): service.inventory() for service in services}
    recorded = {one: state.read(host, one) for one in inventories} if state is not None else {}
    found = {key for inventory in inventories.values() for key in inventory.keys if not _is_built_in(inventory, key)}
    rows = []
    for key in sorted(found.union(listed_keys or ())):
        secrets = {one: secret for one, inventory in inventories.items() if (secret := inventory.find(key))}
        having = {*secrets, *((KEYS,) if key in (listed_keys or ()) else ())}
        missing = tuple(column for column in columns if column not in having)
        rows.append(ComparedKey(key, secrets, missing, *_compare_values(_marks(secrets, inventories, recorded))))
    return Comparison(columns, tuple(rows))


def _checked_keys(keys: Iterable[str] | None) -> frozenset[str] | None:
    if keys is None:
        return None
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise ApiTypeError(f"keys must be an iterable of keys, not {type(keys).__name__}")
    copied = list(keys)
    for key in copied:
        if not isinstance(key, str):
            raise ApiTypeError(f"a key must be a str, not {type(key).__name__}")
    return frozenset(copied)


def _checked_columns(environment_ids: Sequence[str | UUID], keys: frozenset[str] | None) -> tuple[str, ...]:
    for one in environment_ids:
        LIST.target((one,))  # rejects invalid ids
    columns = (*map(str, environment_ids), *((KEYS,) if keys is not None else ()))
    if len(columns) < 2:
        raise ApiValueError("a comparison needs two environments, or one environment and keys")
    if len({column.lower() for column in columns}) < len(columns):
        raise ApiValueError("an environment is given twice")
    return columns


def _is_built_in(inventory: Inventory, key: str) -> bool:
    secret = inventory.find(key)
    return secret is not None and secret.scope == APIVariableScopeEnum.BUILT_IN


def _marks(
    secrets: Mapping[str, Secret], inventories: Mapping[str, Inventory], recorded: Mapping[str, RecordedState]
) -> dict[str, set[str]]:
    """Return what identifies the value in each environment: the secret that holds it, and its fingerprint if known."""
    marks = {}
    for environment_id, secret in secrets.items():
        target = secret.aliased_secret
        holder = secret if target is None else inventories[environment_id].by_id.get(target.id)
        known = recorded[environment_id].value_fingerprint(holder) if recorded and holder else None
        marks[environment_id] = {f"secret {secret.id if target is None else target.id}"}
        if known is not None:
            marks[environment_id].add(f"value {known}")
    return marks


def _compare_values(marks: Mapping[str, set[str]]) -> tuple[Values, tuple[tuple[str, ...], ...]]:
    """Group environments by their marks: those that share one, directly or through others, have the same value."""
    groups: list[tuple[set[str], list[str]]] = []
    for environment_id, own in marks.items():
        same = [group for group in groups if not own.isdisjoint(group[0])]
        joined = (own.union(*(known for known, _ in same)), [one for _, ids in same for one in ids])
        groups = [*(group for group in groups if group not in same), (joined[0], [*joined[1], environment_id])]
    same_in = tuple(tuple(ids) for _, ids in groups if len(ids) > 1)
    if len({mark for known, _ in groups for mark in known if mark.startswith("value ")}) > 1:
        return "different", same_in
    return ("same" if len(marks) > 1 and len(groups) == 1 else "unknown"), same_in


def _cell(row: ComparedKey, column: str) -> str:
    if column in row.missing:
        return "missing"
    if column == KEYS:
        return "listed"
    scope, kind, _, age = secret_cells(row.secrets[column])
    return " ".join(filter(None, (scope, kind, age)))


def _described(secret: Secret) -> dict[str, Any]:
    return {
        "id": secret.id,
        "scope": secret.scope.value,
        "kind": kind_of(secret).value,
        "created_at": secret.created_at.isoformat(),
        "updated_at": None if secret.updated_at is None else secret.updated_at.isoformat(),
    }
