"""The database file of a sandbox, and concurrent writers."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import urllib3

from qovery import (
    ApiConnectionError,
    ApiValueError,
    EnvironmentSecretApi,
    ServiceException,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from qovery.sandbox.store import Behaviour, database
from qovery.sandbox.store.database import Database, timestamp
from test.support import PATIENCE, wait_until
from test.support.clients import Connect
from test.support.sandboxes import AUTHORIZED, Start


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_writers__one_key(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Concurrent writes of one key are atomic, and one secret remains."""
    with ThreadPoolExecutor(16) as executor:
        list(executor.map(lambda n: api.create_environment_secret(env, {"key": "A", "value": str(n)}), range(100)))
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert 0 <= int(sandbox.value(env, "A")) < 100


@pytest.mark.needs_posix
def test_file__is_private(tmp_path: Path) -> None:
    """The database and SQLite's companion files have mode 0600."""
    with Sandbox(db=tmp_path / "sandbox.db"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("sandbox.db", "sandbox.db-wal", "sandbox.db-shm"), 0o600)


def test_file__not_a_database(tmp_path: Path) -> None:
    """A file that is not a database raises an error that names it."""
    file = tmp_path / "notes.txt"
    file.write_text("no database, but long enough to look like one" * 100)
    with pytest.raises(ApiValueError, match=r"notes\.txt cannot be used: file is not a database"):
        Database(file)


@pytest.mark.parametrize(
    ("microsecond", "text"), [(0, "00.0Z"), (120_000, "00.12Z"), (123_450, "00.12345Z"), (1, "00.000001Z")]
)
def test_timestamp__decimals(microsecond: int, text: str) -> None:
    """A timestamp has no trailing zeros, but at least one decimal."""
    assert timestamp(datetime(2026, 1, 2, 3, 40, 0, microsecond)) == f"2026-01-02T03:40:{text}"


def test_file__locked_by_another_process(tmp_path: Path) -> None:
    """Opening a file waits for another process that is initialising it."""
    file = tmp_path / "sandbox.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.05, other.execute, ["COMMIT"])
    timer.start()
    sandbox = Sandbox(db=file)
    assert sandbox.environments() == [ENVIRONMENT_ID]
    sandbox.stop()
    timer.join()
    other.close()


def test_file__that_cannot_grow(http: urllib3.PoolManager, tmp_path: Path) -> None:
    """A write that SQLite cannot store returns a 503 and leaves no partial changes."""
    with Sandbox(db=tmp_path / "sandbox.db") as sandbox:
        sandbox._store._database.execute("PRAGMA max_page_count = 1")
        before = sandbox.secrets(ENVIRONMENT_ID)
        body = {"key": "SESSION_SECRET", "value": "x" * 100_000}
        url = f"{sandbox.url}/environment/{ENVIRONMENT_ID}/secret"
        response = http.request("POST", url, json=body, headers=AUTHORIZED)
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert "full" in response.json()["detail"]
        assert sandbox.secrets(ENVIRONMENT_ID) == before


def test_file__opened_concurrently(tmp_path: Path) -> None:
    """A new file that is opened concurrently is seeded once."""
    barrier = threading.Barrier(6)

    def open_it(_: int) -> list[str]:
        barrier.wait()
        sandbox = Sandbox(db=tmp_path / "sandbox.db")
        try:
            return sandbox.environments()
        finally:
            sandbox.stop()

    with ThreadPoolExecutor(6) as executor:
        assert list(executor.map(open_it, range(6))) == [[ENVIRONMENT_ID]] * 6


def test_command__file_survives_a_kill(connect: Connect, start: Start, tmp_path: Path) -> None:
    """After a `kill -9` during writes every acknowledged write is stored, and no partial one."""
    file = tmp_path / "sandbox.db"
    process, url = start("--db", file)
    acknowledged: list[str] = []
    enough = threading.Event()

    def write(number: int) -> None:
        api = connect(url, retries=False)
        with contextlib.suppress(ApiConnectionError):
            for n in range(10_000):
                # A secret, and one whose value names it: an alias, which is deleted when the secret is replaced.
                for body in ({"key": f"A{number}"}, {"key": f"B{number}_{n}", "value": f"A{number}"}):
                    api.create_environment_secret(ENVIRONMENT_ID, body)
                    acknowledged.append(body["key"])
                if len(acknowledged) > 100:
                    enough.set()

    with ThreadPoolExecutor(4) as executor:
        writers = [executor.submit(write, number) for number in range(4)]
        assert enough.wait(PATIENCE)
        process.kill()
        process.communicate()
        for writer in writers:
            writer.result()
    with Sandbox(db=file) as again:
        secrets = {secret.key: secret for secret in again.secrets(ENVIRONMENT_ID) if secret.key[0] in "AB"}
    by_id = {secret.id for secret in secrets.values()}
    for number in range(4):
        last = [key for key in acknowledged if key.startswith((f"A{number}", f"B{number}_"))][-1]
        # The one unacknowledged write may have been applied; then it replaced A and deleted B.
        assert last in secrets or {key for key in secrets if key[1] == str(number)} == {f"A{number}"}
    assert all(secret.aliased_secret is None or secret.aliased_secret.id in by_id for secret in secrets.values())
    assert {secret.variable_type for secret in secrets.values() if secret.key[0] == "B"} <= {"ALIAS"}
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_command__two_processes_on_one_file(connect: Connect, start: Start, tmp_path: Path) -> None:
    """Two processes can share a file: no write is lost or duplicated."""
    file = tmp_path / "sandbox.db"
    servers = [start("--db", file) for _ in range(2)]

    apis = [connect(url) for _, url in servers]

    def create(n: int) -> None:
        apis[n % 2].create_environment_secret(ENVIRONMENT_ID, {"key": f"A{n}", "value": "x"})

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(create, range(40)))
    for process, _ in servers:
        process.terminate()
        process.communicate()
    with Sandbox(db=file) as sandbox:
        keys = [secret.key for secret in sandbox.secrets(ENVIRONMENT_ID) if secret.key.startswith("A")]
    assert sorted(keys) == sorted(f"A{n}" for n in range(40))


