"""Calls to servers and proxies that echo credentials in unusual ways, or send terminal control sequences."""

from __future__ import annotations

import base64
import json
import logging
import math
from typing import Any

import pytest

from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi
from qovery.api.environment_secret_api import CREATE
from qovery.redaction.marks import MASK
from qovery.response_parser import error_of
from qovery.retry import Outcome
from qovery.transport.messages import Request, Response, mask_headers
from test.support.canaries import CANARY, TOKEN, catch, create, everything, shows
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, respond, send

ESCAPES = "\x1b[31mred\x1b]8;;http://x\x07 \x9b1m \u202e"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "iso-8859-1", "windows-1252", "gb18030"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_body__in_the_encoding_that_it_declares(connect: Connect, codec: str, quote: str) -> None:
    """A body, JSON included, is decoded with the declared charset and masked."""
    body = json.dumps({"detail": f"größer: {CANARY}"}, ensure_ascii=False).encode(codec)
    echo = http_response(400, body, f"Content-Type: application/json; charset={quote}{codec.upper()}{quote}")
    with HostileServer(list(respond(echo))) as server:
        error = catch(lambda: create(connect(server)))
    assert isinstance(error, ApiException)
    assert error.data == {"detail": f"größer: {MASK}"}
    assert json.loads(error.body or "") == error.data


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (f"größer {CANARY}".encode(), "utf-16"),
        (f"größer {CANARY}".encode(), "iso-8859-1"),
        (f"größer {CANARY}".encode("latin-1"), "utf-16"),
        (f"größer {CANARY}".encode("latin-1"), "utf-8"),
        (f"größer {CANARY}".encode("utf-16"), "iso-8859-1"),
        (f"größer {CANARY}".encode("utf-16"), "utf-8"),
        (f"größer {CANARY}".encode(), "unicode_escape"),
        (f"größer {CANARY}".encode("latin-1"), "x-utf-16"),
        (f"größer {CANARY}".encode("latin-1"), "utf-16-x"),
    ],
)
def test_body__in_another_encoding_than_it_declares(connect: Connect, body: bytes, declared: str) -> None:
    """A wrongly declared charset does not hide a secret from the mask."""
    with HostileServer(
        list(respond(http_response(400, body, f"Content-Type: text/plain; charset={declared}")))
    ) as server:
        error = catch(lambda: create(connect(server)))
    assert isinstance(error, ApiException)
    assert MASK in str(error.body).replace("\0", "")
    assert "gr" in str(error.body).replace("\0", "")


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Buffer", "data": list(TOKEN.encode())},
        {"detail": [*map(ord, TOKEN)], "echo": TOKEN},
        {"detail": base64.encodebytes(f"a longer text, then {TOKEN} and more {TOKEN}".encode()).decode()},
        {TOKEN: {TOKEN: [TOKEN]}},
    ],
)
def test_body__of_json_that_spreads_a_secret(connect: Connect, data: Any) -> None:
    """A secret that is split across several JSON values is in neither `body` nor `data`."""
    with HostileServer(list(respond(http_response(400, json.dumps(data))))) as server:
        error = catch(lambda: create(connect(server, access_token=TOKEN)))
    assert isinstance(error, ApiException)
    assert MASK in str(error.body)
    assert not shows(everything(error), TOKEN, str(list(TOKEN.encode()))[1:-1], "Y2FuYXJ5")


def test_body__with_a_number_of_many_digits(connect: Connect) -> None:
    """A number with too many digits for Python to format does not change the error that the status implies."""
    body = '{"detail": "bad", "number": ' + "9" * 5000 + "}"
    with HostileServer(list(respond(http_response(400, body)))) as server:
        error = catch(lambda: create(connect(server)))
    assert isinstance(error, ApiException)
    assert error.status == 400
    assert error.body == body


def request(*secrets: str, deadline: float = math.inf) -> Request:
    return Request(CREATE, "/", {}, None, 10, 10, 10, deadline, 2**20, True, [lambda: secrets])


def test_headers__beyond_the_cap() -> None:
    """A header that would exceed the total of 64 KiB is omitted; smaller ones after it are kept."""
    whole = 64 * 1024
    headers = {"A": "x" * (whole - 6), "B": "12345", "C": "1234", "D": ""}
    assert dict(mask_headers(headers, request().mask)) == {"A": headers["A"], "C": "1234"}
    assert len(mask_headers({f"X-{number}": "x" * 60_000 for number in range(90)}, request().mask)) == 1


