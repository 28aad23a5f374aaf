"""Overridden methods and settings: what a call uses while settings change, and which overrides count."""

from __future__ import annotations

import contextvars
import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from qovery import ApiClient, ApiTimeoutError, ApiValueError, Configuration, EnvironmentSecretApi, InsecureWarning
from test.support import PATIENCE
from test.support.recording import EMPTY, Received, RecordingServer, Response

Schemes = dict[str, dict[str, str]]


@pytest.fixture(autouse=True)
def _lists(server: RecordingServer) -> None:
    server.default = EMPTY


@pytest.fixture
def other() -> Iterator[RecordingServer]:
    with RecordingServer(EMPTY) as recorder:
        yield recorder


def ask(configuration: Configuration, **options: Any) -> None:
    with ApiClient(configuration) as client:
        EnvironmentSecretApi(client).list_environment_secrets("e", **options)


def elsewhere(work: Callable[[], object]) -> None:
    """Run `work` in another thread, and wait for it."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)


def sent(server: RecordingServer) -> list[str | None]:
    return [received.headers.get("Authorization") for received in server.received]


class Plain(Configuration):
    """Overrides `auth_settings`, and returns what it would return anyway."""

    def auth_settings(self) -> Schemes:
        return super().auth_settings()


class Hooked(Configuration):
    """Runs `before` and `after` in each `auth_settings`."""

    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)

    def auth_settings(self) -> Schemes:
        self.before()
        schemes = super().auth_settings()
        self.after()
        return schemes


# --- Changes while an override runs -----------------------------------------------------------------


def test_call__while_another_thread_changes_settings(server: RecordingServer, other: RecordingServer) -> None:
    """A call uses the settings that it started with, and the next call the new ones, however often they change."""
    configuration = Hooked(server.url, access_token="of-one")
    change = functools.partial(configuration.update, host=other.url, access_token="of-two")
    configuration.before = configuration.after = lambda: elsewhere(change)
    ask(configuration)
    ask(configuration)
    assert (sent(server), sent(other)) == (["Bearer of-one"], ["Bearer of-two"])


def test_call__with_a_change_of_its_own_beside(server: RecordingServer, other: RecordingServer) -> None:
    """A setting that the override sets after another thread's change does not mix old and new."""
    configuration = Hooked(server.url, access_token="of-one")
    move = functools.partial(configuration.update, host=other.url, access_token="of-two")

    def change() -> None:
        if configuration.host == server.url:
            elsewhere(move)
        configuration.read_timeout = 20

    configuration.after = change
    ask(configuration)
    assert (configuration.host, configuration.access_token, configuration.read_timeout) == (other.url, "of-two", 20)
    ask(configuration)
    assert (sent(server), sent(other)) == (["Bearer of-one"], ["Bearer of-two"])


def test_call__with_settings_that_the_override_sets(server: RecordingServer, nowhere: str) -> None:
    """What an override sets is used by the same call, and kept."""
    configuration = Hooked(nowhere, retries=0)
    configuration.before = lambda: configuration.update(host=server.url, access_token="found")
    ask(configuration)
    assert (configuration.host, configuration.access_token) == (server.url, "found")
    assert sent(server) == ["Bearer found"]


def test_call__of_a_patched_configuration(server: RecordingServer, other: RecordingServer) -> None:
    """A patch of an object reads the settings of the call too, through any reference to the object."""
    configuration = Configuration(server.url, access_token="of-one")

    def patch() -> Schemes:
        elsewhere(lambda: configuration.update(host=other.url, access_token="of-two"))
        return {"a": {"in": "header", "key": "Authorization", "value": f"Bearer {configuration.access_token}"}}

    with mock.patch.object(configuration, "auth_settings", patch):
        ask(configuration)
    assert (sent(server), sent(other)) == (["Bearer of-one"], [])


