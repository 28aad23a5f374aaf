"""Calls to servers and proxies that echo secrets: no error, log or span contains one."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from qovery import (
    ApiClient,
    ApiException,
    Configuration,
    EnvironmentSecretApi,
    SecretRequest,
)
from qovery.redaction.marks import MASK
from test.support.canaries import CANARY, CHANNELS, ECHOES, TOKEN, catch, create, everything, shows, tracebacks
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, reset, respond, send

BODIES: dict[str, Callable[[str], str]] = {
    "text": lambda echo: f"bad: {echo}!",
    "JSON": lambda echo: json.dumps({"detail": f"bad: {echo}!", echo: [1, echo]}),
    "JSON in JSON": lambda echo: json.dumps({"message": json.dumps({"detail": echo})}),
    "broken JSON": lambda echo: json.dumps({"detail": f"bad: {echo}!"})[:-1],
    "broken JSON in broken JSON": lambda echo: json.dumps(json.dumps({"detail": f"bad: {echo}!"})[:-1])[:-1],
}


@pytest.mark.parametrize("wrapped", BODIES)
@pytest.mark.parametrize("how", ECHOES)
@pytest.mark.parametrize("secret", [CANARY, TOKEN], ids=["value", "token"])
def test_echo__of_any_form_is_masked(connect: Connect, secret: str, how: str, wrapped: str) -> None:
    """An error does not contain an echoed value or credential in any encoding."""
    echo = ECHOES[how](secret)
    with HostileServer(list(respond(http_response(400, BODIES[wrapped](echo))))) as server:
        error = catch(lambda: create(connect(server, access_token=TOKEN)))
    assert isinstance(error, ApiException)
    assert MASK in str(error.body)
    assert not shows(everything(error), secret, echo)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 407, 409, 500, 503])
@pytest.mark.parametrize("how", ["raw", "JSON", "URL", "HTML", "mojibake", "base64 of a header"])
def test_echo__in_headers_is_masked(connect: Connect, status: int, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Secrets echoed in header values, header names or the reason are masked for every status."""
    caplog.set_level(1)
    value = ECHOES[how](CANARY.replace("\n", "\t")).encode("latin-1", "replace").decode("latin-1")
    headers = (
        f"X-Echo: Bearer {TOKEN}",
        f"Location: /{TOKEN}",
        f"{TOKEN}: 1",
        f"X-Value: {value}",
        f"Retry-After: {TOKEN}",
    )
    echo = http_response(status, value.encode("latin-1"), *headers, reason=f"No {TOKEN} {value}")
    with HostileServer(list(respond(echo))) as server:
        api = connect(server, access_token=TOKEN, retries=0)
        request = SecretRequest(key="A", value=CANARY.replace("\n", "\t"))
        error = catch(lambda: api.create_environment_secret("e", request))
    assert not shows(everything(error) + caplog.text, TOKEN, value, 'na"ry', "na%22ry", "na&quot;ry")


@pytest.mark.parametrize("codec", ["latin-1", "utf-16", "utf-16-be"])
def test_echo__in_another_encoding_is_masked(connect: Connect, codec: str) -> None:
    """A secret echoed in an encoding other than UTF-8 is masked."""
    body = f"bad: {CANARY}!".encode(codec)
    with HostileServer(list(respond(http_response(400, body), http_response(200, body)))) as server:
        for _ in range(2):
            error = catch(lambda: create(connect(server)))
            assert not shows(everything(error).replace("\0", "").replace("\\x00", ""), 'na"ry', "<value>")


