"""The sandbox as a server: what it answers to what is no proper request, its command line, its file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiKeyError,
    ApiValueError,
    BadRequestException,
    Configuration,
    EnvironmentSecretApi,
    ForbiddenException,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from test.sandbox.conftest import Start

AUTHORIZED = {"Authorization": "Token a-token", "Content-Type": "application/json"}


@pytest.fixture
def behaviour() -> str:
    return "documented"


# --- Requests that are wrong ----------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Token", "Token ", "Basic abc", "a-token"])
def test_authorization__missing_or_malformed(
    http: urllib3.PoolManager, sandbox: Sandbox, env: str, authorization: str | None
) -> None:
    """Without a scheme and a token there is a 401."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = http.request("GET", f"{sandbox.url}/environment/{env}/secret", headers=headers)
    assert (answer.status, answer.json()["status"]) == (401, 401)


@pytest.mark.parametrize(
    ("body", "headers", "status", "named"),
    [
        (b"{", {}, 400, "JSON"),
        (b"", {}, 400, "key"),
        (b"\xff", {}, 400, "JSON"),
        (b"[]", {}, 400, "body"),
        (b'{"value": "canary"}', {}, 400, "key"),
        (b'{"key": "A", "value": 5}', {}, 400, "value"),
        (b'{"key": "A", "vlaue": "canary"}', {}, 400, "vlaue"),
        (json.dumps({"key": "A", "description": "x" * 256}).encode(), {}, 400, "description"),
        (b'{"key": "A"}', {"Content-Type": "text/plain"}, 415, "content type"),
        (json.dumps({"key": "A", "value": "x" * 1024 * 1024}).encode(), {}, 413, "larger"),
        (b"[" * 100_000, {}, 400, "JSON"),
    ],
)
def test_body__wrong(
    http: urllib3.PoolManager,
    sandbox: Sandbox,
    env: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    named: str,
) -> None:
    """A body that is wrong is a 4xx that names the field and repeats no value."""
    url = f"{sandbox.url}/environment/{env}/secret"
    answer = http.request("POST", url, body=body, headers={**AUTHORIZED, **headers})
    assert answer.status == status
    assert named in answer.json()["detail"]
    assert "canary" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PATCH", "/environment/e/secret", 405)]
)
def test_route__unknown(http: urllib3.PoolManager, sandbox: Sandbox, method: str, path: str, status: int) -> None:
    """An unknown path or method is answered in JSON too."""
    answer = http.request(method, sandbox.url + path, headers=AUTHORIZED)
    assert (answer.status, answer.json()["status"]) == (status, status)


