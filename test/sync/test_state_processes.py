"""One state file and several processes."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from qovery.sync import StateFile
from test.support import NIGHTLY, PATIENCE, ROOT, wait_until
from test.support.listed import secret
from test.support.scripts import COMMAND

KEY, HOST, ENV = "a-key-of-24-random-bytes", "https://api.example.com", "e"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def keys_in(path: Path) -> frozenset[str]:
    return StateFile(path, KEY).read(HOST, ENV).entries.keys()


RECORD = """
import sys
from qovery.sync import StateFile
from qovery import SecretRequest
from test.support.listed import secret
path, key, host, env, prefix, count = sys.argv[1:]
state = StateFile(path, key)
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    name = f"{prefix}{number}"
    state.record(host, env, {name: (SecretRequest(key=name, value="v"), secret(name))})
"""


def recorder(path: Path, env: str, prefix: str, count: int) -> subprocess.Popen[bytes]:
    arguments = [str(path), KEY, HOST, env, prefix, str(count)]
    process = subprocess.Popen([*COMMAND, RECORD, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def go(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()


def test_record__processes_at_once(path: Path) -> None:
    """Several processes that record concurrently, for the same environment and for others, lose no entry."""
    count = 100 if NIGHTLY else 15
    processes = [recorder(path, env, prefix, count) for env, prefix in ((ENV, "A"), (ENV, "B"), ("other", "C"))]
    for process in processes:
        go(process)
    for process in processes:
        with process:
            assert process.wait(PATIENCE) == 0
    assert keys_in(path) == {f"{prefix}{number}" for prefix in "AB" for number in range(count)}
    assert len(StateFile(path, KEY).read(HOST, "other").entries.keys()) == count


def test_record__killed(path: Path) -> None:
    """A process that is killed while recording leaves a complete file and no lock."""
    state = StateFile(path, KEY)
    state.record(HOST, ENV, {"KEPT": (None, secret("KEPT"))})
    for attempt in range(20 if NIGHTLY else 3):
        with recorder(path, ENV, f"K{attempt}_", 100_000) as process:
            before = keys_in(path)
            go(process)
            wait_until(lambda: keys_in(path) > before)  # noqa: B023 - called within the loop
            time.sleep(attempt * 0.0007)
            process.kill()
        known = keys_in(path)
        assert "KEPT" in known
        ours = sorted(int(key.partition("_")[2]) for key in known if key.startswith(f"K{attempt}_"))
        assert ours == list(range(len(ours)))
        state.record(HOST, ENV, {f"AFTER{attempt}": (None, secret("X"))})
        assert f"AFTER{attempt}" in keys_in(path)
