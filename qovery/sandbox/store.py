"""What the sandbox keeps, in SQLite, and the rules of the service, each operation a transaction. Knows no HTTP."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, Literal, get_args
from uuid import uuid4

from qovery.exceptions import ApiValueError
from qovery.models import Key, SecretEditRequest, SecretRequest, Value

Behaviour = Literal["documented", "observed"]
BEHAVIOURS: Final = get_args(Behaviour)

#: The scopes that a secret of a sandbox may have.
Scope = Literal["BUILT_IN", "PROJECT", "ENVIRONMENT"]

#: Highest first: an alias or override reaches upwards only.
SCOPES: Final = ("BUILT_IN", "PROJECT", "ENVIRONMENT", "APPLICATION")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS environment (id TEXT PRIMARY KEY, project_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS secret (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,  -- the environment, or its project
    scope TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT,
    mount_path TEXT,
    description TEXT,
    interpolated INTEGER,
    target TEXT REFERENCES secret (id) ON DELETE CASCADE,
    service_id TEXT,
    service_name TEXT,
    service_type TEXT,
    owned_by TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (owner, key, scope)
);
CREATE INDEX IF NOT EXISTS secret_target ON secret (target);
"""

_INTERPOLATION = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class RefusedError(Exception):
    """What the service answers when it does not do what it is asked."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


class Store:
    """The environments and secrets of a sandbox, in memory or in a file. May be shared by threads.

    Args:
        path: The file, made with mode 0600; None keeps everything in memory.
        behaviour: `documented` for the rules of the documentation, `observed` for what the service does.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, behaviour: Behaviour = "documented") -> None:
        self.behaviour = behaviour  # checked before anything is made
        if path is not None:
            Path(path).touch(mode=0o600)  # SQLite gives its other files the mode of this one
        self._lock = threading.RLock()
        problem = None
        self._database = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=10
        )
        self._database.row_factory = sqlite3.Row
        try:
            _use_wal(self._database)
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            problem = f"{path} cannot be used: {error}"
            self._database.close()
        if problem:
            raise ApiValueError(problem)

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        if behaviour not in BEHAVIOURS:
            raise ApiValueError(f"behaviour must be {' or '.join(BEHAVIOURS)}, not {behaviour!r}")
        self._behaviour = behaviour

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is applied, or nothing; one inside another is part of the outer one."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield
                self._database.execute("COMMIT")
            except BaseException as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):  # another process holds the file, or the disk is full
                    raise RefusedError(503, f"the database cannot be written now: {error}", 1) from None
                raise

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    # --- Arranging --------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._database.execute("DELETE FROM secret")
            self._database.execute("DELETE FROM environment")

    def environments(self) -> list[str]:
        """The ids of the environments."""
        return [row["id"] for row in self._rows("SELECT id FROM environment ORDER BY rowid")]

    def add_environment(self, environment_id: str | None = None, project_id: str | None = None) -> str:
        """Add an environment, in a project of its own unless one is named, and return its id."""
        environment_id = environment_id or str(uuid4())
        with self.transaction():
            if self._rows("SELECT 1 FROM environment WHERE id = ?", environment_id):
                raise RefusedError(409, f"the environment {environment_id} exists already")
            self._database.execute(
                "INSERT INTO environment VALUES (?, ?)", (environment_id, project_id or str(uuid4()))
            )
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
        """Add a secret of any scope without the rules of the service, and return what the list shows of it."""
        with self.transaction():
            project = self._project(environment_id)
            if scope not in get_args(Scope):
                raise RefusedError(400, f"scope must be {', '.join(get_args(Scope))}, not {scope!r}")
            owner = project if scope == "PROJECT" else environment_id
            if any(row["scope"] == scope for row in self._with_key(owner, owner, key)):
                raise RefusedError(409, f"Variable already exists: {key}")
            kind = "BUILT_IN" if scope == "BUILT_IN" else "FILE" if fields.get("mount_path") else "VALUE"
            created = self._insert(
                owner, scope, kind, key, value=value, interpolated=enable_interpolation_in_file, **fields
            )
            return self._one(created)

    # --- The six operations -----------------------------------------------------------------------

    def list(self, environment_id: str) -> list[dict[str, Any]]:
        """What the environment sees: its own secrets, those of its project, and BUILT_IN ones."""
        with self._lock:
            visible = self._visible(environment_id)
            by_id = {row["id"]: row for row in visible}
            return [_described(row, by_id.get(row["target"])) for row in visible]

    def create(self, environment_id: str, request: SecretRequest) -> dict[str, Any]:
        """Add a secret."""
        with self.transaction():
            project = self._project(environment_id)
            _check_key(request.key)
            present = self._with_key(environment_id, project, request.key)
            kind, target = "FILE" if request.mount_path else "VALUE", None
            if self.behaviour == "observed" and present:
                raise RefusedError(409, f"Variable already exists: {request.key}")
            if self.behaviour == "documented":
                named = self._with_key(environment_id, project, request.value or "")
                if named and request.value != request.key:
                    if named[-1]["kind"] == "ALIAS":
                        raise RefusedError(400, "value: an alias of an alias is not possible")
                    kind, target = "ALIAS", named[-1]["id"]
                for row in present:
                    if row["scope"] == "ENVIRONMENT":
                        self._database.execute("DELETE FROM secret WHERE id = ?", (row["id"],))
            created = self._insert(
                environment_id,
                "ENVIRONMENT",
                kind,
                request.key,
                value=None if target else request.value or "",
                target=target,
                mount_path=None if target else request.mount_path,
                description=request.description,
                interpolated=request.enable_interpolation_in_file,
            )
            return self._one(created)

    def edit(self, environment_id: str, secret_id: str, request: SecretEditRequest) -> dict[str, Any]:
        """Change a secret; what the request leaves out stays."""
        with self.transaction():
            project = self._project(environment_id)
            row = self._own(environment_id, project, secret_id)
            given = request.to_dict()
            if request.key != row["key"]:
                if row["kind"] == "OVERRIDE":
                    raise RefusedError(400, "key: the key of an override cannot be edited")
                _check_key(request.key)
                if self._with_key(environment_id, project, request.key):
                    raise RefusedError(409, f"Variable already exists: {request.key}")
            changes: dict[str, Any] = {"key": request.key}
            if "description" in given:
                changes["description"] = request.description
            if "enable_interpolation_in_file" in given:
                changes["interpolated"] = request.enable_interpolation_in_file
            if request.value is not None:
                if row["kind"] == "ALIAS":
                    changes["target"] = self._new_target(row, self._with_key(environment_id, project, request.value))
                else:
                    changes["value"] = request.value
            changes["updated_at"] = _now()
            columns = ", ".join(f"{name} = ?" for name in changes)
            self._database.execute(
                f"UPDATE secret SET {columns} WHERE id = ?",  # noqa: S608 - the names above
                (*changes.values(), secret_id),
            )
            return self._one(secret_id)

    def delete(self, environment_id: str, secret_id: str) -> None:
        """Delete a secret, and with it its aliases and overrides."""
        with self.transaction():
            self._own(environment_id, self._project(environment_id), secret_id)
            self._database.execute("DELETE FROM secret WHERE id = ?", (secret_id,))

    def create_alias(self, environment_id: str, secret_id: str, request: Key) -> dict[str, Any]:
        """Add another key for a secret of a higher scope."""
        with self.transaction():
            project = self._project(environment_id)
            target = self._find(environment_id, project, secret_id)
            if target["kind"] == "ALIAS":
                raise RefusedError(400, "an alias of an alias is not possible")
            if self.behaviour == "documented":
                _check_higher(target, "Aliases")
            elif target["kind"] == "OVERRIDE":
                raise RefusedError(400, "an alias of an override is not possible")
            _check_key(request.key)
            if self._with_key(environment_id, project, request.key):
                raise RefusedError(409, f"Variable already exists: {request.key}")
            return self._derive(environment_id, "ALIAS", request.key, target, request)

    def create_override(self, environment_id: str, secret_id: str, request: Value) -> dict[str, Any]:
        """Give a secret of a higher scope another value."""
        with self.transaction():
            project = self._project(environment_id)
            target = self._find(environment_id, project, secret_id)
            _check_higher(target, "Overrides")
            present = self._with_key(environment_id, project, target["key"])
            if any(row["scope"] == "ENVIRONMENT" for row in present):
                raise RefusedError(409, f"Variable already exists: {target['key']}")
            return self._derive(environment_id, "OVERRIDE", target["key"], target, request, request.value or "")

    # --- Looking from inside ----------------------------------------------------------------------

    def value(self, environment_id: str, key: str) -> str:
        """What an application of the environment finds under this key: aliases, overrides and
        interpolations resolved. A key that does not exist is a `KeyError`."""
        with self._lock:
            project = self._project(environment_id)

            def find(name: str) -> sqlite3.Row | None:
                row = next(iter(self._with_key(environment_id, project, name)), None)
                if row is None or row["kind"] != "ALIAS":
                    return row
                # The target, or what overrides it here; neither is an alias, so this ends.
                (target,) = self._rows("SELECT * FROM secret WHERE id = ?", row["target"])
                overriding = self._rows(
                    "SELECT * FROM secret WHERE target = ? AND kind = 'OVERRIDE' AND owner = ?",
                    target["id"],
                    environment_id,
                )
                return overriding[0] if overriding else target

            def resolve(row: sqlite3.Row, seen: frozenset[str]) -> str:
                if row["mount_path"] and not row["interpolated"]:
                    return str(row["value"] or "")

                def replace(found: re.Match[str]) -> str:
                    other = None if found[1] in seen else find(found[1])
                    return found[0] if other is None else resolve(other, seen | {found[1]})

                return _INTERPOLATION.sub(replace, row["value"] or "")

            row = find(key)
            if row is None:
                raise KeyError(key)
            return resolve(row, frozenset({key}))

    # --- Rows -------------------------------------------------------------------------------------

    def _project(self, environment_id: str) -> str:
        rows = self._rows("SELECT project_id FROM environment WHERE id = ?", environment_id)
        if not rows:
            raise RefusedError(404, "environment does not exist")
        return str(rows[0]["project_id"])

    def _visible(self, environment_id: str) -> Sequence[sqlite3.Row]:
        return self._rows(
            "SELECT * FROM secret WHERE owner IN (?, ?) ORDER BY rowid", environment_id, self._project(environment_id)
        )

    def _with_key(self, environment_id: str, project_id: str, key: str) -> Sequence[sqlite3.Row]:
        """The secrets of this key that the environment sees; applications get the first, of the lowest scope."""
        rows = self._rows("SELECT * FROM secret WHERE owner IN (?, ?) AND key = ?", environment_id, project_id, key)
        return sorted(rows, key=_rank, reverse=True)

    def _find(self, environment_id: str, project_id: str, secret_id: str) -> sqlite3.Row:
        rows = self._rows("SELECT * FROM secret WHERE id = ?", secret_id)
        if not rows or rows[0]["owner"] not in {environment_id, project_id}:
            raise RefusedError(404, "secret does not exist")
        return rows[0]

    def _own(self, environment_id: str, project_id: str, secret_id: str) -> sqlite3.Row:
        row = self._find(environment_id, project_id, secret_id)
        if row["scope"] != "ENVIRONMENT":
            raise RefusedError(403, f"a secret of scope {row['scope']} cannot be changed from an environment")
        return row

    def _one(self, secret_id: str) -> dict[str, Any]:
        (row,) = self._rows("SELECT * FROM secret WHERE id = ?", secret_id)
        targets = self._rows("SELECT * FROM secret WHERE id = ?", row["target"])
        return _described(row, targets[0] if targets else None)

    def _insert(self, owner: str, scope: str, kind: str, key: str, **fields: Any) -> str:
        now = _now()
        values = {
            "id": str(uuid4()), "owner": owner, "scope": scope, "kind": kind, "key": key, "owned_by": "QOVERY",
            "created_at": now, "updated_at": now, **fields,
        }  # fmt: skip
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        self._database.execute(
            f"INSERT INTO secret ({columns}) VALUES ({marks})",  # noqa: S608 - names of this module
            tuple(values.values()),
        )
        return str(values["id"])

    def _derive(
        self,
        environment_id: str,
        kind: str,
        key: str,
        target: sqlite3.Row,
        request: Key | Value,
        value: str | None = None,
    ) -> dict[str, Any]:
        return self._one(
            self._insert(
                environment_id,
                "ENVIRONMENT",
                kind,
                key,
                value=value,
                target=target["id"],
                mount_path=target["mount_path"],
                description=request.description,
                interpolated=request.enable_interpolation_in_file,
            )
        )

    def _new_target(self, alias: sqlite3.Row, named: Sequence[sqlite3.Row]) -> str:
        if self.behaviour == "documented":
            raise RefusedError(400, "value: the value of an alias cannot be edited")
        target = next((row for row in named if row["kind"] not in {"ALIAS", "OVERRIDE"}), None)
        if target is None:
            raise RefusedError(400, "value: the key of a secret that can be aliased is wanted")
        if bool(target["mount_path"]) != bool(alias["mount_path"]):
            raise RefusedError(400, "value: an alias cannot be pointed to a secret of another kind")
        return str(target["id"])


