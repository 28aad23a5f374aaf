"""The examples run against a sandbox, also where something fails, and what they print holds no value."""

from __future__ import annotations

import contextlib
import functools
import importlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import uvicorn

from qovery import ApiClient, Configuration, EnvironmentSecretApi
from qovery.sandbox import Sandbox
from qovery.sandbox.seed import ENVIRONMENT_ID
from test.support import PATIENCE, ROOT, wait_until
from test.support.hostile import HostileServer, read, stall

EXAMPLES = ROOT / "docs/examples"
CANARY = "canary-of-an-example"
TO = ("--environment", ENVIRONMENT_ID)


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    """A file with two new keys and an inherited one."""
    file = tmp_path / "secrets.env"
    file.write_text(f"API_KEY={CANARY}\nREGION={CANARY}\nSTRIPE_API_KEY={CANARY}\n")
    return file


def started(name: str, *arguments: str) -> subprocess.Popen[str]:
    """An example that runs, with all that it prints in one stream."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent.parent)},
        text=True,
    )


def run(name: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """The exit status of an example, and all that it prints, which is never a value nor a traceback."""
    with started(name, *arguments) as process:
        try:
            told, _ = process.communicate(stdin, timeout=PATIENCE)
        finally:
            process.kill()
    assert CANARY not in told
    assert "Traceback" not in told
    return process.returncode, told


def test_rotate_secrets(sandbox: Sandbox) -> None:
    """A secret or override gets a new value and keeps its id, aliases and description."""
    sandbox.behaviour = "observed"  # the documented one has no aliases of an environment's own secrets
    env = sandbox.environment_id
    old = sandbox.add_secret(env, "OLD", CANARY, description="for the mail server")
    stripe = next(secret for secret in sandbox.secrets(env) if secret.key == "STRIPE_API_KEY")
    with ApiClient(Configuration.from_env()) as client:
        EnvironmentSecretApi(client).create_environment_secret_alias(env, old.id, {"key": "ANOTHER_NAME"})
        EnvironmentSecretApi(client).create_environment_secret_override(env, stripe.id, {"value": CANARY})
    before = {(secret.key, secret.id, secret.description) for secret in sandbox.secrets(env)}
    code, told = run("rotate_secrets.py", *TO, "OLD", "STRIPE_API_KEY", "OLD")
    assert (code, told) == (0, "OLD was rotated\nSTRIPE_API_KEY was rotated\n")
    assert CANARY not in (sandbox.value(env, "OLD"), sandbox.value(env, "STRIPE_API_KEY"))
    assert sandbox.value(env, "ANOTHER_NAME") == sandbox.value(env, "OLD")
    assert {(secret.key, secret.id, secret.description) for secret in sandbox.secrets(env)} == before


def test_rotate_secrets__that_cannot_be(sandbox: Sandbox) -> None:
    """If one key cannot be rotated, nothing is written, and each such key is listed with its reason."""
    env = sandbox.environment_id
    sandbox.add_secret(env, "FOREIGN", CANARY, owned_by="DOPPLER")
    stripe = next(secret for secret in sandbox.secrets(env) if secret.key == "STRIPE_API_KEY")
    with ApiClient(Configuration.from_env()) as client:
        EnvironmentSecretApi(client).create_environment_secret_alias(env, stripe.id, {"key": "ANOTHER_NAME"})
    keys = ["SESSION_SECRET", "NONE", "STRIPE_API_KEY", "ANOTHER_NAME", "SERVICE_ACCOUNT", "FOREIGN"]
    reasons = "NONE does not exist, STRIPE_API_KEY is inherited from PROJECT, ANOTHER_NAME is an alias, "
    reasons += "SERVICE_ACCOUNT is a file, FOREIGN is managed by DOPPLER"
    assert run("rotate_secrets.py", *TO, *keys) == (1, f"nothing was rotated: {reasons}\n")
    assert "PUT" not in [request.method for request in sandbox.requests]


def test_rotate_secrets__that_fails(sandbox: Sandbox) -> None:
    """A failed key does not stop the others; an unknown outcome, a wrong token and a missing argument are reported."""
    env = sandbox.environment_id
    sandbox.add_secret(env, "OLD", CANARY)
    sandbox.fail("edit_environment_secret", status=403)
    code, told = run("rotate_secrets.py", *TO, "OLD", "SESSION_SECRET")
    assert (code, "OLD was not rotated: " in told, "SESSION_SECRET was rotated" in told) == (1, True, True)
    assert sandbox.value(env, "OLD") == CANARY
    sandbox.drop_reply("edit_environment_secret", times=None)
    code, told = run("rotate_secrets.py", *TO, "OLD")
    assert (code, "OLD may have been rotated: " in told) == (1, True)
    assert sandbox.value(env, "OLD") != CANARY
    assert sandbox.value(env, "OLD") not in told
    sandbox.revoke("a-token")
    code, told = run("rotate_secrets.py", *TO, "OLD")
    assert (code, "nothing was rotated: " in told) == (1, True)
    assert run("rotate_secrets.py", *TO)[0] == 2
    assert run("rotate_secrets.py", "OLD")[0] == 2


def test_worker_pool(sandbox: Sandbox, dotenv: Path) -> None:
    """Several processes create and edit secrets, also where the response to a create is lost."""
    env = sandbox.environment_id
    sandbox.add_secret(env, "REGION", "old", description="where")
    sandbox.drop_reply("create_environment_secret")
    code, told = run("worker_pool.py", *TO, stdin=dotenv.read_text(encoding="utf-8"))
    assert (code, told) == (0, "API_KEY: done\nREGION: done\nSTRIPE_API_KEY: done\n")
    assert [sandbox.value(env, key) for key in ("API_KEY", "REGION", "STRIPE_API_KEY")] == [CANARY] * 3
    assert next(secret for secret in sandbox.secrets(env) if secret.key == "REGION").description == "where"


def test_worker_pool__that_fails(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that fails does not stop the others, and an unknown outcome is reported."""
    sandbox.behaviour = "observed"
    env = sandbox.environment_id
    sandbox.add_secret(env, "REGION", "old")
    sandbox.fail("edit_environment_secret", status=500, retry_after=3600)
    keys = ["REGION", "SERVICE_ACCOUNT", "STRIPE_API_KEY", "NEW"]
    code, told = run("worker_pool.py", *TO, stdin="".join(f"{key}={CANARY}\n" for key in keys))
    outcomes = dict(line.split(": ")[:2] for line in told.splitlines())
    failed = "was not done"
    expected = {"NEW": "done", "REGION": "may have been done", "SERVICE_ACCOUNT": failed, "STRIPE_API_KEY": failed}
    assert (code, outcomes) == (1, expected)
    assert run("worker_pool.py", *TO, stdin=f"A={CANARY}\nA={CANARY}\n")[0] == 1
    monkeypatch.setenv("QOVERY_API_URL", "http://")
    assert run("worker_pool.py", *TO, stdin=f"A={CANARY}\n")[0] == 1
    assert run("worker_pool.py", stdin=f"A={CANARY}\n")[0] == 2


