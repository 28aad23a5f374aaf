"""`ApiClient`: lifecycle, headers and call options."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType
from typing import Any

import pytest

from qovery import (
    ApiClient,
    ApiException,
    ApiTypeError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    ForbiddenException,
    PlanHostError,
    SecretRequest,
    UnauthorizedException,
    __version__,
)
from test.support.clients import Connect
from test.support.recording import EMPTY, SECRET, RecordingServer, Response
from test.support.scripts import run_script
from test.support.tls import Authority


@pytest.fixture
def client(server: RecordingServer, connect: Connect) -> ApiClient:
    return connect(server, api_key={"ApiKeyAuth": "qov_a"}, retries=0).api_client


def ask(client: ApiClient, **options: Any) -> None:
    EnvironmentSecretApi(client).list_environment_secrets("e", **options)


def test_with__closes_the_connections(server: RecordingServer) -> None:
    """At the end of the block all connections are closed."""
    with ApiClient(Configuration(host=server.url)) as client:
        ask(client)
        raw = EnvironmentSecretApi(client).list_environment_secrets_without_preload_content("e")
        ask(client)
        assert server.connections == 2
        raw.read()
        assert server.closed.empty()
    server.wait_until_closed(2)


def test_close__may_be_used_again(server: RecordingServer) -> None:
    """Closing twice is allowed, and a closed client opens new connections when it is used."""
    client = ApiClient(Configuration(host=server.url))
    client.close()
    ask(client)
    client.close()
    client.close()
    server.wait_until_closed()
    ask(client)
    client.close()
    server.wait_until_closed()
    assert server.connections == 2


def test_with__closes_after_an_error(server: RecordingServer) -> None:
    """An error that leaves the block closes the connections and propagates unchanged."""
    server.default = Response(400)
    with (
        pytest.raises(ApiException, match="400"),
        ApiClient(Configuration(host=server.url)) as client,
    ):
        ask(client)
    server.wait_until_closed()


def test_default__client_of_an_api_without_one(server: RecordingServer) -> None:
    """`EnvironmentSecretApi()` uses the default client, which is created once and can be set and reset."""
    Configuration.set_default(Configuration(host=server.url))
    api = EnvironmentSecretApi()
    assert api.api_client is EnvironmentSecretApi().api_client is ApiClient.get_default()
    assert api.api_client.configuration.host == server.url
    mine = ApiClient(Configuration(host=server.url, access_token="a"))
    ApiClient.set_default(mine)
    assert EnvironmentSecretApi().api_client is mine
    with mine:
        EnvironmentSecretApi().list_environment_secrets("e")
    assert server.last.headers["Authorization"] == "Bearer a"
    ApiClient.set_default(None)
    assert ApiClient.get_default() is not mine


@pytest.mark.parametrize("wrong", ["hush", {"host": "hush"}, Configuration, 5], ids=repr)
def test_arguments__of_another_type(wrong: Any) -> None:
    """An argument that is not a configuration or client is rejected, and not shown, since it may be a token."""
    with pytest.raises(ApiTypeError, match=rf"configuration must be a Configuration, not {type(wrong).__name__}$"):
        ApiClient(wrong)
    for client in (wrong, Configuration()):
        with pytest.raises(ApiTypeError, match=rf"api_client must be an ApiClient, not {type(client).__name__}$"):
            EnvironmentSecretApi(client)


def test_attributes() -> None:
    """Configuration and transport are attributes, and the representations show the host."""
    configuration = Configuration(host="http://localhost:1")
    client = ApiClient(configuration)
    assert client.configuration is configuration
    assert client.rest_client.configuration is configuration
    assert repr(client) == "<ApiClient http://localhost:1>"
    assert repr(client.rest_client) == "<RESTClientObject http://localhost:1>"
    assert repr(EnvironmentSecretApi(client)) == "<EnvironmentSecretApi: <ApiClient http://localhost:1>>"


def test_user_agent__is_the_version(server: RecordingServer, client: ApiClient) -> None:
    """The `User-Agent` names the package and its version, and can be set."""
    assert client.user_agent == f"qovery-python/{__version__}"
    client.user_agent = "mine/1"
    ask(client)
    assert client.user_agent == server.last.headers["User-Agent"] == "mine/1"


def test_default_headers__are_sent(server: RecordingServer) -> None:
    """Headers from the constructor, `set_default_header` and `default_headers` are sent with every call."""
    with ApiClient(Configuration(host=server.url), "X-One", " 1 ", "a=b") as client:
        client.set_default_header("X-Two", "2")
        client.default_headers["X-Three"] = "3"
        for _ in range(2):
            ask(client)
        for received in server.received:
            sent = received.headers
            assert (sent["X-One"], sent["X-Two"], sent["X-Three"], sent["Cookie"]) == ("1", "2", "3", "a=b")
        assert client.cookie == "a=b"
        client.cookie = None
        del client.default_headers["X-Two"]
        ask(client)
        assert not server.last.headers.keys() & {"Cookie", "X-Two"}


def test_set_default_header__in_another_case(server: RecordingServer, client: ApiClient) -> None:
    """Default header names are case-insensitive."""
    client.set_default_header("user-agent", "one")
    ask(client)
    assert [value for name, value in server.last.headers.items() if name.lower() == "user-agent"] == ["one"]
    client.user_agent = "two"
    ask(client)
    assert [value for name, value in server.last.headers.items() if name.lower() == "user-agent"] == ["two"]
    client.set_default_header("X-A", "one")
    client.set_default_header("x-a", "two")
    assert {name: value for name, value in client.default_headers.items() if name.lower() == "x-a"} == {"x-a": "two"}


def test_headers__precedence(server: RecordingServer, client: ApiClient) -> None:
    """Headers of a call override credentials, which override defaults; names ignore case, and none is sent twice."""
    client.set_default_header("authorization", "default")
    client.set_default_header("ACCEPT", "application/problem+json")
    client.set_default_header("cookie", "default")
    client.cookie = "cookie"
    ask(client)
    assert sorted(name.lower() for name in server.last.headers) == [
        "accept",
        "accept-encoding",
        "authorization",
        "cookie",
        "host",
        "user-agent",
    ]
    sent = {name.lower(): value for name, value in server.last.headers.items()}
    assert (sent["authorization"], sent["accept"], sent["cookie"]) == (
        "Token qov_a",
        "application/problem+json",
        "cookie",
    )
    ask(client, _headers={"AUTHORIZATION": "mine", "aCCEPT": "text/plain", "Cookie": "mine", "user-agent": "mine"})
    sent = {name.lower(): value for name, value in server.last.headers.items()}
    assert len(sent) == len(server.last.headers)
    assert (sent["authorization"], sent["accept"], sent["cookie"], sent["user-agent"]) == (
        "mine",
        "text/plain",
        "mine",
        "mine",
    )


def test_headers__of_a_call_are_not_kept(server: RecordingServer, client: ApiClient) -> None:
    """Headers of one call are not sent with the next, and the caller's mapping is not changed."""
    mine = {"X-Once": "1"}
    ask(client, _headers=mine)
    assert server.last.headers["X-Once"] == "1"
    ask(client, _headers=MappingProxyType({"X-Other": "é"}))
    assert "X-Once" not in server.last.headers
    assert server.last.headers["X-Other"] == "é"
    ask(client, _headers=None)
    assert mine == {"X-Once": "1"}
    assert client.default_headers.keys() == {"User-Agent"}


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ("hush", ApiTypeError),
        ([("X", "hush")], ApiTypeError),
        ({"X": 5}, ApiTypeError),
        ({"X": b"hush"}, ApiTypeError),
        ({"X": None}, ApiTypeError),
        ({"X": "hush\r\nY: z"}, ApiValueError),
        ({"X": "hush\0"}, ApiValueError),
        ({"X": "hush€"}, ApiValueError),
        ({"": "hush"}, ApiValueError),
        ({"hush: X": "y"}, ApiValueError),
        ({"hush X": "y"}, ApiValueError),
        ({"hush\nX": "y"}, ApiValueError),
        ({"hüsh": "y"}, ApiValueError),
        ({5: "hush"}, ApiValueError),
    ],
    ids=repr,
)
def test_headers__unusable(server: RecordingServer, client: ApiClient, headers: Any, error: type[Exception]) -> None:
    """An invalid header is rejected before anything is sent, and is not shown."""
    with pytest.raises(error) as caught:
        ask(client, _headers=headers)
    assert "hush" not in str(caught.value)
    assert "hüsh" not in str(caught.value)
    assert server.connections == 0
    if isinstance(headers, dict):
        (pair,) = headers.items()
        with pytest.raises(error):
            client.set_default_header(*pair)
        assert client.default_headers.keys() == {"User-Agent"}