CREDENTIALS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # name: settings, arguments of the client, options of the call
    "access_token": ({"access_token": TOKEN}, {}, {}),
    "SecretStr": ({"access_token": SecretStr(TOKEN)}, {}, {}),
    "callable": ({"access_token": lambda: TOKEN}, {}, {}),
    "api_key": ({"api_key": {"ApiKeyAuth": TOKEN}}, {}, {}),
    "api_key with a scheme": ({"api_key": {"ApiKeyAuth": f"Token {TOKEN}"}}, {}, {}),
    "callable api_key": ({"api_key": {"ApiKeyAuth": lambda: TOKEN}}, {}, {}),
    "cookie": ({}, {"cookie": f"a=b; session={TOKEN}; c=d"}, {}),
    "default header": ({}, {"header_name": "X-Auth", "header_value": TOKEN}, {}),
    "_headers": ({}, {}, {"_headers": {"X-Auth": f'key="{TOKEN}", other=1'}}),
    "Basic": ({}, {}, {"_headers": {"Authorization": f"Basic {base64.b64encode(f'u:{TOKEN}'.encode()).decode()}"}}),
    "_request_auth": ({}, {}, {"_request_auth": {"in": "header", "key": "X-Auth", "value": f"Key {TOKEN}"}}),
    "proxy_headers": ({"proxy_headers": {"Proxy-Authorization": f"Bearer {TOKEN}"}}, {}, {}),
    "proxy": ({"proxy": "http://user:canary%2Dtoken@{proxy}"}, {}, {}),
    "proxy without a user": ({"proxy": "http://canary%2Dtoken@{proxy}"}, {}, {}),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_credential__of_any_kind_is_masked(
    kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A credential of any kind is masked when it is echoed, and is not printed."""
    caplog.set_level(1)
    settings, arguments, options = CREDENTIALS[kind]
    echo = http_response(400, f"bad {TOKEN}", f"X-Echo: {base64.b64encode(TOKEN.encode()).decode()}")
    with HostileServer(list(respond(http_response(503), echo))) as server:
        if "proxy" in settings:  # the server is the proxy; the host name is not resolved
            settings = {"proxy": settings["proxy"].format(proxy=server.url.partition("//")[2])}
        host = "http://api.localhost" if "proxy" in settings else server.url
        client = ApiClient(Configuration(host=host, debug=True, **settings), **arguments)
        error = catch(lambda: create(EnvironmentSecretApi(client), **options))
        assert "proxy_headers" in settings or any(
            form in server.requests[0]
            for form in (TOKEN.encode(), base64.b64encode(f"u:{TOKEN}".encode())[2:], b"proxy-authorization")
        )
    assert not shows(everything(error) + caplog.text + "".join(capfd.readouterr()), TOKEN, "canary%2Dtoken")


def test_credential__of_the_second_attempt_is_masked(connect: Connect) -> None:
    """Both the token used before a 401 and the one fetched after it are masked."""
    tokens = iter(["first-token", "second-token"])
    echo = http_response(403, "first-token second-token", "X-Echo: second-token")
    with HostileServer(list(respond(http_response(401), echo))) as server:
        error = catch(lambda: create(connect(server, access_token=lambda: next(tokens))))
        assert b"second-token" in server.requests[1]
    assert not shows(everything(error), "first-token", "second-token")


CHUNKED = b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n"
FAILURES: dict[str, Any] = {
    "reset": [read, reset],
    "not HTTP": [read, send(f"Bearer {TOKEN} is not HTTP\r\n\r\n".encode())],
    "malformed headers": [read, send(f"HTTP/1.1 500 No\r\nBearer {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())],
    "malformed chunk": [read, send(CHUNKED + f"{TOKEN}\r\n".encode())],
    "cut short": [read, send(b"HTTP/1.1 400 No\r\nContent-Length: 999\r\n\r\n" + f"{TOKEN} {CANARY}".encode())],
    "broken compression": [
        read,
        send(http_response(200, f"{TOKEN} {CANARY}", "Content-Encoding: gzip", f"X: {TOKEN}")),
    ],
    "two lengths": [read, send(http_response(200, TOKEN, "Content-Length: 1", "Content-Length: 2"))],
    "rejected": [read, send(http_response(400, f"{TOKEN} {CANARY}"))],
    "undecodable": [read, send(http_response(200, f"{TOKEN} {CANARY}"))],
    "wrong shape": [read, send(http_response(200, json.dumps({"id": [CANARY], "scope": {TOKEN: CANARY}})))],
    "too large": [read, send(http_response(200, f"{TOKEN} {CANARY}" * 100))],
    "large": [read, send(http_response(500, f"{TOKEN} {CANARY}" * 10000))],
    "moved": [read, send(http_response(307, "", f"Location: http://user:{TOKEN}@127.0.0.1:1/"))],
}


@pytest.mark.parametrize("fault", FAILURES)
def test_failure__shows_nothing(
    fault: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed call leaves no secret in frames, logs, output or tracebacks with locals."""
    caplog.set_level(1)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)  # set by another library
    with HostileServer(FAILURES[fault]) as server:
        limit = 1000 if fault == "too large" else 2**20
        configuration = Configuration(
            host=server.url, access_token=lambda: TOKEN, retries=1, debug=True, max_response_size=limit
        )
        error = catch(lambda: create(EnvironmentSecretApi(ApiClient(configuration, cookie=TOKEN))))
    captured = "".join(capfd.readouterr())
    assert not [record for record in caplog.records if record.exc_info]  # would hold a library's frames
    for line in caplog.messages:
        if line.startswith("create_environment_secret"):
            assert re.fullmatch(r"\w+ POST /environment/e/secret \w+ attempt=1 ms=\d+\.\d bytes=\d+", line)
    assert not shows(everything(error) + caplog.text + captured, CANARY, TOKEN)
    for text in tracebacks(error):
        assert type(error).__name__ in text
        assert not shows(text, CANARY, TOKEN)


