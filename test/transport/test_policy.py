"""A caller's own subclass of `urllib3.Retry`."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import MaxRetryError

from qovery import ApiConnectionError, ApiException
from qovery.transport.policy import callers_policy
from test.support.calls import CALLS, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, reset, respond


class Policy(urllib3.Retry):
    """Like its base, by code of its own."""

    def increment(self, *args: Any, **options: Any) -> Policy:
        return super().increment(*args, **options)

    def sleep(self, *args: Any, **options: Any) -> None:
        super().sleep(*args, **options)

    def is_retry(self, *args: Any, **options: Any) -> bool:
        return super().is_retry(*args, **options)


def policy(kind: type[urllib3.Retry] = Policy, total: int = 2) -> urllib3.Retry:
    return kind(total, status_forcelist=[500], allowed_methods=None, backoff_factor=0)


def failing(name: str) -> type[urllib3.Retry]:
    def fail(self: urllib3.Retry, *_: Any, **__: Any) -> Any:
        raise BrokenPipeError("of the policy")

    return type("Failing", (urllib3.Retry,), {name: fail})


@pytest.mark.parametrize("name", ["increment", "sleep", "is_retry"])
def test_policy__that_raises_an_error_of_sockets(connect: Connect, name: str) -> None:
    """An `OSError` of any method propagates unchanged after one request, and the client stays usable."""
    first = respond(GOOD["create"]) if name == "is_retry" else [read, reset]
    with HostileServer(list(first), list(respond(GOOD["create"]))) as server:
        api = connect(server, retries=policy(failing(name)), connection_pool_maxsize=1)
        with pytest.raises(BrokenPipeError, match="of the policy"):
            CALLS["create"](api)
        assert len(server.requests) == 1
        api.create_environment_secret("e", {"key": "A"}, _retries=0)


@pytest.mark.parametrize("own", [MaxRetryError, urllib3.exceptions.NewConnectionError])
def test_policy__that_uses_urllib3_itself(connect: Connect, nowhere: str, own: type[Exception]) -> None:
    """An error of another request that the policy makes propagates unchanged."""

    class Reporting(urllib3.Retry):
        def increment(self, *_: Any, **__: Any) -> Any:
            with urllib3.PoolManager() as pools:
                return pools.request("GET", nowhere, retries=0 if own is MaxRetryError else False)

    with HostileServer([read, reset]) as server:
        with pytest.raises(own):
            CALLS["create"](connect(server, retries=policy(Reporting)))
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", [Policy, urllib3.Retry])
def test_policy__error_of_the_last_attempt(connect: Connect, kind: type[urllib3.Retry]) -> None:
    """A lost response is retried as the policy says. Its last error, and one that it does not retry, become ours."""
    lost = [read, reset]
    with HostileServer(lost, list(respond(GOOD["create"])), lost) as server:
        api = connect(server, retries=policy(kind, 1))
        CALLS["create"](api)
        for total, sent in ((1, 4), (False, 5)):
            api = connect(server, retries=policy(kind, total))
            with pytest.raises(ApiConnectionError) as caught:
                CALLS["create"](api)
            assert caught.value.outcome_unknown
            assert len(server.requests) == sent


@pytest.mark.parametrize("kind", [Policy, urllib3.Retry])
def test_policy__unreadable_retry_after(connect: Connect, kind: type[urllib3.Retry]) -> None:
    """The same error is raised for a `Retry-After` that cannot be read, whatever the class of the policy."""
    busy = list(respond(http_response(500, b"", "Retry-After: soon")))
    with HostileServer(busy) as server, pytest.raises(ApiException, match="Retry-After"):
        CALLS["list"](connect(server, retries=policy(kind)))


def test_policy__of_an_unread_response(connect: Connect) -> None:
    """An unread response has the caller's policy, with its history."""
    with HostileServer([read, reset], list(respond(GOOD["list"]))) as server:
        response = connect(server, retries=policy()).list_environment_secrets_without_preload_content("e")
        assert type(response.retries) is Policy
        assert len(response.retries.history) == 1
        response.close()


def test_policy__in_log_records(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3's log records show the caller's policy, and it can be copied."""
    caplog.set_level(logging.WARNING, "urllib3")
    with HostileServer([read, reset], list(respond(GOOD["list"]))) as server:
        CALLS["list"](connect(server, retries=policy()))
    assert "Retrying (Policy(total=1" in caplog.text
    assert repr(copy.deepcopy(callers_policy(policy()))).startswith("Policy(total=2")