def test_cookie__unusable(server: RecordingServer) -> None:
    """A cookie that is not a string is rejected before anything is sent."""
    with ApiClient(Configuration(host=server.url), cookie=5) as client, pytest.raises(ApiTypeError, match="Cookie"):  # type: ignore[arg-type] # the case under test
        ask(client)
    assert server.connections == 0


def test_option__unknown(server: RecordingServer, client: ApiClient) -> None:
    """An unknown option is an error that names it."""
    with pytest.raises(ApiTypeError, match="list_environment_secrets has no option _header, request_timeout"):
        ask(client, _header={}, request_timeout=5)
    assert server.connections == 0


def test_options__none_is_unset(server: RecordingServer, client: ApiClient) -> None:
    """Every option may be None, as in a generated client."""
    ask(client, _request_timeout=None, _request_auth=None, _content_type=None, _headers=None, _host_index=0)
    assert server.last.headers["Authorization"] == "Token qov_a"


def test_plan_host__is_that_of_the_call(server: RecordingServer, client: ApiClient) -> None:
    """A call for the plan of another host sends nothing."""
    ask(client, _plan_host=f"{server.url}/")
    ask(client, _plan_host=None)
    assert len(server.received) == 2
    with pytest.raises(PlanHostError, match=f"the plan is for http://other.test, but the client calls {server.url}"):
        ask(client, _plan_host="http://other.test")
    with pytest.raises(ApiValueError, match="_plan_host must be"):
        ask(client, _plan_host="other.test")
    assert len(server.received) == 2


