"""The connections that go to the host, or to an HTTP proxy, directly.

Imported at the first connection and never while something has replaced urllib3's classes, which these stand on.
"""

from __future__ import annotations

import urllib3.connection

from qovery.transport.connection import BoundConnection


class Plain(BoundConnection, urllib3.connection.HTTPConnection):
    """To an http host."""


class Secure(BoundConnection, urllib3.connection.HTTPSConnection):
    """To an https host, or to an https proxy."""
