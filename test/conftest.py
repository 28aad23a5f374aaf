"""What test files share: a certificate authority, and for those with a `sandbox` a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi
from test.recording import TLS

if TYPE_CHECKING:
    from qovery.sandbox import Sandbox


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TLS:
    return TLS(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[EnvironmentSecretApi]:
    with ApiClient(Configuration(host=sandbox.url, access_token="a-token")) as client:
        yield EnvironmentSecretApi(client)


@pytest.fixture
def env(sandbox: Sandbox) -> str:
    return sandbox.environment_id
