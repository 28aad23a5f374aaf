"""What becomes of a call when the network or the server misbehaves."""

from __future__ import annotations

import gzip
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from typing import Any

import pytest
import urllib3

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiDecodeError,
    ApiException,
    ApiTimeoutError,
    ApiValueError,
    Configuration,
    ConflictException,
    EnvironmentSecretApi,
    NotFoundException,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
    retry,
)
from test.misbehaving import Misbehaving, Step, answer, answers, drip, read, reset, send, silence

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
    "delete": answer(204, b"", "Content-Length: 0"),
    "alias": answer(201, SECRET),
    "override": answer(201, SECRET),
}
REPEATABLE = ("list", "edit", "delete")

each = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of milliseconds."""
    monkeypatch.setattr(retry, "BACKOFF_BASE", 0.001)


@pytest.fixture
def client_for() -> Iterator[Callable[..., EnvironmentSecretApi]]:
    clients: list[ApiClient] = []

    def make(server: Misbehaving | str, **settings: Any) -> EnvironmentSecretApi:
        url = server if isinstance(server, str) else server.url
        settings.setdefault("access_token", "a-token")
        clients.append(ApiClient(Configuration(host=url, **settings)))
        return EnvironmentSecretApi(clients[-1])

    yield make
    for client in clients:
        client.close()


Make = Callable[..., EnvironmentSecretApi]


# --- Lost answers and refused connections ---------------------------------------------------------

LOST: dict[str, Sequence[Step]] = {
    "reset before the answer": [read, reset],
    "closed before the answer": [read],
    "reset in the answer": [read, send(b"HTTP/1.1 200 OK\r\nContent-Le"), reset],
    "truncated body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")],
    "truncated chunks": [read, send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")],
    "no HTTP": [read, send(b"SSH-2.0-OpenSSH_9.2 canary\r\n\r\n")],
}


@each
@pytest.mark.parametrize("fault", LOST)
def test_lost_answer__is_repeated_where_that_is_safe(client_for: Make, name: str, fault: str) -> None:
    """A list, an edit and a delete are repeated; the others are sent once, with an outcome that is unknown."""
    with Misbehaving(LOST[fault], list(answers(GOOD[name]))) as server:
        if name in REPEATABLE:
            CALLS[name](client_for(server))
            assert len(server.requests) == 2
        else:
            with pytest.raises(ApiConnectionError) as caught:
                CALLS[name](client_for(server))
            assert len(server.requests) == 1
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
def test_refused__is_repeated(client_for: Make, name: str) -> None:
    """What was never sent is tried again, and its outcome is known."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ApiConnectionError, match="refused") as caught:
        CALLS[name](client_for(f"http://127.0.0.1:{port}"))
    assert (caught.value.attempts, caught.value.outcome_unknown) == (4, False)


def test_idle_connection__closed_by_the_server(client_for: Make) -> None:
    """A connection that the server closed while it was idle is replaced without a word."""
    with Misbehaving(list(answers(EMPTY_LIST)), list(answers(GOOD["create"]))) as server:
        api = client_for(server)
        CALLS["list"](api)
        deadline = time.monotonic() + 5
        while server.connections == 1 and time.monotonic() < deadline:
            time.sleep(0.05)
            CALLS["create"](api)
            break
        assert (server.connections, len(server.requests)) == (2, 2)


# --- Time -----------------------------------------------------------------------------------------

SLOW: dict[str, Sequence[Step]] = {
    "silence": [read, silence],
    "dripping head": [read, drip(EMPTY_LIST)],
    "dripping body": [read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), drip(b"x" * 99)],
    "endless interim answers": [read, drip(b"HTTP/1.1 102 Processing\r\n\r\n" * 99, 0.005)],
    "nothing is read": [silence],
}


@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("timeout", [0.4, (0.3, 0.2)], ids=["budget", "pair"])
def test_slow__ends_in_time(client_for: Make, fault: str, timeout: Any) -> None:
    """However slow the server is, the call ends within its budget."""
    with Misbehaving(SLOW[fault]) as server:
        api = client_for(server, retries=0, total_timeout=0.6)
        started = time.monotonic()
        with pytest.raises(ApiConnectionError):
            api.create_environment_secret("e", {"key": "A", "value": "x" * 900_000}, _request_timeout=timeout)
        assert time.monotonic() - started < 8


def test_slow__is_a_timeout(client_for: Make) -> None:
    """No answer in time has its own class, and names the limits."""
    with Misbehaving([read, silence]) as server, pytest.raises(ApiTimeoutError, match=r"read timeout 0\.2 s"):
        client_for(server, retries=0).list_environment_secrets("e", _request_timeout=0.2)


