"""`Store`: the environments and secrets of a mock server. Each operation is a transaction."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from qovery.exceptions import ApiValueError
from qovery.sandbox.store import rules
from qovery.sandbox.store.database import Database
from qovery.sandbox.store.interpolation import resolve
from qovery.sandbox.store.list_cache import CachedList, ListCache
from qovery.sandbox.store.record import Record, describe, normal_id
from qovery.sandbox.store.rules import BEHAVIOURS, Behaviour, RejectedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qovery.models import Key, SecretEditRequest, SecretRequest, Value


class Store:
    """The environments and secrets of a mock server, in memory or in a file. Thread-safe.

    Args:
        path: The file, created with mode 0600; None keeps everything in memory.
        behaviour: `documented` for the rules of the documentation, `observed` for those of the real service.
        strict: Whether responses omit nulls that the OpenAPI description does not allow.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        behaviour: Behaviour = "documented",
        *,
        strict: bool = False,
    ) -> None:
        self._strict = strict
        self.behaviour = behaviour  # checked before the file is created
        self._database = Database(path)
        self._lists = ListCache()

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        if behaviour not in BEHAVIOURS:
            raise ApiValueError(f"behaviour must be {' or '.join(BEHAVIOURS)}, not {behaviour!r}")
        self._behaviour = behaviour

    def stop_waiting(self) -> None:
        """End all waiting for other processes that use the file."""
        self._database.stop_waiting()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Apply all changes of the block, or none. A nested transaction is part of the outer one."""
        return self._database.transaction()

    # --- Arrange ----------------------------------------------------------------------------------

    def clear(self) -> None:
        """Delete everything."""
        with self.transaction():
            self._database.clear()
        self._lists.clear()

    def environments(self) -> list[str]:
        """The ids of the environments, oldest first."""
        with self._database.reading():
            return self._database.environments()

    def has(self, environment_id: str) -> bool:
        """Whether the environment exists."""
        with self._database.reading():
            return self._database.project_of(environment_id) is not None

    def add_environment(self, environment_id: str | None = None, project_id: str | None = None) -> str:
        """Add an environment, by default in a project of its own, and return its id."""
        environment_id = normal_id(environment_id) if environment_id else str(uuid4())
        with self.transaction():
            if self._database.project_of(environment_id) is not None:
                raise RejectedError(409, f"the environment {environment_id} already exists")
            self._database.add_environment(environment_id, project_id)
        return environment_id

    def add_secret(
        self,
        environment_id: str,
        key: str,
        value: str,
        scope: str,
        *,
        enable_interpolation_in_file: bool | None = None,
        **fields: str | None,
    ) -> dict[str, Any]:
        """Add a secret of any scope, bypassing the rules of the service, and return its JSON."""
        with self.transaction():
            view = self._view(environment_id)
            rules.check_scope(scope)
            owner = view.project_id if scope == "PROJECT" else view.environment_id
            rules.check_unused(key, scope, view)
            kind = "BUILT_IN" if scope == "BUILT_IN" else "FILE" if fields.get("mount_path") else "VALUE"
            columns = {"key": key, "value": value, "kind": kind, "interpolated": enable_interpolation_in_file, **fields}
            return self._insert(owner, scope, columns)

    def overview(self, environment_id: str, limit: int) -> tuple[int, list[tuple[Record, Record | None]]]:
        """Return how many secrets the environment sees, and the first ones by scope and key, with their targets."""
        with self._database.reading():
            number, first = self._view(environment_id).first(limit)
            return number, [(record, self._database.secret(record.target)) for record in first]

    # --- The six operations -----------------------------------------------------------------------

    def list(self, environment_id: str) -> list[dict[str, Any]]:
        """Return the secrets that the environment sees: its own, those of its project, and BUILT_IN ones."""
        with self._database.reading():
            records = self._view(environment_id).secrets()
        return list(self._descriptions(records))

    def list_json(self, environment_id: str) -> bytes:
        """Return the body of the response to a list, as JSON."""
        with self._database.reading():
            view = self._view(environment_id)
            owners = view.environment_id, view.project_id
            version = self._database.version(*owners)  # read first: the secrets may be newer, but not older
            records = view.secrets()
        parts = []
        descriptions = self._descriptions(records)
        while part := list(itertools.islice(descriptions, 500)):  # lets other threads run in between
            parts.append(json.dumps(part, ensure_ascii=False, separators=(",", ":"))[1:-1])
        content = f'{{"results":[{",".join(parts)}]}}'.encode()
        if version is not None:
            self._lists.add(view.environment_id, CachedList(owners, version, content))
        return content

    def cached_list(self, environment_id: str) -> bytes | None:
        """Return the last result of `list_json` if nothing has changed since. Never waits."""
        cached = self._lists.get(normal_id(environment_id))
        if cached is None or self._database.version(*cached.owners) != cached.version:
            return None
        return cached.content

    def _descriptions(self, records: Sequence[Record]) -> Iterator[dict[str, Any]]:
        by_id: dict[str | None, Record] = {record.id: record for record in records}
        return (describe(record, by_id.get(record.target), strict=self._strict) for record in records)

    def create(self, environment_id: str, request: SecretRequest) -> dict[str, Any]:
        """Add a secret."""
        with self.transaction():
            view = self._view(environment_id)
            columns, replaced = rules.creation(view, request)
            for secret_id in replaced:
                self._database.delete(secret_id, view.environment_id)
            return self._insert(view.environment_id, "ENVIRONMENT", columns)

    def edit(self, environment_id: str, secret_id: str, request: SecretEditRequest) -> dict[str, Any]:
        """Change a secret; fields that the request omits stay unchanged."""
        with self.transaction():
            view = self._view(environment_id)
            record = view.secret(secret_id)
            rules.check_own(record)
            self._database.update(record.id, record.owner, rules.edition(view, record, request))
            return self._described(record.id)

    def delete(self, environment_id: str, secret_id: str) -> None:
        """Delete a secret with its aliases and overrides."""
        with self.transaction():
            record = self._view(environment_id).secret(secret_id)
            rules.check_own(record)
            self._database.delete(record.id, record.owner)

    def create_alias(self, environment_id: str, secret_id: str, request: Key) -> dict[str, Any]:
        """Add another key for a secret of a higher scope."""
        with self.transaction():
            view = self._view(environment_id)
            columns = rules.alias(view, view.secret(secret_id), request)
            return self._insert(view.environment_id, "ENVIRONMENT", columns)

    def create_override(self, environment_id: str, secret_id: str, request: Value) -> dict[str, Any]:
        """Set another value for a secret of a higher scope."""
        with self.transaction():
            view = self._view(environment_id)
            columns = rules.override(view, view.secret(secret_id), request)
            return self._insert(view.environment_id, "ENVIRONMENT", columns)

    # --- Assert -----------------------------------------------------------------------------------

    def value(self, environment_id: str, key: str) -> str:
        """Return the value that an application of the environment reads under a key, fully resolved.

        Raises:
            KeyError: The key does not exist.
        """
        with self._database.reading():
            return resolve(key, self._view(environment_id).effective)

    # --- Helpers ----------------------------------------------------------------------------------

    def _view(self, environment_id: str) -> _View:
        environment_id = normal_id(environment_id)
        project_id = self._database.project_of(environment_id)
        if project_id is None:
            raise rules.unknown(self.behaviour, "environment")
        return _View(self._database, self.behaviour, environment_id, project_id)

    def _insert(self, owner: str, scope: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        return self._described(self._database.insert({"owner": owner, "scope": scope, **columns}))

    def _described(self, secret_id: str) -> dict[str, Any]:
        (record,) = self._database.secrets("id = ?", secret_id)
        return describe(record, self._database.secret(record.target), strict=self._strict)


@dataclass(frozen=True)
class _View:
    """The secrets that one environment sees: its own and those of its project."""

    database: Database
    behaviour: Behaviour
    environment_id: str
    project_id: str

    def secrets(self) -> list[Record]:
        """All of them, oldest first."""
        return self.database.secrets("owner IN (?, ?)", self.environment_id, self.project_id)

    def first(self, limit: int) -> tuple[int, list[Record]]:
        """The number of secrets, and the first by scope and key."""
        return self.database.overview("owner IN (?, ?)", self.environment_id, self.project_id, limit=limit)

    def with_key(self, key: str) -> list[Record]:
        """The secrets with this key, lowest scope first; applications get the first."""
        records = self.database.secrets("owner IN (?, ?) AND key = ?", self.environment_id, self.project_id, key)
        return sorted(records, key=lambda record: record.rank, reverse=True)

    def secret(self, secret_id: str) -> Record:
        """The secret with this id."""
        secret_id = normal_id(secret_id)
        owners = self.environment_id, self.project_id
        record = self.database.secret(secret_id)
        if record is None or record.owner not in owners:
            deleted = self.database.owner_of_deleted(secret_id) in owners
            raise rules.unknown(self.behaviour, "secret", deleted=deleted)
        return record

    def effective(self, key: str) -> Record | None:
        """The secret that an application gets under a key. An alias leads to its target, or to its override here."""
        record = next(iter(self.with_key(key)), None)
        if record is None or record.kind != "ALIAS":
            return record
        overrides = self.database.secrets(
            "target = ? AND kind = 'OVERRIDE' AND owner = ?", record.target, self.environment_id
        )
        return next(iter(overrides), None) or self.database.secret(record.target)
