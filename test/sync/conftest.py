"""A sandbox of each behaviour, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi
from qovery.sandbox import Sandbox


@pytest.fixture(scope="session", params=["documented", "observed"])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(behaviour=request.param, seeded=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    return server


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[EnvironmentSecretApi]:
    with ApiClient(Configuration(host=sandbox.url, access_token="a-token")) as client:
        yield EnvironmentSecretApi(client)


@pytest.fixture
def env(sandbox: Sandbox) -> str:
    return sandbox.environment_id
