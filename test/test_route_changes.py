"""Changes of settings: the route of the next call, and no call with half of a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import trustme

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
)
from test.support import PATIENCE
from test.support.clients import Connect
from test.support.recording import EMPTY, SECRET, Received, RecordingServer, Response
from test.support.scripts import run_script
from test.support.threads import THREADS, fast_switches, in_threads
from test.support.tls import Authority

LOCAL = "http://127.0.0.1:1"


@pytest.fixture
def other() -> Iterator[RecordingServer]:
    with RecordingServer(EMPTY) as recorder:
        yield recorder


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_host__changed_after_the_first_call(
    connect: Connect, server: RecordingServer, other: RecordingServer, closed: bool
) -> None:
    """The next call uses the configured host, and every representation names it."""
    api = connect(server)
    client = api.api_client
    api.list_environment_secrets("e")
    if closed:
        client.close()
    client.configuration.host = other.url + "/v2"
    api.list_environment_secrets("e")
    assert (len(server.received), other.last.target) == (1, "/v2/environment/e/secret")
    assert other.url in repr(client)
    assert other.url in repr(client.rest_client)
    assert other.url in repr(client.configuration)
    client.configuration.host = server.url
    api.list_environment_secrets("e")
    assert (len(server.received), len(other.received)) == (2, 1)


def test_host__changed_leaves_no_idle_connection(
    connect: Connect, server: RecordingServer, other: RecordingServer
) -> None:
    """The connections of the old route are closed as soon as they are unused."""
    api = connect(server)
    api.list_environment_secrets("e")
    api.api_client.configuration.host = other.url
    api.list_environment_secrets("e")
    server.wait_until_closed()


def test_host__changed_during_a_call(connect: Connect, server: RecordingServer, other: RecordingServer) -> None:
    """A call finishes on the route where it began, retries included, and closes its connection at the end."""
    begun, changed = threading.Event(), threading.Event()

    def judge(_: Received) -> Response:
        begun.set()
        assert changed.wait(PATIENCE)
        return EMPTY if len(server.received) == 2 else Response(503)

    server.default = judge
    api = connect(server)
    thread = threading.Thread(target=api.list_environment_secrets, args=("slow",))
    thread.start()
    assert begun.wait(PATIENCE)
    api.api_client.configuration.host = other.url
    api.list_environment_secrets("e")
    changed.set()
    thread.join(PATIENCE)
    assert [received.target for received in server.received] == ["/environment/slow/secret"] * 2
    server.wait_until_closed(server.connections)
    assert len(other.received) == 1


def test_host__changed_closes_what_is_idle_at_once(
    connect: Connect, server: RecordingServer, other: RecordingServer
) -> None:
    """Idle connections of the old route are closed although a call is still in progress there."""
    begun, go = threading.Event(), threading.Event()

    def judge(received: Received) -> Response:
        if "slow" in received.target:
            begun.set()
            assert go.wait(PATIENCE)
        return EMPTY

    server.default = judge
    api = connect(server)
    unread = api.list_environment_secrets_without_preload_content("e")
    thread = threading.Thread(target=api.list_environment_secrets, args=("slow",))
    thread.start()
    assert begun.wait(PATIENCE)
    unread.read()
    unread.release_conn()
    assert server.closed.empty()
    api.api_client.configuration.host = other.url
    api.list_environment_secrets("e")
    server.wait_until_closed()
    go.set()
    thread.join(PATIENCE)
    server.wait_until_closed()


def test_close__reaches_calls_on_an_earlier_route(
    connect: Connect, server: RecordingServer, other: RecordingServer
) -> None:
    """`close()` also ends the calls that began before the host was changed."""
    begun, go = threading.Event(), threading.Event()
    server.default = lambda _: (begun.set(), go.wait(PATIENCE), EMPTY)[2]
    api = connect(server)
    ends: list[BaseException] = []

    def call() -> None:
        with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
            api.list_environment_secrets("slow")
        ends.append(caught.value)

    thread = threading.Thread(target=call)
    thread.start()
    assert begun.wait(PATIENCE)
    api.api_client.configuration.host = other.url
    api.list_environment_secrets("e")
    api.api_client.close()
    thread.join(PATIENCE)
    go.set()
    assert len(ends) == 1


def test_close__reaches_an_unread_response_of_an_earlier_route(
    connect: Connect, server: RecordingServer, other: RecordingServer
) -> None:
    """`close()` closes the connection of an unread response, also one from before the host was changed."""
    api = connect(server)
    unread = api.list_environment_secrets_without_preload_content("e")
    api.api_client.configuration.host = other.url
    api.list_environment_secrets("e")
    assert server.closed.empty()
    api.api_client.close()
    server.wait_until_closed()
    unread.close()


@pytest.mark.parametrize("source", ["setting", "variable"])
def test_proxy__changed_after_the_first_call(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    server: RecordingServer,
    proxy: RecordingServer,
    source: str,
) -> None:
    """The next call uses the current proxy, from a setting or the environment, and no proxy once it is removed."""
    api = connect(server)
    configuration = api.api_client.configuration
    api.list_environment_secrets("e")
    if source == "setting":
        configuration.proxy = proxy.url
    else:
        monkeypatch.setenv("http_proxy", proxy.url)
    api.list_environment_secrets("e")
    configuration.proxy_headers["X-In-Place"] = "1"
    api.list_environment_secrets("e")
    assert proxy.last.headers["X-In-Place"] == "1"
    configuration.no_proxy = "127.0.0.1"
    api.list_environment_secrets("e")
    assert (len(server.received), len(proxy.received)) == (2, 2)


@pytest.mark.parametrize("replaced_first", [False, True], ids=["call first", "patch first"])
def test_proxy__environ_replaced(
    connect: Connect, server: RecordingServer, proxy: RecordingServer, replaced_first: bool
) -> None:
    """The proxy variables of a mapping that replaces `os.environ` are used as long as it does."""
    api = connect(server)
    if not replaced_first:
        api.list_environment_secrets("e")
    with mock.patch("os.environ", {"http_proxy": proxy.url}):
        api.list_environment_secrets("e")
    api.list_environment_secrets("e")
    assert (len(server.received), len(proxy.received)) == (2 - replaced_first, 1)


def test_proxy__variable_changed_while_it_is_read() -> None:
    """The proxy is that of the values that were read, and each later change of a variable is seen."""

    class Changing(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            value = super().get(name, default)
            if name == "http_proxy" and changes:
                self[name] = changes.pop()
            return value

    changes = [f"http://127.0.0.1:{port}" for port in (3, 2)]
    configuration = Configuration(host="http://127.0.0.1:9")
    with mock.patch("os.environ", Changing(http_proxy="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:4")):
        seen = [configuration.proxy_for_host() for _ in range(4)]
    assert seen == [f"http://127.0.0.1:{port}" for port in (1, 2, 3, 3)]


def test_proxy__cgi_variable_set_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once REQUEST_METHOD is set, HTTP_PROXY is ignored, since a request to a CGI program can set it."""
    configuration = Configuration(host="http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", LOCAL)
    assert configuration.proxy_for_host() == LOCAL
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    assert configuration.proxy_for_host() is None
    monkeypatch.delenv("REQUEST_METHOD")
    assert configuration.proxy_for_host() == LOCAL


