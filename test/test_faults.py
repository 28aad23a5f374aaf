"""What becomes of a call when the network or the server misbehaves."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from typing import Any

import pytest
import trustme
import urllib3

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiDecodeError,
    ApiException,
    ApiTimeoutError,
    Configuration,
    ConflictException,
    EnvironmentSecretApi,
    NotFoundException,
    ServiceException,
    TooManyRequestsException,
    retry,
)
from test.misbehaving import Misbehaving, Step, answer, answers, drip, read, reset, send, silence, start
from test.recording import EMPTY, TLS, Recorder

SECRET = '{"id": "i", "created_at": "2023-12-12T13:23:02.57335Z", "key": "A", "scope": "PROJECT"}'
EMPTY_LIST = answer(200, '{"results": []}')

Call = Callable[[EnvironmentSecretApi], Any]
CALLS: dict[str, Call] = {
    "list": lambda api: api.list_environment_secrets("e"),
    "create": lambda api: api.create_environment_secret("e", {"key": "A", "value": "canary"}),
    "edit": lambda api: api.edit_environment_secret("e", "s", {"key": "A", "value": "canary"}),
    "delete": lambda api: api.delete_environment_secret("e", "s"),
    "alias": lambda api: api.create_environment_secret_alias("e", "s", {"key": "A"}),
    "override": lambda api: api.create_environment_secret_override("e", "s", {"value": "canary"}),
}
GOOD = {
    "list": EMPTY_LIST,
    "create": answer(201, SECRET),
    "edit": answer(200, SECRET),
    "delete": answer(204),
    "alias": answer(201, SECRET),
    "override": answer(201, SECRET),
}
REPEATABLE = ("list", "edit", "delete")

each = pytest.mark.parametrize("name", CALLS)
both = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_BASE", 0.001)


@pytest.fixture
def client_for(tls: TLS) -> Iterator[Callable[..., EnvironmentSecretApi]]:
    clients: list[ApiClient] = []

    def make(server: Misbehaving | str, **settings: Any) -> EnvironmentSecretApi:
        url = server if isinstance(server, str) else server.url
        settings = {"access_token": "a-token", "ca_cert_data": tls.ca_text, **settings}
        clients.append(ApiClient(Configuration(host=url, **settings)))
        return EnvironmentSecretApi(clients[-1])

    yield make
    for client in clients:
        client.close()


Make = Callable[..., EnvironmentSecretApi]


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The URL of a port that refuses connections, and that nobody else can get meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


# --- Lost answers and refused connections ---------------------------------------------------------

LOST: dict[str, Sequence[Step]] = {
    "reset while it is sent": [start, reset],
    "reset before the answer": [read, reset],
    "closed before the answer": [read],
    "reset in the answer": [read, send(b"HTTP/1.1 200 OK\r\nContent-Le"), reset],
    "closed in the status": [read, send(b"HTTP/1.1 404")],
    "closed after the status": [read, send(b"HTTP/1.1 204 No Content\r\n")],
    "closed in the head": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 1")],
    "truncated body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")],
    "truncated chunks": [read, send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")],
    "wrong chunk size": [read, send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{")],
    "two lengths": [read, send(answer(200, "{}", "Content-Length: 2", "Content-Length: 9"))],
    "no HTTP": [read, send(b"SSH-2.0-OpenSSH_9.2 canary\r\n\r\n")],
    "no status": [read, send(b"HTTP/1.1 fine\r\n\r\n")],
    "unknown version": [read, send(b"HTTP/3.0 200 OK\r\n\r\n")],
    "endless header": [read, send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)],
    "too many headers": [read, send(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000)],
}


@both
@each
@pytest.mark.parametrize("fault", LOST)
def test_lost_answer__is_repeated_where_that_is_safe(
    client_for: Make, tls: TLS, name: str, fault: str, scheme: str
) -> None:
    """A list, an edit and a delete are repeated; the others are sent once, with an outcome that is unknown."""
    context = tls.context() if scheme == "https" else None
    with Misbehaving(LOST[fault], list(answers(GOOD[name])), context=context) as server:
        if name in REPEATABLE:
            CALLS[name](client_for(server))
            assert (server.connections, len(server.requests)) == (2, LOST[fault].count(read) + 1)
        else:
            with pytest.raises(ApiConnectionError) as caught:
                CALLS[name](client_for(server))
            assert (server.connections, len(server.requests)) == (1, LOST[fault].count(read))
            assert (caught.value.outcome_unknown, caught.value.attempts, caught.value.status) == (True, 1, None)
            if name != "alias":  # which carries no value
                assert "canary" not in f"{caught.value} {caught.value.__cause__!r}"


def test_lost_answer__for_ever(client_for: Make) -> None:
    """After the last repeat the error says how often it was tried, and whether it may have been applied."""
    with Misbehaving([read, reset]) as server:
        for name, unknown in (("list", False), ("edit", True)):
            with pytest.raises(ApiConnectionError) as caught:
                CALLS[name](client_for(server))
            assert (caught.value.attempts, caught.value.outcome_unknown) == (4, unknown)
        assert len(server.requests) == 8


def test_lost_answer__delete_then_404(client_for: Make) -> None:
    """A delete whose answer was lost and that then finds nothing has succeeded; without the loss it has not."""
    with Misbehaving([read, reset], list(answers(answer(404)))) as server:
        assert client_for(server).delete_environment_secret("e", "s") is None
    with Misbehaving(list(answers(answer(404)))) as server, pytest.raises(NotFoundException):
        client_for(server).delete_environment_secret("e", "s")


@each
def test_refused__is_repeated(client_for: Make, name: str, nowhere: str) -> None:
    """What was never sent is tried again, and its outcome is known."""
    with pytest.raises(ApiConnectionError, match="refused") as caught:
        CALLS[name](client_for(nowhere))
    assert (caught.value.attempts, caught.value.outcome_unknown) == (4, False)


def test_idle_connection__closed_by_the_server(client_for: Make) -> None:
    """A connection that the server closed while it was idle is replaced without a word."""
    with Misbehaving(list(answers(EMPTY_LIST)), list(answers(GOOD["create"]))) as server:
        api = client_for(server)
        CALLS["list"](api)
        server.closed.get(timeout=10)
        CALLS["create"](api)
        assert (server.connections, len(server.requests)) == (2, 2)


# --- TLS and proxies ------------------------------------------------------------------------------

NOW = datetime.now(timezone.utc)
DAY = timedelta(1)

#: What the server shows (None: it speaks plain HTTP), what is set, and what the error says.
TLS_FAULTS: dict[str, tuple[Callable[[TLS], ssl.SSLContext | None], dict[str, Any], str]] = {
    "unknown CA": (
        TLS.context,
        {"ca_cert_data": None},
        "unable to get local issuer .* set ssl_ca_cert or ca_cert_data",
    ),
    "another CA": (
        TLS.context,
        {"ca_cert_data": trustme.CA().cert_pem.bytes().decode()},
        "unable to get local issuer .* set ssl_ca_cert or ca_cert_data",
    ),
    "self-signed": (TLS.self_signed, {}, "self.signed certificate .* set ssl_ca_cert or ca_cert_data"),
    "expired": (
        lambda tls: tls.context(not_before=NOW - 9 * DAY, not_after=NOW - DAY),
        {},
        "certificate has expired.*renew it, the server's or an own CA in ssl_ca_cert",
    ),
    "not yet valid": (
        lambda tls: tls.context(not_before=NOW + DAY, not_after=NOW + 9 * DAY),
        {},
        "certificate is not yet valid .* this machine's clock",
    ),
    "wrong address": (
        lambda tls: tls.context("other.test"),
        {},
        "not valid for '127.0.0.1'.*look at host, or set assert_hostname or tls_server_name",
    ),
    "wrong name": (
        TLS.context,
        {"tls_server_name": "other.test"},
        "not valid for 'other.test'.*look at host, or set assert_hostname or tls_server_name",
    ),
    "wrong asserted name": (
        TLS.context,
        {"assert_hostname": "other.test"},
        "'other.test' doesn't match .*look at host, or set assert_hostname or tls_server_name",
    ),
    "plain HTTP on a TLS port": (lambda _: None, {}, r"(?i)(wrong.version|record.layer).* plain http: look at host"),
}


@pytest.mark.parametrize("name", ["list", "create"])
@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_tls__failed(client_for: Make, tls: TLS, fault: str, name: str) -> None:
    """The error names the problem and the setting to look at; nothing was sent, and nothing is tried again."""
    shown, settings, text = TLS_FAULTS[fault]
    with Recorder(EMPTY, shown(tls)) as server:
        api = client_for(f"https://127.0.0.1:{server.port}", **settings)
        with pytest.raises(ApiConnectionError, match=text) as caught:
            CALLS[name](api)
        assert (server.connections, server.received) == (1, [])
    assert (caught.value.status, caught.value.attempts, caught.value.outcome_unknown) == (None, 1, False)


@each
def test_tls__no_client_certificate(client_for: Make, tls: TLS, name: str) -> None:
    """A server that wants the client's certificate and gets none is not asked twice."""
    with tls.server(mutual=True) as server:
        with pytest.raises(ApiConnectionError, match="set cert_file and key_file") as caught:
            CALLS[name](client_for(server.url, ca_cert_data=tls.ca_text))
        assert (server.connections, server.received, caught.value.attempts) == (1, [], 1)


