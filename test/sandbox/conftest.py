"""A sandbox, fresh in each test, and secrets of higher scopes in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import urllib3

from qovery import Secret
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS, Behaviour

Start = Callable[..., tuple["subprocess.Popen[str]", str]]


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    """Both behaviours, one after the other; a test that is about one of them parametrises it itself."""
    assert request.param in BEHAVIOURS
    return request.param  # type: ignore[no-any-return]  # as just asserted


@pytest.fixture
def sandbox(behaviour: Behaviour) -> Iterator[Sandbox]:
    with Sandbox(behaviour=behaviour, seeded=False) as sandbox:
        sandbox.reset()
        yield sandbox


@pytest.fixture
def project(sandbox: Sandbox, env: str) -> Secret:
    """A secret of scope PROJECT."""
    return sandbox.add_secret(env, "SHARED", "shared value", scope="PROJECT")


@pytest.fixture
def built_in(sandbox: Sandbox, env: str) -> Secret:
    """A secret of scope BUILT_IN."""
    return sandbox.add_secret(
        env, "QOVERY_DB_URL", "db url", scope="BUILT_IN", service_type="DATABASE", service_name="postgres"
    )


@pytest.fixture
def keys(sandbox: Sandbox, env: str) -> Callable[[], list[str]]:
    """The keys that the environment sees now, sorted."""
    return lambda: sorted(secret.key for secret in sandbox.secrets(env))


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """A client that repeats nothing and knows nothing of the service."""
    with urllib3.PoolManager(retries=False) as manager:
        yield manager


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a sandbox in a process of its own and returns the process and its URL; ended with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "qovery.sandbox", "--port", "0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Qovery sandbox listening on http://127.0.0.1:"), line
        return process, line.split()[-1]

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            process.communicate()
