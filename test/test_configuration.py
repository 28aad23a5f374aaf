"""`Configuration`: what each setting does, up to the wire."""

from __future__ import annotations

import base64
import copy
import inspect
import pickle
import platform
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from qovery import (
    ApiAttributeError,
    ApiClient,
    ApiConnectionError,
    ApiException,
    ApiTypeError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    InsecureWarning,
    __version__,
)
from test.recording import EMPTY, TLS, Recorder, Reply, relay

VARIABLES = ("QOVERY_API_TOKEN", "QOVERY_CLI_ACCESS_TOKEN", "Q_CLI_ACCESS_TOKEN", "QOVERY_API_URL")
JWT = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=") + ".e30.c2ln"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of the machine, and no default of another test, has a say."""
    proxies = [prefix + "_proxy" for prefix in ("http", "https", "all", "no")]
    for name in (*VARIABLES, *proxies, *map(str.upper, proxies)):
        monkeypatch.delenv(name, raising=False)
    yield
    Configuration.set_default(None)
    ApiClient.set_default(None)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder(EMPTY) as recorder:
        yield recorder


def ask(configuration: Configuration) -> None:
    """Call the service once with these settings."""
    with ApiClient(configuration) as client:
        EnvironmentSecretApi(client).list_environment_secrets("e")


# --- Settings and their checks --------------------------------------------------------------------


def test_defaults() -> None:
    """Without arguments the settings are the documented ones."""
    configuration = Configuration()
    assert {name: getattr(configuration, name) for name in list(inspect.signature(Configuration).parameters)} == {
        "host": "https://api.qovery.com",
        "api_key": {},
        "api_key_prefix": {},
        "access_token": None,
        "ssl_ca_cert": None,
        "ca_cert_data": None,
        "cert_file": None,
        "key_file": None,
        "verify_ssl": True,
        "assert_hostname": None,
        "tls_server_name": None,
        "connection_pool_maxsize": 32,
        "proxy": None,
        "no_proxy": None,
        "proxy_headers": {},
        "proxy_ssl_context": None,
        "socket_options": None,
        "retries": 3,
        "connect_timeout": 5.0,
        "read_timeout": 30.0,
        "total_timeout": 60.0,
        "max_response_size": 64 * 1024 * 1024,
        "debug": False,
    }
    assert configuration.refresh_api_key_hook is None


def test_arguments__first_three_by_position() -> None:
    """Host, keys and prefixes may be given by position, as in a generated client."""
    configuration = Configuration("http://localhost:1", {"ApiKeyAuth": "k"}, {"ApiKeyAuth": "P"})
    assert configuration.host == "http://localhost:1"
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") == "P k"


def test_setting__misspelt() -> None:
    """A setting that does not exist is an `ApiAttributeError`, not a silent new attribute."""
    configuration = Configuration()
    with pytest.raises(ApiAttributeError, match="Configuration has no setting 'acces_token'"):
        configuration.acces_token = "a"  # type: ignore[attr-defined] # what is tested
    with pytest.raises(TypeError, match="acces_token"):
        Configuration(acces_token="a")  # type: ignore[call-arg] # what is tested


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        (" https://api.example.com:8443/v1// ", "https://api.example.com:8443/v1"),
        ("HTTPS://API.example.com", "https://API.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://api.localhost:80", "http://api.localhost:80"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.9.8.7", "http://127.9.8.7"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://under_score.example", "https://under_score.example"),
    ],
)
def test_host__usable(given: str, kept: str) -> None:
    """Surrounding white space and slashes at the end are taken off; https and loopback do not warn."""
    assert Configuration(host=given).host == kept


@pytest.mark.parametrize(
    "host",
    [
        "",
        "api.example.com",
        "//api.example.com",
        "ftp://api.example.com",
        "https://",
        "https:///path",
        "https://:443",
        "https://a:0",
        "https://a:65536",
        "https://a:port",
        "https://[::1",
        "https://[zz]",
        "https://a b",
        "https://a%zz",
        "https://a<b>",
        "https://user@example.com",
        "https://user:hush@example.com",
        "https://example.com?a=hush",
        "https://example.com#hush",
        "https://bücher.example",
        "https://example.com/ü",
    ],
)
def test_host__unusable(host: str) -> None:
    """What is not a plain URL is an `ApiValueError` that shows nothing of it, also on assignment."""
    configuration = Configuration()
    with pytest.raises(ApiValueError, match="host must be") as caught:
        Configuration(host=host)
    assert "hush" not in str(caught.value)
    with pytest.raises(ApiValueError, match="host must be"):
        configuration.host = host
    assert configuration.host == "https://api.qovery.com"


