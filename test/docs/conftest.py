"""The mock server of the pages and examples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from qovery.sandbox import Sandbox, seed


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Code of the pages may set environment variables."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def sandbox(mock_server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A mock server with the built-in seed; the environment variables point to it."""
    mock_server.reset()
    mock_server._store.clear()
    seed.add_built_in(mock_server._store)
    monkeypatch.setenv("QOVERY_API_URL", mock_server.url)
    monkeypatch.setenv("QOVERY_API_TOKEN", "a-token")
    monkeypatch.setenv("QOVERY_ENVIRONMENT_ID", mock_server.environment_id)
    return mock_server