def _use_wal(database: sqlite3.Connection) -> None:
    """Turn on write-ahead logging; SQLite does not wait here for another process that does the same."""
    for pause in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0):
        with contextlib.suppress(sqlite3.OperationalError):
            database.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(pause)
    database.execute("PRAGMA journal_mode = WAL")


def _rank(row: sqlite3.Row) -> int:
    return SCOPES.index(row["scope"])


def _check_higher(target: sqlite3.Row, what: str) -> None:
    if _rank(target) >= SCOPES.index("ENVIRONMENT"):
        raise RefusedError(400, f"{what} can only be created for a secret of a higher scope: {' > '.join(SCOPES)}")


def _check_key(key: str) -> None:
    if not key.strip():
        raise RefusedError(400, "key: must not be empty")


def _now() -> str:
    text = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return f"{text}0Z" if text.endswith(".") else f"{text}Z"


def _described(row: sqlite3.Row, target: sqlite3.Row | None) -> dict[str, Any]:
    """A secret as it goes over the wire: explicit nulls, and never a value."""
    other = target and {
        "id": target["id"],
        "key": target["key"],
        "mount_path": target["mount_path"],
        "scope": target["scope"],
        "variable_type": target["kind"],
        "description": target["description"],
        "enable_interpolation_in_file": _flag(target["interpolated"]),
    }
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "key": row["key"],
        "overridden_secret": other if row["kind"] == "OVERRIDE" else None,
        "aliased_secret": other if row["kind"] == "ALIAS" else None,
        "scope": row["scope"],
        "variable_type": row["kind"],
        "mount_path": row["mount_path"] if row["kind"] == "FILE" else None,
        "service_id": row["service_id"],
        "service_name": row["service_name"],
        "service_type": row["service_type"],
        "owned_by": row["owned_by"],
        "description": row["description"],
        "enable_interpolation_in_file": _flag(row["interpolated"]),
    }


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)
