"""Tokens and API keys: what is sent, when a callable is called, and which variable is read."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import Any

import pytest
from pydantic import SecretStr

from qovery import (
    ApiClient,
    ApiException,
    ApiTypeError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
    NotFoundException,
    UnauthorizedException,
)
from test.support import PATIENCE
from test.support.calls import CALLS
from test.support.clients import JWT, Connect
from test.support.hostile import (
    HostileServer,
    http_response,
    read,
    reset,
    respond,
)
from test.support.recording import EMPTY, Received, RecordingServer, Response
from test.support.threads import THREADS, in_threads


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
def test_api_key__and_its_scheme(
    connect: Connect, server: RecordingServer, key: Any, prefixes: dict[str, str], sent: str
) -> None:
    """An API key is sent as `Token` unless a prefix is set or it contains a scheme."""
    api = connect(server, api_key={"ApiKeyAuth": key}, api_key_prefix=prefixes)
    configuration = api.api_client.configuration
    api.list_environment_secrets("e")
    assert server.last.headers["Authorization"] == sent
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") == sent
    assert configuration.auth_settings() == {
        "ApiKeyAuth": {"type": "api_key", "in": "header", "key": "Authorization", "value": sent}
    }


@pytest.mark.parametrize(
    "token", ["a.b.c", " a.b.c ", SecretStr("a.b.c"), lambda: "a.b.c"], ids=["text", "spaces", "SecretStr", "callable"]
)
def test_access_token__wins(connect: Connect, server: RecordingServer, token: Any) -> None:
    """The access token is sent as `Bearer`, and takes precedence over an API key."""
    api = connect(server, access_token=token, api_key={"ApiKeyAuth": "qov_a"})
    configuration = api.api_client.configuration
    api.list_environment_secrets("e")
    assert server.last.headers["Authorization"] == "Bearer a.b.c"
    assert {name: entry["value"] for name, entry in configuration.auth_settings().items()} == {
        "ApiKeyAuth": "Token qov_a",
        "bearerAuth": "Bearer a.b.c",
    }


def test_credentials__none(connect: Connect, server: RecordingServer) -> None:
    """Without credentials no `Authorization` is sent."""
    api = connect(server, access_token=None)
    configuration = api.api_client.configuration
    api.list_environment_secrets("e")
    assert "Authorization" not in server.last.headers
    assert configuration.auth_settings() == {}
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") is None


@pytest.mark.parametrize("token", ["", "  ", 5, b"a", "a\nb", "a\r\nX: y", "a\0b", "tök€n", lambda: "", lambda: None])
@pytest.mark.parametrize("setting", ["access_token", "api_key"])
def test_credentials__unusable(connect: Connect, server: RecordingServer, setting: str, token: Any) -> None:
    """A token that cannot be in a header is rejected before anything is sent, and is not shown."""
    value = {"ApiKeyAuth": token} if setting == "api_key" else token
    with pytest.raises((ApiValueError, ApiTypeError), match=setting) as caught:
        connect(server, **{setting: value}).list_environment_secrets("e")
    assert "tök" not in str(caught.value)
    assert server.received == []


def test_get_api_key_with_prefix__alias() -> None:
    """The key may be stored under another name; the prefix is that of the identifier."""
    configuration = Configuration(api_key={"other": "a"}, api_key_prefix={"ApiKeyAuth": "P"})
    assert configuration.get_api_key_with_prefix("ApiKeyAuth", alias="other") == "P a"
    assert configuration.get_api_key_with_prefix("ApiKeyAuth") is None
    assert configuration.get_api_key_with_prefix("ApiKeyAuth", alias="nothing") is None


def test_refresh_api_key_hook__is_called_before_each_call(connect: Connect, server: RecordingServer) -> None:
    """The hook gets the configuration before an API key is read, and may change it."""
    keys = iter(["one", "two"])
    api = connect(server, access_token=None)
    api.api_client.configuration.refresh_api_key_hook = lambda it: it.api_key.update(ApiKeyAuth=next(keys))
    for _ in range(2):
        api.list_environment_secrets("e")
    assert [received.headers["Authorization"] for received in server.received] == ["Token one", "Token two"]


def test_callable__is_called_once(connect: Connect, server: RecordingServer) -> None:
    """A callable is called at the first call; its token is cached."""
    asked: list[None] = []
    api = connect(server, access_token=lambda: asked.append(None) or "t")  # type: ignore[func-returns-value] # short
    for _ in range(3):
        api.list_environment_secrets("e")
    assert len(asked) == 1


@pytest.mark.parametrize("setting", ["access_token", "api_key"])
def test_callable__is_called_again_after_401(connect: Connect, server: RecordingServer, setting: str) -> None:
    """A rejected token is renewed and the call retried once; a second 401 is raised."""
    tokens = iter(["one", "two", "three"])
    source = lambda: next(tokens)  # noqa: E731 - identity matters, not the name
    value: Any = {"ApiKeyAuth": source} if setting == "api_key" else source
    server.responses = [Response(401), EMPTY, Response(401), Response(401)]
    api = connect(server, **{setting: value})
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
    """A call whose token another call has renewed meanwhile uses the new token; the callable is not called again."""
    tokens = iter(["one", "two"])
    configuration = Configuration(access_token=lambda: next(tokens))
    assert configuration.authorization() == "Bearer one"
    credentials = configuration._snapshot().credentials
    assert credentials is not None
    assert credentials.renew("Bearer one", math.inf) == "Bearer two"
    assert credentials.renew("Bearer one", math.inf) == "Bearer two"


def test_callable__with_nothing_new(connect: Connect, server: RecordingServer) -> None:
    """A call is not retried with the token that was rejected, nor without a callable."""
    server.default = Response(401)
    for token in ("a.b.c", lambda: "a.b.c"):
        with pytest.raises(ApiException, match="401"):
            connect(server, access_token=token).list_environment_secrets("e")
    assert len(server.received) == 2


def test_callable__that_fails(connect: Connect, server: RecordingServer) -> None:
    """An exception from a callable becomes an `ApiException` that says that the callable failed."""

    def token() -> str:
        raise RuntimeError("no vault")

    with pytest.raises(ApiException, match="callable for access_token failed: RuntimeError: no vault"):
        connect(server, access_token=token).list_environment_secrets("e")
    assert server.received == []


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


def test_callable_token__renewed_after_a_lost_response(connect: Connect) -> None:
    """After a token renewal, the call still counts an earlier attempt that may have been applied."""
    tokens = map(str, range(9))
    script = list(respond(http_response(401), http_response(404)))
    with HostileServer([read, reset], script, [read, reset], script) as server:
        api = connect(server, access_token=lambda: next(tokens))
        CALLS["delete"](api)
        api.api_client.close()
        with pytest.raises(NotFoundException) as caught:
            CALLS["edit"](api)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (3, True)


def test_threads__rejected_concurrently(connect: Connect, server: RecordingServer) -> None:
    """If all threads get a 401, one of them calls the callable once more, and each call is retried once."""
    rejected = threading.Barrier(THREADS)
    asked_by: list[int] = []

    def judge(received: Received) -> Response:
        if received.headers["Authorization"] != "Bearer old":
            return EMPTY
        rejected.wait(PATIENCE)  # until every thread has sent the old token
        return Response(401)

    def ask() -> str:
        asked_by.append(threading.get_ident())
        return "old" if len(asked_by) == 1 else "new"

    server.default = judge
    api = connect(server, access_token=ask, connection_pool_maxsize=THREADS)
    ends = in_threads(lambda number: api.list_environment_secrets(f"e-{number}").results)
    assert ends == [[]] * THREADS
    assert len(asked_by) == 2
    assert set(Counter(received.target for received in server.received).values()) == {2}
    assert Counter(received.headers["Authorization"] for received in server.received) == {
        "Bearer old": THREADS,
        "Bearer new": THREADS,
    }


# --- A token that changes ---------------------------------------------------------------------------


def test_token__changed_after_the_first_call(connect: Connect, server: RecordingServer) -> None:
    """The next call sends the current token, however it was changed."""
    api = connect(server, access_token=None, api_key={"ApiKeyAuth": "one"})
    configuration = api.api_client.configuration
    for change in (
        lambda: None,
        lambda: configuration.api_key.update(ApiKeyAuth="two"),
        lambda: configuration.api_key_prefix.update(ApiKeyAuth="Key"),
        lambda: setattr(configuration, "api_key", {"ApiKeyAuth": lambda: "three"}),
        lambda: configuration.update(access_token=SecretStr("four")),
        lambda: setattr(configuration, "access_token", lambda: "five"),
        lambda: configuration.update(access_token=None, api_key={}),
    ):
        change()
        api.list_environment_secrets("e")
    assert [received.headers.get("Authorization") for received in server.received] == [
        "Token one",
        "Token two",
        "Key two",
        "Key three",
        "Bearer four",
        "Bearer five",
        None,
    ]


def test_renewal__asks_the_source_that_the_call_started_with(connect: Connect, server: RecordingServer) -> None:
    """A token that is set during a call is for the next one: a 401 renews the token that was sent."""
    tokens = iter(["one", "two"])
    api = connect(server, access_token=lambda: next(tokens))
    configuration = api.api_client.configuration

    def reject(_: Received) -> Response:
        if len(server.received) > 1:
            return EMPTY
        configuration.access_token = lambda: "another"
        return Response(401)

    server.default = reject
    api.list_environment_secrets("e")
    api.list_environment_secrets("e")
    assert [received.headers["Authorization"] for received in server.received] == [
        "Bearer one",
        "Bearer two",
        "Bearer another",
    ]


def test_configuration__of_two_clients(connect: Connect, server: RecordingServer) -> None:
    """Clients with one configuration share its tokens: a callable is called once, and renewed for both."""
    tokens = iter(["one", "two"])
    server.default = lambda received: EMPTY if received.headers["Authorization"] == "Bearer two" else Response(401)
    configuration = Configuration(host=server.url, access_token=lambda: next(tokens))
    with ApiClient(configuration) as one, ApiClient(configuration) as other:
        for client in (one, other, one):
            EnvironmentSecretApi(client).list_environment_secrets("e")
    assert [received.headers["Authorization"][7:] for received in server.received] == ["one", "two", "two", "two"]


def test_refresh_api_key_hook__that_changes_the_host(connect: Connect, server: RecordingServer, nowhere: str) -> None:
    """A call uses every setting that the hook has set."""
    api = connect(nowhere, access_token=None)
    api.api_client.configuration.refresh_api_key_hook = lambda it: it.update(
        host=server.url, api_key={"ApiKeyAuth": "a"}
    )
    api.list_environment_secrets("e")
    assert server.last.headers["Authorization"] == "Token a"


# --- Subclasses -------------------------------------------------------------------------------------


class Signs(Configuration):
    """Adds a header and counts the calls."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.asked = 0
        super().__init__(*args, **settings)

    def auth_settings(self) -> dict[str, dict[str, str]]:
        self.asked += 1
        mine = {"type": "api_key", "in": "header", "key": "X-Signature", "value": str(self.asked)}
        return {**super().auth_settings(), "mine": mine, "unset": {"in": "query", "key": "q", "value": ""}}