def test_route__says_what_is_allowed(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """A method that a path does not have is answered with all that it has; HEAD comes with GET."""
    url = f"{sandbox.url}/environment/{env}/secret"
    allowed = http.request("OPTIONS", url, headers=AUTHORIZED).headers["Allow"]
    assert sorted(allowed.split(", ")) == ["GET", "HEAD", "POST"]
    answer = http.request("HEAD", url, headers=AUTHORIZED)
    assert (answer.status, answer.data) == (200, b"")


def test_connection__does_not_wait_for_more(sandbox: Sandbox) -> None:
    """Small answers leave at once; otherwise each one on a kept connection takes 40 ms."""
    assert sandbox._listener is not None
    assert sandbox._listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# --- Disturbances ---------------------------------------------------------------------------------


def test_fail__times_and_retry_after(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """A status is answered so often, and nothing is done."""
    sandbox.fail("create_environment_secret", status=500, times=2)
    for _ in range(2):
        with pytest.raises(ServiceException):
            api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []
    sandbox.fail(status=429, retry_after=3600)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after == 3600
    assert [request.status for request in sandbox.requests] == [500, 500, 429]


def test_drop_reply__is_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The write is applied and its answer lost."""
    sandbox.drop_reply("create_environment_secret")
    with pytest.raises(ApiConnectionError) as caught:
        api.create_environment_secret(env, {"key": "A"})
    assert caught.value.outcome_unknown
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert sandbox.requests[-1].status is None


def test_reset_connection__is_not_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The connection is reset and nothing is done."""
    sandbox.reset_connection("create_environment_secret")
    with pytest.raises(ApiConnectionError):
        api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []


def test_tokens__revoked_and_read_only(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """A token may lose the right to write, and then every right."""
    sandbox.read_only("a-token")
    api.list_environment_secrets(env)
    with pytest.raises(ForbiddenException):
        api.create_environment_secret(env, {"key": "A"})
    sandbox.revoke("a-token")
    with pytest.raises(UnauthorizedException):
        api.list_environment_secrets(env)


def test_rate_limit__and_delay(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Beyond the limit there is a 429 that says how long to wait; both are lifted again."""
    sandbox.delay(0.01)
    sandbox.rate_limit(1, per=3600)
    api.list_environment_secrets(env)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 3500
    sandbox.rate_limit(None)
    sandbox.delay(0)
    api.list_environment_secrets(env)


def test_fail__for_ever(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """What fails for ever fails until the next reset."""
    sandbox.fail(status=400, times=None)
    for _ in range(3):
        with pytest.raises(BadRequestException):
            api.list_environment_secrets(env)
    sandbox.reset()
    assert api.list_environment_secrets(sandbox.environment_id).results == []


def test_rate_limit__slides(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """When the time of the limit is over, more are let in."""
    sandbox.rate_limit(1, per=0.05)
    url = f"{sandbox.url}/environment/{env}/secret"
    assert http.request("GET", url, headers=AUTHORIZED).status == 200
    seen = [429]
    deadline = time.monotonic() + 30
    while seen[-1] == 429 and time.monotonic() < deadline:
        seen.append(http.request("GET", url, headers=AUTHORIZED).status)
    assert seen[-1] == 200


@pytest.mark.parametrize(
    ("disturb", "said"),
    [
        (lambda sandbox: sandbox.fail("create_secret"), "create_environment_secret"),
        (lambda sandbox: sandbox.fail(times=0), "at least 1"),
        (lambda sandbox: sandbox.fail(status=200), "300 to 599"),
        (lambda sandbox: sandbox.delay(-1), "negative"),
    ],
    ids=["operation", "times", "status", "seconds"],
)
def test_disturbance__wrong(sandbox: Sandbox, disturb: Callable[[Sandbox], None], said: str) -> None:
    """A disturbance that cannot be meant is an error, not silence."""
    with pytest.raises(ApiValueError, match=said):
        disturb(sandbox)


# --- Concurrency ----------------------------------------------------------------------------------


def test_writers__one_key(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Of many that write one key at once, each is applied whole and one is left."""
    with ThreadPoolExecutor(16) as executor:
        list(executor.map(lambda n: api.create_environment_secret(env, {"key": "A", "value": str(n)}), range(100)))
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert 0 <= int(sandbox.value(env, "A")) < 100


# --- Arranging ------------------------------------------------------------------------------------


def test_load__seed_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """A seed file adds environments; what is wrong with one is said without its values."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"id": "e1", "secrets": [{"key": "A", "value": "canary"}]}]}))
    assert sandbox.load(file) == ["e1"]
    assert sandbox.value("e1", "A") == "canary"
    file.write_text(json.dumps({"environments": [{"secrets": [{"value": "canary"}]}]}))
    with pytest.raises(ApiValueError, match="key") as caught:
        sandbox.load(file)
    assert "canary" not in str(caught.value)
    with pytest.raises(ApiValueError, match="cannot be read"):
        sandbox.load(tmp_path / "missing.json")


def test_add_secret__wrong(sandbox: Sandbox, env: str) -> None:
    """An unknown environment, an unknown scope, and a key or an environment that exist are errors."""
    with pytest.raises(ApiValueError, match="does not exist"):
        sandbox.add_secret("missing", "A")
    with pytest.raises(ApiValueError, match="scope"):
        sandbox.add_secret(env, "A", scope="GALAXY")  # type: ignore[arg-type]  # what is tested
    sandbox.add_secret(env, "A", owned_by="DOPPLER", enable_interpolation_in_file=True)
    with pytest.raises(ApiValueError, match="already exists: A"):
        sandbox.add_secret(env, "A")
    with pytest.raises(ApiValueError, match="exists already"):
        sandbox.add_environment(env)
    assert [(secret.key, secret.owned_by) for secret in sandbox.secrets(env)] == [("A", "DOPPLER")]


def test_load__all_or_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """A seed file whose last secret cannot be added adds nothing."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"secrets": [{"key": "A"}, {"key": "B"}, {"key": "A"}]}]}))
    before = sandbox.environments()
    with pytest.raises(ApiValueError, match="already exists: A"):
        sandbox.load(file)
    assert sandbox.environments() == before


def test_behaviour__is_set_and_reset(sandbox: Sandbox) -> None:
    """The behaviour can be changed while it runs, until the next reset, and no other can be asked for."""
    sandbox.behaviour = "observed"
    assert sandbox.behaviour == "observed"
    sandbox.reset()
    assert sandbox.behaviour == "documented"
    with pytest.raises(ApiValueError, match="documented or observed"):
        sandbox.behaviour = "strict"  # type: ignore[assignment]  # what is tested
    with pytest.raises(ApiValueError, match="documented or observed"):
        Sandbox(behaviour="strict")  # type: ignore[arg-type]  # what is tested


def test_url__of_a_stopped_sandbox() -> None:
    """A sandbox that does not run says so."""
    stopped = Sandbox()
    with pytest.raises(ApiValueError, match="start"):
        _ = stopped.url
    assert repr(stopped) == "<Sandbox stopped>"
    stopped.stop()
    with pytest.raises(ApiValueError, match="was stopped"):
        stopped.start()


def test_environment_id__of_nothing() -> None:
    """Without an environment there is no id, and the error says how to get one."""
    with Sandbox(seeded=False) as empty, pytest.raises(ApiKeyError, match="add_environment"):
        _ = empty.environment_id


def test_start__twice(sandbox: Sandbox) -> None:
    """One that runs cannot be started again, and one whose port is taken not at all."""
    with pytest.raises(ApiValueError, match="is running"):
        sandbox.start()
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).start()


def test_seed__built_in() -> None:
    """Without a seed there is one environment of a fixed id with secrets of each scope."""
    with Sandbox() as sandbox:
        assert sandbox.environment_id == ENVIRONMENT_ID
        scopes = {secret.scope.value for secret in sandbox.secrets(ENVIRONMENT_ID)}
    assert scopes == {"BUILT_IN", "PROJECT", "ENVIRONMENT"}


# --- The command line and the file ----------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_command__stops_cleanly(start: Start, how: signal.Signals) -> None:
    """It prints one line, and ends with 0 and without a word when it is told to."""
    process, _ = start()
    process.send_signal(how)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_command__token_and_seed(start: Start, tmp_path: Path) -> None:
    """Only the tokens that are named are let in; the seed file takes the place of the built-in one."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"environments": [{"id": "e1", "secrets": [{"key": "A", "scope": "PROJECT"}]}]}))
    _, url = start("--token", "good", "--seed", file)
    for token, allowed in (("good", True), ("bad", False)):
        with ApiClient(Configuration(host=url, access_token=token)) as client:
            api = EnvironmentSecretApi(client)
            if allowed:
                assert len(api.list_environment_secrets("e1").results or []) == 1
            else:
                with pytest.raises(UnauthorizedException):
                    api.list_environment_secrets("e1")


def test_command__file_survives_a_kill(start: Start, tmp_path: Path) -> None:
    """After a `kill -9` in the middle of writes what was answered is there, and nothing by half."""
    file = tmp_path / "sandbox.db"
    process, url = start("--db", file)
    answered: list[str] = []
    enough = threading.Event()

    def write(number: int) -> None:
        configuration = Configuration(host=url, access_token="t", retries=False)
        with ApiClient(configuration) as client, contextlib.suppress(ApiConnectionError):
            api = EnvironmentSecretApi(client)
            for n in range(10_000):
                # A secret, and one whose value names it: an alias, which goes when the secret is replaced.
                for body in ({"key": f"A{number}"}, {"key": f"B{number}_{n}", "value": f"A{number}"}):
                    api.create_environment_secret(ENVIRONMENT_ID, body)
                    answered.append(body["key"])
                if len(answered) > 100:
                    enough.set()

    with ThreadPoolExecutor(4) as executor:
        writers = [executor.submit(write, number) for number in range(4)]
        assert enough.wait(60)
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


def test_file__is_not_for_others(tmp_path: Path) -> None:
    """The database and what SQLite keeps beside it have mode 0600."""
    with Sandbox(db=tmp_path / "sandbox.db"):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("sandbox.db", "sandbox.db-wal", "sandbox.db-shm"), 0o600)


def test_command__two_processes_on_one_file(start: Start, tmp_path: Path) -> None:
    """Two processes may share a file: no write is lost and none is doubled."""
    file = tmp_path / "sandbox.db"
    servers = [start("--db", file) for _ in range(2)]

    def create(n: int) -> None:
        with ApiClient(Configuration(host=servers[n % 2][1], access_token="t")) as client:
            EnvironmentSecretApi(client).create_environment_secret(ENVIRONMENT_ID, {"key": f"A{n}", "value": "x"})

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(create, range(40)))
    for process, _ in servers:
        process.terminate()
        process.communicate()
    with Sandbox(db=file) as sandbox:
        keys = [secret.key for secret in sandbox.secrets(ENVIRONMENT_ID) if secret.key.startswith("A")]
    assert sorted(keys) == sorted(f"A{n}" for n in range(40))


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


def test_command__log(start: Start) -> None:
    """With `--log-level info` each request is a line on stderr, without values and tokens."""
    process, url = start("--log-level", "info")
    with ApiClient(Configuration(host=url, access_token="canary-token")) as client:
        EnvironmentSecretApi(client).create_environment_secret(ENVIRONMENT_ID, {"key": "A", "value": "canary-value"})
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert f"POST /environment/{ENVIRONMENT_ID}/secret 201" in err
    assert "canary" not in out + err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--public"),
        (["--host", "example.test"], "--public"),
        (["--seed", "/nowhere.json"], "cannot be read"),
        (["--db", "/nowhere/sandbox.db"], "/nowhere"),
        (["--db", __file__], "not a database"),
    ],
)
def test_command__refuses(arguments: list[str], said: str) -> None:
    """What cannot be done is one line that says what to do."""
    done = subprocess.run([sys.executable, "-m", "qovery.sandbox", *arguments], capture_output=True, text=True)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_command__without_the_extra() -> None:
    """Where the extra is missing one line says what to install."""
    program = "import sys; sys.modules['uvicorn'] = None; from qovery.sandbox.__main__ import main; main([])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr == "qovery-sandbox: the sandbox needs uvicorn: pip install 'qovery[sandbox]'\n"
    program = "import sys; sys.modules['starlette'] = None; from qovery.sandbox import Sandbox"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.endswith("pip install 'qovery[sandbox]'\n")


def test_list__of_a_hundred_thousand(sandbox: Sandbox, http: urllib3.PoolManager) -> None:
    """100,000 secrets in one environment are listed, and one more is added."""
    secrets = [{"key": f"K{n}", "value": "v"} for n in range(100_000)]
    (env,) = sandbox.load({"environments": [{"secrets": secrets}]})
    url = f"{sandbox.url}/environment/{env}/secret"
    assert http.request("POST", url, json={"key": "K5", "value": "K7"}, headers=AUTHORIZED).status == 201
    listed = http.request("GET", url, headers=AUTHORIZED).json()["results"]
    assert len(listed) == 100_000
    assert sandbox.value(env, "K5") == "v"


def test_command__help_names_the_environment() -> None:
    """`--help` says which environment there is."""
    done = subprocess.run(
        [sys.executable, "-m", "qovery.sandbox", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert ENVIRONMENT_ID in done.stdout


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(1)
    return caplog


def test_log__shows_no_secret(
    everything_logged: pytest.LogCaptureFixture, api: EnvironmentSecretApi, sandbox: Sandbox, env: str
) -> None:
    """At the lowest level the log has paths and statuses, and neither values nor tokens."""
    caplog = everything_logged
    api.create_environment_secret(env, {"key": "A", "value": "canary-value"})
    assert f"POST /environment/{env}/secret 201" in caplog.text
    for secret in ("canary-value", "a-token"):
        assert secret not in caplog.text
        assert secret not in repr(sandbox)
        assert secret not in repr(sandbox.requests)
