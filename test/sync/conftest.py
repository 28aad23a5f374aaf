"""A sandbox of each behaviour."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qovery.sandbox import Sandbox


@pytest.fixture(scope="session", params=["documented", "observed"])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(behaviour=request.param, seeded=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset()
    return server
