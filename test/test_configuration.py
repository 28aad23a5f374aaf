"""`Configuration`: settings, validation, copies and defaults."""

from __future__ import annotations

import copy
import inspect
import pickle
import platform
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
import urllib3
from pydantic import SecretStr

from qovery import (
    ApiAttributeError,
    ApiClient,
    ApiTypeError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    __version__,
)
from test.support.clients import JWT
from test.support.recording import RecordingServer


def test_defaults() -> None:
    """Without arguments the settings have the documented defaults."""
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
        "idle_timeout": 30.0,
        "total_timeout": 60.0,
        "max_response_size": 16 * 1024 * 1024,
        "debug": False,
    }
    assert configuration.refresh_api_key_hook is None


def test_arguments__first_three_by_position() -> None:
    """Host, keys and prefixes can be positional, as in a generated client."""
    configuration = Configuration("http://localhost:1", {"ApiKeyAuth": "k"}, {"ApiKeyAuth": "P"})
    assert configuration.host == "http://localhost:1"
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") == "P k"


def test_setting__misspelt() -> None:
    """An unknown setting is an `ApiAttributeError`, not a silent new attribute."""
    configuration = Configuration()
    with pytest.raises(ApiAttributeError, match="Configuration has no setting 'acces_token'"):
        configuration.acces_token = "a"  # the case under test
    with pytest.raises(TypeError, match="acces_token"):
        Configuration(acces_token="a")  # the case under test


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
    """A value of the wrong kind is rejected on construction and assignment; the error has the name, not the value."""
    with pytest.raises(error, match=f"^{name} must be") as caught:
        Configuration(**{name: value})
    assert "hush" not in str(caught.value)
    configuration = Configuration()
    before = getattr(configuration, name)
    with pytest.raises(error, match=f"^{name} must be"):
        setattr(configuration, name, value)
    assert getattr(configuration, name) == before


def test_setting__none_where_a_generated_client_has_none() -> None:
    """None means the default wherever a generated client accepts it."""
    configuration = Configuration(retries=None, connection_pool_maxsize=None, debug=None, socket_options=None)
    assert (configuration.retries, configuration.connection_pool_maxsize, configuration.debug) == (3, 32, False)
    configuration.retries = None
    configuration.api_key = None
    configuration.proxy_headers = None
    assert (configuration.retries, configuration.api_key, configuration.proxy_headers) == (3, {}, {})


def test_arguments__are_not_shared() -> None:
    """The caller's objects are copied: changes to them or to the settings do not affect each other."""
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
    """The repr of a configuration shows its host."""
    assert repr(Configuration()) == "<Configuration https://api.qovery.com>"


def test_to_debug_report__holds_versions_and_no_credential() -> None:
    """The report contains versions, platform and host."""
    report = Configuration(access_token="hush", proxy="http://u:hush@localhost:1").to_debug_report()
    assert __version__ in report
    assert platform.python_version() in report
    assert "https://api.qovery.com" in report
    assert "hush" not in report


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
    """A copy has the same settings and is independent of the original."""
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
        other.nothing = 1  # the case under test


def test_default__is_kept_until_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """`set_default` keeps a copy; `get_default` returns it, `get_default_copy` a copy of it; None clears it."""
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


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com/v1//", "https://api.example.com/v1"),
        ("", "https://api.qovery.com"),
    ],
)
def test_from_env__url(monkeypatch: pytest.MonkeyPatch, url: str, host: str) -> None:
    """`QOVERY_API_URL` is the host, without a trailing slash; an empty variable counts as unset."""
    monkeypatch.setenv("QOVERY_API_URL", url)
    assert Configuration.from_env().host == host


def test_from_env__is_what_an_api_without_client_uses(monkeypatch: pytest.MonkeyPatch, server: RecordingServer) -> None:
    """`EnvironmentSecretApi()` needs nothing but the environment variables."""
    monkeypatch.setenv("QOVERY_API_URL", server.url + "/")
    monkeypatch.setenv("QOVERY_API_TOKEN", JWT)
    api = EnvironmentSecretApi()
    with api.api_client:
        api.list_environment_secrets("e")
    assert server.last.headers["Authorization"] == f"Bearer {JWT}"


@pytest.mark.parametrize(
    "bad",
    [
        {"connect_timeout": 0},
        {"host": "nowhere"},
        {"api_key": 5},
        {"proxy": "not a URL"},
        {"nothing": 1},
        {"socket_options": 5},
        {"retries": -1},
    ],
    ids=lambda bad: next(iter(bad)),
)
@pytest.mark.parametrize("first", [True, False])
def test_update__with_a_bad_value_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, server: RecordingServer, bad: dict[str, Any], first: bool
) -> None:
    """The settings are unchanged, whatever the order, and calls continue as before."""
    configuration = full()
    configuration.update(host=server.url, proxy=None)
    before = settings(configuration)
    good = {"access_token": "other", "total_timeout": 1, "proxy_headers": {"X": "y"}, "api_key_prefix": {}}
    with pytest.raises((ApiValueError, ApiTypeError, ApiAttributeError)):
        configuration.update(**({**bad, **good} if first else {**good, **bad}))
    assert settings(configuration) == before
    if bad.keys() != {"nothing"}:
        ((name, value),) = bad.items()
        with pytest.raises((ApiValueError, ApiTypeError)):
            setattr(configuration, name, value)
        assert settings(configuration) == before
    with ApiClient(configuration) as client:
        EnvironmentSecretApi(client).list_environment_secrets("e")
    assert server.last.headers["Authorization"] == "Bearer t"


def test_update__several_at_once() -> None:
    """`update` accepts the arguments of the constructor, and the hook."""
    configuration = Configuration()
    configuration.update(
        host="https://example.com/", api_key=None, retries=None, debug=None, refresh_api_key_hook=print
    )
    assert (configuration.host, configuration.api_key, configuration.retries) == ("https://example.com", {}, 3)
    assert (configuration.debug, configuration.refresh_api_key_hook) == (False, print)
    configuration.update()
    assert configuration.host == "https://example.com"


def test_subclass__with_attributes_of_its_own(server: RecordingServer) -> None:
    """A subclass may have other attributes, before and after the settings, in copies too."""

    class Mine(Configuration):
        label = "class"

        def __init__(self, **settings: Any) -> None:
            self.early = ["early"]
            self.total_timeout = 5.0
            super().__init__(**settings)
            self.late = "late"

    mine = Mine(host=server.url, total_timeout=6)
    mine.later = "later"  # type: ignore[attr-defined] # a subclass may
    mine.label = "mine"
    twin = copy.deepcopy(mine)
    assert (twin.early, twin.late, twin.later, twin.label) == (["early"], "late", "later", "mine")  # type: ignore[attr-defined]
    assert twin.total_timeout == 6
    with ApiClient(twin) as client:
        EnvironmentSecretApi(client).list_environment_secrets("e")
    assert len(server.received) == 1