# --- Blocking -------------------------------------------------------------------------------------


def test_read__does_not_wait_for_another_process(tmp_path: Path, connect: Connect) -> None:
    """While another process holds the write lock, reads succeed, cached or not, and a write waits."""
    file = tmp_path / "sandbox.db"
    with Sandbox(db=file) as sandbox, ThreadPoolExecutor(1) as executor:
        other = sandbox.add_environment()
        api = connect(sandbox)
        api.list_environment_secrets(ENVIRONMENT_ID)
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            body = {"key": "WAITS", "value": "x"}
            write = executor.submit(api.create_environment_secret, ENVIRONMENT_ID, body)
            wait_until(
                lambda: [request.operation for request in sandbox.requests][-1:] == ["create_environment_secret"]
            )
            for environment_id in (other, ENVIRONMENT_ID, ENVIRONMENT_ID):
                api.list_environment_secrets(environment_id)
            assert sandbox.environments() == [ENVIRONMENT_ID, other]
            assert sandbox.value(ENVIRONMENT_ID, "SESSION_SECRET") == "made-up-too"
            assert [request.status for request in sandbox.requests] == [200, None, 200, 200, 200]
            assert not write.done()
            holder.execute("COMMIT")
        assert write.result().key == "WAITS"
        assert sandbox.requests[1].status == 201


def test_stop__while_a_write_waits(tmp_path: Path, connect: Connect) -> None:
    """A write that waits for another process does not block `stop`, and is not applied."""
    file = tmp_path / "sandbox.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as holder, ThreadPoolExecutor(1) as executor:
        with Sandbox(db=file) as sandbox:
            holder.execute("BEGIN IMMEDIATE")
            api = connect(sandbox, retries=False)
            write = executor.submit(api.create_environment_secret, ENVIRONMENT_ID, {"key": "WAITS"})
            wait_until(lambda: sandbox.requests)
        assert isinstance(write.exception(PATIENCE), (ApiConnectionError, ServiceException))
        assert holder.execute("SELECT count(*) FROM secret WHERE key = 'WAITS'").fetchall() == [(0,)]


def test_write__busy_for_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: urllib3.PoolManager) -> None:
    """A write that cannot get the lock in time returns a 503 with the reason."""
    with Sandbox(db=tmp_path / "sandbox.db") as sandbox:
        monkeypatch.setattr(database, "BUSY_TIMEOUT", 0)
        with contextlib.closing(sqlite3.connect(tmp_path / "sandbox.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            url = f"{sandbox.url}/environment/{ENVIRONMENT_ID}/secret"
            response = http.request("POST", url, json={"key": "A"}, headers=AUTHORIZED)
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert "locked" in response.json()["detail"]


def test_memory__lists_while_a_writer_works(sandbox: Sandbox, env: str, api: EnvironmentSecretApi) -> None:
    """A cached list is returned without waiting for a transaction of an in-memory database."""
    api.create_environment_secret(env, {"key": "A"})
    other = sandbox.add_environment()
    for environment_id in (env, other):
        api.list_environment_secrets(environment_id)
    with sandbox._store.transaction(), ThreadPoolExecutor(1) as executor:  # this thread locks the database
        listed = executor.submit(api.list_environment_secrets, env).result(PATIENCE)
    assert [secret.key for secret in listed.results or []] == ["A"]


@pytest.mark.parametrize("shared", [False, True], ids=["memory", "two servers on one file"])
def test_list__follows_every_change(tmp_path: Path, connect: Connect, shared: bool) -> None:
    """The next list reflects every change: by any operation, to the project, or through another server."""
    with contextlib.ExitStack() as stack:
        db = tmp_path / "sandbox.db" if shared else None
        servers = [stack.enter_context(Sandbox(seeded=False, behaviour="observed", db=db)) for _ in range(1 + shared)]
        writer, reader = connect(servers[0]), connect(servers[-1])
        env = servers[0].add_environment(project_id="p")
        sibling = servers[0].add_environment(project_id="p")

        def keys(environment_id: str = env) -> list[str]:
            return sorted(secret.key for secret in reader.list_environment_secrets(environment_id).results or [])

        assert (keys(), keys(sibling)) == ([], [])
        own = writer.create_environment_secret(env, {"key": "A"})
        assert keys() == ["A"]
        writer.create_environment_secret_alias(env, own.id, {"key": "B"})
        assert keys() == ["A", "B"]
        writer.edit_environment_secret(env, own.id, {"key": "C"})
        assert keys() == ["B", "C"]
        writer.delete_environment_secret(env, own.id)
        assert keys() == []
        project = servers[0].add_secret(sibling, "P", scope="PROJECT")
        assert (keys(), keys(sibling)) == (["P"], ["P"])
        writer.create_environment_secret_override(env, project.id, {"value": "x"})
        assert (keys(), keys(sibling)) == (["P", "P"], ["P"])
        servers[0].reset()
        servers[0].add_environment(env, project_id="p")
        assert keys() == []