def test_settings__are_those_of_the_call_only_inside_it(server: RecordingServer) -> None:
    """Other threads, and contexts that were copied inside a call and live on, see the current settings."""
    configuration = Hooked(server.url, access_token="one")
    contexts: list[contextvars.Context] = []
    seen: list[Any] = []

    def change() -> None:
        contexts.append(contextvars.copy_context())
        elsewhere(lambda: configuration.update(access_token="two"))
        elsewhere(lambda: seen.append(configuration.access_token))
        seen.append(configuration.access_token)

    configuration.after = change
    ask(configuration)
    seen += [configuration.access_token, contexts[0].run(lambda: configuration.access_token)]
    assert seen == ["two", "one", "two", "two"]


def test_call__inside_an_override(server: RecordingServer) -> None:
    """A call with the same configuration uses the current settings, and what it sets reaches the outer call."""
    configuration = Hooked(server.url, access_token="old")

    def nested() -> None:
        configuration.before = lambda: configuration.update(access_token="newest")
        elsewhere(lambda: configuration.update(access_token="new"))
        ask(configuration, _request_timeout=PATIENCE)

    configuration.before = nested
    ask(configuration)
    assert sent(server) == ["Bearer newest", "Bearer newest"]


def test_override__keeps_its_object(server: RecordingServer) -> None:
    """An override runs on the configuration itself, so what it caches there is computed once."""
    made: list[None] = []

    class Vault(Configuration):
        @functools.cached_property
        def vault(self) -> str:
            made.append(None)
            return "t"

        def auth_settings(self) -> Schemes:
            return {"a": {"in": "header", "key": "Authorization", "value": self.vault}}

    configuration = Vault(server.url)
    for _ in range(3):
        ask(configuration)
    assert (len(made), sent(server)) == (1, ["t"] * 3)


# --- Deadline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["access_token", "api_key"])
def test_deadline__is_that_of_the_call(server: RecordingServer, setting: str) -> None:
    """With an override, too, a call waits for another thread's callable until its own deadline only."""
    asked, go = threading.Event(), threading.Event()

    def token() -> str:
        asked.set()
        assert go.wait(PATIENCE)
        return "late"

    value: Any = {"ApiKeyAuth": token} if setting == "api_key" else token
    configuration = Plain(server.url, total_timeout=PATIENCE * 2, **{setting: value})
    patient = threading.Thread(target=ask, args=(configuration,))
    patient.start()
    assert asked.wait(PATIENCE)
    try:
        with pytest.raises(ApiTimeoutError, match="did not return in time in another thread"):
            ask(configuration, _request_timeout=0.1)
        assert not go.is_set()
        configuration.total_timeout = 0.1
        for timeout in (None, (0.05, None), (0.05, 0.05)):
            with pytest.raises(ApiTimeoutError, match="did not return in time in another thread"):
                ask(configuration, _request_timeout=timeout)
    finally:
        go.set()
        patient.join(PATIENCE)
    assert len(server.received) == 1


# --- Renewal ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Authorization", "authorization"])
def test_renewal__asks_the_source_of_the_call(server: RecordingServer, key: str) -> None:
    """After a 401, the callable that the call started with is asked, although another token has been set."""
    tokens = iter(["one", "two"])

    class Renamed(Configuration):
        def auth_settings(self) -> Schemes:
            return {name: {**scheme, "key": key} for name, scheme in super().auth_settings().items()}

    def reject(_: Received) -> Response:
        if len(server.received) > 1:
            return EMPTY
        configuration.access_token = "another"
        return Response(401)

    server.default = reject
    configuration = Renamed(server.url, access_token=lambda: next(tokens))
    ask(configuration)
    ask(configuration)
    assert sent(server) == ["Bearer one", "Bearer two", "Bearer another"]


def test_renewal__by_another_call(server: RecordingServer) -> None:
    """A call whose token another call has renewed meanwhile is sent again with the new one."""
    tokens = iter(["one", "two"])

    def judge(received: Received) -> Response:
        if len(server.received) == 1:
            elsewhere(lambda: ask(configuration))
        return Response(401) if received.headers["Authorization"] == "Bearer one" else EMPTY

    server.default = judge
    configuration = Plain(server.url, access_token=lambda: next(tokens))
    ask(configuration)
    assert sent(server) == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"]


