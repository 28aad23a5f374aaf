"""What the tests of the sandbox and those of sync share: a client for their `sandbox`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi

if TYPE_CHECKING:
    from qovery.sandbox import Sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[EnvironmentSecretApi]:
    with ApiClient(Configuration(host=sandbox.url, access_token="a-token")) as client:
        yield EnvironmentSecretApi(client)


@pytest.fixture
def env(sandbox: Sandbox) -> str:
    return sandbox.environment_id
