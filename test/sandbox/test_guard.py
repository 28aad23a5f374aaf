"""Requests from web pages of other sites: DNS rebinding and cross-site requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from qovery.sandbox import Sandbox
from qovery.sandbox.guard import Guard, is_loopback

HEADERS = {"Authorization": "Bearer a-token", "Content-Type": "application/json"}


def accepts(guard: Guard, host: str, origin: str | None = None) -> bool:
    headers = [(b"accept", b"*/*"), (b"host", host.encode())]
    return guard.problem([*headers, *([] if origin is None else [(b"origin", origin.encode())])]) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:80", "127.9.9.9"])
def test_guard__this_machine(host: str) -> None:
    """Any name of this machine is accepted as host and origin, with any port."""
    assert accepts(Guard("127.0.0.1"), host)
    assert accepts(Guard("127.0.0.1"), "localhost", f"http://{host}")
    assert accepts(Guard("127.0.0.1"), "localhost", f"https://{host}")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "localhost.evil.test",
        "evil.test:8080",
        "93.184.216.34",
        "127.0.0.1@evil.test",
        "[::1",
        "é.test",
    ],
)
def test_guard__other_sites(host: str) -> None:
    """Every other host or origin is rejected, including an opaque origin."""
    assert not accepts(Guard("127.0.0.1"), host)
    assert not accepts(Guard("127.0.0.1"), "localhost", f"http://{host}")
    assert not accepts(Guard("127.0.0.1"), "localhost", "null")


def test_guard__allowed_hosts() -> None:
    """An allowed name is accepted as host and origin, in any case and with any port."""
    guard = Guard("127.0.0.1", ["Sandbox"])
    assert accepts(guard, "sandbox:8080", "http://SANDBOX")
    assert not accepts(guard, "sandbox.test")


@pytest.mark.parametrize("listens", ["0.0.0.0", "::", "192.0.2.1", "me.test"])
def test_guard__beyond_loopback(listens: str) -> None:
    """A sandbox that listens beyond loopback accepts any IP address, and no name except its own."""
    guard = Guard(listens)
    assert all(accepts(guard, host) for host in ("192.0.2.1:80", "[2001:db8::1]", "localhost"))
    assert not accepts(guard, "evil.test")
    assert accepts(guard, "me.test") == (listens == "me.test")


def test_loopback() -> None:
    """The loopback addresses and `localhost` are recognised."""
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.1", "example.test", "")))


@pytest.fixture(scope="module")
def guarded() -> Iterator[Sandbox]:
    with Sandbox(admin=True, admin_token="a-token", allowed_hosts=["sandbox"]) as sandbox:
        yield sandbox


@pytest.mark.parametrize("foreign", [{"Host": "evil.test"}, {"Origin": "https://evil.test"}, {"Origin": "null"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/environment/ENV/secret"),
        ("POST", "/environment/ENV/secret"),
        ("POST", "/_sandbox/reset"),
        ("GET", "/nowhere"),
    ],
)
def test_request__from_elsewhere(
    http: urllib3.PoolManager, guarded: Sandbox, method: str, path: str, foreign: dict[str, str]
) -> None:
    """Operations, the page and the admin API reject a foreign request with 403, and neither apply nor record it."""
    url = guarded.url + path.replace("ENV", guarded.environment_id)
    before = guarded.secrets(guarded.environment_id)
    body = b'{"key": "A"}' if method == "POST" else None
    response = http.request(method, url, headers={**HEADERS, **foreign}, body=body)
    assert (response.status, response.json()["status"]) == (403, 403)
    assert next(iter(foreign)) in response.json()["detail"]
    assert guarded.secrets(guarded.environment_id) == before
    assert guarded.requests == []


def test_request__to_an_allowed_name(http: urllib3.PoolManager, guarded: Sandbox) -> None:
    """A request to an allowed name, as in a container network, is accepted."""
    headers = {"Host": "sandbox:8080", "Origin": "http://sandbox:8080"}
    assert http.request("GET", guarded.url, headers=headers).status == 200