def test_tls__changed_after_the_first_call(connect: Connect, tls: Authority) -> None:
    """The trusted authorities, host names and client certificates are the current ones."""
    certificate, key = tls.client()
    with tls.server(mutual=True) as server:
        api = connect(server, cert_file=certificate, key_file=key, retries=0)
        configuration = api.api_client.configuration
        api.list_environment_secrets("e")
        configuration.ca_cert_data = trustme.CA().cert_pem.bytes().decode()
        with pytest.raises(ApiConnectionError, match="TLS failed"):
            api.list_environment_secrets("e")
        configuration.ca_cert_data = tls.ca_text
        configuration.assert_hostname = "other.test"
        with pytest.raises(ApiConnectionError, match="doesn't match"):
            api.list_environment_secrets("e")
        configuration.update(assert_hostname=None, tls_server_name="localhost")
        api.list_environment_secrets("e")
        assert server.last.server_name == "localhost"
        configuration.update(cert_file=None, key_file=None)
        with pytest.raises(ApiConnectionError):
            api.list_environment_secrets("e")
        assert len(server.received) == 2


def test_tls__variables_changed(connect: Connect, monkeypatch: pytest.MonkeyPatch, tls: Authority) -> None:
    """The CA certificates that SSL_CERT_FILE names are read again after `close()`."""
    with tls.server() as server:
        api = connect(server, ca_cert_data=None, retries=0)
        with pytest.raises(ApiConnectionError, match="TLS failed"):
            api.list_environment_secrets("e")
        monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
        api.api_client.close()
        api.list_environment_secrets("e")


