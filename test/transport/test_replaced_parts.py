"""Fakes of urllib3's functions, methods and classes, and wrappers of them."""

from __future__ import annotations

import functools
import gzip
import io
import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import urllib3
import urllib3.util.connection
import wrapt

from qovery import ApiConnectionError, ApiDecodeError, ApiTypeError
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.recording import EMPTY, RecordingServer
from test.support.scripts import run_script
from test.support.tls import Authority

pytestmark = pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
each = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, tls: Authority) -> Iterator[RecordingServer]:
    with RecordingServer(EMPTY, tls.context() if request.param == "https" else None) as server:
        yield server


def fake_response(**options: Any) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        io.BytesIO(b'{"results": []}'), status=200, preload_content=False, headers={"X-Fake": "yes"}, **options
    )


@pytest.mark.parametrize("method", ["urlopen", "_make_request"])
def test_urllib3_method__replaced(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A fake of a pool's method is called once per call, and nothing is sent."""
    api = connect(server, connection_pool_maxsize=1)
    CALLS["list"](api)
    with monkeypatch.context() as patch:
        patch.setattr(urllib3.HTTPConnectionPool, method, lambda *_, **__: fake_response())
        for _ in range(3):
            assert api.list_environment_secrets_with_http_info("e").headers == {"X-Fake": "yes"}
            api.list_environment_secrets_without_preload_content("e").close()
    CALLS["list"](api)
    assert len(server.received) == 2


LOADED: dict[str, Callable[..., Any]] = {
    "bytes": lambda: urllib3.HTTPResponse(b'{"results": []}', status=200),
    "file": lambda: urllib3.HTTPResponse(io.BytesIO(b'{"results": []}'), status=200),
    "compressed": lambda: urllib3.HTTPResponse(
        io.BytesIO(gzip.compress(b'{"results": []}')), {"content-encoding": "gzip"}, 200
    ),
}


@pytest.mark.parametrize("kind", LOADED)
def test_urllib3_method__loaded_response(connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The body of a fake's response that is loaded already is used, up to `max_response_size`."""
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", lambda *_, **__: LOADED[kind]())
    assert CALLS["list"](connect("http://api.test")).results == []
    with pytest.raises(ApiDecodeError, match="larger than max_response_size"):
        CALLS["list"](connect("http://api.test", max_response_size=14))


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("name", ["PoolManager.request", "PoolManager.urlopen", "ProxyManager.urlopen", "PoolManager"])
@pytest.mark.parametrize("fake", [MagicMock(), object])
def test_manager__replaced(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, name: str, fake: Any, used: bool
) -> None:
    """A fake of urllib3's managers, which this client does not use, is an error instead of a real request."""
    api = connect(server)
    if used:
        CALLS["list"](api)
    with monkeypatch.context() as patch:
        patch.setattr(f"urllib3.{name}", fake)
        with pytest.raises(ApiTypeError, match=r"HTTPConnectionPool\.urlopen"):
            CALLS["create"](api)
    assert len(server.received) == used
    CALLS["list"](api)


def test_manager__wrapped(connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrappers and subclasses of urllib3's managers, as monitoring tools add them, change nothing."""
    api = connect(server)
    for wrapper in WRAPPERS:
        monkeypatch.setattr(urllib3.PoolManager, "urlopen", wrapper(urllib3.PoolManager.urlopen))
        CALLS["list"](api)
    monkeypatch.setattr(urllib3, "PoolManager", type("Manager", (urllib3.PoolManager,), {}))
    CALLS["list"](api)
    CALLS["list"](connect(server))


def wrapped(function: Any) -> Any:
    return functools.wraps(function)(lambda *args, **options: function(*args, **options))


WRAPPERS = (wrapped, wrapt.decorator(lambda function, _, args, options: function(*args, **options)))


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("used", [True, False])
def test_connection_methods__wrapped(
    connect: Connect, server: RecordingServer, nowhere: str, monkeypatch: pytest.MonkeyPatch, wrapper: Any, used: bool
) -> None:
    """With wrappers of urllib3's methods, as monitoring tools add them, the client still knows what was sent."""
    if used:
        CALLS["list"](connect(server))
    for method in ("_new_conn", "connect", "request", "getresponse"):
        for kind in (urllib3.connection.HTTPConnection, urllib3.connection.HTTPSConnection):
            if method in vars(kind):
                monkeypatch.setattr(kind, method, wrapper(getattr(kind, method)))
    api = connect(server, connection_pool_maxsize=1)
    before = server.connections
    for _ in range(2):
        CALLS["list"](api)
    assert server.connections == before + 1
    with pytest.raises(ApiConnectionError) as caught:
        CALLS["create"](connect(nowhere, retries=1))
    assert (caught.value.attempts, caught.value.outcome_unknown) == (2, False)


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("method", ["urlopen", "_make_request"])
@each
def test_urllib3_method__raises(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, method: str, name: str, used: bool
) -> None:
    """A create is not retried when a fake loses its response, because it may have been applied."""
    api = connect(server, connection_pool_maxsize=1, retries=2)
    if used:
        CALLS["list"](api)
    calls = []

    def lost(*_: Any, **__: Any) -> Any:
        calls.append(name)
        raise urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError("lost"))

    with monkeypatch.context() as patch:
        patch.setattr(urllib3.HTTPConnectionPool, method, lost)
        with pytest.raises(ApiConnectionError) as caught:
            CALLS[name](api)
    assert len(calls) == (3 if name in {"list", "edit", "delete"} else 1)
    assert caught.value.outcome_unknown == (name != "list")
    CALLS["list"](api)
    assert len(server.received) == used + 1


@pytest.mark.parametrize("kind", ["class", "mock", "function"])
def test_connection_class__replaced(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A replacement of urllib3's connection class is used as is."""
    api = connect(server, connection_pool_maxsize=1)
    CALLS["list"](api)
    made = []

    class Connection(urllib3.connection.HTTPSConnection):
        """A connection that responds without a socket."""

        is_closed = False
        is_verified = True

        def connect(self) -> None:
            raise AssertionError("it is a fake")

        def request(self, *args: Any, **options: Any) -> None:
            made.append(args)

        def getresponse(self) -> Any:
            return fake_response(connection=self)

    replacement: Any = {
        "class": Connection,
        "mock": MagicMock(side_effect=Connection),
        "function": staticmethod(lambda **options: Connection(**options)),
    }[kind]
    pool = urllib3.HTTPSConnectionPool if server.url.startswith("https") else urllib3.HTTPConnectionPool
    with monkeypatch.context() as patch:
        patch.setattr(pool, "ConnectionCls", replacement)
        for _ in range(3):
            assert CALLS["list"](api).results == []
        assert len(made) == 3
    CALLS["list"](api)
    assert len(server.received) == 2


def test_connection_methods__replaced(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fake methods on urllib3's connection classes return the response, and nothing is sent."""
    api = connect(server, connection_pool_maxsize=1)
    with monkeypatch.context() as patch:
        patch.setattr(urllib3.connection.HTTPConnection, "request", lambda *_, **__: None)
        patch.setattr(urllib3.connection.HTTPConnection, "getresponse", lambda _: fake_response())
        for _ in range(2):
            assert CALLS["list"](api).results == []
    assert server.received == []
    CALLS["list"](api)
    assert len(server.received) == 1


class FakeSocket:
    """A socket with no more methods than urllib3 needs."""

    def __init__(self, *_: Any, **__: Any) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
        self.makefile = lambda *_, **__: io.BytesIO(head + b'{"results": []}')
        self.settimeout = self.sendall = self.close = lambda *_: None


def set_socket(connection: Any) -> None:
    connection.sock = FakeSocket()


def no_response(*_: Any, **__: Any) -> None:
    """Do nothing."""


FAKES: dict[str, dict[str, Any]] = {
    "request": {"request": no_response, "getresponse": lambda _: fake_response()},
    "connect": {"request": no_response, "getresponse": lambda _: fake_response(), "connect": no_response},
    "socket": {"connect": set_socket},
    "new socket": {"_new_conn": FakeSocket},
}


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("fake", FAKES)
def test_connection_methods__without_a_server(
    connect: Connect, nowhere: str, monkeypatch: pytest.MonkeyPatch, fake: str, used: bool
) -> None:
    """A connection class with fake methods is used as urllib3 would use it."""
    api = connect(nowhere, retries=0)
    if used:
        with pytest.raises(ApiConnectionError):
            CALLS["list"](api)
    with monkeypatch.context() as patch:
        for method, replacement in FAKES[fake].items():
            patch.setattr(urllib3.connection.HTTPConnection, method, replacement)
        for _ in range(2):
            assert CALLS["list"](api).results == []
        api.api_client.close()
    with pytest.raises(ApiConnectionError) as caught:
        CALLS["create"](api)
    assert caught.value.outcome_unknown is False


def test_connection_class__without_a_socket(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replacement of the connection class needs only the attributes that urllib3 uses."""

    class Connection:
        is_closed = is_verified = proxy_is_verified = False
        proxy = timeout = None
        request = close = no_response

        def __init__(self, **_: Any) -> None:
            """Ignore the options."""

        def getresponse(self) -> Any:
            return fake_response()

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Connection)
    api = connect("http://api.test", connection_pool_maxsize=1)
    for _ in range(2):
        assert CALLS["list"](api).results == []


def test_create_connection__minimal_socket(connect: Connect, nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket from a fake of `create_connection` needs only the methods that urllib3 uses."""
    monkeypatch.setattr(urllib3.util.connection, "create_connection", FakeSocket)
    api = connect(nowhere, retries=0)
    for _ in range(2):
        assert CALLS["list"](api).results == []
    response = api.list_environment_secrets_without_preload_content("e")
    api.api_client.close()
    assert response.read() == b'{"results": []}'


@pytest.mark.parametrize("used", [True, False])
def test_socket__function(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    """The error of a function that replaces `socket.socket` to block the network propagates unchanged."""

    def guard(*_: Any, **__: Any) -> None:
        raise LookupError("the network is blocked")

    api = connect(server)
    if used:
        CALLS["list"](api)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", guard)
        for _ in range(2):
            with pytest.raises(LookupError, match="the network is blocked"):
                CALLS["create"](api)
        api.api_client.close()
    CALLS["list"](api)
    assert [received.method for received in server.received] == ["GET"] * (1 + used)


FIRST = """
import socket, sys, urllib3, urllib3.connection, urllib3.util.connection
from unittest import mock

called = []
class Connection(urllib3.connection.HTTPConnection):
    def connect(self):
        called.append("connection")
        super().connect()

class Pool(urllib3.HTTPConnectionPool):
    def urlopen(self, *args, **options):
        called.append("pool")
        return super().urlopen(*args, **options)

original = urllib3.util.connection.create_connection
def create_connection(address, *args, **options):
    called.append(address[0])
    return original(("127.0.0.1", address[1]), *args, **options)

target, fake, url = {
    "connection": ("urllib3.connection.HTTPConnection", Connection, sys.argv[2]),
    "mock": ("urllib3.connection.HTTPConnection", mock.MagicMock(), sys.argv[2]),
    "pool": ("urllib3.HTTPConnectionPool", Pool, sys.argv[2]),
    "create_connection": ("urllib3.util.connection.create_connection", create_connection, sys.argv[3]),
}[sys.argv[1]]
with mock.patch(target, fake):
    from qovery import ApiClient, Configuration, EnvironmentSecretApi
    assert EnvironmentSecretApi(ApiClient(Configuration(host=url))).list_environment_secrets("e").results == []
print(called)
called.clear()
tried = []
lookup = socket.getaddrinfo
def getaddrinfo(host, *args, **options):
    tried.append(host)
    return lookup("127.0.0.1" if host == "name.test" else host, *args, **options)
socket.getaddrinfo = getaddrinfo
with ApiClient(Configuration(host=sys.argv[3])) as client:
    assert EnvironmentSecretApi(client).list_environment_secrets("e").results == []
print(called, tried)
"""


@pytest.mark.parametrize("fake", ["connection", "mock", "pool", "create_connection"])
def test_first_call_of_a_process__under_a_fake(fake: str) -> None:
    """A fake that is active when the client is imported is not used after it is removed."""
    with RecordingServer(EMPTY) as server:
        named = server.url.replace("127.0.0.1", "name.test")
        script = "import warnings\nwarnings.simplefilter('ignore')\n" + FIRST
        called, after = run_script(script, fake, server.url, named).splitlines()
        assert len(server.received) == 2
    assert called == ("['name.test']" if fake == "create_connection" else "[]")  # urllib3 ignores the others too
    assert after == "[] ['name.test', '127.0.0.1']"


def test_create_connection__replaced(
    connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replacement of urllib3's `create_connection` gets the host name and may connect elsewhere."""
    original = urllib3.util.connection.create_connection
    asked = []

    def elsewhere(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        asked.append(address[0])
        return original(("127.0.0.1", address[1]), *args, **options)

    url = server.url.replace("127.0.0.1", "name.invalid")
    api = connect(url, tls_server_name="localhost") if url.startswith("https") else connect(url)
    monkeypatch.setattr(urllib3.util.connection, "create_connection", elsewhere)
    CALLS["list"](api)
    assert (asked, len(server.received)) == (["name.invalid"], 1)


def test_address_family__replaced(connect: Connect, server: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address family that is set for urllib3 is respected."""
    asked = []
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, *args: Any) -> Any:
        asked.append(family)
        return original(host, port, family, *args)

    monkeypatch.setattr(urllib3.util.connection, "allowed_gai_family", lambda: socket.AF_INET)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    CALLS["list"](connect(server))
    assert set(asked) == {socket.AF_INET}
