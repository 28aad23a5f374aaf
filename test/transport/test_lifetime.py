"""Object lifetimes: calls and unclosed clients leave nothing behind, even with the garbage collector off."""

from __future__ import annotations

import contextlib
import gc
import logging
import subprocess
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import urllib3

from qovery import ApiException, EnvironmentSecretApi, SecretRequest
from qovery.transport.attempt import Attempt
from qovery.transport.attempt_pool import AttemptPool
from test.support import NIGHTLY, PATIENCE, ROOT
from test.support.calls import GOOD
from test.support.clients import Connect, client_for
from test.support.hostile import HostileServer, Step, http_response, read, read_byte, reset, respond, send, stall
from test.support.recording import EMPTY, SECRET, Received, RecordingServer, Response
from test.support.routes import ROUTES, SCRIPT, Routes


@pytest.fixture
def only_reference_counting() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # objects that exist already are not scanned by each `gc.get_objects`
    gc.disable()
    yield
    gc.enable()


def attempts_alive() -> list[object]:
    return [found for found in gc.get_objects() if isinstance(found, (Attempt, AttemptPool))]


class Headers(dict[str, str]):
    """A mapping that supports weak references."""


BUSY = http_response(503, "busy")
TWICE = urllib3.Retry(2, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
#: How a call ends -> what the server plays on each connection, and the settings.
ENDS: dict[str, tuple[Sequence[Sequence[Step]], dict[str, Any]]] = {
    "response": ([list(respond(GOOD["create"]))], {}),
    "error": ([list(respond(http_response(409, "{}")))], {}),
    "unreadable": ([list(respond(http_response(200, "not gzip", "Content-Encoding: gzip")))], {}),
    "not JSON": ([list(respond(http_response(200, "<html>")))], {}),
    "too large": ([list(respond(http_response(200, "x" * 5000)))], {"max_response_size": 1000}),
    "lost": ([[read, reset]], {}),
    "cut off": ([[read, send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")]], {}),
    "silence": ([[read, stall]], {"total_timeout": 0.2}),
    "never connected": ([[reset]], {"retries": 1}),
    "never sent": ([[read_byte, reset]], {"retries": 1}),
    "retried": ([list(respond(BUSY, GOOD["create"]))], {}),
    "renewed": ([list(respond(http_response(401), GOOD["create"]))], {"access_token": iter("ab").__next__}),
    "retried by the caller": ([[read, reset], list(respond(BUSY, GOOD["create"]))], {"retries": TWICE}),
    "lost for the caller": ([[read, reset]], {"retries": TWICE}),
}


@pytest.mark.usefixtures("only_reference_counting")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("end", ENDS)
def test_call__leaves_nothing(routes: Routes, end: str, route: str, caplog: pytest.LogCaptureFixture) -> None:
    """No reference to the request remains after a call, however it ends, nor to the client once it is dropped."""
    caplog.set_level(logging.CRITICAL, "urllib3")  # its records hold errors, and caplog keeps records
    scripts, settings = ENDS[end]
    with HostileServer(*scripts, context=routes.context(route)) as server:
        api = client_for(server, **{**routes.settings(route), **settings})
        body, headers = SecretRequest(key="A", value="v"), Headers({"X-Some": "thing"})
        request = weakref.ref(body), weakref.ref(headers)
        with contextlib.suppress(ApiException):
            api.create_environment_secret("e", body, _headers=headers)
        del body, headers
        assert [part() for part in request] == [None, None]
        assert attempts_alive() == []
        client = weakref.ref(api.api_client)
        del api
        assert client() is None


def test_call__while_an_error_is_handled(connect: Connect, nowhere: str) -> None:
    """The exception that a caller is handling keeps its traceback, however a call made meanwhile ends."""
    api = connect(nowhere, retries=0)

    def fails() -> None:
        raise KeyError(value)

    value = "kept"
    try:
        fails()
    except KeyError as error:
        with contextlib.suppress(ApiException):
            api.list_environment_secrets("e")
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert [frame.f_code.co_name for frame in frames][1:] == ["fails"]
    assert frames[1].f_locals == {"value": "kept"}


def leave_closed(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e").close()


def leave_read(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e").read()


def leave_half_read(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e").read(1)


def leave_unread(api: EnvironmentSecretApi) -> None:
    api.list_environment_secrets_without_preload_content("e")


@pytest.mark.usefixtures("only_reference_counting")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("leave", [leave_closed, leave_read, leave_half_read, leave_unread])
def test_unread_response__leaves_nothing(
    connect: Connect, routes: Routes, leave: Callable[[EnvironmentSecretApi], None], route: str
) -> None:
    """A connection is free for the next call however its unread response is released, and no reference remains."""
    with RecordingServer(EMPTY, routes.context(route)) as server:
        api = connect(server, connection_pool_maxsize=1, total_timeout=PATIENCE, **routes.settings(route))
        for _ in range(3):
            leave(api)
            assert attempts_alive() == []
        assert len(server.received) == 3


MANY = """
import gc, resource
gc.disable()
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]) // 2, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from qovery import ApiClient, ApiException, Configuration, EnvironmentSecretApi

for number in range(int(sys.argv[2])):
    api = EnvironmentSecretApi(ApiClient(Configuration(**settings)))
    try:
        if number % 2:
            api.create_environment_secret(("lost", "rejected", "fine")[number % 3], {"key": "A", "value": "v"})
        elif number % 3:
            api.list_environment_secrets("e")
        else:
            api.list_environment_secrets_without_preload_content("e")
    except ApiException as error:
        assert error.status == 403 or (error.status is None and error.outcome_unknown)
"""


@pytest.mark.needs_posix
@pytest.mark.parametrize("route", ROUTES)
def test_clients__dropped(routes: Routes, route: str) -> None:
    """Clients dropped without `close()` free their sockets: they outnumber the file descriptors two to one."""
    number = 600 if NIGHTLY else 120

    def reply(received: Received) -> Response:
        environment = received.target.split("/")[2]
        if environment == "lost":
            raise ConnectionError
        return Response(403) if environment == "rejected" else EMPTY if environment == "e" else Response(201, SECRET)

    with RecordingServer(reply, routes.context(route)) as server:
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT + MANY, routes.arguments(route, server.url), str(number)],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert (run.returncode, run.stderr) == (0, "")
        assert len(server.received) == number


LATE = """
import atexit, sys

@atexit.register
def last():
    for leave in (True, False):
        api = EnvironmentSecretApi(ApiClient(Configuration(**settings)))
        if leave:
            api.list_environment_secrets_without_preload_content("e")
        api.list_environment_secrets("e")

from qovery import ApiClient, Configuration, EnvironmentSecretApi

EnvironmentSecretApi(ApiClient(Configuration(**settings))).list_environment_secrets("e")
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_clients__dropped_at_exit(routes: Routes, scheme: str) -> None:
    """A client that an `atexit` handler drops closes its sockets, even if the handler was registered first."""
    with RecordingServer(EMPTY, routes.context(scheme)) as server:
        run = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT + LATE, routes.arguments(scheme, server.url)],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert (run.returncode, run.stderr) == (0, "")
        assert len(server.received) == 4