def test_auth_settings__overridden(server: RecordingServer) -> None:
    """The headers that a subclass returns are sent, once per call, and a callable's token is renewed."""
    tokens = iter(["one", "two"])
    configuration = Signs(server.url, access_token=lambda: next(tokens))
    with ApiClient(configuration) as client:
        api = EnvironmentSecretApi(client)
        api.list_environment_secrets("e")
        server.responses = [Response(401)]
        api.list_environment_secrets("e")
    sent = [(received.headers["Authorization"], received.headers["X-Signature"]) for received in server.received]
    assert sent == [("Bearer one", "1"), ("Bearer one", "2"), ("Bearer two", "2")]
    assert configuration.asked == 2


def test_auth_settings__overridden_with_a_hook(server: RecordingServer) -> None:
    """The hook is called as often as the override reads the key."""
    keys = iter(["one", "two"])
    configuration = Signs(server.url)
    configuration.refresh_api_key_hook = lambda it: it.api_key.update(ApiKeyAuth=next(keys))
    with ApiClient(configuration) as client:
        for _ in range(2):
            EnvironmentSecretApi(client).list_environment_secrets("e")
    assert [received.headers["Authorization"] for received in server.received] == ["Token one", "Token two"]


@pytest.mark.parametrize(("value", "error"), [("hush\r\nX: y", ApiValueError), (5, ApiTypeError)])
def test_auth_settings__overridden_with_invalid_headers(
    server: RecordingServer, monkeypatch: pytest.MonkeyPatch, value: Any, error: type[Exception]
) -> None:
    """Headers from a subclass, or from a patched configuration, are checked before anything is sent."""
    configuration = Configuration(server.url)
    monkeypatch.setitem(
        configuration.__dict__, "auth_settings", lambda: {"a": {"in": "header", "key": "X", "value": value}}
    )
    with ApiClient(configuration) as client, pytest.raises(error, match="auth_settings") as caught:
        EnvironmentSecretApi(client).list_environment_secrets("e")
    assert "hush" not in str(caught.value)
    assert server.received == []


