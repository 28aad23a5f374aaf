"""Fakes that replace sockets or the client, and the client after they are removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import create_autospec

import pytest
import pytest_socket
from mocket import Mocket, Mocketizer
from mocket.mocks.mockhttp import Entry
from mocket.mocks.mockhttp import Response as FakeResponse

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiResponse,
    ConflictException,
    EnvironmentSecretApi,
    NotFoundException,
    SecretRequest,
    SecretResponseList,
    ServiceException,
    UnauthorizedException,
)
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.recording import EMPTY, SECRET, RecordingServer
from test.support.tls import Authority

#: The operations: method, path, status, body.
ENTRIES: dict[str, tuple[str, str, int, Any]] = {
    "list": (Entry.GET, "/environment/e/secret", 200, {"results": [SECRET]}),
    "create": (Entry.POST, "/environment/e/secret", 201, SECRET),
    "edit": (Entry.PUT, "/environment/e/secret/s", 200, SECRET),
    "delete": (Entry.DELETE, "/environment/e/secret/s", 204, None),
    "alias": (Entry.POST, "/environment/e/secret/s/alias", 201, SECRET),
    "override": (Entry.POST, "/environment/e/secret/s/override", 201, SECRET),
}
pytestmark = pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
each = pytest.mark.parametrize("name", CALLS)
KEEP = {"Connection": "keep-alive", "Content-Type": "application/json"}


def register(host: str, name: str, status: int | None = None, times: int = 1) -> None:
    method, path, good, body = ENTRIES[name]
    text = json.dumps({"detail": "no"} if status else body) if body or status else ""
    responses = [FakeResponse(text, status or good, KEEP) for _ in range(times)]
    Entry.register(method, f"{host}{path}", *responses)


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, tls: Authority) -> Iterator[RecordingServer]:
    with RecordingServer(EMPTY, tls.context() if request.param == "https" else None) as server:
        yield server


#: mocket replaces the socket in its TLS sockets and closes only the second one.
leaks = pytest.mark.filterwarnings(r"ignore:unclosed .* proto=0, laddr=\('0.0.0.0', 0\):ResourceWarning")

# --- mocket ---------------------------------------------------------------------------------------


@leaks
@each
def test_mocket__operation(connect: Connect, server: RecordingServer, name: str) -> None:
    """Mocket intercepts a client that was used before; afterwards the client reaches the real server again."""
    api = connect(server, connection_pool_maxsize=1)
    CALLS["list"](api)
    with Mocketizer(strict_mode=True):
        register(server.url, name, times=2)
        for _ in range(2):
            result = CALLS[name](api)
            assert name == "delete" or (result.results[0] if name == "list" else result).key == SECRET["key"]
        assert len(server.received) == 1
    assert CALLS["list"](api).results == []
    assert (len(server.received), server.connections) == (2, 2)


@leaks
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_mocket__first_call(connect: Connect, scheme: str) -> None:
    """Mocket responds for a nonexistent host, matched by the name and port in `host`."""
    with Mocketizer(strict_mode=True):
        api = connect(f"{scheme}://api.test")
        register(f"{scheme}://api.test", "list")
        (secret,) = CALLS["list"](api).results
        assert secret.key == SECRET["key"]


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (401, UnauthorizedException, 1),
        (404, NotFoundException, 1),
        (409, ConflictException, 1),
        (500, ServiceException, 1),
        (503, ServiceException, 3),
    ],
)
def test_mocket__error(connect: Connect, status: int, error: type[Exception], requests: int) -> None:
    """An error status from mocket is retried and raised like one from a server."""
    with Mocketizer(strict_mode=True):
        api = connect("http://api.test", connection_pool_maxsize=1, retries=2)
        register("http://api.test", "create", status)
        with pytest.raises(error):
            CALLS["create"](api)
        assert len(Mocket.request_list()) == requests


@each
def test_mocket__lost(connect: Connect, name: str) -> None:
    """An exception from a fake socket counts as a network error: a create is not retried."""
    with Mocketizer(strict_mode=True):
        api = connect("http://api.test", connection_pool_maxsize=1, retries=2)
        method, path, _, _ = ENTRIES[name]
        Entry.single_register(method, f"http://api.test{path}", exception=ConnectionResetError("lost"))
        with pytest.raises(ApiConnectionError) as caught:
            CALLS[name](api)
        assert len(Mocket.request_list()) == (3 if name in {"list", "edit", "delete"} else 1)
        assert caught.value.outcome_unknown == (name != "list")


# --- pytest-socket --------------------------------------------------------------------------------


@pytest.fixture
def sockets_restored() -> Iterator[None]:
    yield
    pytest_socket._remove_restrictions()


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
@pytest.mark.usefixtures("sockets_restored")
@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("block", ["all", "hosts"])
@each
def test_pytest_socket__blocks(connect: Connect, server: RecordingServer, name: str, block: str, used: bool) -> None:
    """pytest-socket's error propagates unchanged and without a retry, even if a connection was open."""
    api = connect(server, connection_pool_maxsize=1)
    if used:
        CALLS["list"](api)
    if block == "all":
        pytest_socket.disable_socket()
    else:
        pytest_socket.socket_allow_hosts(["10.0.0.1"])
    for _ in range(2):
        with pytest.raises((pytest_socket.SocketBlockedError, pytest_socket.SocketConnectBlockedError)) as caught:
            CALLS[name](api)
        assert caught.value.__cause__ is None
    assert len(server.received) == used
    pytest_socket._remove_restrictions()
    CALLS["list"](api)
    assert len(server.received) == used + 1


# --- Autospecced mocks ----------------------------------------------------------------------------


def test_autospec__of_a_client() -> None:
    """An autospecced mock of `ApiClient` can replace one and checks methods and parameters."""
    client = create_autospec(ApiClient, instance=True)
    client.call.return_value = ApiResponse(200, SecretResponseList(results=[]), b"", {})
    api = EnvironmentSecretApi(client)
    assert api.list_environment_secrets("e").results == []
    operation, ids, body, options = client.call.call_args.args
    assert (operation.name, ids, body, options) == ("list_environment_secrets", ("e",), None, {})
    with pytest.raises(TypeError):
        client.call()
    with pytest.raises(AttributeError):
        client.request  # noqa: B018 - the attribute access is under test


def test_autospec__of_an_api() -> None:
    """An autospecced mock of `EnvironmentSecretApi` rejects the same arguments as the real class."""
    api = create_autospec(EnvironmentSecretApi, instance=True)
    api.create_environment_secret("e", SecretRequest(key="A", value="b"), _request_timeout=3)
    api.create_environment_secret.assert_called_once()
    with pytest.raises(TypeError):
        api.create_environment_secret()
    with pytest.raises(AttributeError):
        api.create_secret("e")
