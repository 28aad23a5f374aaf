"""`Transport`: one attempt at a request, on one route."""

from __future__ import annotations

import functools
import threading
import time
import weakref
from typing import Any

from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from qovery.origins import forget_frames, from_library, from_log_handler, interruption, replaced
from qovery.redaction.marks import held
from qovery.route import Route
from qovery.transport.attempt import LONGEST, Attempt
from qovery.transport.attempt_pool import AttemptPool, InterruptedAttempt, attempt_pools
from qovery.transport.failures import LIBRARY_ERRORS, closed, failure
from qovery.transport.fakes import checked_managers, manager_methods
from qovery.transport.messages import Failure, RawResponse, Request, Response
from qovery.transport.pool import ConnectionPool
from qovery.transport.proxy import manager
from qovery.transport.response import receive
from qovery.transport.tls import tls_options

_timeout = functools.lru_cache(maxsize=8)(Timeout)  # urllib3 works on copies of it


class Transport:
    """Sends requests on one route, over the connections of one process. Threads may share it.

    Args:
        route: Where to connect, and how.

    Raises:
        ApiValueError: A certificate, a key or a proxy cannot be used.
        MissingExtraError: The proxy needs an extra that is not installed.
    """

    _state = held("_held_state")  # includes the headers for the proxy

    def __init__(self, route: Route) -> None:
        self.route = route
        self._managers = checked_managers()
        scheme, netloc = route.url[:2]
        options: dict[str, Any] = {"maxsize": 1}  # the size of urllib3's own queue, which is not used
        if route.socket_options is not None:
            options["socket_options"] = list(route.socket_options)
        if scheme == "https":
            options.update(tls_options(route))
        proxy = route.proxy_url
        if scheme == "http" and proxy is not None and proxy.scheme == "https":
            options["ssl_context"] = route.proxy_ssl_context  # urllib3 applies proxy_ssl_context to tunnels only
        pools = manager(route, options)
        pools.pool_classes_by_scheme = attempt_pools()  # see `relied_on`
        self.connections = ConnectionPool(route.connection_pool_maxsize, route.idle_timeout)
        self._prefix = route.prefix
        pool = pools.connection_from_url(f"{scheme}://{netloc}")
        self._kind = type(pool)
        self._state = {**vars(pool), "connections": self.connections, "verifies": route.verify_ssl}

    def attempt(self, request: Request, policy: Retry) -> tuple[Response | Failure, int]:
        """Send the request once. Return the result and the number of sends, which a caller's own policy may raise."""
        try:
            managers = manager_methods()
        except AttributeError:  # of a fake class
            managers = None
        if managers != self._managers:
            self._managers = checked_managers()
        attempt = Attempt(request)
        pool: AttemptPool = self._kind.__new__(self._kind)  # type: ignore[assignment] # one of attempt_pools()
        busy, thread, mark = self.connections.busy, threading.get_ident(), set[None]()
        outer = busy.get(thread)
        nested = outer is not None and outer() is not None  # a call inside another one, from a log or signal handler
        vars(pool).update(self._state, attempt=attempt, nested=nested, slot=[])
        left = min(max(request.deadline - time.monotonic(), 0.001), LONGEST)
        raw: RawResponse | None = None
        try:
            if not nested:
                busy[thread] = weakref.ref(mark)
            raw = pool.urlopen(
                request.operation.method,
                self._prefix + request.target,
                body=request.body,
                headers=request.headers,
                retries=policy,
                redirect=False,
                assert_same_host=False,  # behind an http proxy the pool's host is the proxy
                timeout=_timeout(None, min(request.connect_timeout, left), min(request.read_timeout, left)),
                pool_timeout=left,  # type: ignore[arg-type] # a fraction of a second is accepted
                preload_content=False,
            )
            return receive(raw, attempt, pool), attempt.sends
        except BaseException as error:
            pool.abandon()  # the error may have come before urllib3 could do it
            pool.free()
            result = self._failure(error, attempt, raw)
            if result is error:
                raise
        finally:
            pool.proxy_headers, pool.conn_kw = {}, {}  # credentials: an unread response keeps the pool
            if not nested:
                busy.pop(thread, None)
        if isinstance(result, Failure):
            return result, attempt.sends
        raise result

    def _failure(self, error: BaseException, attempt: Attempt, raw: RawResponse | None) -> Failure | BaseException:
        """Translate an error, or return the exception to raise unchanged if it comes from other code."""
        if isinstance(error, InterruptedAttempt):
            return error.cause
        ours: Exception | None = None
        if isinstance(error, (*LIBRARY_ERRORS, ValueError)):
            interrupted = interruption(error)
            if interrupted is not None:
                return interrupted
            ours = error if isinstance(error, LIBRARY_ERRORS) or from_library(error) else None
        if ours is None and isinstance(error, Exception) and from_log_handler(error):
            reason = f"a log handler or filter failed: {type(error).__name__}: {error}"
            ours = next((one for one in replaced(error) if isinstance(one, LIBRARY_ERRORS)), HTTPError(reason))
        if ours is None:
            return error
        forget_frames(error)
        if self.connections.closed:
            return closed(attempt.sent)
        return failure(ours, attempt.request, attempt.sent, raw)
