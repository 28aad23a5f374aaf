"""Direct connections to the host or to an HTTP proxy, without SOCKS.

Imported at the first connection, and never while a fake replaces urllib3's classes, which these inherit from.
"""

from __future__ import annotations

import urllib3.connection

from qovery.transport.connection import BoundConnection


class Plain(BoundConnection, urllib3.connection.HTTPConnection):
    """A connection to an http host."""


class Secure(BoundConnection, urllib3.connection.HTTPSConnection):
    """A connection to an https host or an https proxy."""