@pytest.mark.parametrize("host", ["http://example.com", "http://10.0.0.1", "http://127.example.com", "http://[::2]"])
def test_host__plain_http_warns(host: str) -> None:
    """Plain http to anything but loopback warns, at the line that set it."""
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        configuration = Configuration(host=host)
    assert caught[0].filename == __file__
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        configuration.host = host
    assert caught[0].filename == __file__


def test_verify_ssl__off_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switching the check of certificates off warns once, at the line that did it."""
    with pytest.warns(InsecureWarning, match="verify_ssl is off") as caught:
        Configuration(verify_ssl=False)
    assert [warning.filename for warning in caught] == [__file__]
    monkeypatch.setenv("QOVERY_API_URL", "http://example.com")
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        Configuration.from_env()
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("host", 5, ApiTypeError),
        ("host", b"https://example.com", ApiTypeError),
        ("api_key", "hush", ApiTypeError),
        ("api_key", [("ApiKeyAuth", "hush")], ApiTypeError),
        ("api_key_prefix", "Token", ApiTypeError),
        ("proxy", 5, ApiTypeError),
        ("proxy", b"http://hush", ApiTypeError),
        ("no_proxy", ["localhost"], ApiTypeError),
        ("proxy_headers", "hush", ApiTypeError),
        ("socket_options", 5, ApiTypeError),
        ("socket_options", [1], ApiTypeError),
        ("connection_pool_maxsize", 0, ApiValueError),
        ("connection_pool_maxsize", 1.5, ApiTypeError),
        ("connection_pool_maxsize", True, ApiTypeError),
        ("max_response_size", 0, ApiValueError),
        ("max_response_size", "1M", ApiTypeError),
        ("connect_timeout", 0, ApiValueError),
        ("connect_timeout", -1, ApiValueError),
        ("connect_timeout", "5", ApiTypeError),
        ("connect_timeout", None, ApiTypeError),
        ("connect_timeout", True, ApiTypeError),
        ("read_timeout", float("nan"), ApiValueError),
        ("total_timeout", float("inf"), ApiValueError),
        ("retries", -1, ApiValueError),
        ("retries", "three", ApiTypeError),
        ("retries", 1.5, ApiTypeError),
    ],
)
def test_setting__checked(name: str, value: Any, error: type[Exception]) -> None:
    """A value of the wrong kind is refused when it is set, given or assigned, by name and without being shown."""
    with pytest.raises(error, match=f"^{name} must be") as caught:
        Configuration(**{name: value})
    assert "hush" not in str(caught.value)
    configuration = Configuration()
    before = getattr(configuration, name)
    with pytest.raises(error, match=f"^{name} must be"):
        setattr(configuration, name, value)
    assert getattr(configuration, name) == before


def test_setting__none_where_a_generated_client_has_none() -> None:
    """None stands for the default where a generated client takes it so."""
    configuration = Configuration(retries=None, connection_pool_maxsize=None, debug=None, socket_options=None)
    assert (configuration.retries, configuration.connection_pool_maxsize, configuration.debug) == (3, 32, False)
    configuration.retries = None
    configuration.api_key = None
    configuration.proxy_headers = None
    assert (configuration.retries, configuration.api_key, configuration.proxy_headers) == (3, {}, {})


def test_arguments__are_not_shared() -> None:
    """The caller's objects are copied: changing them, or the settings, does not change the other."""
    keys, prefixes, headers, options = {"ApiKeyAuth": "a"}, {"ApiKeyAuth": "A"}, {"X": "a"}, [(6, 1, 1)]
    configuration = Configuration(api_key=keys, api_key_prefix=prefixes, proxy_headers=headers, socket_options=options)
    configuration.api_key["ApiKeyAuth"] = "b"
    configuration.api_key_prefix.clear()
    configuration.proxy_headers.clear()
    options.append((6, 2, 2))
    assert (keys, prefixes, headers) == ({"ApiKeyAuth": "a"}, {"ApiKeyAuth": "A"}, {"X": "a"})
    assert configuration.socket_options == [(6, 1, 1)]
    assert Configuration(api_key=MappingProxyType(keys)).api_key == keys


