"""Fault injection."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import pytest
import urllib3

from qovery import (
    ApiConnectionError,
    ApiException,
    ApiValueError,
    BadRequestException,
    EnvironmentSecretApi,
    ForbiddenException,
    ServiceException,
    TooManyRequestsException,
    UnauthorizedException,
)
from qovery.sandbox import Sandbox
from qovery.sandbox.store import Behaviour
from test.support import wait_until
from test.support.clients import Connect
from test.support.sandboxes import AUTHORIZED


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def test_fail__times_and_retry_after(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """`fail` returns the status `times` times, and applies nothing."""
    sandbox.fail("create_environment_secret", status=500, times=2)
    for _ in range(2):
        with pytest.raises(ServiceException):
            api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []
    sandbox.fail(status=429, retry_after=3600)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after == 3600
    assert [request.status for request in sandbox.requests] == [500, 500, 429]


def test_fail__for_ever(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """With `times=None` requests fail until the next reset."""
    sandbox.fail(status=400, times=None)
    for _ in range(3):
        with pytest.raises(BadRequestException):
            api.list_environment_secrets(env)
    sandbox.reset()
    assert api.list_environment_secrets(sandbox.environment_id).results == []


def test_drop_reply__is_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The write is applied, and its response is lost."""
    sandbox.drop_reply("create_environment_secret")
    with pytest.raises(ApiConnectionError) as caught:
        api.create_environment_secret(env, {"key": "A"})
    assert caught.value.outcome_unknown
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    assert sandbox.requests[-1].status is None


def test_reset_connection__is_not_applied(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """The connection is reset, and nothing is applied."""
    sandbox.reset_connection("create_environment_secret")
    with pytest.raises(ApiConnectionError):
        api.create_environment_secret(env, {"key": "A"})
    assert sandbox.secrets(env) == []


def test_tokens__revoked_and_read_only(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """A token can be made read-only, and then revoked."""
    sandbox.read_only("a-token")
    api.list_environment_secrets(env)
    with pytest.raises(ForbiddenException):
        api.create_environment_secret(env, {"key": "A"})
    sandbox.revoke("a-token")
    with pytest.raises(UnauthorizedException):
        api.list_environment_secrets(env)


def test_rate_limit__and_delay(api: EnvironmentSecretApi, sandbox: Sandbox, env: str) -> None:
    """Requests beyond the rate limit return a 429 with Retry-After; the limit and the delay can be removed."""
    sandbox.delay(0.01)
    sandbox.rate_limit(1, per=3600)
    api.list_environment_secrets(env)
    with pytest.raises(TooManyRequestsException) as caught:
        api.list_environment_secrets(env)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 3500
    sandbox.rate_limit(None)
    sandbox.delay(0)
    api.list_environment_secrets(env)


def test_rate_limit__slides(http: urllib3.PoolManager, sandbox: Sandbox, env: str) -> None:
    """Requests are accepted again once the period of the limit has passed."""
    sandbox.rate_limit(1, per=0.05)
    url = f"{sandbox.url}/environment/{env}/secret"
    assert http.request("GET", url, headers=AUTHORIZED).status == 200
    wait_until(lambda: http.request("GET", url, headers=AUTHORIZED).status == 200)


@pytest.mark.parametrize(
    ("inject", "said"),
    [
        (lambda sandbox: sandbox.fail("create_secret"), "create_environment_secret"),
        (lambda sandbox: sandbox.fail(times=0), "at least 1"),
        (lambda sandbox: sandbox.fail(status=200), "300 and 599"),
        (lambda sandbox: sandbox.delay(-1), "negative"),
    ],
    ids=["operation", "times", "status", "seconds"],
)
def test_fault__invalid(sandbox: Sandbox, inject: Callable[[Sandbox], None], said: str) -> None:
    """Invalid arguments of a fault raise an error."""
    with pytest.raises(ApiValueError, match=said):
        inject(sandbox)


# --- Clients that give up -------------------------------------------------------------------------


def head(method: str, env: str, length: int = 0) -> bytes:
    lines = (
        f"{method} /environment/{env}/secret HTTP/1.1",
        "Host: localhost",
        "Authorization: Token a-token",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def connected(sandbox: Sandbox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])))