def test_interim_answers__are_passed_over(client_for: Make) -> None:
    """100, 102 and 103 may come before the answer."""
    interim = b"".join(f"HTTP/1.1 {status} Interim\r\nX-Some: thing\r\n\r\n".encode() for status in (100, 102, 103))
    with Misbehaving(list(answers(interim + EMPTY_LIST))) as server:
        assert client_for(server).list_environment_secrets("e").results == []


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), (1,), (1, 0), (1, 2, 3)])
def test_request_timeout__unusable(client_for: Make, timeout: Any) -> None:
    """A timeout that is none is refused before anything is sent."""
    with pytest.raises(ApiValueError, match="_request_timeout"):
        client_for("http://127.0.0.1:1").list_environment_secrets("e", _request_timeout=timeout)


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


@pytest.mark.parametrize("wait", ["86400", formatdate(time.time() + 86400, usegmt=True)], ids=["seconds", "date"])
def test_retry_after__longer_than_the_budget(client_for: Make, wait: str) -> None:
    """A wait beyond the budget ends the call at once, and the error says how long it would have been."""
    with Misbehaving(list(answers(answer(429, b"", f"Retry-After: {wait}")))) as server:
        with pytest.raises(TooManyRequestsException) as caught:
            CALLS["list"](client_for(server))
        assert len(server.requests) == 1
    assert caught.value.retry_after is not None
    assert 86000 < caught.value.retry_after <= 86400


def test_retry_after__garbage(client_for: Make) -> None:
    """A wait that cannot be read counts as none."""
    with Misbehaving(list(answers(answer(503, b"", "Retry-After: soon"), EMPTY_LIST))) as server:
        CALLS["list"](client_for(server))


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
        assert (caught.value.status, elsewhere.connections) == (status, 0)


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
    "broken gzip": answer(200, b"no gzip", "Content-Encoding: gzip"),
    "too large": answer(200, b" " * 200_000),
    "too large in chunks": answer(200, b"30d40\r\n" + b" " * 200_000 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "unknown encoding": answer(200, b"\x00\x01", "Content-Encoding: mystery"),
    "short Content-Length": answer(200, '{"results": []}', "Content-Length: 5"),
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


def test_callable_token__is_asked_again_once(client_for: Make) -> None:
    """After a 401 the callable is asked again and the call repeated; a second 401 is the end."""
    tokens = iter(["old", "new", "newer"])
    with Misbehaving(list(answers(answer(401), GOOD["create"], answer(401), answer(401)))) as server:
        api = client_for(server, access_token=lambda: next(tokens))
        CALLS["create"](api)
        with pytest.raises(UnauthorizedException) as caught:
            CALLS["list"](api)
        sent = [line for head in server.requests for line in head.split(b"\r\n") if line.startswith(b"Authorization")]
    assert caught.value.attempts == 2
    assert [line.split()[-1] for line in sent] == [b"old", b"new", b"new", b"newer"]


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


def test_callable_token__that_fails(client_for: Make) -> None:
    """What a callable raises ends in this package's tree."""

    def ask() -> str:
        raise RuntimeError("the vault is sealed")

    with pytest.raises(ApiException, match="RuntimeError: the vault is sealed"):
        CALLS["list"](client_for("http://127.0.0.1:1", access_token=ask))


# --- Sharing --------------------------------------------------------------------------------------


def test_close__ends_calls_under_way(client_for: Make) -> None:
    """A call that waits in another thread ends with an error that says why, and a later call opens again."""
    with Misbehaving([read, silence], list(answers(EMPTY_LIST))) as server:
        api = client_for(server)
        caught: list[BaseException] = []

        def call() -> None:
            try:
                CALLS["create"](api)
            except ApiException as error:
                caught.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        api.api_client.close()
        thread.join(10)
        assert isinstance(caught[0], ApiConnectionError)
        assert "the client was closed" in str(caught[0])
        assert caught[0].outcome_unknown
        assert CALLS["list"](api).results == []


def test_close__ends_a_pause(client_for: Make) -> None:
    """A call that waits to be repeated ends too."""
    with Misbehaving(list(answers(answer(503, b"", "Retry-After: 30")))) as server:
        api = client_for(server)
        timer = threading.Timer(0.2, api.api_client.close)
        timer.start()
        with pytest.raises(ApiConnectionError, match="the client was closed"):
            CALLS["list"](api)
        timer.join()


def test_pool__exhausted(client_for: Make) -> None:
    """Where all connections are taken the error says what to do."""
    with Misbehaving(list(answers(EMPTY_LIST))) as server:
        api = client_for(server, connection_pool_maxsize=1)
        response = api.list_environment_secrets_without_preload_content("e")
        with pytest.raises(ApiTimeoutError, match="connection_pool_maxsize"):
            api.list_environment_secrets("e", _request_timeout=0.2)
        response.close()
        response.release_conn()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # there are threads: that is the point
def test_fork__child_opens_its_own_connection(client_for: Make) -> None:
    """Parent and child never speak over one socket, and both go on."""
    with Misbehaving(list(answers(*[EMPTY_LIST] * 5))) as server:
        api = client_for(server)
        CALLS["list"](api)
        child = os.fork()
        if child == 0:
            try:
                CALLS["list"](api)
            except BaseException:
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        CALLS["list"](api)
        assert (server.connections, len(server.requests)) == (2, 3)


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