def test_repr__names_the_host() -> None:
    """A configuration shows its host."""
    assert repr(Configuration()) == "<Configuration https://api.qovery.com>"


def test_to_debug_report__holds_versions_and_no_credential() -> None:
    """The report names versions, platform and host."""
    report = Configuration(access_token="hush", proxy="http://u:hush@localhost:1").to_debug_report()
    assert __version__ in report
    assert platform.python_version() in report
    assert "https://api.qovery.com" in report
    assert "hush" not in report


# --- Copies and defaults --------------------------------------------------------------------------


def full() -> Configuration:
    return Configuration(
        host="https://example.com/v1",
        api_key={"ApiKeyAuth": "k"},
        api_key_prefix={"ApiKeyAuth": "P"},
        access_token=SecretStr("t"),
        proxy="http://u:p@localhost:3128",
        no_proxy="a,b",
        proxy_headers={"X-A": "b"},
        socket_options=[(6, 1, 1)],
        retries=urllib3.Retry(2),
        connect_timeout=1,
        tls_server_name="name",
        ca_cert_data="pem",
        debug=True,
    )


def settings(configuration: Configuration) -> dict[str, Any]:
    names = [*inspect.signature(Configuration).parameters, "refresh_api_key_hook"]
    return {name: getattr(configuration, name) for name in names if name != "retries"}


@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["deepcopy", "pickle"]
)
def test_copy__is_equal_and_independent(twin: Callable[[Configuration], Configuration]) -> None:
    """A copy has the same settings, and neither feels the other's changes."""
    original = full()
    other = twin(original)
    assert settings(other) == settings(original)
    assert isinstance(other.retries, urllib3.Retry)
    assert other.auth_settings() == original.auth_settings()
    other.api_key["ApiKeyAuth"] = "changed"
    other.api_key_prefix["ApiKeyAuth"] = "changed"
    other.proxy_headers["X-A"] = "changed"
    assert other.socket_options is not None
    other.socket_options.append((6, 2, 2))  # type: ignore[attr-defined] # kept as a list
    other.access_token = "changed"
    other.host = "https://changed.example"
    assert settings(original) == settings(full())
    with pytest.raises(ApiAttributeError):
        other.nothing = 1  # type: ignore[attr-defined] # what is tested


def test_default__is_kept_until_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """`set_default` keeps a copy; `get_default` gives it, `get_default_copy` a copy of it; None forgets it."""
    mine = Configuration(host="https://mine.example")
    Configuration.set_default(mine)
    mine.host = "https://changed.example"
    kept = Configuration.get_default()
    assert kept.host == "https://mine.example"
    assert Configuration.get_default() is kept
    other = Configuration.get_default_copy()
    other.api_key["ApiKeyAuth"] = "a"
    assert Configuration.get_default().api_key == {}
    assert ApiClient().configuration is kept
    Configuration.set_default(None)
    monkeypatch.setenv("QOVERY_API_URL", "https://env.example")
    assert Configuration.get_default().host == Configuration.get_default_copy().host == "https://env.example"


# --- Credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "prefixes", "sent"),
    [
        ("qov_a", {}, "Token qov_a"),
        ("  qov_a\n", {}, "Token qov_a"),
        (SecretStr("qov_a"), {}, "Token qov_a"),
        (lambda: "qov_a", {}, "Token qov_a"),
        ("qov_a", {"ApiKeyAuth": "Key"}, "Key qov_a"),
        ("qov_a", {"ApiKeyAuth": ""}, "qov_a"),
        ("Token qov_a", {}, "Token qov_a"),
        ("Bearer a.b.c", {}, "Bearer a.b.c"),
        ("qov_a", {"other": "Key"}, "Token qov_a"),
    ],
)
def test_api_key__and_its_scheme(server: Recorder, key: Any, prefixes: dict[str, str], sent: str) -> None:
    """An API key goes out as `Token` unless a prefix is set or it carries a scheme."""
    configuration = Configuration(host=server.url, api_key={"ApiKeyAuth": key}, api_key_prefix=prefixes)
    ask(configuration)
    assert server.last.headers["Authorization"] == sent
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") == sent
    assert configuration.auth_settings() == {
        "ApiKeyAuth": {"type": "api_key", "in": "header", "key": "Authorization", "value": sent}
    }


