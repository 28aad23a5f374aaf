"""`Database`: environments and secrets in SQLite. Knows no rules."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from qovery.exceptions import ApiValueError
from qovery.sandbox.store.private_file import make_private
from qovery.sandbox.store.record import Record
from qovery.sandbox.store.rules import RejectedError

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
CREATE TABLE IF NOT EXISTS deleted (id TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID;
"""

_SELECT = f"SELECT {', '.join(Record._fields)} FROM secret"  # noqa: S608 - names of this package


class Database:
    """The tables, in memory or in a file. May be shared by threads.

    Args:
        path: The file; None keeps everything in memory. Other users get no access to it.

    Raises:
        ApiValueError: The file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if path is not None:
            make_private(path)
        #: Held for a transaction, and for several reads that must agree.
        self.lock = threading.RLock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=10
        )
        problem = None
        try:
            _use_wal(self._connection)
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            problem = f"{path} cannot be used: {error}"
            self._connection.close()
        if problem:
            raise ApiValueError(problem)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply everything done inside, or nothing. A nested transaction is part of the outer one."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):  # another process holds the file, or the disk is full
                    raise RejectedError(503, f"the database cannot be written now: {error}", 1) from None
                raise

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Execute a statement and return its rows."""
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    # --- Environments -----------------------------------------------------------------------------

    def environments(self) -> list[str]:
        """The ids of the environments, oldest first."""
        return [row[0] for row in self.execute("SELECT id FROM environment ORDER BY rowid")]

    def project_of(self, environment_id: str) -> str | None:
        """The project of an environment, or None if the environment does not exist."""
        rows = self.execute("SELECT project_id FROM environment WHERE id = ?", environment_id)
        return rows[0][0] if rows else None

    def add_environment(self, environment_id: str, project_id: str | None) -> None:
        """Add an environment, by default in a project of its own."""
        self.execute("INSERT INTO environment VALUES (?, ?)", environment_id, project_id or str(uuid4()))

    # --- Secrets ----------------------------------------------------------------------------------

    def secrets(self, condition: str, *values: object) -> list[Record]:
        """The secrets that meet an SQL condition, oldest first."""
        return [Record._make(row) for row in self.execute(f"{_SELECT} WHERE {condition} ORDER BY rowid", *values)]

    def secret(self, secret_id: str | None) -> Record | None:
        """The secret with this id."""
        return next(iter(self.secrets("id = ?", secret_id)), None)

    def insert(self, columns: Mapping[str, Any]) -> str:
        """Insert a secret and return its new id."""
        now = _now()
        values = {"id": str(uuid4()), "owned_by": "QOVERY", "created_at": now, "updated_at": now, **columns}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"INSERT INTO secret ({names}) VALUES ({marks})", *values.values())  # noqa: S608 - names of this package
        return str(values["id"])

    def update(self, secret_id: str, columns: Mapping[str, Any]) -> None:
        """Change columns of a secret."""
        values = {**columns, "updated_at": _now()}
        changes = ", ".join(f"{name} = ?" for name in values)
        self.execute(f"UPDATE secret SET {changes} WHERE id = ?", *values.values(), secret_id)  # noqa: S608 - names of this package

    def delete(self, secret_id: str) -> None:
        """Delete a secret, and with it its aliases and overrides."""
        self.execute(
            "INSERT INTO deleted SELECT id, owner FROM secret WHERE id = ? OR target = ?", secret_id, secret_id
        )
        self.execute("DELETE FROM secret WHERE id = ?", secret_id)

    def owner_of_deleted(self, secret_id: str) -> str | None:
        """The owner of a secret that was deleted, or None if there was none with this id."""
        rows = self.execute("SELECT owner FROM deleted WHERE id = ?", secret_id)
        return rows[0][0] if rows else None

    def clear(self) -> None:
        """Delete everything."""
        self.execute("DELETE FROM deleted")
        self.execute("DELETE FROM secret")
        self.execute("DELETE FROM environment")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on write-ahead logging; SQLite does not wait here for another process that does the same."""
    for seconds in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0):
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(seconds)
    connection.execute("PRAGMA journal_mode = WAL")


def _now() -> str:
    return timestamp(datetime.now(timezone.utc))


def timestamp(moment: datetime) -> str:
    """Return a UTC time as the service writes it: without trailing zeros, but with one decimal at least."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0")
    return f"{text}0Z" if text.endswith(".") else f"{text}Z"