def test_request_auth__replaces_the_credentials(server: RecordingServer, client: ApiClient) -> None:
    """`_request_auth` replaces the configured credentials for one call, under the header name that it has."""
    ask(client, _request_auth={"type": "bearer", "in": "header", "key": "Authorization", "value": "Bearer once"})
    assert server.last.headers["Authorization"] == "Bearer once"
    ask(client, _request_auth={"value": "Token short"})
    assert server.last.headers["Authorization"] == "Token short"
    ask(client, _request_auth={"in": "header", "key": "X-Auth", "value": "x"})
    assert server.last.headers["X-Auth"] == "x"
    assert "Authorization" not in server.last.headers
    ask(client)
    assert server.last.headers["Authorization"] == "Token qov_a"


def test_request_auth__from_auth_settings(server: RecordingServer, client: ApiClient) -> None:
    """An entry of `auth_settings()` can be passed unchanged."""
    settings = Configuration(api_key={"ApiKeyAuth": "other"}).auth_settings()["ApiKeyAuth"]
    ask(client, _request_auth=settings)
    assert server.last.headers["Authorization"] == "Token other"


@pytest.mark.parametrize(
    ("auth", "error"),
    [
        ("hush", ApiTypeError),
        ({}, ApiValueError),
        ({"value": ""}, ApiValueError),
        ({"in": "query", "key": "a", "value": "hush"}, ApiValueError),
        ({"in": "cookie", "key": "a", "value": "hush"}, ApiValueError),
        ({"value": 5}, ApiTypeError),
        ({"key": 5, "value": "hush"}, ApiValueError),
        ({"value": "hush\n\nhush"}, ApiValueError),
    ],
    ids=repr,
)
def test_request_auth__unusable(server: RecordingServer, client: ApiClient, auth: Any, error: type[Exception]) -> None:
    """Invalid credentials are rejected before anything is sent, and are not shown."""
    with pytest.raises(error) as caught:
        ask(client, _request_auth=auth)
    assert "hush" not in str(caught.value)
    assert server.connections == 0