@pytest.mark.needs_posix
def test_host__changed_in_a_forked_child(server: RecordingServer, other: RecordingServer) -> None:
    """A child that changes the host calls there, and its parent calls the same host as before."""
    run_script(
        """
        import os, sys
        from qovery import ApiClient, Configuration, EnvironmentSecretApi

        configuration = Configuration(host=sys.argv[1], access_token="parent")
        api = EnvironmentSecretApi(ApiClient(configuration))
        api.list_environment_secrets("e")
        child = os.fork()
        if child == 0:
            configuration.update(host=sys.argv[2], access_token="child")
            api.list_environment_secrets("e")
            configuration.host = sys.argv[1]
            api.list_environment_secrets("e")
            api.api_client.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        api.list_environment_secrets("e")
        api.api_client.close()
        """,
        server.url,
        other.url,
    )
    tokens = [received.headers["Authorization"] for received in server.received]
    assert tokens == ["Bearer parent", "Bearer child", "Bearer parent"]
    assert server.received[0].peer == server.received[2].peer != server.received[1].peer
    assert [received.headers["Authorization"] for received in other.received] == ["Bearer child"]


@pytest.mark.needs_posix
def test_close__in_a_forked_child(server: RecordingServer, other: RecordingServer) -> None:
    """A child that only closes the client ends no call of its parent, on the current host or an earlier one."""
    come, go = (threading.Semaphore(0) for _ in range(2))

    def reply(received: Received) -> Response:
        if "/slow/" in received.target:
            come.release()
            assert go.acquire(timeout=PATIENCE)
        elif "when-slow" in received.target:
            assert come.acquire(timeout=PATIENCE)
        elif "let-slow" in received.target:
            go.release(2)
        return Response(201, SECRET) if received.method == "POST" else EMPTY

    server.default = other.default = reply
    out = run_script(
        """
        import os, sys, threading
        from qovery import ApiClient, Configuration, EnvironmentSecretApi

        configuration = Configuration(access_token="t")
        api = EnvironmentSecretApi(ApiClient(configuration))

        keys = []

        def call():
            keys.append(api.create_environment_secret("slow", {"key": "A", "value": "v"}).key)

        threads = [threading.Thread(target=call) for _ in range(2)]
        for thread, configuration.host in zip(threads, sys.argv[1:]):
            thread.start()
            api.list_environment_secrets("when-slow-has-come")
        child = os.fork()
        if child == 0:
            api.api_client.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        api.list_environment_secrets("let-slow-go")
        for thread in threads:
            thread.join()
        print(*keys)
        api.api_client.close()
        """,
        server.url,
        other.url,
    )
    assert out.split() == ["TOKEN"] * 2


class Signs(Configuration):
    """Signs requests itself."""

    def auth_settings(self) -> dict[str, dict[str, str]]:
        settings = super().auth_settings()
        time.sleep(0)  # lets another thread run
        return settings


class Computes(Configuration):
    """Computes the host."""

    @property
    def host(self) -> str:  # type: ignore[override] # a subclass of a caller may
        return f"http://127.0.0.1:{self.access_token}"


@pytest.mark.parametrize("kind", [Configuration, Signs, Computes])
def test_update__is_atomic(server: RecordingServer, other: RecordingServer, kind: type[Configuration]) -> None:
    """Calls of many threads use either the old host with the old token or the new host with the new token."""
    configuration = kind(host=server.url, access_token=str(server.port), connection_pool_maxsize=THREADS)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for one in (other, server):
                configuration.update(host=one.url, access_token=str(one.port))

    writer = threading.Thread(target=change)
    with fast_switches(), ApiClient(configuration) as client:
        api = EnvironmentSecretApi(client)
        writer.start()
        try:
            ends = in_threads(lambda _: [api.list_environment_secrets("e").results for _ in range(8)])
        finally:
            done.set()
            writer.join(PATIENCE)
    assert ends == [[[]] * 8] * THREADS
    assert len(server.received) + len(other.received) == 8 * THREADS
    for one in (server, other):
        assert {received.headers["Authorization"] for received in one.received} <= {f"Bearer {one.port}"}


def test_host__computed_by_a_subclass(server: RecordingServer, other: RecordingServer) -> None:
    """A setting that a subclass computes is read for each call, and checked like any other."""
    where = [server.url + "/"]

    class Moving(Configuration):
        @property
        def host(self) -> str:  # type: ignore[override] # a subclass of a caller may
            return where[0]

    with ApiClient(Moving(access_token="a")) as client:
        api = EnvironmentSecretApi(client)
        api.list_environment_secrets("e")
        where[0] = other.url
        api.list_environment_secrets("e")
        where[0] = "nowhere"
        with pytest.raises(ApiValueError, match="host must be a URL"):
            api.list_environment_secrets("e")
    assert [received.target for received in server.received + other.received] == ["/environment/e/secret"] * 2
