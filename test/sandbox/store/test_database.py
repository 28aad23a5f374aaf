"""The file of a sandbox, and concurrent writers."""

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
)
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from qovery.sandbox.store import Behaviour
from qovery.sandbox.store.database import Database, timestamp
from test.support import PATIENCE
from test.support.clients import Connect
from test.support.sandboxes import Start

AUTHORIZED = {"Authorization": "Token a-token", "Content-Type": "application/json"}


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_writers__one_key(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Of many that write one key at once, each is applied whole and one is left."""
    with ThreadPoolExecutor(16) as executor:
        list(executor.map(lambda n: api.create_environment_secret(env, {"key": "A", "value": str(n)}), range(100)))
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert 0 <= int(sandbox.value(env, "A")) < 100


@pytest.mark.needs_posix
def test_file__is_not_for_others(tmp_path: Path) -> None:
    """The database and what SQLite keeps beside it have mode 0600."""
    with Sandbox(db=tmp_path / "sandbox.db"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("sandbox.db", "sandbox.db-wal", "sandbox.db-shm"), 0o600)


def test_file__of_something_else(tmp_path: Path) -> None:
    """A file that is no database is an error that names it."""
    file = tmp_path / "notes.txt"
    file.write_text("no database, but long enough to look like one" * 100)
    with pytest.raises(ApiValueError, match=r"notes\.txt cannot be used: file is not a database"):
        Database(file)


@pytest.mark.parametrize(
    ("microsecond", "text"), [(0, "00.0Z"), (120_000, "00.12Z"), (123_450, "00.12345Z"), (1, "00.000001Z")]
)
def test_timestamp__decimals(microsecond: int, text: str) -> None:
    """A time has no trailing zeros, but at least one decimal."""
    assert timestamp(datetime(2026, 1, 2, 3, 40, 0, microsecond)) == f"2026-01-02T03:40:{text}"


def test_file__that_another_process_holds(tmp_path: Path) -> None:
    """Opening a file waits for another process that is about to set it up."""
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
    """What SQLite cannot write is a 503, no 500, and is not there by half."""
    with Sandbox(db=tmp_path / "sandbox.db") as sandbox:
        sandbox._store._database.execute("PRAGMA max_page_count = 1")
        before = sandbox.secrets(ENVIRONMENT_ID)
        body = {"key": "SESSION_SECRET", "value": "x" * 100_000}
        url = f"{sandbox.url}/environment/{ENVIRONMENT_ID}/secret"
        answer = http.request("POST", url, json=body, headers=AUTHORIZED)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert "full" in answer.json()["detail"]
        assert sandbox.secrets(ENVIRONMENT_ID) == before


def test_file__opened_by_many_at_once(tmp_path: Path) -> None:
    """However many open a new file at once, it gets one seed."""
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
    """After a `kill -9` in the middle of writes what was answered is there, and nothing by half."""
    file = tmp_path / "sandbox.db"
    process, url = start("--db", file)
    answered: list[str] = []
    enough = threading.Event()

    def write(number: int) -> None:
        api = connect(url, retries=False)
        with contextlib.suppress(ApiConnectionError):
            for n in range(10_000):
                # A secret, and one whose value names it: an alias, which goes when the secret is replaced.
                for body in ({"key": f"A{number}"}, {"key": f"B{number}_{n}", "value": f"A{number}"}):
                    api.create_environment_secret(ENVIRONMENT_ID, body)
                    answered.append(body["key"])
                if len(answered) > 100:
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
        last = [key for key in answered if key.startswith((f"A{number}", f"B{number}_"))][-1]
        # The one write that was not answered may have been applied, and would have replaced A and dropped B.
        assert last in secrets or {key for key in secrets if key[1] == str(number)} == {f"A{number}"}
    assert all(secret.aliased_secret is None or secret.aliased_secret.id in by_id for secret in secrets.values())
    assert {secret.variable_type for secret in secrets.values() if secret.key[0] == "B"} <= {"ALIAS"}
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_command__two_processes_on_one_file(connect: Connect, start: Start, tmp_path: Path) -> None:
    """Two processes may share a file: no write is lost and none is doubled."""
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
