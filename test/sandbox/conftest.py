"""Both behaviours of the sandbox, and secrets of higher scopes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import urllib3

from qovery import Secret
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS, Behaviour


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    """Both behaviours, one after the other; a test that is about one of them parametrises it itself."""
    assert request.param in BEHAVIOURS
    return request.param  # type: ignore[no-any-return]  # as just asserted


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
