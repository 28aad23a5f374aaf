"""Token callables that are slow, fail, or use their own client."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from qovery import (
    ApiClient,
    ApiConnectionError,
    ApiException,
    ApiTimeoutError,
    ApiValueError,
    Configuration,
    EnvironmentSecretApi,
)
from test.support import PATIENCE
from test.support.calls import CALLS, GOOD
from test.support.clients import Connect
from test.support.hostile import HostileServer, http_response, read, reset, respond
from test.support.recording import RecordingServer, Response
from test.support.threads import THREADS, in_threads


@pytest.mark.parametrize("nested", ["its own client", "another client"])
def test_callable__that_calls_with_its_own_client(connect: Connect, server: RecordingServer, nested: str) -> None:
    """The callable gets an error that says so, and the outer call an `ApiException`; other threads are not blocked."""
    errors: list[BaseException] = []
    waiting, go = threading.Event(), threading.Event()

    def token() -> str:
        client = api.api_client if nested == "its own client" else ApiClient(api.api_client.configuration)
        if errors:
            return "good"
        with pytest.raises(ApiValueError, match="give it a client of its own") as caught:
            EnvironmentSecretApi(client).list_environment_secrets("e", _request_timeout=PATIENCE)
        errors.append(caught.value)
        waiting.set()
        assert go.wait(PATIENCE)
        raise caught.value

    api = connect(server, access_token=token)
    ends: list[Any] = []

    def call(name: str) -> None:
        try:
            ends.append((name, api.list_environment_secrets(name).results))
        except ApiException as error:
            ends.append((name, str(error)))

    first = threading.Thread(target=call, args=("first",))
    first.start()
    assert waiting.wait(PATIENCE)
    second = threading.Thread(target=call, args=("second",))
    second.start()
    go.set()
    for thread in (first, second):
        thread.join(PATIENCE)
    assert dict(ends)["second"] == []
    assert "callable for access_token failed: ApiValueError" in dict(ends)["first"]


def test_callable__that_renews_with_its_own_client(connect: Connect, server: RecordingServer) -> None:
    """A renewal whose own call is rejected ends with an error, not in endless recursion."""
    server.default = Response(401)
    asked: list[None] = []

    def token() -> str:
        asked.append(None)
        if len(asked) > 1:
            api.list_environment_secrets("inner")
        return "rejected"

    api = connect(server, access_token=token)
    with pytest.raises(ApiException, match="give it a client of its own") as caught:
        api.list_environment_secrets("e")
    assert (len(asked), caught.value.attempts, caught.value.operation) == (2, 1, "list_environment_secrets")


def test_callable__slow(connect: Connect, server: RecordingServer) -> None:
    """A call that waits for the callable in another call waits no longer than its own deadline."""
    asked, go = threading.Event(), threading.Event()

    def token() -> str:
        asked.set()
        assert go.wait(PATIENCE)
        return "late"

    api = connect(server, access_token=token, total_timeout=PATIENCE)
    patient = threading.Thread(target=api.list_environment_secrets, args=("e",))
    patient.start()
    assert asked.wait(PATIENCE)
    with pytest.raises(ApiTimeoutError, match="callable for access_token did not return in time in another thread"):
        api.list_environment_secrets("e", _request_timeout=0.1)
    api.api_client.configuration.total_timeout = 0.1
    with pytest.raises(ApiTimeoutError):
        api.api_client.configuration.auth_settings()
    assert server.received == []
    go.set()
    patient.join(PATIENCE)
    assert server.last.headers["Authorization"] == "Bearer late"


def test_callable__failing_is_called_again_by_each_call(connect: Connect, server: RecordingServer) -> None:
    """Calls that waited for a failing callable call it themselves, so one failure affects only one call."""
    begun, failed = threading.Event(), threading.Event()
    asked: list[None] = []

    def token() -> str:
        asked.append(None)
        if len(asked) == 1:
            begun.set()
            assert failed.wait(PATIENCE)
            raise ConnectionError("no vault")
        return "good"

    api = connect(server, access_token=token)
    first: list[ApiException] = []

    def call() -> None:
        with pytest.raises(ApiException, match="ConnectionError: no vault") as caught:
            api.list_environment_secrets("e")
        first.append(caught.value)

    thread = threading.Thread(target=call)
    thread.start()
    assert begun.wait(PATIENCE)
    failed.set()
    ends = in_threads(lambda _: api.list_environment_secrets("e").results)
    thread.join(PATIENCE)
    assert (ends, len(first), len(asked)) == ([[]] * THREADS, 1, 2)


@pytest.mark.parametrize("problem", ["raises", "returns no token"])
def test_renewal__that_fails_after_a_lost_response(connect: Connect, problem: str) -> None:
    """The error for a failing callable has the outcome and the number of earlier attempts."""
    asked: list[None] = []

    def token() -> Any:
        asked.append(None)
        if len(asked) > 1 and problem == "raises":
            raise RuntimeError("no vault")
        return "one" if len(asked) == 1 else None

    with HostileServer([read, reset], list(respond(http_response(401)))) as server:
        with pytest.raises(ApiException, match="access_token") as caught:
            CALLS["edit"](connect(server, access_token=token))
        assert len(server.requests) == 2
    error = caught.value
    assert (error.operation, error.attempts, error.outcome_unknown) == ("edit_environment_secret", 2, True)


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
@pytest.mark.parametrize("renewing", [False, True])
def test_callable__raises_a_base_exception(
    connect: Connect, server: RecordingServer, raised: type[BaseException], renewing: bool
) -> None:
    """An exception that is not an `Exception` propagates unchanged, and the next call calls the callable again."""
    asked: list[None] = []

    def token() -> str:
        asked.append(None)
        if len(asked) == 1 + renewing:
            raise raised
        return f"token-{len(asked)}"

    api = connect(server, access_token=token)
    if renewing:
        server.responses = [Response(401)]
    with pytest.raises(raised):
        api.list_environment_secrets("e")
    api.list_environment_secrets("e")
    assert len(server.received) == 1 + renewing


@pytest.mark.parametrize("step", ["first token", "renewal", "auth_settings"])
def test_callable__during_close(step: str) -> None:
    """`close` ends a call that is still getting its token; the error has the outcome of the earlier attempts."""
    asked: list[None] = []

    def close() -> None:
        asked.append(None)
        if len(asked) == 1 + (step == "renewal"):
            closer = threading.Thread(target=client.close)
            closer.start()
            closer.join(PATIENCE)

    class Signs(Configuration):
        def auth_settings(self) -> dict[str, dict[str, str]]:
            close()
            return super().auth_settings()

    kind = Signs if step == "auth_settings" else Configuration
    rejected = [[read, reset], list(respond(http_response(401)))] if step == "renewal" else []
    with HostileServer(*rejected, list(respond(GOOD["edit"]))) as server:
        token = "t" if step == "auth_settings" else lambda: close() or f"token-{len(asked)}"
        with ApiClient(kind(host=server.url, access_token=token)) as client:
            with pytest.raises(ApiConnectionError, match="the client was closed") as caught:
                CALLS["edit"](EnvironmentSecretApi(client))
            before = len(rejected)
            assert (caught.value.attempts, caught.value.outcome_unknown) == (before, before > 0)
            assert len(server.requests) == before
            CALLS["edit"](EnvironmentSecretApi(client))


@pytest.mark.needs_posix
def test_renewal__interrupted_by_a_failing_call(connect: Connect, server: RecordingServer, nowhere: str) -> None:
    """An error of a call in a signal handler that interrupts a renewal leaves as it is."""

    def handler(*_: object) -> None:
        connect(nowhere, retries=0).list_environment_secrets("inner")

    def token() -> str:
        asked.append(None)
        if len(asked) > 1:
            signal.raise_signal(signal.SIGUSR1)
        return f"token-{len(asked)}"

    asked: list[None] = []
    server.responses = [Response(401)]
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(ApiConnectionError) as caught:
            CALLS["create"](connect(server, access_token=token))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (caught.value.operation, len(server.received)) == ("list_environment_secrets", 1)
