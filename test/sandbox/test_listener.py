"""The socket of a mock server."""

from __future__ import annotations

import socket

from qovery.sandbox import Sandbox


def test_connection__does_not_wait_for_more(sandbox: Sandbox) -> None:
    """Small answers leave at once; otherwise each one on a kept connection takes 40 ms."""
    assert sandbox._listener is not None
    assert sandbox._listener.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