def test_content_type__replaces_the_header(server: RecordingServer, client: ApiClient) -> None:
    """`_content_type` is sent with a body and has no other effect."""
    server.default = Response(400)
    api = EnvironmentSecretApi(client)
    with pytest.raises(ApiException):
        api.create_environment_secret("e", SecretRequest(key="a"), _content_type="application/vnd.x+json")
    assert server.last.headers["Content-Type"] == "application/vnd.x+json"
    assert server.last.body == b'{"key":"a"}'
    server.default = EMPTY
    ask(client, _content_type="application/vnd.x+json")
    assert "Content-Type" not in server.last.headers
    with pytest.raises(ApiTypeError, match="Content-Type"):
        api.create_environment_secret("e", SecretRequest(key="a"), _content_type=5)  # type: ignore[arg-type] # the case under test


def test_host_index__has_one_server(client: ApiClient, server: RecordingServer) -> None:
    """There is one server, so the only index is 0."""
    ask(client, _host_index=0)
    for index in (1, -1, "1"):
        with pytest.raises(ApiValueError, match="_host_index must be 0"):
            ask(client, _host_index=index)
    assert len(server.received) == 1


@pytest.mark.parametrize("timeout", [5, 0.5, (1, 2), [1, 2], (None, 2), (1, None), (None, None)], ids=repr)
def test_request_timeout__usable(server: RecordingServer, client: ApiClient, timeout: Any) -> None:
    """A timeout is a number, or a pair whose parts may be None."""
    ask(client, _request_timeout=timeout)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("timeout", "error"),
    [
        (0, ApiValueError),
        (-1, ApiValueError),
        (float("nan"), ApiValueError),
        (float("inf"), ApiValueError),
        ("5", ApiTypeError),
        (True, ApiTypeError),
        ((), ApiValueError),
        ((1,), ApiValueError),
        ((1, 2, 3), ApiValueError),
        ((1, 0), ApiValueError),
        (("1", 2), ApiTypeError),
    ],
    ids=repr,
)
def test_request_timeout__unusable(
    server: RecordingServer, client: ApiClient, timeout: Any, error: type[Exception]
) -> None:
    """An invalid timeout is rejected before anything is sent."""
    with pytest.raises(error, match="_request_timeout must be"):
        ask(client, _request_timeout=timeout)
    assert server.connections == 0