@pytest.mark.parametrize(
    "token", ["a.b.c", " a.b.c ", SecretStr("a.b.c"), lambda: "a.b.c"], ids=["text", "spaces", "SecretStr", "callable"]
)
def test_access_token__wins(server: Recorder, token: Any) -> None:
    """The access token goes out as `Bearer`, before an API key."""
    configuration = Configuration(host=server.url, access_token=token, api_key={"ApiKeyAuth": "qov_a"})
    ask(configuration)
    assert server.last.headers["Authorization"] == "Bearer a.b.c"
    assert {name: entry["value"] for name, entry in configuration.auth_settings().items()} == {
        "ApiKeyAuth": "Token qov_a",
        "bearerAuth": "Bearer a.b.c",
    }


def test_credentials__none(server: Recorder) -> None:
    """Without credentials no `Authorization` is sent."""
    configuration = Configuration(host=server.url)
    ask(configuration)
    assert "Authorization" not in server.last.headers
    assert configuration.auth_settings() == {}
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") is None


@pytest.mark.parametrize("token", ["", "  ", 5, b"a", "a\nb", "a\r\nX: y", "a\0b", "tök€n", lambda: "", lambda: None])
@pytest.mark.parametrize("setting", ["access_token", "api_key"])
def test_credentials__unusable(server: Recorder, setting: str, token: Any) -> None:
    """A token that no header can carry is refused before anything is sent, and not shown."""
    value = {"ApiKeyAuth": token} if setting == "api_key" else token
    with pytest.raises((ApiValueError, ApiTypeError), match=setting) as caught:
        ask(Configuration(host=server.url, **{setting: value}))
    assert "tök" not in str(caught.value)
    assert server.received == []


def test_get_api_key_with_prefix__alias() -> None:
    """The key may be stored under another name; the prefix is the identifier's."""
    configuration = Configuration(api_key={"other": "a"}, api_key_prefix={"ApiKeyAuth": "P"})
    assert configuration.get_api_key_with_prefix("ApiKeyAuth", alias="other") == "P a"
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") is None
    assert configuration.get_api_key_with_prefix("ApiKeyAuth", alias="nothing") is None


def test_refresh_api_key_hook__is_called_before_each_call(server: Recorder) -> None:
    """The hook gets the configuration before an API key is read, and may change it."""
    keys = iter(["one", "two"])
    configuration = Configuration(host=server.url)
    configuration.refresh_api_key_hook = lambda it: it.api_key.update(ApiKeyAuth=next(keys))
    ask(configuration)
    ask(configuration)
    assert [received.headers["Authorization"] for received in server.received] == ["Token one", "Token two"]


def test_callable__is_asked_once(server: Recorder) -> None:
    """A callable is asked at the first call; its answer is kept."""
    asked: list[None] = []
    configuration = Configuration(host=server.url, access_token=lambda: asked.append(None) or "t")  # type: ignore[func-returns-value] # short
    with ApiClient(configuration) as client:
        for _ in range(3):
            EnvironmentSecretApi(client).list_environment_secrets("e")
    assert len(asked) == 1


@pytest.mark.parametrize("setting", ["access_token", "api_key"])
def test_callable__is_asked_again_after_401(server: Recorder, setting: str) -> None:
    """A rejected token is renewed and the call repeated once; a second 401 is the caller's."""
    tokens = iter(["one", "two", "three"])
    source = lambda: next(tokens)  # noqa: E731 - identity matters, not the name
    value: Any = {"ApiKeyAuth": source} if setting == "api_key" else source
    server.replies = [Reply(401), EMPTY, Reply(401), Reply(401)]
    with ApiClient(Configuration(host=server.url, **{setting: value})) as client:
        api = EnvironmentSecretApi(client)
        api.list_environment_secrets("e")
        with pytest.raises(ApiException) as caught:
            api.list_environment_secrets("e")
    assert (caught.value.status, caught.value.attempts) == (401, 2)
    assert [received.headers["Authorization"].split()[1] for received in server.received] == [
        "one",
        "two",
        "two",
        "three",
    ]


def test_callable__renewed_by_another_call() -> None:
    """A call whose token another call has renewed meanwhile gets the new one; the callable is not asked again."""
    tokens = iter(["one", "two"])
    configuration = Configuration(access_token=lambda: next(tokens))
    assert configuration.authorization() == "Bearer one"
    assert configuration.renew_authorization("Bearer one") == "Bearer two"
    assert configuration.renew_authorization("Bearer one") == "Bearer two"