def test_tls__spoken_to_in_plain_http(client_for: Make, tls: TLS) -> None:
    """A TLS server cannot make sense of a plain request; nothing is received."""
    with tls.server() as server:
        with pytest.raises(ApiConnectionError) as caught:
            CALLS["list"](client_for(f"http://127.0.0.1:{server.port}"))
        assert (server.connections, server.received, caught.value.attempts) == (4, [], 4)


HANDSHAKES: dict[str, Sequence[Step]] = {
    "closed": [start],
    "reset": [start, reset],
    "alert": [start, send(b"\x15\x03\x01\x00\x02\x02P")],
}


@pytest.mark.parametrize("fault", HANDSHAKES)
@each
def test_tls__handshake_lost(client_for: Make, name: str, fault: str) -> None:
    """A handshake that comes to nothing is tried again, whatever the call: nothing was sent."""
    with Misbehaving(HANDSHAKES[fault]) as server:
        with pytest.raises(ApiConnectionError) as caught:
            CALLS[name](client_for(server.url.replace("http", "https")))
        assert (server.connections, caught.value.attempts, caught.value.outcome_unknown) == (4, 4, False)


#: What the proxy does with a CONNECT, what is set, how often it is asked, and what the error says.
PROXY_FAULTS: dict[str, tuple[Sequence[Step], dict[str, Any], int, str]] = {
    "403": ([read, send(answer(403))], {}, 1, "403 Reason.*look at proxy, proxy_headers and no_proxy"),
    "404": ([read, send(answer(404))], {}, 1, "404 Reason.*look at proxy, proxy_headers and no_proxy"),
    "407": ([read, send(answer(407))], {}, 1, "407 Reason.*look at the user and the password in proxy"),
    "502": ([read, send(answer(502))], {}, 4, "Unable to connect to proxy.*502 Reason"),
    "reset": ([read, reset], {}, 4, "reset by peer"),
    "no HTTP": ([read, send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")], {}, 4, "SSH-2.0"),
    "silence": ([read, silence], {"total_timeout": 0.4}, 1, "no complete answer in time"),
    "dripping head": ([read, drip(answer(200))], {"total_timeout": 0.4}, 1, "no complete answer in time"),
}


@pytest.mark.parametrize("name", ["list", "create"])
@pytest.mark.parametrize("fault", PROXY_FAULTS)
def test_proxy__refuses(client_for: Make, fault: str, name: str) -> None:
    """A proxy that opens no tunnel learns nothing of the call, whose outcome is known."""
    script, settings, attempts, text = PROXY_FAULTS[fault]
    with Misbehaving(script) as proxy:
        api = client_for("https://api.test", proxy=proxy.url.replace("//", "//user:secret-word@"), **settings)
        with pytest.raises(ApiConnectionError, match=text) as caught:
            CALLS[name](api)
        assert len(proxy.requests) == attempts
        assert all(head.startswith(b"CONNECT api.test:443 ") and b"a-token" not in head for head in proxy.requests)
    assert (caught.value.status, caught.value.attempts, caught.value.outcome_unknown) == (None, attempts, False)
    assert "secret-word" not in f"{caught.value} {caught.value.__cause__!r}"


@each
def test_proxy__refused(client_for: Make, name: str, nowhere: str) -> None:
    """A proxy that does not listen is tried again, for a plain host and for one behind a tunnel."""
    for host in ("https://api.test", "http://localhost:1"):
        with pytest.raises(ApiConnectionError, match=r"proxy.*refused") as caught:
            CALLS[name](client_for(host, proxy=nowhere))
        assert (caught.value.attempts, caught.value.outcome_unknown) == (4, False)


def test_proxy__tls_failed(client_for: Make, tls: TLS) -> None:
    """The error points to the proxy's settings: one that speaks TLS is not trusted, one that is plain does not."""
    with tls.server() as trusted, Recorder() as plain:
        for proxy in (trusted, plain):
            with pytest.raises(ApiConnectionError, match="look at proxy and proxy_ssl_context") as caught:
                CALLS["list"](client_for("https://api.test", proxy=f"https://127.0.0.1:{proxy.port}"))
            assert (proxy.connections, proxy.received, caught.value.attempts) == (1, [], 1)


# --- Time -----------------------------------------------------------------------------------------

SLOW: dict[str, Sequence[Step]] = {
    "silence": [read, silence],
    "dripping head": [read, drip(EMPTY_LIST)],
    "dripping body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), drip(b"x" * 99)],
    "endless interim answers": [read, drip(b"HTTP/1.1 102 Processing\r\n\r\n" * 99, 0.005)],
    "nothing is read": [silence],
}


@both
@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("timeout", [0.4, (0.3, 0.2)], ids=["budget", "pair"])
def test_slow__ends_in_time(client_for: Make, tls: TLS, fault: str, timeout: Any, scheme: str) -> None:
    """However slow the server is, the call ends within its budget."""
    with Misbehaving(SLOW[fault], context=tls.context() if scheme == "https" else None) as server:
        api = client_for(server, retries=0, total_timeout=0.6)
        started = time.monotonic()
        with pytest.raises(ApiConnectionError):
            api.create_environment_secret("e", {"key": "A", "value": "x" * 900_000}, _request_timeout=timeout)
        assert time.monotonic() - started < 8
        assert (server.connections, len(server.requests)) == (1, SLOW[fault].count(read))


def test_slow__is_a_timeout(client_for: Make) -> None:
    """No answer in time has its own class, and names the limits."""
    with Misbehaving([read, silence]) as server, pytest.raises(ApiTimeoutError, match=r"read timeout 0\.2 s"):
        client_for(server, retries=0).list_environment_secrets("e", _request_timeout=0.2)


def test_interim_answers__are_passed_over(client_for: Make) -> None:
    """100, 102 and 103 may come before the answer."""
    interim = b"".join(f"HTTP/1.1 {status} Interim\r\nX-Some: thing\r\n\r\n".encode() for status in (100, 102, 103))
    with Misbehaving(list(answers(interim + EMPTY_LIST))) as server:
        assert client_for(server).list_environment_secrets("e").results == []
        assert len(server.requests) == 1


# --- Statuses -------------------------------------------------------------------------------------


@each
@pytest.mark.parametrize("status", [425, 429, 503])
def test_status__that_did_not_run(client_for: Make, name: str, status: int) -> None:
    """What the service refused to run is repeated, whatever it is."""
    with Misbehaving(list(answers(answer(status, b"", "Retry-After: 0"), GOOD[name]))) as server:
        CALLS[name](client_for(server))
        assert len(server.requests) == 2


@each
@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_status__that_may_have_run(client_for: Make, name: str, status: int) -> None:
    """What may have run is repeated if it is a list, an edit or a delete, and is otherwise unknown."""
    with Misbehaving(list(answers(answer(status), GOOD[name]))) as server:
        if name in REPEATABLE:
            CALLS[name](client_for(server))
            assert len(server.requests) == 2
        else:
            with pytest.raises(ApiException) as caught:
                CALLS[name](client_for(server))
            assert (caught.value.status, caught.value.outcome_unknown) == (status, True)
            assert len(server.requests) == 1


def in_seconds(seconds: int) -> str:
    """A time as HTTP writes it."""
    return formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("wait", ["30", in_seconds(3600)], ids=["seconds", "date"])
@each
def test_retry_after__is_obeyed(
    client_for: Make, name: str, wait: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait within the budget is waited for: the call sends nothing more until it ends with its client."""
    with Misbehaving(list(answers(answer(429, b"", f"Retry-After: {wait}"), GOOD[name]))) as server:
        api = client_for(server, total_timeout=4000)
        timer = threading.Timer(0.1, api.api_client.close)
        caplog.set_level(logging.DEBUG, "qovery")
        monkeypatch.setattr(caplog.handler, "emit", lambda _: timer.start())  # once the answer is there
        with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
            CALLS[name](api)
        timer.join()
        assert (len(server.requests), caught.value.attempts, caught.value.outcome_unknown) == (1, 1, False)


@pytest.mark.parametrize("wait", ["0", in_seconds(-3600)], ids=["seconds", "date"])
def test_retry_after__is_over(client_for: Make, wait: str) -> None:
    """A wait that is over is none."""
    with Misbehaving(list(answers(answer(429, b"", f"Retry-After: {wait}"), EMPTY_LIST))) as server:
        CALLS["list"](client_for(server))
        assert len(server.requests) == 2


@pytest.mark.parametrize("wait", ["86400", in_seconds(86400)], ids=["seconds", "date"])
@each
def test_retry_after__longer_than_the_budget(client_for: Make, name: str, wait: str) -> None:
    """A wait beyond the budget ends the call at once, and the error says how long it would have been."""
    with Misbehaving(list(answers(answer(429, b"", f"Retry-After: {wait}")))) as server:
        with pytest.raises(TooManyRequestsException) as caught:
            CALLS[name](client_for(server))
        assert len(server.requests) == 1
    assert caught.value.retry_after is not None
    assert 80000 < caught.value.retry_after <= 86400
    assert (caught.value.attempts, caught.value.outcome_unknown) == (1, False)


@pytest.mark.parametrize("wait", ["soon", "-5", "inf", "9" * 5000, "Mon, 99 Foo 2099"])
def test_retry_after__garbage(client_for: Make, wait: str) -> None:
    """A wait that cannot be read counts as none."""
    with Misbehaving(list(answers(answer(503, b"", f"Retry-After: {wait}"), EMPTY_LIST))) as server:
        CALLS["list"](client_for(server))
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [101, 300, 304, 305, 399])
def test_status__that_is_no_end(client_for: Make, status: int) -> None:
    """A status that asks for something that was not offered is an error, and the call is not repeated."""
    with Misbehaving(list(answers(answer(status), EMPTY_LIST))) as server:
        with pytest.raises(ApiException, match=f"{status} Reason") as caught:
            CALLS["list"](client_for(server))
        assert (len(server.requests), caught.value.status) == (1, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__is_an_error(client_for: Make, status: int) -> None:
    """A redirect is not followed; the error says where it led."""
    with Misbehaving(list(answers(EMPTY_LIST))) as elsewhere:
        redirect = answer(status, b"", f"Location: {elsewhere.url}/x")
        with (
            Misbehaving(list(answers(redirect))) as server,
            pytest.raises(ApiException, match=f"{elsewhere.url}/x") as caught,
        ):
            CALLS["create"](client_for(server))
        assert (caught.value.status, len(server.requests), elsewhere.connections) == (status, 1, 0)


def test_without_preload_content__repeats_too(client_for: Make) -> None:
    """The unread form repeats by the same rules and returns the last answer, whatever its status."""
    with Misbehaving(list(answers(answer(503, "busy"), EMPTY_LIST))) as server:
        response = client_for(server).list_environment_secrets_without_preload_content("e")
        assert (response.status, response.read()) == (200, b'{"results": []}')
    with Misbehaving(list(answers(answer(503, "busy"), answer(503, "busy")))) as server:
        response = client_for(server, retries=1).list_environment_secrets_without_preload_content("e")
        assert (response.status, response.read()) == (503, b"busy")


def test_retry__of_the_caller(client_for: Make) -> None:
    """A caller's own policy is followed to the letter, and its end has the class of the outcome."""
    policy = urllib3.Retry(total=1, status_forcelist=[500], allowed_methods=None, backoff_factor=0)
    with Misbehaving(list(answers(answer(500), GOOD["create"]))) as server:
        CALLS["create"](client_for(server, retries=policy))
        assert len(server.requests) == 2
    with Misbehaving(list(answers(answer(500), answer(500)))) as server:
        with pytest.raises(ServiceException) as caught:
            CALLS["create"](client_for(server, retries=policy))
        assert (len(server.requests), caught.value.attempts) == (2, 2)
    with Misbehaving([read, reset]) as server:
        with pytest.raises(ApiConnectionError) as lost:
            CALLS["list"](client_for(server, retries=policy))
        assert (len(server.requests), lost.value.attempts) == (2, 2)


def test_retry__of_the_caller_and_what_is_known(client_for: Make) -> None:
    """What an attempt of the caller's policy may have done is not forgotten over a later refusal."""
    policy = urllib3.Retry(total=2, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    refused = list(answers(answer(409), answer(503), answer(409)))
    with Misbehaving([read, reset], refused) as server:
        api = client_for(server, retries=policy)
        for unknown in (True, False):  # lost, 409; 503, 409
            with pytest.raises(ConflictException) as caught:
                CALLS["create"](api)
            assert (caught.value.attempts, caught.value.outcome_unknown) == (2, unknown)


# --- Bodies ---------------------------------------------------------------------------------------

BOMB = gzip.compress(b"x" * 1_000_000)
UNREADABLE = {
    "HTML": answer(200, "<html>canary</html>", "Content-Type: text/html"),
    "broken JSON": answer(200, '{"results": ['),
    "wrong shape": answer(200, "[]"),
    "wrong field": answer(200, '{"results": 5}'),
    "empty": answer(200),
    "invalid UTF-8": answer(200, b'{"results": [], "x": "\xff"}'),
    "NaN": answer(200, '{"results": [], "x": {"y": [NaN]}}'),
    "deep nesting": answer(200, '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "gzip bomb": answer(200, BOMB, "Content-Encoding: gzip"),
    "deflate bomb": answer(200, zlib.compress(b"x" * 1_000_000), "Content-Encoding: deflate"),
    "bomb in a bomb": answer(200, gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "broken gzip": answer(200, b"no gzip", "Content-Encoding: gzip"),
    "too large": answer(200, b" " * 200_000),
    "too large in chunks": answer(200, b"30d40\r\n" + b" " * 200_000 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "unknown encoding": answer(200, b"\x00\x01", "Content-Encoding: mystery"),
    "UTF-16": answer(200, '{"results": []}'.encode("utf-16")),
    "short Content-Length": answer(200, '{"results": []}', "Content-Length: 5"),
    "endless Content-Length": answer(200, '{"results": []}', f"Content-Length: {'9' * 30}"),
}
READABLE = {
    "length unknown": b'HTTP/1.1 200 OK\r\n\r\n{"results": []}',
    "length below zero": answer(200, '{"results": []}', "Content-Length: -5"),
    "length no number": answer(200, '{"results": []}', "Content-Length: many"),
    "length told twice": answer(200, '{"results": []}', "Content-Length: 15", "Content-Length: 15"),
    "length of another": answer(
        200, b'f\r\n{"results": []}\r\n0\r\n\r\n', "Transfer-Encoding: chunked", "Content-Length: 5"
    ),
    "HTTP/1.0": b'HTTP/1.0 200 OK\r\n\r\n{"results": []}',
    "gzip": answer(200, gzip.compress(b'{"results": []}'), "Content-Encoding: gzip"),
    "wrong media type": answer(200, '{"results": []}', "Content-Type: text/html"),
    "malformed header": answer(200, '{"results": []}', "no colon here"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_body__unreadable(client_for: Make, fault: str) -> None:
    """An answer that cannot be read has one class, with status and headers, and is not repeated."""
    with Misbehaving(list(answers(UNREADABLE[fault]))) as server:
        with pytest.raises(ApiDecodeError) as caught:
            client_for(server, max_response_size=150_000 if "too" in fault else 300_000).list_environment_secrets("e")
        assert len(server.requests) == 1
    assert caught.value.status == 200
    assert caught.value.headers is not None
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("fault", READABLE)
def test_body__readable(client_for: Make, fault: str) -> None:
    """What leaves no doubt about the answer is no error."""
    with Misbehaving([read, send(READABLE[fault])]) as server:
        assert CALLS["list"](client_for(server)).results == []
        assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "unknown"), [(200, True), (404, False), (500, True), (503, False)])
def test_body__unreadable_with_a_status(client_for: Make, status: int, unknown: bool) -> None:
    """Whether a write may have been applied is told by the status, even where the body cannot be read."""
    with Misbehaving(list(answers(answer(status, b"no gzip", "Content-Encoding: gzip")))) as server:
        with pytest.raises(ApiDecodeError) as caught:
            CALLS["create"](client_for(server))
        assert len(server.requests) == 1
    assert (caught.value.status, caught.value.outcome_unknown) == (status, unknown)


def test_body__unreadable_after_a_write(client_for: Make) -> None:
    """A write whose answer cannot be read may have been applied; what the server echoed is masked."""
    with (
        Misbehaving(list(answers(UNREADABLE["HTML"]))) as server,
        pytest.raises(ApiDecodeError, match="it begins '<html>") as caught,
    ):
        CALLS["create"](client_for(server))
    assert caught.value.outcome_unknown
    assert "canary" not in f"{caught.value} {caught.value.body}"


# --- Credentials ----------------------------------------------------------------------------------


def test_callable_token__is_asked_again_after_a_lost_answer(client_for: Make) -> None:
    """What may have been applied before a 401 is not forgotten when the call is repeated."""
    tokens = map(str, range(9))
    script = list(answers(answer(401), answer(404)))
    with Misbehaving([read, reset], script, [read, reset], script) as server:
        api = client_for(server, access_token=lambda: next(tokens))
        CALLS["delete"](api)
        api.api_client.close()
        with pytest.raises(NotFoundException) as caught:
            CALLS["edit"](api)
        assert (caught.value.attempts, caught.value.outcome_unknown) == (3, True)


# --- The pool --------------------------------------------------------------------------------------


def test_pool__exhausted(client_for: Make) -> None:
    """Where all connections are taken the error says what to do."""
    with Misbehaving(list(answers(EMPTY_LIST))) as server:
        api = client_for(server, connection_pool_maxsize=1)
        response = api.list_environment_secrets_without_preload_content("e")
        with pytest.raises(ApiTimeoutError, match="connection_pool_maxsize"):
            api.list_environment_secrets("e", _request_timeout=0.2)
        response.close()
        response.release_conn()


# --- Log ------------------------------------------------------------------------------------------


def test_debug__writes_a_line_for_each_attempt(
    client_for: Make, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The lines have what helps and nothing that is secret; with logging set up they go there alone."""
    with Misbehaving([read, reset], list(answers(answer(503), EMPTY_LIST, EMPTY_LIST))) as server:
        api = client_for(server, debug=True)
        CALLS["list"](api)
        lines = capfd.readouterr().err.splitlines()
        caplog.set_level(logging.DEBUG, "qovery")
        CALLS["list"](api)
    assert [line.split()[3:5] for line in lines] == [
        ["ApiConnectionError", "attempt=1"],
        ["503", "attempt=2"],
        ["200", "attempt=3"],
    ]
    assert capfd.readouterr().err == ""
    assert caplog.records[-1].__dict__["qovery_status"] == 200
    assert "a-token" not in caplog.text + "".join(lines)
