"""The route of a request: host, proxy, and warnings about insecure routes."""

from __future__ import annotations

import itertools
import socket
import warnings
from typing import Any
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined] # not in the stubs

import pytest

from qovery import (
    ApiValueError,
    Configuration,
    InsecureWarning,
)
from test.support.clients import Connect
from test.support.proxies import basic
from test.support.recording import RecordingServer
from test.support.tls import Authority

# --- Host -----------------------------------------------------------------------------------------


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
    """Surrounding white space and trailing slashes are removed; https and loopback do not warn."""
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
    """A host that is not a plain URL is an `ApiValueError` that does not show it, also on assignment."""
    configuration = Configuration()
    with pytest.raises(ApiValueError, match="host must be") as caught:
        Configuration(host=host)
    assert "hush" not in str(caught.value)
    with pytest.raises(ApiValueError, match="host must be"):
        configuration.host = host
    assert configuration.host == "https://api.qovery.com"


@pytest.mark.parametrize("host", ["http://example.com", "http://10.0.0.1", "http://127.example.com", "http://[::2]"])
def test_host__plain_http_warns(host: str) -> None:
    """Plain http to any host but loopback warns, at the line that set it."""
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        configuration = Configuration(host=host)
    assert caught[0].filename == __file__
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        configuration.host = f"{host}/v2"
    assert caught[0].filename == __file__


# --- Insecure routes ------------------------------------------------------------------------------


def test_verify_ssl__off_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disabling certificate verification warns once, at the line that did it."""
    with pytest.warns(InsecureWarning, match="verify_ssl is off") as caught:
        Configuration(verify_ssl=False)
    assert [warning.filename for warning in caught] == [__file__]
    monkeypatch.setenv("QOVERY_API_URL", "http://example.com")
    with pytest.warns(InsecureWarning, match="plain http") as caught:
        Configuration.from_env()
    assert [warning.filename for warning in caught] == [__file__]


def test_verify_ssl__off_in_code_without_a_module() -> None:
    """Code in a bare namespace, such as a template or a notebook cell, gets the same warning."""
    with pytest.warns(InsecureWarning, match="verify_ssl is off"):
        exec("Configuration(verify_ssl=False)", {"Configuration": Configuration})


@pytest.mark.parametrize("settings", [{"verify_ssl": False}, {"host": "http://api.example"}])
def test_insecure__warns_once_at_the_callers_line(settings: dict[str, Any]) -> None:
    """A setting that exposes secrets in transit warns, and says what to do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Configuration(**settings)
    assert [(warning.category, warning.filename) for warning in caught] == [(InsecureWarning, __file__)]


# --- Choice of the proxy --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxy__from_the_environment(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, server: RecordingServer, proxy: RecordingServer, name: str
) -> None:
    """Without the setting, the proxy comes from the usual variables."""
    monkeypatch.setenv(name, proxy.url.replace("//", "//user:pass@"))
    connect(server).list_environment_secrets("e")
    assert server.received == []
    assert proxy.last.target == f"{server.url}/environment/e/secret"
    assert proxy.last.headers["proxy-authorization"] == basic("user:pass")


def test_proxy__from_the_environment_for_https(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: RecordingServer, tls: Authority
) -> None:
    """`https_proxy` applies to https hosts, `http_proxy` does not."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", proxy.url)
    with tls.server() as server:
        connect(f"https://localhost:{server.port}").list_environment_secrets("e")
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
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    server: RecordingServer,
    proxy: RecordingServer,
    source: str,
    no_proxy: str,
    direct: bool,
) -> None:
    """A host in `no_proxy` is reached directly, whether proxy and exception come from settings or variables."""
    no_proxy = no_proxy.format(port=server.port)
    api = connect(server)
    configuration = api.api_client.configuration
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
    api.list_environment_secrets("e")
    assert (len(server.received), len(proxy.received)) == ((1, 0) if direct else (0, 1))


def test_proxy__setting_over_variables(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, server: RecordingServer, proxy: RecordingServer
) -> None:
    """A proxy setting takes precedence over the variables."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    connect(server, proxy=proxy.url).list_environment_secrets("e")
    assert len(proxy.received) == 1


VARIABLES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD")


@pytest.mark.parametrize("lower", [None, "", "http://localhost:1"])
@pytest.mark.parametrize("upper", [None, "", "http://localhost:2"])
def test_proxy__as_urllib_chooses(monkeypatch: pytest.MonkeyPatch, lower: str | None, upper: str | None) -> None:
    """For every combination of the variables, the proxy is the one that urllib chooses."""
    configuration = Configuration(host="http://127.0.0.1:9")
    others = (None, "", "http://localhost:3"), (None, "http://localhost:4"), (None, "", "*"), (None, "*"), (None, "GET")
    for values in itertools.product([lower], [upper], *others):
        with monkeypatch.context() as patch:
            for name, value in zip(VARIABLES, values, strict=True):
                patch.delenv(name, raising=False)
                if value is not None:
                    patch.setenv(name, value)
            proxies = getproxies_environment()
            expected = (
                None if proxy_bypass_environment("127.0.0.1:9", proxies) else proxies.get("http") or proxies.get("all")
            )
            assert configuration.proxy_for_host() == expected, values