def test_callable__with_nothing_new(server: Recorder) -> None:
    """A call is not repeated with the token that was rejected, nor where there is no callable."""
    server.otherwise = Reply(401)
    for token in ("a.b.c", lambda: "a.b.c"):
        with pytest.raises(ApiException, match="401"):
            ask(Configuration(host=server.url, access_token=token))
    assert len(server.received) == 2


def test_callable__that_fails(server: Recorder) -> None:
    """What a callable raises becomes an `ApiException` that says whose fault it was."""

    def token() -> str:
        raise RuntimeError("no vault")

    with pytest.raises(ApiException, match="callable for access_token failed: RuntimeError: no vault"):
        ask(Configuration(host=server.url, access_token=token))
    assert server.received == []


# --- From the environment -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "api_key", "access_token"),
    [
        ({}, {}, None),
        ({"QOVERY_API_TOKEN": "qov_a"}, {"ApiKeyAuth": "qov_a"}, None),
        ({"QOVERY_CLI_ACCESS_TOKEN": "qov_a"}, {"ApiKeyAuth": "qov_a"}, None),
        ({"Q_CLI_ACCESS_TOKEN": "qov_a"}, {"ApiKeyAuth": "qov_a"}, None),
        (
            {"Q_CLI_ACCESS_TOKEN": "c", "QOVERY_CLI_ACCESS_TOKEN": "b", "QOVERY_API_TOKEN": "a"},
            {"ApiKeyAuth": "a"},
            None,
        ),
        ({"Q_CLI_ACCESS_TOKEN": "c", "QOVERY_CLI_ACCESS_TOKEN": "b"}, {"ApiKeyAuth": "b"}, None),
        ({"Q_CLI_ACCESS_TOKEN": "c", "QOVERY_API_TOKEN": ""}, {"ApiKeyAuth": "c"}, None),
        ({"QOVERY_API_TOKEN": "  ", "QOVERY_CLI_ACCESS_TOKEN": JWT}, {}, JWT),
        ({"QOVERY_API_TOKEN": f" {JWT}\n"}, {}, JWT),
        ({"Q_CLI_ACCESS_TOKEN": JWT}, {}, JWT),
        ({"QOVERY_API_TOKEN": "sk-qov-01-a.b.c"}, {"ApiKeyAuth": "sk-qov-01-a.b.c"}, None),
        ({"QOVERY_API_TOKEN": "qov_a.b.c"}, {"ApiKeyAuth": "qov_a.b.c"}, None),
        ({"QOVERY_API_TOKEN": "tök.b.c"}, {"ApiKeyAuth": "tök.b.c"}, None),
        ({"QOVERY_API_TOKEN": JWT.rpartition(".")[0]}, {"ApiKeyAuth": JWT.rpartition(".")[0]}, None),
        ({"QOVERY_API_TOKEN": "NQ.b.c"}, {"ApiKeyAuth": "NQ.b.c"}, None),  # base64 of a number
    ],
)
def test_from_env__token(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], api_key: dict[str, str], access_token: str | None
) -> None:
    """The first variable that is set wins; a JWT becomes the access token, anything else the API key."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configuration = Configuration.from_env()
    assert (configuration.api_key, configuration.access_token) == (api_key, access_token)
    assert configuration.host == "https://api.qovery.com"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com/v1//", "https://api.example.com/v1"),
        ("", "https://api.qovery.com"),
    ],
)
def test_from_env__url(monkeypatch: pytest.MonkeyPatch, url: str, host: str) -> None:
    """`QOVERY_API_URL` is the host, without a slash at its end; empty, it is as if not set."""
    monkeypatch.setenv("QOVERY_API_URL", url)
    assert Configuration.from_env().host == host


def test_from_env__is_what_an_api_without_client_uses(monkeypatch: pytest.MonkeyPatch, server: Recorder) -> None:
    """`EnvironmentSecretApi()` needs nothing but the variables."""
    monkeypatch.setenv("QOVERY_API_URL", server.url + "/")
    monkeypatch.setenv("QOVERY_API_TOKEN", JWT)
    api = EnvironmentSecretApi()
    with api.api_client:
        api.list_environment_secrets("e")
    assert server.last.headers["Authorization"] == f"Bearer {JWT}"


# --- Proxies --------------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[Recorder]:
    with Recorder(EMPTY) as recorder:
        yield recorder


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
def test_proxy__for_a_plain_host(proxy: Recorder) -> None:
    """An http proxy is asked for an http host with the whole URL, its credentials and its headers."""
    url = proxy.url.replace("//", "//us%40er:p%3Ass@")
    ask(Configuration(host="http://api.test/v1", access_token="t", proxy=url, proxy_headers={"X-Proxy": "a"}))
    assert proxy.last.target == "http://api.test/v1/environment/e/secret"
    assert proxy.last.headers["Host"] == "api.test"
    assert proxy.last.headers["proxy-authorization"] == basic("us@er:p:ss")
    assert proxy.last.headers["X-Proxy"] == "a"
    assert proxy.last.headers["Authorization"] == "Bearer t"


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
def test_proxy__over_tls_for_a_plain_host(tls: TLS) -> None:
    """A proxy that speaks TLS is trusted by its own settings for an http host too."""
    with tls.server() as proxy:
        trusting = ssl.create_default_context(cadata=tls.ca_text)
        ask(Configuration(host="http://api.test", proxy=proxy.url, proxy_ssl_context=trusting))
        assert proxy.last.target == "http://api.test/environment/e/secret"
        with pytest.raises(ApiConnectionError):
            ask(Configuration(host="http://api.test", proxy=proxy.url, retries=0))
        assert len(proxy.received) == 1


def test_proxy__for_an_https_host(proxy: Recorder, tls: TLS) -> None:
    """An https host is reached through a tunnel; the proxy sees neither token nor path."""
    with tls.server() as server:
        url = proxy.url.replace("//", "//user:pass@")
        ask(
            Configuration(
                host=f"https://localhost:{server.port}",
                access_token="t",
                proxy=url,
                proxy_headers={"X-Proxy": "a"},
                ca_cert_data=tls.ca_text,
            )
        )
        assert len(proxy.received) == 1
        assert (proxy.last.method, proxy.last.target) == ("CONNECT", f"localhost:{server.port}")
        assert proxy.last.headers["proxy-authorization"] == basic("user:pass")
        assert proxy.last.headers["X-Proxy"] == "a"
        assert "Authorization" not in proxy.last.headers
        assert server.last.target == "/environment/e/secret"
        assert server.last.headers["Authorization"] == "Bearer t"
        assert not server.last.headers.keys() & {"proxy-authorization", "Proxy-Authorization", "X-Proxy"}


def test_proxy__over_tls(tls: TLS) -> None:
    """A proxy may itself speak TLS, with settings of its own."""
    trusting = ssl.create_default_context(cadata=tls.ca_text)
    with tls.server() as proxy, tls.server() as server:
        ask(
            Configuration(
                host=server.url.replace("127.0.0.1", "localhost"),
                proxy=proxy.url.replace("127.0.0.1", "localhost"),
                proxy_ssl_context=trusting,
                ca_cert_data=tls.ca_text,
            )
        )
        assert proxy.last.method == "CONNECT"
        assert server.last.method == "GET"


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxy__from_the_environment(
    monkeypatch: pytest.MonkeyPatch, server: Recorder, proxy: Recorder, name: str
) -> None:
    """Without the setting, the proxy is the one that the usual variables name."""
    monkeypatch.setenv(name, proxy.url.replace("//", "//user:pass@"))
    ask(Configuration(host=server.url))
    assert server.received == []
    assert proxy.last.target == f"{server.url}/environment/e/secret"
    assert proxy.last.headers["proxy-authorization"] == basic("user:pass")


def test_proxy__from_the_environment_for_https(monkeypatch: pytest.MonkeyPatch, proxy: Recorder, tls: TLS) -> None:
    """`https_proxy` is for https hosts, `http_proxy` is not."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", proxy.url)
    with tls.server() as server:
        ask(Configuration(host=f"https://localhost:{server.port}", ca_cert_data=tls.ca_text))
        assert proxy.last.method == "CONNECT"


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("127.0.0.1", True),
        ("other.test, 127.0.0.1", True),
        ("127.0.0.1:{port}", True),
        ("*", True),
        ("", False),
        ("other.test", False),
        ("127.0.0.1:1", False),
    ],
)
@pytest.mark.parametrize("source", ["setting", "variable", "setting over variable", "setting with proxy setting"])
def test_no_proxy(
    monkeypatch: pytest.MonkeyPatch, server: Recorder, proxy: Recorder, source: str, no_proxy: str, direct: bool
) -> None:
    """A host of `no_proxy` is reached directly, wherever proxy and exception were named."""
    no_proxy = no_proxy.format(port=server.port)
    configuration = Configuration(host=server.url)
    if source == "setting with proxy setting":
        configuration.proxy = proxy.url
    else:
        monkeypatch.setenv("http_proxy", proxy.url)
    if source == "variable":
        monkeypatch.setenv("no_proxy", no_proxy)
    else:
        configuration.no_proxy = no_proxy
    if source == "setting over variable":
        monkeypatch.setenv("no_proxy", "other.test" if direct else "*")
    ask(configuration)
    assert (len(server.received), len(proxy.received)) == ((1, 0) if direct else (0, 1))


