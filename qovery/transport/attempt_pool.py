"""urllib3's pool for a single attempt: whatever urllib3 does with it affects only this attempt."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

import urllib3

from qovery.exceptions import ApiValueError
from qovery.origins import from_callee, interruption
from qovery.transport.attempt import Attempt
from qovery.transport.connection import BoundConnection
from qovery.transport.failures import LIBRARY_ERRORS
from qovery.transport.pool import ConnectionPool
from qovery.transport.tls import has_unread

if TYPE_CHECKING:
    from qovery.transport.messages import RawResponse

    _Base = urllib3.HTTPConnectionPool
else:
    _Base = object


class InterruptedAttempt(BaseException):
    """Carries an exception of a signal handler or a greenlet past urllib3, which would take it for its own."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause


class AttemptPool(_Base):
    """A copy of urllib3's pool for one attempt, with the connections that all attempts share.

    `relied_on` lists the private parts of urllib3 that it replaces.
    """

    connections: ConnectionPool
    attempt: Attempt
    nested: bool
    verifies: bool
    held: Any = None  # the connection that this attempt has
    slot: list[None]  # an entry while this attempt has a connection that counts

    def free(self) -> None:
        """Let another attempt use a connection, if this one still has one."""
        self.connections.put(None, self.slot)

    def abandon(self) -> None:
        """Close the connection of this attempt, if it still has one."""
        connection, self.held = self.held, None
        if connection is not None:
            connection.close()

    def _get_conn(self, timeout: float | None = None) -> Any:
        # Looked up at each use: recorders and fakes replace urllib3's class, also for a client in use.
        self.attempt.observed = True
        kind = _OURS.get((self.ConnectionCls, "_socks_options" in self.conn_kw)) or self._class_of(self.ConnectionCls)
        try:
            connection = self.connections.take(kind, timeout or 0, self.nested, self.slot)
            if connection is None:
                connection = self._new_connection(kind)
        except OSError as error:
            _leave_if_interrupted(error)
            raise
        self.held = connection
        self.attempt.observed = False
        if isinstance(connection, BoundConnection):
            connection.attempt, connection.pool = self.attempt, self
        else:
            self.attempt.sends += 1  # nothing proves that it was not
            self.free()  # it is not counted: a recorder's response does not always say when it is done
        return connection

    def _put_conn(self, conn: Any) -> None:
        if isinstance(conn, BoundConnection):
            if conn.sock is not None and conn.head is not None:
                whole = conn.head.fp is None and conn.reader.left == 0
                if not whole or (type(conn.sock) is not socket.socket and has_unread(conn.sock)):
                    conn.close()  # the rest of the response, or what follows it, would be taken for the next one
            conn.attempt = conn.pool = conn.head = conn.reader = None
        self.held = None
        self.connections.put(None if conn is None or conn.sock is None else conn, self.slot)

    def _new_connection(self, kind: Any) -> Any:
        """Create a connection like `_new_conn`, but without its log record: a log handler may raise."""
        options = dict(self.conn_kw)
        host, port = self.host, self.port
        if isinstance(self, _SecurePool):
            options.update(cert_reqs=self.cert_reqs, assert_hostname=self.assert_hostname)
            if self.proxy is not None:
                host, port = str(self.proxy.host), self.proxy.port
        return kind(host=host, port=port, timeout=self.timeout.connect_timeout, **options)

    def _class_of(self, base: Any) -> Any:
        """Return the class of new connections: ours for urllib3's own, otherwise the replacement."""
        through_socks = "_socks_options" in self.conn_kw
        if base.__module__ != "urllib3.connection":
            if through_socks:
                from urllib3.contrib.socks import SOCKSProxyManager

                base = cast("Any", SOCKSProxyManager).pool_classes_by_scheme[self.scheme].ConnectionCls
                if base.__module__ == "urllib3.contrib.socks":
                    raise ApiValueError("urllib3's connections are replaced, but not those for SOCKS: unset proxy")
            return base
        secure = isinstance(self, _SecurePool)
        if through_socks:
            from qovery.transport import socks

            kind: Any = socks.Secure if secure else socks.Plain
        else:
            from qovery.transport import direct

            kind = direct.Secure if secure else direct.Plain
        return _OURS.setdefault((base, through_socks), kind)

    def _prepare_proxy(self, conn: Any) -> None:
        try:
            super()._prepare_proxy(conn)
        except LIBRARY_ERRORS as error:
            _leave_if_interrupted(error)
            raise

    def _make_request(self, *args: Any, **options: Any) -> RawResponse:
        try:
            return super()._make_request(*args, **options)
        except Exception as error:
            if isinstance(error, LIBRARY_ERRORS):
                _leave_if_interrupted(error)
            response = self.attempt.response
            # The last thing that urllib3 does with a response is to log it.
            if response is not None and response._pool is self and from_callee(error):
                return cast("RawResponse", response)
            raise
        finally:
            self.attempt.response = None


def _leave_if_interrupted(error: Exception) -> None:
    interrupted = interruption(error)
    if interrupted is not None:
        raise InterruptedAttempt(interrupted) from None


class _PlainPool(AttemptPool, urllib3.HTTPConnectionPool):
    pass


class _SecurePool(AttemptPool, urllib3.HTTPSConnectionPool):
    pass


#: The pools by scheme, as urllib3's managers take them.
ATTEMPT_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}

#: The classes of connections by urllib3's class, and whether they go through SOCKS.
_OURS: dict[tuple[Any, bool], Any] = {}
