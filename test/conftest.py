"""The fixtures that test files share."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from qovery import ApiClient, Configuration, EnvironmentSecretApi, retry
from qovery.configuration import HOST_VARIABLE, TOKEN_VARIABLES
from test.support.clients import Connect, HasUrl, client_for
from test.support.recording import EMPTY, RecordingServer
from test.support.sandboxes import Start, starter
from test.support.tls import Authority

if TYPE_CHECKING:
    from qovery.sandbox import Sandbox


VARIABLES = (*TOKEN_VARIABLES, HOST_VARIABLE, "QOVERY_ENVIRONMENT_ID")
PROXIES = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps variables of the machine, and defaults of another test, away from each test."""
    for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    yield
    Configuration.set_default(None)
    ApiClient.set_default(None)


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the delays between attempts milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_BASE", 0.001)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes an API for a server; closes its client at the end of the test. The authority of `tls` is trusted."""
    with contextlib.ExitStack() as stack:

        def connect(server: HasUrl | str, **settings: Any) -> EnvironmentSecretApi:
            url = server if isinstance(server, str) else server.url
            if url.startswith("https:") and not {"ca_cert_data", "ssl_ca_cert"} & settings.keys():
                settings["ca_cert_data"] = request.getfixturevalue("tls").ca_text
            api = client_for(url, **settings)
            stack.enter_context(api.api_client)
            return api

        yield connect


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    """A server that records requests and has no secrets."""
    with RecordingServer(EMPTY) as server:
        yield server


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a port that refuses connections, and that nobody else can get meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def api(sandbox: Sandbox, connect: Connect) -> EnvironmentSecretApi:
    """An API for the test's `sandbox`."""
    return connect(sandbox)


@pytest.fixture
def env(sandbox: Sandbox) -> str:
    return sandbox.environment_id


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a sandbox in a process of its own, and returns the process and its URL; it ends with the test."""
    with starter() as start:
        yield start