BODY = b'{"key": "A", "value": "b"}'


def test_delay__client_gives_up(sandbox: Sandbox, env: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A delayed request is recorded as applied without a response, before and after the client disconnects."""
    sandbox.delay(3600)
    with connected(sandbox) as client:
        client.sendall(head("POST", env, len(BODY)) + BODY)
        wait_until(lambda: [request.applied for request in sandbox.requests] == [True])
        assert [secret.key for secret in sandbox.secrets(env)] == ["A"]
    wait_until(lambda: not tasks(sandbox))
    assert [(request.status, request.applied) for request in sandbox.requests] == [(None, True)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["fail", "reset_connection"])
def test_delay__of_a_rejected_request(sandbox: Sandbox, env: str, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A delayed request that a fault rejects is recorded as not applied."""
    sandbox.delay(3600)
    getattr(sandbox, kind)()
    with connected(sandbox) as client:
        client.sendall(head("POST", env, len(BODY)) + BODY)
        wait_until(lambda: sandbox.requests)
    wait_until(lambda: not tasks(sandbox))
    assert [(request.status, request.applied) for request in sandbox.requests] == [(None, False)]
    assert sandbox.secrets(env) == []
    assert capfd.readouterr() == ("", "")


def test_body__client_gives_up(sandbox: Sandbox, env: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An incomplete request is recorded as not applied, and has no effect."""
    with connected(sandbox) as client:
        client.sendall(head("POST", env, len(BODY)) + BODY[:5])
        wait_until(lambda: sandbox.requests)
    wait_until(lambda: not tasks(sandbox))
    assert [(request.status, request.applied) for request in sandbox.requests] == [(None, False)]
    assert sandbox.secrets(env) == []
    assert capfd.readouterr() == ("", "")


def test_body__after_a_reset(sandbox: Sandbox, env: str) -> None:
    """A request from before a reset is neither applied nor recorded, even if its environment exists again."""
    with connected(sandbox) as client:
        client.sendall(head("POST", env, len(BODY)) + BODY[:5])
        wait_until(lambda: sandbox.requests)
        sandbox.reset()
        sandbox.add_environment(env)
        sandbox.fail()
        client.sendall(BODY[5:])
        assert client.recv(65536).startswith(b"HTTP/1.1 503 ")
    assert (sandbox.requests, sandbox.secrets(env)) == ([], [])


@pytest.mark.parametrize(
    ("inject", "status", "applied"),
    [
        (lambda sandbox: None, 201, True),
        (lambda sandbox: sandbox.fail(), 503, False),
        (lambda sandbox: sandbox.drop_reply(), None, True),
        (lambda sandbox: sandbox.reset_connection(), None, False),
        (lambda sandbox: sandbox.read_only("a-token"), 403, False),
        (lambda sandbox: sandbox.revoke("a-token"), 401, False),
        (lambda sandbox: sandbox.rate_limit(0), 429, False),
    ],
    ids=["nothing", "fail", "drop_reply", "reset_connection", "read_only", "revoke", "rate_limit"],
)
def test_requests__record_what_was_applied(
    sandbox: Sandbox,
    env: str,
    connect: Connect,
    inject: Callable[[Sandbox], None],
    status: int | None,
    applied: bool,
) -> None:
    """The record of a request matches its effect."""
    inject(sandbox)
    with contextlib.suppress(ApiException, ApiConnectionError):
        connect(sandbox, retries=False).create_environment_secret(env, {"key": "A"})
    assert [(request.status, request.applied) for request in sandbox.requests] == [(status, applied)]
    assert [secret.key for secret in sandbox.secrets(env)] == ["A"] * applied


def tasks(sandbox: Sandbox) -> set[object]:
    """The requests that the server has not finished."""
    assert sandbox._listener is not None
    return set(sandbox._listener._server.server_state.tasks)