def test_failure__that_is_too_large_to_search(connect: Connect) -> None:
    """An error keeps the body of a response up to a size limit, and drops a larger one."""
    for size, kept in ((2**18, True), (2**18 + 1, False)):
        with HostileServer(list(respond(http_response(400, "x" * size)))) as server:
            error = catch(lambda: create(connect(server)))
        assert isinstance(error, ApiException)
        assert (error.body is not None) == kept


def test_success__shows_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A call that succeeds after a retry leaves no secret in a log or in the repr of its response."""
    caplog.set_level(1)
    body = {"id": "i", "created_at": "2023-12-12T13:23:02Z", "key": "A", "scope": "PROJECT", "value": CANARY}
    script = list(respond(http_response(503), http_response(201, json.dumps(body), f"X-Echo: {TOKEN}")))
    with HostileServer(script) as server:
        api = connect(server, api_key={"ApiKeyAuth": TOKEN}, debug=True)
        response = api.create_environment_secret_with_http_info("e", {"key": "A"})
    shown = [channel(response) for channel in CHANNELS.values()]
    assert not shows("".join([*shown, caplog.text, *capfd.readouterr()]), CANARY, TOKEN)
    assert response.raw_data == json.dumps(body).encode()


PAIR = base64.b64encode(f"user:{TOKEN}".encode()).decode()


def receive(sock: Any, _: Any) -> None:
    sock.recv(1024)


PROXIES: dict[str, tuple[str, Any]] = {
    "reason": ("http", [read, send(f"HTTP/1.1 407 Basic {PAIR} {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())]),
    "headers": ("http", [read, send(http_response(407, "", f"Proxy-Authenticate: Basic {PAIR}", f"X: {TOKEN}"))]),
    "not HTTP": ("http", [read, send(f"Basic {PAIR} {TOKEN}\r\n\r\n".encode())]),
    "reset": ("http", [read, reset]),
    "SOCKS": ("socks5", [receive, send(b"\5\2"), receive, send(b"\1\1")]),
    "not SOCKS": ("socks5", [receive, send(f"HTTP/1.1 400 {TOKEN}\r\n\r\n".encode())]),
}


@pytest.mark.parametrize("source", ["setting", "environment"])
@pytest.mark.parametrize("how", PROXIES)
def test_proxy__that_rejects(
    connect: Connect, how: str, source: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials of a proxy are masked when it echoes them."""
    caplog.set_level(1)
    kind, script = PROXIES[how]
    if kind == "socks5":
        pytest.importorskip("socks")
    with HostileServer(script) as server:
        proxy = f"{kind}://user:canary%2Dtoken@{server.url.partition('//')[2]}"
        monkeypatch.setenv("https_proxy", proxy)
        api = connect("https://127.0.0.2:1", proxy=proxy if source == "setting" else None, retries=0)
        error = catch(lambda: create(api))
        assert server.connections == 1
    assert not shows(everything(error) + caplog.text, TOKEN, PAIR, "canary%2Dtoken")
    for text in tracebacks(error):
        assert not shows(text, CANARY, TOKEN)
