"""Host names with several addresses, some of them unresponsive, and numeric addresses of every form."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qovery import ApiConnectionError, ApiTimeoutError
from test.support import PATIENCE, spread
from test.support.calls import CALLS, EMPTY_LIST
from test.support.clients import Connect
from test.support.hostile import HostileServer, respond
from test.support.recording import EMPTY, RecordingServer
from test.support.routes import PROXIED, Routes
from test.support.tls import Authority

#: Loopback addresses other than 127.0.0.1, which the tests' servers listen on.
SILENT = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


@contextlib.contextmanager
def silence(port: int) -> Iterator[None]:
    """Addresses that neither accept nor refuse a connection: their accept queues are full."""
    with contextlib.ExitStack() as stack:
        for address in SILENT:
            try:
                listener = stack.enter_context(socket.create_server((address, port), backlog=0))
            except OSError:
                pytest.skip(f"the system has no {address}, or its port is taken")
            for _ in range(20):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
                if not select.select([], [waiting], [], 0.2)[1]:
                    break
            else:
                pytest.skip("the system accepts every connection")
        yield


NAMES = {"silent.test": SILENT, "localhost.": ["127.0.0.1"], "several.test": [*SILENT, "127.0.0.1"]}


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Resolve `NAMES` to their addresses, and record every lookup."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return [entry for address in NAMES.get(host, [host]) for entry in real(address, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
def test_addresses__silent_ones_first(connect: Connect, looked_up: list[str]) -> None:
    """An unresponsive address leaves time to try the next one within the first attempt."""
    with RecordingServer(EMPTY) as server, silence(server.port):
        api = connect(f"http://several.test:{server.port}", connect_timeout=2, retries=0)
        assert CALLS["list"](api).results == []
    assert [host for host in looked_up if host not in NAMES] == [*SILENT, "127.0.0.1"]


@pytest.mark.parametrize("route", spread(PROXIED, 2))
def test_addresses__of_a_proxy(connect: Connect, looked_up: list[str], routes: Routes, route: str) -> None:
    """A proxy host name may have unresponsive addresses too."""
    settings = routes.settings(route)
    settings["proxy"] = settings["proxy"].replace("127.0.0.1", "several.test")
    port = int(settings["proxy"].rpartition(":")[2])
    with RecordingServer(EMPTY, routes.context(route)) as server, silence(port):
        api = connect(server, connect_timeout=2, retries=0, **settings)
        assert CALLS["list"](api).results == []
        assert len(server.received) == 1


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("name", ["list", "create"])
def test_addresses__all_silent(connect: Connect, looked_up: list[str], nowhere: str, name: str) -> None:
    """All addresses are tried before the deadline; the error says that nothing was sent."""
    port = int(nowhere.rpartition(":")[2])
    with silence(port):
        api = connect(f"http://silent.test:{port}", total_timeout=1, connect_timeout=PATIENCE)
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS[name](api)
    assert [host for host in looked_up if host in SILENT] == SILENT
    assert (caught.value.attempts, caught.value.outcome_unknown) == (1, False)


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[0:0::0:1]", "[::ffff:127.0.0.1]", "zone"])
def test_addresses__numeric(connect: Connect, host: str) -> None:
    """The client connects to IPv4 and IPv6 addresses as given, with or without a zone."""
    if host == "zone":
        host = link_local()
    try:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("the system has no IPv6")
    with HostileServer(list(respond(EMPTY_LIST)), listener=listener) as server:
        assert CALLS["list"](connect(f"http://{host}:{server.port}", retries=0)).results == []


def test_addresses__of_a_resolver_with_errors_of_its_own(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that replaces its own error by that of `socket` is one that does not know the name."""

    class ResolverError(OSError):
        pass

    def look_up(*_: Any, **__: Any) -> Any:
        try:
            raise ResolverError
        except ResolverError as error:
            raise socket.gaierror(socket.EAI_NONAME, "not known") from error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ApiConnectionError, match="not known"):
        CALLS["list"](connect("https://unknown.test", retries=0))


def test_addresses__trailing_dot(connect: Connect, looked_up: list[str], tls: Authority) -> None:
    """A name with a trailing dot is resolved as is, and verified against the certificate without the dot."""
    with tls.server("localhost") as server:
        assert CALLS["list"](connect(f"https://localhost.:{server.port}", retries=0)).results == []
        assert server.last.server_name == "localhost"
    assert looked_up[0] == "localhost."


def link_local() -> str:
    """A link-local address of this machine, which is unusable without its zone."""
    interfaces = Path("/proc/net/if_inet6")
    rows = [row.split() for row in interfaces.read_text().splitlines()] if interfaces.exists() else []
    for digits, _, _, scope, _, name in rows:
        if scope == "20":  # link
            return f"[{':'.join(digits[start : start + 4] for start in range(0, 32, 4))}%25{name}]"
    pytest.skip("no interface has a link-local address")