def test_worker_pool__lost_response(sandbox: Sandbox) -> None:
    """The outcome of a create with a lost response stays unknown if the list after it fails too."""
    sandbox.drop_reply("create_environment_secret")
    sandbox.rate_limit(2, per=3600)
    code, told = run("worker_pool.py", *TO, stdin=f"NEW={CANARY}\n")
    assert (code, told.partition(" failed: ")[0]) == (1, "NEW: may have been done: list_environment_secrets")
    assert sandbox.value(sandbox.environment_id, "NEW") == CANARY


def test_worker_pool__worker_dies(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """If a worker dies, the pool ends instead of waiting, and its jobs may have been done."""
    with HostileServer([read, stall]) as service:

        def kill() -> None:
            wait_until(lambda: service.requests)
            for child in multiprocessing.active_children():
                child.kill()

        monkeypatch.setenv("QOVERY_API_URL", service.url)
        monkeypatch.setenv("QOVERY_API_TOKEN", "a-token")
        monkeypatch.syspath_prepend(EXAMPLES)
        killer = threading.Thread(target=kill)
        killer.start()
        with dotenv.open() as file:
            monkeypatch.setattr(sys, "stdin", file)
            assert importlib.import_module("worker_pool").main(["--environment", "e"]) == 1
        killer.join()
    told = "".join(capfd.readouterr())
    assert told.count(": may have been done: a worker died") >= 1
    assert CANARY not in told


@contextlib.contextmanager
def served(app: Any) -> Iterator[Callable[..., urllib3.BaseHTTPResponse]]:
    """Serve an app, and yield a function that sends requests to it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    port = server.servers[0].sockets[0].getsockname()[1]
    with urllib3.HTTPConnectionPool("127.0.0.1", port) as pool:
        yield functools.partial(pool.request, retries=False)
    server.should_exit = True
    thread.join()


def test_web_service(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One client serves all requests, and each error of the API becomes a response of the service."""
    caplog.set_level(0)
    monkeypatch.delenv("QOVERY_ENVIRONMENT_ID")
    monkeypatch.setenv("MANAGED_ENVIRONMENT_ID", sandbox.environment_id)
    example = runpy.run_path(str(EXAMPLES / "web_service.py"))
    with served(example["app"]) as request:
        assert request("PUT", "/secrets/REGION", json={"value": CANARY}).status == 201
        assert request("PUT", "/secrets/REGION", json={"value": CANARY}).json() == {"key": "REGION", "done": "update"}
        assert sandbox.value(sandbox.environment_id, "REGION") == CANARY
        listed = request("GET", "/secrets")
        assert {"key": "REGION", "scope": "ENVIRONMENT", "kind": "VALUE"} in listed.json()

        responses = [request("PUT", "/secrets/REGION", json={"valeu": CANARY})]
        responses += [request("PUT", "/secrets/REGION", body=CANARY)]
        responses += [request("PUT", "/secrets/SERVICE_ACCOUNT", json={"value": CANARY})]
        sandbox.fail("list_environment_secrets", status=429, retry_after=3600)
        responses += [request("GET", "/secrets")]
        sandbox.fail("list_environment_secrets", status=403)
        responses += [request("GET", "/secrets")]
        sandbox.fail("edit_environment_secret", status=500, times=None)
        responses += [request("PUT", "/secrets/SESSION_SECRET", json={"value": CANARY})]
        assert [response.status for response in responses] == [422, 422, 409, 503, 502, 504]
        assert responses[3].headers["Retry-After"] == "3600"
        assert b"the outcome is unknown" in responses[5].data
        assert CANARY.encode() not in b"".join(response.data for response in [listed, *responses])
    assert CANARY not in caplog.text
