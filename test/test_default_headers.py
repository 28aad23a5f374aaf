"""Default headers that change while calls run."""

from __future__ import annotations

import itertools
import threading

import pytest

from qovery import ApiClient, EnvironmentSecretApi, api_client
from test.support import PATIENCE
from test.support.clients import Connect
from test.support.recording import EMPTY, RecordingServer
from test.support.threads import THREADS, fast_switches, in_threads


def ask(client: ApiClient) -> None:
    EnvironmentSecretApi(client).list_environment_secrets("e")


@pytest.mark.parametrize("names", [("X-Tenant", "X-Tenant"), ("X-Tenant", "x-tenant")], ids=["same", "other case"])
def test_set_default_header__while_others_call(
    server: RecordingServer, connect: Connect, names: tuple[str, str]
) -> None:
    """Every call sends the old or the new value of a header that another thread sets, and no call fails."""
    client = connect(server, connection_pool_maxsize=THREADS).api_client
    client.set_default_header("X-Tenant", "0")
    server.default = EMPTY
    done = threading.Event()
    switches = itertools.count()

    def change() -> None:
        while not done.is_set():
            number = next(switches)
            client.set_default_header(names[number % 2], str(number % 2))
            client.set_default_header(f"X-{number % 5}", "1")
            client.default_headers.pop(f"X-{number % 3}", None)

    writer = threading.Thread(target=change)
    with fast_switches():
        writer.start()
        try:
            ends = in_threads(lambda _: [ask(client) for _ in range(8)])
        finally:
            done.set()
            writer.join(PATIENCE)
    sent = [{name.lower(): value for name, value in received.headers.items()} for received in server.received]
    assert {headers.get("x-tenant") for headers in sent} <= {"0", "1"}
    assert ends == [[None] * 8] * THREADS


def test_default_headers__changed_while_a_call_checks_them(
    server: RecordingServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that is changed in the middle of a call is sent with the next call, and can be changed back."""
    client, key = connect(server).api_client, api_client.header_key

    def change(name: str) -> str:
        if name == "X-Tenant":
            client.default_headers["X-Tenant"] = "new"
        return key(name)

    client.set_default_header("X-Tenant", "old")
    with monkeypatch.context() as patch:
        patch.setattr(api_client, "header_key", change)
        ask(client)
    client.default_headers["X-Tenant"] = "old"
    ask(client)
    client.default_headers["X-Tenant"] = "new"
    ask(client)
    assert [received.headers["X-Tenant"] for received in server.received] == ["old", "old", "new"]
