"""The command line."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from qovery import ApiConnectionError, UnauthorizedException
from qovery.extras import missing
from qovery.sandbox.seed import ENVIRONMENT_ID
from test.support import PATIENCE, ROOT, unmeasured
from test.support.clients import Connect, client_for
from test.support.sandboxes import Start

#: Uses the sandbox in two ways without a library that it needs.
WITHOUT_HTTPTOOLS = """
import sys
sys.modules["httptools"] = None
import qovery

try:
    from qovery.sandbox import Sandbox
except qovery.MissingExtraError as error:
    print(error)
try:
    qovery.sandbox.Sandbox()
except ImportError as error:
    print(error)
"""


def run_command(
    command: list[str], folder: Path, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE)


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run_command([sys.executable, "-m", "qovery.sandbox", *arguments], folder)


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_command__stops_cleanly(start: Start, how: signal.Signals) -> None:
    """The command prints one line, and on a signal exits with 0 and no further output."""
    process, _ = start()
    process.send_signal(how)
    assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 0


def test_command__token_and_seed(connect: Connect, start: Start, tmp_path: Path) -> None:
    """Only the given tokens are accepted, and the seed file replaces the built-in seed."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"id": "e1", "secrets": [{"key": "A", "scope": "PROJECT"}]}]}))
    _, url = start("--token", "good", "--seed", file)
    for token, allowed in (("good", True), ("bad", False)):
        api = connect(url, access_token=token)
        if allowed:
            assert len(api.list_environment_secrets("e1").results or []) == 1
        else:
            with pytest.raises(UnauthorizedException):
                api.list_environment_secrets("e1")


@pytest.mark.needs_posix
@pytest.mark.parametrize("arguments", [[], ["--token", "it's-good"]], ids=["any token", "one token"])
def test_command__on_a_terminal(arguments: list[str]) -> None:
    """On a terminal the command prints, after the ready line, `export` lines that a shell can run."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "qovery.sandbox", "--port", "0", *arguments]
    with open(ours) as terminal, subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        try:
            ready, _, *exports = [terminal.readline().rstrip("\n") for _ in range(5)]
            listing = "qovery.EnvironmentSecretApi().list_environment_secrets(os.environ['QOVERY_ENVIRONMENT_ID'])"
            program = f"import os, qovery; print(len({listing}.results))"
            shown = 'printf "%s|" "$QOVERY_API_URL" "$QOVERY_API_TOKEN" "$QOVERY_ENVIRONMENT_ID"'
            script = "\n".join([*exports, shown, f'{shlex.quote(sys.executable)} -c "{program}"'])
            done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        finally:
            process.terminate()
    url = ready.removeprefix("Qovery sandbox listening on ")
    assert done.stderr == ""
    assert done.stdout.split("|") == [url, *(arguments[1:] or ["sandbox"]), ENVIRONMENT_ID, "6\n"]
    assert process.returncode == 0


def test_command__log(connect: Connect, start: Start) -> None:
    """With `--log-level info` each request is a line on stderr, without values and tokens."""
    process, url = start("--log-level", "info")
    api = connect(url, access_token="canary-token")
    api.create_environment_secret(ENVIRONMENT_ID, {"key": "A", "value": "canary-value"})
    process.terminate()
    out, err = process.communicate(timeout=PATIENCE)
    assert f"POST /environment/{ENVIRONMENT_ID}/secret 201" in err
    assert "canary" not in out + err


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with files that are not databases of a mock server."""
    (tmp_path / "text").write_text("this is no database, though it is longer than the head of one")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    for name, statement in (("newer", "PRAGMA user_version = 1000"), ("other", "CREATE TABLE customer (id)")):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as database:
            database.execute(statement)
    return tmp_path


