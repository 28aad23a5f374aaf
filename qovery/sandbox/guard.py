"""`Guard`: detects requests sent by web pages of other sites (DNS rebinding, cross-site requests)."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit


class Guard:
    """Accepts requests whose `Host`, and `Origin` if there is one, name this server.

    These are loopback addresses, `localhost`, the address it listens on, and `allowed_hosts`. A server that other
    machines can reach also accepts every IP address, since it may have many; DNS rebinding needs a name.
    """

    def __init__(self, host: str, allowed_hosts: Iterable[str] = ()) -> None:
        self._names = {"localhost", host.lower(), *(name.lower() for name in allowed_hosts)}
        self._public = not is_loopback(host)
        self._allows = functools.lru_cache(maxsize=256)(self._allows_url)  # few different values occur

    def problem(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return why a request with these headers must be rejected, or None. Header names are in lower case."""
        host, origin = b"", None
        for name, value in headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if not self._allows(b"http://" + host):
            return f"Host {_shown(host)} is not allowed: add it with --allowed-host (allowed_hosts in Python)"
        if origin is not None and not self._allows(origin):
            return f"Origin {_shown(origin)} is not allowed: a web page of another site sent this request"
        return None

    def _allows_url(self, url: bytes) -> bool:
        try:
            host = urlsplit(url.decode("ascii")).hostname or ""
        except ValueError:
            return False
        return host in self._names or is_loopback(host) or (self._public and _address(host) is not None)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen on."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _shown(value: bytes) -> str:
    return repr(value[:100].decode("ascii", "replace"))
