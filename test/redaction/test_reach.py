"""Objects reachable from a client before and after calls: only masked objects hold a value or a credential."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from qovery import EnvironmentSecretApi, OpenApiException, SecretRequest
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, reset, respond, send
from test.support.proxies import SocksProxy
from test.support.reach import texts
from test.support.recording import RecordingServer
from test.support.things import SIGNED, TOKEN, VALUE, client, echo, leak
from test.support.tls import Authority

#: Keeps the called objects out of the frames of tests.
CALLS: dict[str, Callable[[EnvironmentSecretApi], Any]] = {
    "none": lambda api: None,
    "accepted": lambda api: api.create_environment_secret("e", SecretRequest(key="A", value=VALUE)),
    "rejected": lambda api: failed(api, "K400"),
    "unauthorized": lambda api: failed(api, "K401"),
    "listed": lambda api: api.list_environment_secrets_with_http_info("e").status_code,
}


def failed(api: EnvironmentSecretApi, key: str) -> OpenApiException:
    with pytest.raises(OpenApiException) as caught:
        api.create_environment_secret("e", SecretRequest(key=key, value=VALUE))
    return caught.value


def shown(thing: object) -> list[str]:
    return [f"{path}: {found}" for path, text in texts(thing) if (found := leak(text))]


@pytest.fixture
def server() -> Iterator[RecordingServer]:
    with RecordingServer(echo) as server:
        yield server


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_client__leads_to_no_secret(server: RecordingServer, way: str, call: str, signed: str) -> None:
    """After any call no value or credential is reachable from the client or its connections."""
    api = client(server.url, server.url if way == "proxy" else None, **SIGNED[signed])
    with api.api_client:
        CALLS[call](api)
        if signed != "callable":  # the caller's own function, whose code holds the token
            assert shown(api) == []
        assert shown(api.api_client.rest_client) == []


def test_client__through_a_tunnel(tls: Authority) -> None:
    """A tunnelled connection does not keep the headers that it sent to the proxy."""
    with RecordingServer(echo, tls.context()) as server, RecordingServer(echo) as proxy:
        api = client(server.url, proxy.url)
        api.api_client.configuration.ca_cert_data = tls.ca_text
        with api.api_client:
            CALLS["accepted"](api)
            assert proxy.received[0].method == "CONNECT"
            assert shown(api) == []


def test_client__through_socks(server: RecordingServer) -> None:
    """A SOCKS connection does not keep the password."""
    pytest.importorskip("socks")
    with SocksProxy(("127.0.0.1", 0), SocksProxy.RequestHandlerClass) as proxy:
        import threading

        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        api = client(server.url, f"socks5h://127.0.0.1:{proxy.server_address[1]}")
        with api.api_client:
            CALLS["accepted"](api)
            assert proxy.credentials == b"canary-user:canary-password"
            assert shown(api) == []
        proxy.shutdown()


def test_error__leads_to_no_secret(server: RecordingServer) -> None:
    """No value or credential is reachable from an error."""
    for script in ([read, reset], [read, send(b"nonsense\r\n\r\n")], list(respond(http_response(400, TOKEN)))):
        with HostileServer(script) as broken, client(broken.url).api_client as api_client:
            error = failed(EnvironmentSecretApi(api_client), "A")
            error.__traceback__ = None  # the frames of the test
            assert shown(error) == []


@pytest.mark.parametrize("policy", [0, urllib3.Retry(2, allowed_methods=None, status_forcelist=[503])])
def test_unread_response__leads_to_no_request(policy: Any) -> None:
    """The request is not reachable from an unread response, nor from the failed attempts in its history."""
    script = list(respond(http_response(503), http_response(200, "{}")))
    with HostileServer([read, reset] if policy else script[2:], script) as server:
        api = client(server.url)
        api.api_client.configuration.retries = policy
        with api.api_client:
            raw = api.create_environment_secret_without_preload_content("e", SecretRequest(key="A", value=VALUE))
            assert raw.status == 200
            assert len(raw.retries.history if raw.retries else ()) == (2 if policy else 0)
            assert shown(raw) == []
            raw.read()
            assert shown(raw) == []


def test_detector__sees_planted_secrets(connect: Connect, server: RecordingServer) -> None:
    """The detector finds secrets in attributes, slots, closures, lists and frames."""
    api = connect(server)

    def frame() -> Any:
        held = TOKEN
        assert held
        return sys._getframe()

    for planted in ([{"a": TOKEN}], frame(), iter([TOKEN.encode()]), (lambda text: lambda: text)(TOKEN).__closure__):
        assert shown(planted)
        vars(api.api_client)["planted"] = planted
        assert shown(api)
        del vars(api.api_client)["planted"]
    assert shown(api) == []