def test_proxy__setting_over_variables(monkeypatch: pytest.MonkeyPatch, server: Recorder, proxy: Recorder) -> None:
    """A proxy that was set is used whatever the variables say."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    ask(Configuration(host=server.url, proxy=proxy.url))
    assert len(proxy.received) == 1


@pytest.mark.parametrize(
    "url",
    ["localhost:3128", "ftp://localhost", "http://", "http://:3128", "http://[::1", "http://a:99999", "http://a b:1"],
)
def test_proxy__unusable(server: Recorder, url: str) -> None:
    """A proxy that is no URL is refused before anything is sent."""
    with pytest.raises(ApiValueError, match="proxy must be a URL like"):
        ask(Configuration(host=server.url, proxy=url))
    assert server.received == []


class Socks(socketserver.ThreadingTCPServer):
    """A SOCKS5 proxy that wants a user and a password."""

    daemon_threads = True
    credentials = b""
    target: tuple[bytes, int] | None = None

    class RequestHandlerClass(socketserver.StreamRequestHandler):
        """One tunnel."""

        server: Socks

        def handle(self) -> None:
            methods = self.rfile.read(self.rfile.read(2)[1])
            assert 2 in methods
            self.wfile.write(b"\x05\x02")
            user = self.rfile.read(self.rfile.read(2)[1])
            self.server.credentials = user + b":" + self.rfile.read(self.rfile.read(1)[0])
            self.wfile.write(b"\x01\x00")
            kind = self.rfile.read(4)[3]
            name = self.rfile.read(4 if kind == 1 else self.rfile.read(1)[0])
            port = int.from_bytes(self.rfile.read(2), "big")
            self.server.target = name, port
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
                relay(self.connection, upstream)


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_proxy__socks(server: Recorder, scheme: str) -> None:
    """A SOCKS proxy carries the call with its credentials, unquoted; `socks5h` leaves the name to it."""
    pytest.importorskip("socks")
    with Socks(("127.0.0.1", 0), Socks.RequestHandlerClass) as socks:
        thread = threading.Thread(target=socks.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        name = "api.test" if scheme == "socks5h" else "127.0.0.1"
        ask(
            Configuration(
                host=f"http://{name}:{server.port}/v1",
                proxy=f"{scheme}://us%40er:p%3Ass@127.0.0.1:{socks.server_address[1]}",
            )
        )
        socks.shutdown()
    thread.join()
    assert socks.credentials == b"us@er:p:ss"
    assert socks.target == (b"api.test" if scheme == "socks5h" else bytes([127, 0, 0, 1]), server.port)
    assert server.last.target == "/v1/environment/e/secret"


# --- TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["path", "str", "PEM", "DER"])
def test_ca__own(tls: TLS, kind: str) -> None:
    """An own authority is trusted from a file, from text, and from bytes."""
    trusted: dict[str, Any] = {
        "path": {"ssl_ca_cert": tls.ca_file},
        "str": {"ssl_ca_cert": str(tls.ca_file)},
        "PEM": {"ca_cert_data": tls.ca_text},
        "DER": {"ca_cert_data": ssl.PEM_cert_to_DER_cert(tls.ca_text)},
    }[kind]
    with tls.server() as server:
        ask(Configuration(host=server.url, **trusted))
        assert len(server.received) == 1


def test_verify_ssl__off(tls: TLS) -> None:
    """With `verify_ssl` off any certificate will do, and only that setting warns."""
    with tls.server("other.test") as server:
        with pytest.warns(InsecureWarning) as caught:
            configuration = Configuration(host=server.url, verify_ssl=False)
        ask(configuration)
        assert len(caught) == len(server.received) == 1


def test_hostname__must_fit(tls: TLS) -> None:
    """A certificate for another name is refused, unless `assert_hostname` names it or switches the check off."""
    with tls.server("other.test") as server:
        with pytest.raises(ApiConnectionError, match="assert_hostname or tls_server_name"):
            ask(Configuration(host=server.url, ca_cert_data=tls.ca_text))
        with pytest.raises(ApiConnectionError, match="assert_hostname or tls_server_name"):
            ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, assert_hostname="third.test"))
        assert server.received == []
        ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, assert_hostname="other.test"))
        ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, assert_hostname=False))
        assert len(server.received) == 2


def test_tls_server_name__is_asked_for(tls: TLS) -> None:
    """`tls_server_name` is the name in the handshake, and the one that the certificate must carry."""
    with tls.server("other.test") as server:
        ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, tls_server_name="other.test"))
        assert server.last.server_name == "other.test"
        assert server.last.headers["Host"] == f"127.0.0.1:{server.port}"


def test_client_certificate__is_shown(tls: TLS) -> None:
    """A server that asks for a client's certificate gets the one that is set up."""
    certificate, key = tls.client()
    both = tls.folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    with tls.server(mutual=True) as server:
        with pytest.raises(ApiConnectionError):
            ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, retries=0))
        assert server.received == []
        ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, cert_file=certificate, key_file=str(key)))
        ask(Configuration(host=server.url, ca_cert_data=tls.ca_text, cert_file=both))
        assert len(server.received) == 2
        assert ("DNS", "client.test") in server.last.certificate["subjectAltName"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ssl_ca_cert": "missing.pem"}, "ssl_ca_cert"),
        ({"ssl_ca_cert": "."}, "ssl_ca_cert"),
        ({"ssl_ca_cert": __file__}, "ssl_ca_cert"),
        ({"ssl_ca_cert": 5}, "ssl_ca_cert"),
        ({"ca_cert_data": "junk"}, "ca_cert_data"),
        ({"ca_cert_data": b"junk"}, "ca_cert_data"),
        ({"cert_file": "missing.pem"}, "cert_file"),
        ({"cert_file": __file__}, "cert_file"),
        ({"key_file": __file__}, "key_file"),
    ],
)
def test_tls_files__unusable(tls: TLS, settings: dict[str, Any], named: str) -> None:
    """A file that is missing or holds something else is an `ApiValueError` before anything is sent."""
    with tls.server() as server:
        with pytest.raises(ApiValueError, match=f"{named}.* cannot be used"):
            ask(Configuration(host=server.url, **settings))
        assert server.connections == 0