@pytest.mark.parametrize(
    "scheme",
    [{"in": "query", "key": "q"}, {"in": "cookie", "key": "c"}, {"in": "header"}, {"in": "header", "key": "a: b"}],
)
def test_auth_settings__overridden_with_another_place(server: RecordingServer, scheme: dict[str, str]) -> None:
    """A scheme that is not one of a header is rejected before anything is sent, not ignored."""

    class Elsewhere(Configuration):
        def auth_settings(self) -> dict[str, dict[str, str]]:
            return {"mine": {**scheme, "value": "hush"}}

    with ApiClient(Elsewhere(server.url)) as client, pytest.raises(ApiValueError, match="header") as caught:
        EnvironmentSecretApi(client).list_environment_secrets("e")
    assert "hush" not in str(caught.value)
    assert server.received == []


def test_auth_settings__overridden_with_another_header(server: RecordingServer) -> None:
    """A 401 for a request that has no `Authorization` is not followed by a renewal."""
    server.default = Response(401)

    class Key(Configuration):
        def auth_settings(self) -> dict[str, dict[str, str]]:
            return {"mine": {"in": "header", "key": "X-Api-Key", "value": "k"}}

    with ApiClient(Key(server.url)) as client, pytest.raises(UnauthorizedException) as caught:
        EnvironmentSecretApi(client).list_environment_secrets("e")
    assert (caught.value.attempts, server.last.headers["X-Api-Key"]) == (1, "k")


def test_access_token__overridden(server: RecordingServer) -> None:
    """A property of a subclass is read for each call."""
    tokens = iter(["one", "two"])

    class Fresh(Configuration):
        @property
        def access_token(self) -> str:  # type: ignore[override] # a subclass of a caller may
            return next(tokens)

        @access_token.setter
        def access_token(self, value: Any) -> None:
            pass

    with ApiClient(Fresh(server.url)) as client:
        for _ in range(2):
            EnvironmentSecretApi(client).list_environment_secrets("e")
    assert [received.headers["Authorization"] for received in server.received] == ["Bearer one", "Bearer two"]
