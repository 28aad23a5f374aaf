"""urllib3's pool as one attempt sees it: what urllib3 does there reaches this attempt and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import urllib3
from typing_extensions import Self

from qovery.exceptions import ApiValueError
from qovery.origins import from_log_handler, from_signal_handler
from qovery.transport.attempt import Attempt
from qovery.transport.connection import BoundConnection
from qovery.transport.failures import LIBRARY_ERRORS

if TYPE_CHECKING:
    from qovery.transport.messages import RawResponse
    from qovery.transport.pool import Lease, Transport


class Interrupted(BaseException):
    """Carries an exception of a signal handler past urllib3, which would take it for its own."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause


if TYPE_CHECKING:
    _Base = urllib3.HTTPConnectionPool
else:
    _Base = object


class AttemptPool(_Base):
    """urllib3's pool with the connections of a transport; each attempt has one of its own."""

    transport: Transport
    attempt: Attempt
    nested: bool
    leased: Lease | None

    def of(self, transport: Transport, attempt: Attempt, nested: bool) -> Self:
        """A copy for one attempt."""
        pool = self.__class__.__new__(self.__class__)
        pool.__dict__.update(self.__dict__, transport=transport, attempt=attempt, nested=nested, leased=None)
        return pool

    def _get_conn(self, timeout: float | None = None) -> Any:
        self.leased = self.transport.lease(self, timeout or 0, self.nested)
        kind = self._connection_class()
        connection = self.transport.take(kind) or self._connect_with(kind)
        if isinstance(connection, BoundConnection):
            connection.bind(self.attempt, self.leased)
            connection.is_trusted = self.transport.route.verify_ssl
        else:
            self.attempt.sends += 1  # nothing proves that it was not
        return connection

    def _connect_with(self, kind: Any) -> Any:
        """A new connection, as `_new_conn` makes it, but without its log record: a handler of that may raise."""
        options = dict(self.conn_kw)
        host, port = self.host, self.port
        if isinstance(self, _SecurePool):
            options.update(cert_reqs=self.cert_reqs, assert_hostname=self.assert_hostname)
            if self.proxy is not None:
                host, port = str(self.proxy.host), self.proxy.port
        return kind(host=host, port=port, timeout=self.timeout.connect_timeout, **options)

    def _connection_class(self) -> Any:
        """Looked up at each use: recorders and fakes replace urllib3's class, also for a client in use."""
        kind = self.ConnectionCls
        through_socks = "_socks_options" in self.conn_kw
        if kind.__module__ != "urllib3.connection":
            if through_socks:
                raise ApiValueError(f"{kind.__name__} replaces urllib3's connections and knows no SOCKS: unset proxy")
            return kind
        if through_socks:
            from qovery.transport.socks import PlainSocksConnection, SecureSocksConnection

            return SecureSocksConnection if self.scheme == "https" else PlainSocksConnection
        from qovery.transport.direct import PlainConnection, SecureConnection

        return SecureConnection if issubclass(kind, urllib3.connection.HTTPSConnection) else PlainConnection

    def _put_conn(self, conn: Any) -> None:
        if isinstance(conn, BoundConnection):
            conn.bind(None, None)
        if conn is not None:
            self.transport.put(conn)
        if self.leased is not None:
            self.leased.release()

    def _make_request(self, *args: Any, **options: Any) -> RawResponse:
        try:
            return super()._make_request(*args, **options)
        except Exception as error:
            interrupted = from_signal_handler(error) if isinstance(error, LIBRARY_ERRORS) else None
            if interrupted is not None:
                raise Interrupted(interrupted) from None
            response = self.attempt.response
            # The last thing that urllib3 does with a response is to log it.
            if response is not None and getattr(response, "_pool", None) is self and from_log_handler(error):
                return response
            raise
        finally:
            self.attempt.response = None


class _PlainPool(AttemptPool, urllib3.HTTPConnectionPool):
    pass


class _SecurePool(AttemptPool, urllib3.HTTPSConnectionPool):
    pass


#: The pools by scheme, as urllib3's managers take them.
ATTEMPT_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _PlainPool, "https": _SecurePool}