def test_tls_files__key_missing(tls: TLS) -> None:
    """A certificate without its key, or with another's, cannot be used."""
    certificate, _ = tls.client()
    for key in (None, "missing.key", __file__):
        with tls.server() as server:
            with pytest.raises(ApiValueError, match="cert_file or key_file cannot be used"):
                ask(Configuration(host=server.url, cert_file=certificate, key_file=key))
            assert server.connections == 0


def test_tls_files__encrypted_key(tls: TLS) -> None:
    """A key that wants a password is an error; nobody is asked for one at the terminal."""
    certificate, key = tls.client()
    locked = tls.folder / "locked.key"
    locked.write_bytes(
        serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(ApiValueError, match="cert_file or key_file cannot be used"):
        ask(Configuration(host="https://127.0.0.1:1", cert_file=certificate, key_file=locked))


# --- Sockets --------------------------------------------------------------------------------------


def test_socket_options__are_applied(server: Recorder) -> None:
    """The options are set on the sockets, in the place of urllib3's own."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    with ApiClient(Configuration(host=server.url, socket_options=options)) as client:
        response = EnvironmentSecretApi(client).list_environment_secrets_without_preload_content("e")
        sock = response.connection.sock  # type: ignore[union-attr] # there is one until the answer is read
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        response.close()


def test_connection_pool_maxsize__bounds_connections(server: Recorder) -> None:
    """No more connections than that are open at once; one call waits for another's."""
    with ApiClient(Configuration(host=server.url, connection_pool_maxsize=2)) as client:
        api = EnvironmentSecretApi(client)
        threads = [threading.Thread(target=api.list_environment_secrets, args=("e",)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.received) == 12
    assert server.connections <= 2


def test_verify_ssl__off_in_code_without_a_module() -> None:
    """Code that runs in a bare namespace, as in a template or a notebook's cell, is warned like any other."""
    with pytest.warns(InsecureWarning, match="verify_ssl is off"):
        exec("Configuration(verify_ssl=False)", {"Configuration": Configuration})
