"""Connect to the addresses of a host, one after the other, within the connect timeout."""

from __future__ import annotations

import functools
import socket
from typing import Any

from urllib3.util import connection as openers

from qovery.origins import interruption
from qovery.transport.attempt import Attempt
from qovery.transport.fakes import is_own


def connected(host: str, port: int, attempt: Attempt, **options: Any) -> socket.socket:
    """Return a socket to `host`. `options` go to urllib3's `create_connection`, which a fake may have replaced."""
    open_socket: Any = functools.partial(openers.create_connection, **options)
    if not is_own(open_socket.func):
        sock: socket.socket = open_socket((host, port), attempt.remaining())  # a fake may need the host name
        return sock
    return first_reachable(host, port, attempt, open_socket)


def first_reachable(host: str, port: int, attempt: Attempt, open_socket: Any) -> socket.socket:
    """Return a socket to the first address of `host` that accepts a connection.

    Each address gets an equal share of the remaining time, so that an unresponsive one leaves time for the next.
    """
    found = socket.getaddrinfo(host.strip("[]"), port, openers.allowed_gai_family(), socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(_numeric(entry[4]) for entry in found))
    failure = OSError("the host name has no address")
    for index, address in enumerate(addresses):
        try:
            sock: socket.socket = open_socket((address, port), attempt.remaining() / (len(addresses) - index))
            return sock
        except OSError as error:
            if interruption(error) is not None:
                raise
            failure = error
    raise failure


def _numeric(address: Any) -> str:
    """Return the numeric form of a socket address, with the zone of a link-local one."""
    return f"{address[0]}%{address[3]}" if len(address) == 4 and address[3] else str(address[0])
