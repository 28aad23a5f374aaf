"""Fixtures for both behaviours of the sandbox, and for secrets of higher scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import urllib3

from qovery import Secret
from qovery.sandbox import Sandbox
from qovery.sandbox.store import BEHAVIOURS, Behaviour


@pytest.fixture(params=BEHAVIOURS)
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    """Both behaviours in turn; a test of one of them overrides the fixture or parametrises it."""
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
    """The current keys of the environment, sorted."""
    return lambda: sorted(secret.key for secret in sandbox.secrets(env))


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    """A plain HTTP client without retries."""
    with urllib3.PoolManager(retries=False) as manager:
        yield manager