def test_unauthorized__without_credentials_says_so(connect: Connect, server: RecordingServer) -> None:
    """The error for a 401 without credentials says that none were sent and how to set them; `reason` is unchanged."""
    server.default = Response(401)
    with pytest.raises(UnauthorizedException) as caught:
        ask(connect(server, access_token=None).api_client)
    text = "no credentials were sent. Set QOVERY_API_TOKEN, or pass access_token or api_key."
    for error in (caught.value, copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert str(error) == f"list_environment_secrets failed: 401 Unauthorized: {text}"
        assert error.reason == "Unauthorized"
    with pytest.raises(UnauthorizedException, match=r"401 Unauthorized$"):
        ask(connect(server).api_client)
    with pytest.raises(UnauthorizedException, match=r"401 Unauthorized$"):  # a key in a header of its own
        ask(connect(server, access_token=None).api_client, _headers={"X-Api-Key": "k"})


@pytest.mark.parametrize(("body", "detail"), [({}, ": "), ({"detail": "no access"}, ": no access; ")])
def test_forbidden__may_be_an_unknown_id(client: ApiClient, server: RecordingServer, body: Any, detail: str) -> None:
    """The error for a 403 adds to the service's text that an unknown id may be the cause."""
    server.default = Response(403, body)
    with pytest.raises(ForbiddenException) as caught:
        ask(client)
    hint = "the service also responds with 403 to ids that do not exist, such as that of a deleted secret"
    assert str(caught.value) == f"list_environment_secrets failed: 403 Forbidden{detail}{hint}"
    assert caught.value.reason == "Forbidden"


def test_atexit__handler_that_was_registered_first(server: RecordingServer) -> None:
    """An `atexit` handler can make calls, although the client's own exit handlers run before it."""
    server.default = Response(201, SECRET)
    out = run_script(
        """
        import atexit, sys
        import qovery

        @atexit.register
        def last():
            client.close()
            print(api.create_environment_secret("e", {"key": "A", "value": "v"}).key)
            raw = api.list_environment_secrets_without_preload_content("e")
            raw.read()
            raw.release_conn()
            print(api.create_environment_secret("e", {"key": "A", "value": "v"}).key)
            client.close()

        client = qovery.ApiClient(qovery.Configuration(host=sys.argv[1], connection_pool_maxsize=1))
        api = qovery.EnvironmentSecretApi(client)
        print(api.create_environment_secret("e", {"key": "A", "value": "v"}).key)
        """,
        server.url,
    )
    assert out.split() == ["TOKEN"] * 3
    assert len(server.received) == 4


def test_exit__finalizer_of_a_module(server: RecordingServer) -> None:
    """A call that starts while the interpreter shuts down raises a typed error, and nothing is sent."""
    server.default = Response(201, SECRET)
    out = run_script(
        """
        import sys
        import qovery

        api = qovery.EnvironmentSecretApi(qovery.ApiClient(qovery.Configuration(host=sys.argv[1])))
        api.create_environment_secret("e", {"key": "A"})

        class Late:
            def __del__(self, api=api, expected=qovery.ApiConnectionError, out=sys.stdout):
                try:
                    api.create_environment_secret("e", {"key": "A"})
                except expected as error:
                    print(error, error.outcome_unknown, file=out, flush=True)

        late = Late()
        """,
        server.url,
    )
    assert out == "create_environment_secret failed: the interpreter is shutting down False\n"
    assert len(server.received) == 1


def test_process__keeps_its_switches(server: RecordingServer, tls: Authority) -> None:
    """Import, calls, errors and `close()` change no global state of the process."""
    with RecordingServer(EMPTY, tls.context()) as secure:
        run_script(
            """
            import builtins, gc, http.client, locale, logging, os, random, signal, socket, ssl, sys, threading, warnings
            import urllib3

            def switches():
                return {
                    "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count(), *gc.callbacks),
                    "sys": (sys.getrecursionlimit(), sys.getswitchinterval(), sys.excepthook, sys.unraisablehook,
                            sys.displayhook, sys.gettrace(), sys.getprofile(), sys.stdout, sys.stderr, sys.path[:],
                            sys.meta_path[:], sys.path_hooks[:], sys.flags, sys.dont_write_bytecode),
                    "threading": (threading.excepthook, threading.stack_size(), threading.active_count()),
                    "socket": (socket.getdefaulttimeout(), socket.socket, socket.getaddrinfo, socket.create_connection),
                    "ssl": (ssl.SSLContext, ssl._create_default_https_context, ssl.create_default_context),
                    "http": (http.client.HTTPConnection.debuglevel, http.client._MAXHEADERS, http.client._MAXLINE),
                    "urllib3": (urllib3.HTTPConnectionPool.ConnectionCls, urllib3.HTTPSConnectionPool.ConnectionCls,
                                urllib3.poolmanager.pool_classes_by_scheme.copy(), urllib3.util.Retry.DEFAULT,
                                urllib3.connection.HTTPConnection.default_socket_options[:]),
                    "signal": {number: signal.getsignal(number) for number in signal.valid_signals()},
                    "warnings": (warnings.filters[:], warnings.showwarning),
                    "logging": (logging.root.level, logging.root.handlers[:], logging.raiseExceptions,
                                logging.root.manager.disable, logging.getLoggerClass(), logging.getLogRecordFactory(),
                                logging.getLogger("urllib3").level, logging.getLogger("qovery").level,
                                logging.getLogger("urllib3").handlers[:], logging.getLogger("qovery").handlers[:]),
                    "locale": locale.setlocale(locale.LC_ALL),
                    "random": random.getstate(),
                    "os": (os.getcwd(), dict(os.environ), os.umask(0o22)),
                    "builtins": {name: id(value) for name, value in vars(builtins).items() if name != "_"},
                }

            before = switches()
            import qovery

            with qovery.ApiClient(qovery.Configuration(host=sys.argv[1], ca_cert_data=sys.argv[2])) as client:
                api = qovery.EnvironmentSecretApi(client)
                api.list_environment_secrets("e")
                client.configuration.update(host=sys.argv[3], total_timeout=5)
                for environment in ("e", ""):
                    try:
                        api.create_environment_secret(environment, {"key": "A", "value": "v"})
                    except qovery.OpenApiException:
                        pass
            after = switches()
            assert after == before, [name for name in before if before[name] != after[name]]
            """,
            secure.url,
            tls.ca_text,
            server.url,
        )