@pytest.mark.needs_posix
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "Add --public"),
        (["--host", "example.test"], "Add --public"),
        (["--host", "203.0.113.1", "--public"], "Use another --host"),
        (["--port", "TAKEN"], "is in use. Use --port 0"),
        (["--port", "65536"], "must be between 0 and 65535"),
        (["--port", "-1"], "must be between 0 and 65535"),
        (["--seed", "missing"], "cannot be read"),
        (["--db", "missing/sandbox.db"], "missing/sandbox.db: No such file or directory. Use another file"),
        (["--db", "."], "is a folder. Use another file"),
        (["--db", "link"], "is a symbolic link. Use another file"),
        (["--db", "text"], "file is not a database. Use another file"),
        (["--db", "newer"], "schema 1000 of a newer version of qovery; upgrade qovery"),
        (["--db", "other"], "belongs to another application. Use another file"),
    ],
)
def test_command__cannot_start(arguments: list[str], message: str, files: Path) -> None:
    """A failed start prints one line that says what to do, and leaves the files unchanged."""
    before = {file.name: file.read_bytes() for file in files.iterdir()}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments = [str(taken.getsockname()[1]) if text == "TAKEN" else text for text in arguments]
        done = run(*arguments, folder=files)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("qovery-sandbox: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {file.name: file.read_bytes() for file in files.iterdir()} == before


@pytest.mark.needs_posix
@pytest.mark.parametrize("blocks", [1, 40])
def test_command__full_disk(blocks: int, tmp_path: Path) -> None:
    """A full disk, for the tables or for the seed, is reported in one line."""
    seed = {"environments": [{"secrets": [{"key": "A", "value": "x" * 500_000}]}]}
    (tmp_path / "seed.json").write_text(json.dumps(seed))
    sandbox = f"{shlex.quote(sys.executable)} -m qovery.sandbox --port 0 --db sandbox.db --seed seed.json"
    done = run_command(["bash", "-c", f"ulimit -f {blocks}; exec {sandbox}"], tmp_path, unmeasured())
    assert done.returncode == 1
    assert done.stderr.startswith("qovery-sandbox: ")
    assert "disk" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.needs_posix
@pytest.mark.usefixtures("sigint")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_command__stops_under_load(
    start: Start, http: urllib3.PoolManager, tmp_path: Path, how: signal.Signals
) -> None:
    """While clients read, write, send partial requests or wait for a response, it exits with 0 and no output."""
    process, url = start("--db", tmp_path / "sandbox.db", "--admin", "--admin-token", "t")
    path = f"/environment/{ENVIRONMENT_ID}/secret"
    begun = threading.Barrier(5)

    def load(number: int) -> None:
        api = client_for(url, retries=False)
        with api.api_client, contextlib.suppress(ApiConnectionError):
            for n in itertools.count():
                api.create_environment_secret(ENVIRONMENT_ID, {"key": f"K{number}", "value": str(n)})
                api.list_environment_secrets(ENVIRONMENT_ID)
                if n == 5:
                    begun.wait(PATIENCE)

    host, _, port = url.rpartition("/")[2].rpartition(":")
    with (
        ThreadPoolExecutor(4) as executor,
        socket.create_connection((host, int(port))) as half,
        socket.create_connection((host, int(port))) as late,
    ):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\nContent-Type: application/json\r\n"
        )
        half.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        loads = [executor.submit(load, number) for number in range(4)]
        begun.wait(PATIENCE)
        headers = {"Authorization": "Bearer t"}
        http.request("POST", f"{url}/_sandbox/delay", json={"seconds": 3600}, headers=headers)
        late.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token t\r\n\r\n".encode())
        process.send_signal(how)
        assert process.communicate(timeout=PATIENCE) == ("", "")
        assert process.returncode == 0
        for loaded in loads:
            loaded.result()


def test_command__without_the_extra() -> None:
    """If the extra is missing, one line says what to install."""
    program = "import sys; sys.modules['uvicorn'] = None; from qovery.sandbox.__main__ import main; main([])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr == f"qovery-sandbox: {missing('the sandbox, which imports uvicorn,', 'sandbox')}\n"
    done = subprocess.run([sys.executable, "-c", WITHOUT_HTTPTOOLS], capture_output=True, text=True)
    hint = missing("the sandbox, which imports httptools,", "sandbox")
    assert (done.stdout, done.stderr) == (f"{hint}\n" * 2, "")


def test_command__help_names_the_environment() -> None:
    """`--help` names the seeded environment."""
    done = subprocess.run(
        [sys.executable, "-m", "qovery.sandbox", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert ENVIRONMENT_ID in done.stdout
