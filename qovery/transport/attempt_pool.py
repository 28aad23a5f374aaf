"""urllib3's pool for a single attempt: whatever urllib3 does with it affects only this attempt."""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING, Any, cast

from urllib3 import poolmanager

from qovery.exceptions import ApiValueError
from qovery.origins import from_callee, inner_frames, interruption
from qovery.transport.attempt import Attempt
from qovery.transport.connection import BoundConnection
from qovery.transport.failures import LIBRARY_ERRORS
from qovery.transport.fakes import connection_methods, is_own_class, replacements
from qovery.transport.pool import ConnectionPool
from qovery.transport.tls import has_unread

if TYPE_CHECKING:
    import urllib3

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
        done, base = replacements.done, self.ConnectionCls
        kind, methods = _OURS.get((base, "_socks_options" in self.conn_kw), (None, None))
        if kind is None or methods != connection_methods(base) or done != replacements.begun:
            kind = self._class()
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
        self.connections.put(None if getattr(conn, "sock", None) is None else conn, self.slot)

    def _new_connection(self, kind: Any) -> Any:
        """Create a connection like `_new_conn`, but without its log record: a log handler may raise."""
        options = dict(self.conn_kw)
        host, port = self.host, self.port
        if self.scheme == "https":
            pool = cast("urllib3.HTTPSConnectionPool", self)
            options.update(cert_reqs=pool.cert_reqs, assert_hostname=pool.assert_hostname)
            if self.proxy is not None:
                host, port = str(self.proxy.host), self.proxy.port
        options.update(host=host, port=port, timeout=self.timeout.connect_timeout)
        ours = BoundConnection in getattr(kind, "__mro__", ())
        return kind(**options) if ours else replacements.construct(kind, options)

    def _class(self) -> Any:
        """Return the class of new connections: ours on top of urllib3's own, otherwise the replacement."""
        with replacements.alone():
            seen = base = self.ConnectionCls
            mixin: Any = BoundConnection
            through_socks = "_socks_options" in self.conn_kw
            if through_socks:
                from urllib3.contrib.socks import SOCKSProxyManager

                from qovery.transport.socks import SocksConnection

                mixin = SocksConnection
                base = cast("Any", SOCKSProxyManager).pool_classes_by_scheme[self.scheme].ConnectionCls
                if is_own_class(base) and not is_own_class(seen):
                    raise ApiValueError("urllib3's connections are replaced, but not those for SOCKS: unset proxy")
            if not is_own_class(base):
                return base
            kind = _bound(mixin, base)
            _OURS[seen, through_socks] = kind, connection_methods(seen)
            return kind

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
            response = self._received(error)
            if response is not None and from_callee(error):
                return response
            raise

    def _received(self, error: Exception) -> RawResponse | None:
        """Return the response if urllib3 has completed it: the last thing that it does with one is to log it."""
        for frame in inner_frames(error):
            if frame.f_code.co_name == "_make_request":
                response = frame.f_locals.get("response")
                if getattr(response, "_pool", None) is self:
                    return cast("RawResponse", response)
        return None


def _leave_if_interrupted(error: Exception) -> None:
    interrupted = interruption(error)
    if interrupted is not None:
        raise InterruptedAttempt(interrupted) from None


def attempt_pools() -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Return the pools by scheme, as urllib3's managers take them."""
    return {scheme: _bound(AttemptPool, base) for scheme, base in poolmanager.pool_classes_by_scheme.items()}


@functools.cache
def _bound(mixin: type, base: type) -> Any:
    """Return our subclass of a class of urllib3. It has the same name, which errors show."""
    return type(base.__name__, (mixin, base), {"__module__": mixin.__module__, "__doc__": mixin.__doc__})


#: The classes of connections, by urllib3's class and whether they go through SOCKS, with the methods they replace.
_OURS: dict[tuple[Any, bool], tuple[Any, Any]] = {}
