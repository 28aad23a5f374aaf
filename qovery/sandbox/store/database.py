"""`Database`: environments and secrets in SQLite. Independent of the service's rules."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from qovery.exceptions import ApiValueError
from qovery.sandbox.store.private_file import make_private
from qovery.sandbox.store.record import Record
from qovery.sandbox.store.rules import RejectedError

#: The version of the schema, stored as `user_version`. Files from before versioning have 0.
_SCHEMA_VERSION = 1

_SCHEMA = f"""
BEGIN IMMEDIATE;
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
PRAGMA user_version = {_SCHEMA_VERSION};
COMMIT;
"""

_SELECT = f"SELECT {', '.join(Record._fields)} FROM secret"  # noqa: S608 - names of this package


#: Used instead of an owner: all of them.
_EVERYONE = ""

#: How long a write waits for another process that writes to the file, in seconds.
BUSY_TIMEOUT = 10.0


class Database:
    """The tables, in memory or in a file. Thread-safe.

    In a file, reads do not wait for writes: they use separate connections (write-ahead logging).

    Args:
        path: The file; None keeps everything in memory. Other users get no access to it.

    Raises:
        ApiValueError: The file cannot be used.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._uri = None
        if path is not None:
            make_private(path)
            self._uri = f"{Path(os.fsdecode(path)).absolute().as_uri()}?mode=rw"
        self._lock = threading.RLock()  # guards the writer
        self._using = threading.local()  # `connection`: that of this thread within a transaction or `reading`
        self._readers = queue.LifoQueue[sqlite3.Connection]()
        self._watcher: sqlite3.Connection | None = None
        self._watcher_lock = threading.Lock()
        self._closing = threading.Event()
        self._changes = collections.Counter[str]()  # by owner; only for a database in memory
        problem = None
        try:
            self._writer = _opened(self._uri)
        except sqlite3.OperationalError as error:  # the disk is full, the file is read-only, another process locks it
            problem = f"{error}. Check the disk and what else uses the file, or use another file"
        except sqlite3.DatabaseError as error:
            problem = f"{error}. Use another file"
        if problem:
            raise ApiValueError(f"{path} cannot be used: {problem}")

    def stop_waiting(self) -> None:
        """End all waiting for other processes, from now on."""
        self._closing.set()

    def close(self) -> None:
        """Close the file. No other thread may still be reading it."""
        self.stop_waiting()
        with self._lock:
            self._writer.close()
        if self._watcher is not None:
            self._watcher.close()
        while not self._readers.empty():
            self._readers.get_nowait().close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Apply all changes of the block, or none. A nested transaction is part of the outer one."""
        with self._lock:
            if self._writer.in_transaction:
                yield
                return
            try:
                self._begin()
                with self._use(self._writer):
                    yield
                self._writer.execute("COMMIT")
            except BaseException as error:
                if self._writer.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise _unavailable(error) from None
                raise

    def _begin(self) -> None:
        """Begin a write. Wait for other processes here, not in SQLite, so that `stop_waiting` can end it."""
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline or self._closing.wait(0.002):
                    raise
            else:
                return

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read one snapshot of the database inside the block. With a file, this waits for no writer."""
        if self._connection is not None:  # in a transaction, or reading already
            yield
        elif self._uri is None:
            with self._lock, self._use(self._writer):
                yield
        else:
            reader = self._borrowed_reader()
            try:
                with self._use(reader):
                    reader.execute("BEGIN")
                    yield
            finally:
                with contextlib.suppress(sqlite3.Error):
                    reader.execute("COMMIT")
                self._readers.put(reader)

    def _borrowed_reader(self) -> sqlite3.Connection:
        with contextlib.suppress(queue.Empty):
            return self._readers.get_nowait()
        try:
            return _connect(self._uri, timeout=1)
        except sqlite3.Error as error:
            raise _unavailable(error) from None

    @property
    def _connection(self) -> sqlite3.Connection | None:
        return getattr(self._using, "connection", None)

    @contextlib.contextmanager
    def _use(self, connection: sqlite3.Connection) -> Iterator[None]:
        self._using.connection = connection
        try:
            yield
        finally:
            self._using.connection = None

    def execute(self, sql: str, *values: object) -> list[Any]:
        """Execute a statement and return its rows."""
        connection = self._connection
        try:
            if connection is not None:
                return connection.execute(sql, values).fetchall()
            with self._lock:
                return self._writer.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _unavailable(error) from None

    def version(self, *owners: str) -> object:
        """Return a version that changes with the secrets of these owners, or None if it is unknown now. Never waits."""
        if self._uri is None:
            return tuple(self._changes[owner] for owner in (_EVERYONE, *owners))
        with self._watcher_lock, contextlib.suppress(sqlite3.Error):
            if self._watcher is None:
                self._watcher = _connect(self._uri, timeout=0)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])
        return None

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
        """Return the secrets that match an SQL condition, oldest first."""
        return [Record._make(row) for row in self.execute(f"{_SELECT} WHERE {condition} ORDER BY rowid", *values)]

    def overview(self, condition: str, *values: object, limit: int) -> tuple[int, list[Record]]:
        """Return how many secrets match an SQL condition, and the first of them by scope and key."""
        ((number,),) = self.execute(f"SELECT count(*) FROM secret WHERE {condition}", *values)  # noqa: S608 - of this package
        order = "CASE scope WHEN 'BUILT_IN' THEN 0 WHEN 'PROJECT' THEN 1 ELSE 2 END, key LIMIT ?"
        rows = self.execute(f"{_SELECT} WHERE {condition} ORDER BY {order}", *values, limit)
        return number, [Record._make(row) for row in rows]

    def secret(self, secret_id: str | None) -> Record | None:
        """The secret with this id."""
        return next(iter(self.secrets("id = ?", secret_id)), None)

    def insert(self, columns: Mapping[str, Any]) -> str:
        """Insert a secret and return its new id."""
        now = _now()
        self._changes[columns["owner"]] += 1
        values = {"id": str(uuid4()), "owned_by": "QOVERY", "created_at": now, "updated_at": now, **columns}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"INSERT INTO secret ({names}) VALUES ({marks})", *values.values())  # noqa: S608 - names of this package
        return str(values["id"])

    def update(self, secret_id: str, owner: str, columns: Mapping[str, Any]) -> None:
        """Change columns of a secret."""
        self._changes[owner] += 1
        values = {**columns, "updated_at": _now()}
        changes = ", ".join(f"{name} = ?" for name in values)
        self.execute(f"UPDATE secret SET {changes} WHERE id = ?", *values.values(), secret_id)  # noqa: S608 - names of this package

    def delete(self, secret_id: str, owner: str) -> None:
        """Delete a secret, and with it its aliases and overrides, which have the same owner."""
        self._changes[owner] += 1
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
        self._changes[_EVERYONE] += 1
        self.execute("DELETE FROM deleted")
        self.execute("DELETE FROM secret")
        self.execute("DELETE FROM environment")


def _opened(uri: str | None) -> sqlite3.Connection:
    """Open the file for the writer, and create the tables unless they exist."""
    connection = _connect(uri, timeout=BUSY_TIMEOUT)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        _check_origin(connection, version)
        _use_wal(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < _SCHEMA_VERSION:
            connection.executescript(_SCHEMA)
        connection.execute("PRAGMA busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(uri: str | None, *, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri or ":memory:", uri=uri is not None, isolation_level=None, check_same_thread=False, timeout=timeout
    )


def _unavailable(error: sqlite3.Error) -> Exception:
    """Return the error to raise for one of SQLite: 503 if the disk or another process is the cause."""
    if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
        return RejectedError(503, f"the database is unavailable: {error}", 1)
    return error


def _check_origin(connection: sqlite3.Connection, version: int) -> None:
    """Raise an error for a file that another application or a newer version of this one has written."""
    if version > _SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"it has schema {version} of a newer version of qovery; upgrade qovery")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not tables >= {"environment", "secret"}:
        raise sqlite3.DatabaseError("it belongs to another application")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on write-ahead logging; retry, since SQLite does not wait for another process that does the same."""
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
