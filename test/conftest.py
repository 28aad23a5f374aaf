"""Shared fixtures."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from qovery import ApiClient, Configuration, EnvironmentSecretApi, retry
from qovery.configuration import HOST_VARIABLE, TOKEN_VARIABLES
from test.support import NIGHTLY, PATIENCE
from test.support.clients import Connect, HasUrl, client_for
from test.support.recording import EMPTY, RecordingServer
from test.support.routes import Routes
from test.support.sandboxes import Start, starter
from test.support.tls import Authority

if TYPE_CHECKING:
    from qovery.sandbox import Sandbox
    from qovery.sandbox.store import Behaviour


# No deadline, since a busy machine would exceed it. By default the examples are always the same, so only a change
# makes a test fail; the nightly run tries new examples.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "nightly", deadline=None, max_examples=2000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("nightly" if NIGHTLY else "default")

# A shell may have disabled the bytecode cache; then each process that a test starts would compile its imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

VARIABLES = (*TOKEN_VARIABLES, HOST_VARIABLE, "QOVERY_ENVIRONMENT_ID")
PROXIES = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Use two workers more than there are cores: tests wait for deadlines and for the processes that they start.

    An idle worker takes over tests of another worker, since slow tests are next to each other.
    """
    if config.option.dist == "no":
        config.option.dist = "worksteal"
    number = yield
    return number if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else number + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test a time limit."""
    for item in items:
        item.add_marker(pytest.mark.timeout((40 if NIGHTLY else 4) * PATIENCE))


def pytest_collection_finish() -> None:
    """Exempt the objects that the imports created from the garbage collections in tests."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if os.name != "posix" and item.get_closest_marker("needs_posix"):
        pytest.skip("needs fork, signals or paths of POSIX")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Isolate each test from variables of the machine and from defaults that another test has set."""
    for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    yield
    Configuration.set_default(None)
    ApiClient.set_default(None)


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the delays between attempts to milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_BASE", 0.001)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def routes(tls: Authority) -> Iterator[Routes]:
    """The routes to a server; their proxies serve all tests."""
    with contextlib.ExitStack() as stack:
        yield Routes(tls, stack)


@pytest.fixture
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Create an API for a server; close its client at the end of the test. The authority of `tls` is trusted."""
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
def proxy() -> Iterator[RecordingServer]:
    """A second recording server, used as a proxy."""
    with RecordingServer(EMPTY) as proxy:
        yield proxy


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a port that refuses connections and that no other process can bind during the test."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def sigint() -> Iterator[None]:
    """Let SIGINT interrupt this process and its children: background jobs ignore it, and so do their children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def mock_server() -> Iterator[Sandbox]:
    """One mock server for all tests that do not need their own."""
    from qovery.sandbox import Sandbox

    with Sandbox(seeded=False) as sandbox:
        yield sandbox


@pytest.fixture
def behaviour() -> Behaviour:
    """The behaviour of the test's `sandbox`; folders and tests override it."""
    return "documented"


@pytest.fixture
def sandbox(mock_server: Sandbox, behaviour: Behaviour) -> Sandbox:
    """A mock server with one empty environment."""
    mock_server.reset()
    mock_server.behaviour = behaviour
    return mock_server


@pytest.fixture
def api(sandbox: Sandbox, connect: Connect) -> EnvironmentSecretApi:
    """An API for the test's `sandbox`."""
    return connect(sandbox)


@pytest.fixture
def env(sandbox: Sandbox) -> str:
    return sandbox.environment_id


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a mock server in its own process, and return the process and its URL; it ends with the test."""
    with starter() as start:
        yield start