def test_error__after_the_deadline() -> None:
    """After the deadline, text that takes long to search is replaced, and the rest is masked."""
    response = Response()
    response.status, response.reason, response.headers = 400, f"No {TOKEN}", {"A": TOKEN}
    response.outcome, response.data = Outcome(400), b"x" * 100_000
    error = error_of(request(TOKEN, deadline=0), response)
    assert (error.reason, error.headers, error.body) == (f"No {MASK}", {"a": MASK}, MASK)


CREDENTIALS: dict[str, dict[str, Any]] = {
    "id and token": {"_headers": {"X-Auth": f"id:{TOKEN}"}},
    "two-word scheme": {"_headers": {"X-Auth": f"ApiKey v2 {TOKEN}"}},
    "two spaces": {"_headers": {"Authorization": f"Token  {TOKEN}"}},
    "Basic in another header": {"_headers": {"X-Auth": f"Basic {base64.b64encode(f'id:{TOKEN}'.encode()).decode()}"}},
    "base64 without a scheme": {"_headers": {"X-Auth": base64.b64encode(f"id:{TOKEN}".encode()).decode()}},
    "cookie": {"_headers": {"Cookie": f"a=b; session={TOKEN.replace('-', '%2D')}"}},
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_credential__within_a_header(connect: Connect, kind: str) -> None:
    """A credential that is part of a header is masked when it is echoed alone."""
    with HostileServer(list(respond(http_response(400, f"bad {TOKEN}!", f"X-Echo: {TOKEN}")))) as server:
        error = catch(lambda: create(connect(server), **CREDENTIALS[kind]))
    assert isinstance(error, ApiException)
    assert error.body == f"bad {MASK}!"
    assert not shows(everything(error), TOKEN)


def test_credential__that_was_replaced(connect: Connect) -> None:
    """A later call masks the previous token too, which the server may still echo, even if it gets no new token."""
    tokens = iter(["first-token", "second-token"])

    def ask() -> str:
        token = next(tokens, None)
        if token is None:
            raise OSError("no token after first-token and second-token")
        return token

    responses = [http_response(401), *[http_response(403, "first-token second-token")] * 2, http_response(401)]
    with HostileServer(list(respond(*responses))) as server, connect(server, access_token=ask).api_client as client:
        api = EnvironmentSecretApi(client)
        for _ in range(3):
            error = catch(lambda: api.list_environment_secrets("e"))
            assert not shows(everything(error), "first-token", "second-token")
        assert MASK in str(error)


def test_credential__of_a_proxy_that_was_changed() -> None:
    """A call masks the password of the proxy that it uses, even if the setting changes during the call."""
    with HostileServer([read, send(http_response(400, "bad canary-token"))]) as server:
        configuration = Configuration(host="http://api.localhost", access_token=lambda: change())
        configuration.proxy = f"http://user:canary%2Dtoken@{server.url.partition('//')[2]}"

        def change() -> str:
            configuration.proxy = None
            return "another-token"

        error = catch(lambda: create(EnvironmentSecretApi(ApiClient(configuration))))
        assert server.connections == 1
    assert isinstance(error, ApiException)
    assert error.body == f"bad {MASK}"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_terminal__gets_no_control_characters(connect: Connect, scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    """Control characters from a server or a proxy are removed from errors, their causes and the log."""
    caplog.set_level(logging.DEBUG)
    hostile = ESCAPES.encode("latin-1", "ignore").decode("latin-1")
    body = json.dumps({"detail": f"{ESCAPES}\n2026-01-01 INFO all is well"})
    response = http_response(400, body, f"X-Request-Id: {hostile}", reason=f"{hostile} {TOKEN}")
    with HostileServer(list(respond(response))) as server:
        if scheme == "http":
            api = connect(server, access_token=TOKEN, debug=True)
        else:  # the server is a proxy that rejects the tunnel
            api = connect("https://127.0.0.2:1", access_token=TOKEN, proxy=server.url, retries=0)
        error: BaseException | None = catch(lambda: create(api))
    assert "x1b[31mred" in str(error)
    while error is not None:
        assert str(error).isprintable()
        error = error.__cause__
    assert all(message.isprintable() for message in caplog.messages)
    assert TOKEN not in caplog.text


def test_reason__before_a_library_sees_it(connect: Connect) -> None:
    """The reason that urllib3 gets, which it may log or trace, is masked, even for an unread response."""
    with HostileServer(list(respond(http_response(200, "x", reason=f"OK {TOKEN}")))) as server:
        api = connect(server, access_token=TOKEN)
        with api.api_client:
            raw = api.list_environment_secrets_without_preload_content("e")
            assert raw.reason == f"OK {MASK}"
            raw.close()
