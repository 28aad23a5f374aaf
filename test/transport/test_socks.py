"""SOCKS handshakes that are slow, stalled or rejected."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest

from qovery import ApiConnectionError, ApiTimeoutError
from test.support import PATIENCE, combinations, spread
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import HostileServer, Step, read_byte, reset, send, stall, trickle
from test.support.recording import EMPTY, RecordingServer
from test.support.routes import Routes

pytest.importorskip("socks")


def receive(count: int) -> Step:
    """Receive exactly that many bytes."""

    def step(sock: socket.socket, _: list[bytes]) -> None:
        left = count
        while left:
            left -= len(sock.recv(left)) or left  # the client may have disconnected

    return step


NO_LOGIN = [receive(3), send(b"\x05\x00")]
LOGIN = [receive(4), send(b"\x05\x02"), receive(11)]
REQUEST = receive(10)
#: The rest of a reply with a 255-byte domain name as its address: it takes minutes.
NAME = trickle(b"\x05\x00\x00\x03\xff" + b"x" * 257, 0.5)
SLOW: dict[str, Sequence[Step]] = {
    "silence": [stall],
    "silence after the method": [*NO_LOGIN, stall],
    "silence after the login": [*LOGIN, stall],
    "trickling login": [*LOGIN, send(b"\x01"), stall],
    "trickling address": [*NO_LOGIN, REQUEST, NAME],
}
SLOW_4: dict[str, Sequence[Step]] = {
    "silence": [stall],
    "silence after the request": [receive(8), stall],
    "silence in the reply": [receive(8), send(b"\x00\x5a"), stall],
}
CASES = {
    **{f"SOCKS5, {name}": ("socks5", "user:pass@" if "login" in name else "", SLOW[name]) for name in SLOW},
    **{f"SOCKS4, {name}": ("socks4", "", SLOW_4[name]) for name in SLOW_4},
}


@pytest.mark.parametrize(
    ("case", "host", "name"),
    spread(combinations(list(CASES), ["http://127.0.0.1:1", "https://127.0.0.1:1"], ["list", "create"]), 4),
)
def test_handshake__ends_in_time(connect: Connect, case: str, host: str, name: str) -> None:
    """A stalled SOCKS handshake ends the call at its deadline, and nothing was sent."""
    scheme, login, script = CASES[case]
    with HostileServer(script) as proxy:
        api = connect(
            host,
            proxy=f"{scheme}://{login}127.0.0.1:{proxy.port}",
            connect_timeout=PATIENCE,
            read_timeout=PATIENCE,
            total_timeout=1,
        )
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS[name](api)
        assert (proxy.connections, caught.value.attempts, caught.value.outcome_unknown) == (1, 1, False)


REFUSALS: dict[str, Sequence[Step]] = {
    "not SOCKS": [read_byte, send(b"HTTP/1.1 400 Bad Request\r\n\r\n")],
    "no acceptable method": [receive(4), send(b"\x05\xff")],
    "wrong login": [*LOGIN, send(b"\x01\x01")],
    "not allowed": [*LOGIN, send(b"\x01\x00"), REQUEST, send(b"\x05\x02\x00\x01" + bytes(6))],
    "unknown code": [*LOGIN, send(b"\x01\x00"), REQUEST, send(b"\x05\xfe\x00\x01" + bytes(6))],
    "unknown address": [*LOGIN, send(b"\x01\x00"), REQUEST, send(b"\x05\x00\x00\x09" + bytes(6))],
    "closed": [read_byte],
    "reset": [read_byte, reset],
}


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("fault", REFUSALS)
def test_handshake__rejected(connect: Connect, fault: str) -> None:
    """A proxy that rejects the handshake never sees the request; the outcome is known, and no text has the password."""
    with HostileServer(REFUSALS[fault]) as proxy:
        api = connect("http://127.0.0.1:1", proxy=f"socks5://user:pass@127.0.0.1:{proxy.port}", retries=1)
        with pytest.raises(ApiConnectionError) as caught:
            CALLS["create"](api)
        proxy.wait_until_closed(caught.value.attempts)
        assert proxy.connections == caught.value.attempts == 2
    assert (caught.value.status, caught.value.outcome_unknown) == (None, False)
    assert "pass" not in f"{caught.value} {caught.value.__cause__!r}".replace("password", "")


def test_handshake__silent_at_the_first_address(
    connect: Connect, routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy whose first address accepts and then stays silent is reached at its second."""
    settings = routes.settings("SOCKS5")
    port = int(settings["proxy"].rpartition(":")[2])
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        addresses = ["127.0.0.2", "127.0.0.1"] if host == "several.test" else [host]
        return [entry for address in addresses for entry in real(address, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    settings["proxy"] = settings["proxy"].replace("127.0.0.1", "several.test")
    with (
        RecordingServer(EMPTY, routes.context("SOCKS5")) as server,
        HostileServer([stall], listener=socket.create_server(("127.0.0.2", port))) as silent,
    ):
        api = connect(server, connect_timeout=2, retries=0, **settings)
        assert CALLS["list"](api).results == []
        assert silent.connections == 1