@pytest.mark.needs_posix
def test_proxy__in_mixed_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables in other spellings are ignored, also beside one that counts."""
    configuration = Configuration(host="http://127.0.0.1:9")
    monkeypatch.setenv("Http_Proxy", "http://localhost:1")
    assert configuration.proxy_for_host() is None
    monkeypatch.setenv("ALL_PROXY", "http://localhost:2")
    assert configuration.proxy_for_host() == "http://localhost:2"


@pytest.mark.parametrize(
    "url",
    ["localhost:3128", "ftp://localhost", "http://", "http://:3128", "http://[::1", "http://a:99999", "http://a b:1"],
)
def test_proxy__unusable(connect: Connect, server: RecordingServer, url: str) -> None:
    """A proxy that is not a URL is rejected before anything is sent."""
    with pytest.raises(ApiValueError, match="proxy must be a URL like"):
        connect(server, proxy=url).list_environment_secrets("e")
    assert server.received == []


# --- Insecure routes, by what is really used --------------------------------------------------------

ELSEWHERE = "http://proxy.example:3128"
LOCAL = "http://localhost:1"
ROUTES: dict[str, tuple[dict[str, Any], dict[str, str], str | None]] = {
    "local": ({"host": LOCAL}, {}, None),
    "https": ({"host": "https://api.example"}, {}, None),
    "https through a proxy": ({"host": "https://api.example", "proxy": ELSEWHERE}, {}, None),
    "proxy by setting": ({"host": LOCAL, "proxy": ELSEWHERE}, {}, "a proxy forwards it"),
    "https proxy by setting": ({"host": LOCAL, "proxy": "https://proxy.example"}, {}, "a proxy forwards it"),
    "socks": ({"host": LOCAL, "proxy": "socks5h://proxy.example:1080"}, {}, "a proxy forwards it"),
    "http_proxy": ({"host": LOCAL}, {"http_proxy": ELSEWHERE}, "a proxy forwards it"),
    "ALL_PROXY": ({"host": LOCAL}, {"ALL_PROXY": ELSEWHERE}, "a proxy forwards it"),
    "all_proxy with socks": ({"host": LOCAL}, {"all_proxy": "socks5://proxy.example"}, "a proxy forwards it"),
    "https_proxy for http": ({"host": LOCAL}, {"https_proxy": ELSEWHERE}, None),
    "no_proxy": ({"host": LOCAL}, {"http_proxy": ELSEWHERE, "no_proxy": "localhost"}, None),
    "no_proxy by setting": ({"host": LOCAL, "no_proxy": "localhost", "proxy": ELSEWHERE}, {}, None),
    "a local proxy": ({"host": LOCAL, "proxy": "http://127.0.0.1:3128"}, {}, None),
    "plain http": ({"host": "http://api.example"}, {}, "host is plain http, so"),
    "plain http and a local proxy": ({"host": "http://api.example", "proxy": LOCAL}, {}, "host is plain http, so"),
    "verify_ssl": ({"verify_ssl": False}, {}, "verify_ssl is off"),
    "verify_ssl without TLS": ({"host": LOCAL, "verify_ssl": False}, {}, None),
    "assert_hostname": ({"assert_hostname": False}, {}, "assert_hostname is False"),
    "assert_hostname with a name": ({"assert_hostname": "api.example"}, {}, None),
}


@pytest.mark.parametrize("when", ["made", "updated", "assigned"])
@pytest.mark.parametrize("name", ROUTES)
def test_insecure__is_judged_by_the_effective_route(monkeypatch: pytest.MonkeyPatch, name: str, when: str) -> None:
    """The warning depends on the route that a call uses, however it was set up; it names the caller's line."""
    settings, variables, expected = ROUTES[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if when == "made":
            Configuration(**settings)
        elif when == "updated":
            Configuration().update(**settings)
        else:
            configuration = Configuration()
            for setting, value in settings.items():
                setattr(configuration, setting, value)
    texts = [str(warning.message) for warning in caught]
    assert texts[-1:] == ([] if expected is None else [text for text in texts[-1:] if expected in text])
    assert (texts != []) == (expected is not None)
    assert {warning.filename for warning in caught} <= {__file__}


def test_insecure__by_a_variable_that_is_set_later(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, server: RecordingServer, proxy: RecordingServer
) -> None:
    """A call whose route has become insecure warns, once, at the line of the call."""
    api = connect(server, retries=0)
    api.list_environment_secrets("e")
    monkeypatch.setenv("http_proxy", f"http://proxy.invalid:{proxy.port}")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(2, 1, 6, "", ("127.0.0.1", proxy.port))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            api.list_environment_secrets("e")
    assert [(warning.category, warning.filename) for warning in caught] == [(InsecureWarning, __file__)]
    assert len(proxy.received) == 2


def test_insecure__as_an_error(connect: Connect, monkeypatch: pytest.MonkeyPatch, server: RecordingServer) -> None:
    """If the warning is an error, no setting is changed to it, and no call is sent on such a route."""
    api = connect(server)
    configuration = api.api_client.configuration
    with warnings.catch_warnings():
        warnings.simplefilter("error", InsecureWarning)
        for change in ({"host": "http://api.example"}, {"proxy": ELSEWHERE}):
            with pytest.raises(InsecureWarning):
                configuration.update(access_token="other", **change)
        assert (configuration.host, configuration.proxy) == (server.url, None)
        assert configuration.access_token == "a-token"
        monkeypatch.setenv("http_proxy", ELSEWHERE)
        for _ in range(2):
            with pytest.raises(InsecureWarning):
                api.list_environment_secrets("e")
        assert server.received == []
        monkeypatch.delenv("http_proxy")
        api.list_environment_secrets("e")