# --- Computed settings ------------------------------------------------------------------------------


def test_insecure__computed_by_a_subclass() -> None:
    """The route of a computed setting warns once, whatever else is set."""

    class Moving(Configuration):
        @property
        def host(self) -> str:  # type: ignore[override] # a subclass of a caller may
            return "http://api.internal"

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        configuration = Moving(access_token="a")
        for number in range(3):
            configuration.access_token = f"t{number}"
            configuration.proxy_headers["X"] = str(number)
            configuration.authorization()
    assert [(warning.category, warning.filename) for warning in caught] == [(InsecureWarning, __file__)]


def test_update__is_checked_with_computed_settings() -> None:
    """A computed setting is computed from the new settings before they are kept."""

    class Regional(Configuration):
        @property
        def host(self) -> str:  # type: ignore[override] # a subclass of a caller may
            return f"https://{self.api_key['region']}.test"

    configuration = Regional(api_key={"region": "eu"})
    with pytest.raises(ApiValueError, match="host must be"):
        configuration.api_key = {"region": "a b"}
    assert configuration.api_key == {"region": "eu"}
    configuration.api_key = {"region": "us"}
    assert configuration.host == "https://us.test"


def test_setting__that_changes_another_when_it_is_computed(server: RecordingServer) -> None:
    """A computed setting may set others, which are checked and used by the same call."""

    class Discovers(Configuration):
        wanted = ""

        @property
        def host(self) -> str:  # type: ignore[override] # a subclass of a caller may
            self.no_proxy = "127.0.0.1"
            self.update(proxy=self.wanted or "http://localhost:1")
            return server.url

    configuration = Discovers(access_token="a")
    ask(configuration)
    assert (configuration.no_proxy, configuration.proxy, len(server.received)) == ("127.0.0.1", "http://localhost:1", 1)


# --- Patches ----------------------------------------------------------------------------------------


def patched(self: Configuration, *_: Any) -> Schemes:
    return {"a": {"in": "header", "key": "Authorization", "value": "Bearer patched"}}


class Late(Configuration):
    """Gets a method after its definition."""


@pytest.mark.parametrize("cls", [Configuration, Late])
def test_patch__of_a_class(server: RecordingServer, cls: type[Configuration]) -> None:
    """A method or setting that is replaced in a class, after its definition too, is used by calls while it is."""
    configuration = cls(server.url, access_token="a")
    with mock.patch.object(cls, "auth_settings", patched):
        ask(configuration)
    with mock.patch.object(cls, "get_api_key_with_prefix", return_value="Token key"):
        configuration.access_token = None
        ask(configuration)
    with mock.patch.object(cls, "access_token", property(lambda _: "property")):
        ask(configuration)
    with (
        mock.patch.object(cls, "total_timeout", new_callable=mock.PropertyMock, return_value=-1),
        pytest.raises(ApiValueError, match="total_timeout"),
    ):
        ask(configuration)
    configuration.access_token = "b"
    ask(configuration)
    assert sent(server) == ["Bearer patched", "Token key", "Bearer property", "Bearer b"]


def test_patch__of_an_object(server: RecordingServer) -> None:
    """A method that is replaced in one configuration is used by its calls."""
    configuration = Configuration(server.url, api_key={"ApiKeyAuth": "a"})
    with mock.patch.object(configuration, "get_api_key_with_prefix", return_value="Token patched"):
        ask(configuration)
    ask(configuration)
    assert sent(server) == ["Token patched", "Token a"]


def test_setting__before_it_is_set() -> None:
    """A subclass that reads a setting too early gets Python's own error."""

    class Hasty(Configuration):
        def __init__(self) -> None:
            assert not hasattr(self, "host")
            with pytest.raises(AttributeError, match="'Hasty' object has no attribute 'host'"):
                _ = self.host
            super().__init__()

    assert Hasty().host == "https://api.qovery.com"
    configuration = Hasty()
    object.__setattr__(configuration, "host", "https://example.com/")
    assert configuration.host == "https://example.com"
