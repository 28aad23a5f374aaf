"""`Transport`: one attempt at a request, on one route."""

from __future__ import annotations

import functools
import threading
import time
from typing import Any

from urllib3.util import Retry, Timeout

from qovery.origins import forget_frames, from_library, from_signal_handler
from qovery.route import Route
from qovery.transport.attempt import LONGEST, Attempt
from qovery.transport.attempt_pool import ATTEMPT_POOLS, AttemptPool, InterruptedAttempt
from qovery.transport.failures import LIBRARY_ERRORS, closed, failure
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

    def __init__(self, route: Route) -> None:
        self.route = route
        scheme, netloc = route.url[:2]
        options: dict[str, Any] = {"maxsize": 0}
        if route.socket_options is not None:
            options["socket_options"] = list(route.socket_options)
        if scheme == "https":
            options.update(tls_options(route))
        proxy = route.proxy_url
        if scheme == "http" and proxy is not None and proxy.scheme == "https":
            options["ssl_context"] = route.proxy_ssl_context  # urllib3 has it for tunnels only
        pools = manager(route, options)
        pools.pool_classes_by_scheme = ATTEMPT_POOLS
        self.connections = ConnectionPool(route.connection_pool_maxsize, route.idle_timeout)
        self._prefix = route.prefix
        pool = pools.connection_from_url(f"{scheme}://{netloc}")
        self._kind = type(pool)
        self._state = {**vars(pool), "connections": self.connections, "verifies": route.verify_ssl, "_holds": []}

    def attempt(self, request: Request, policy: Retry) -> tuple[Response | Failure, int]:
        """Send the request once; how often it was really sent comes second, for a caller's own policy."""
        attempt = Attempt(request)
        pool: AttemptPool = self._kind.__new__(self._kind)  # type: ignore[assignment] # one of ATTEMPT_POOLS
        thread = threading.get_ident()
        nested = thread in self.connections.busy  # a call inside another one, from a log or signal handler
        vars(pool).update(self._state, attempt=attempt, nested=nested)
        left = min(max(request.deadline - time.monotonic(), 0.001), LONGEST)
        raw: RawResponse | None = None
        try:
            self.connections.busy.add(thread)
            raw = pool.urlopen(
                request.operation.method,
                self._prefix + request.target,
                body=request.body,
                headers=request.headers,
                retries=policy,
                redirect=False,
                assert_same_host=False,  # behind an http proxy the pool's host is the proxy
                timeout=_timeout(connect=min(request.connect_timeout, left), read=min(request.read_timeout, left)),
                pool_timeout=left,  # type: ignore[arg-type] # a fraction of a second is accepted
                preload_content=False,
            )
            return receive(raw, attempt, pool), attempt.sends
        except InterruptedAttempt as error:
            cause = error.cause
        except (*LIBRARY_ERRORS, ValueError) as error:
            interrupted = from_signal_handler(error)
            if interrupted is None:
                if not isinstance(error, LIBRARY_ERRORS) and not from_library(error):
                    raise
                forget_frames(error)
                sent = attempt.sends > 0
                if self.connections.closed.is_set():
                    return closed(sent), attempt.sends
                return failure(error, request, sent, raw), attempt.sends
            cause = interrupted
        finally:
            if not nested:
                self.connections.busy.discard(thread)
        raise cause
