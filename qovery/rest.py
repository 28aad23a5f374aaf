"""`RESTClientObject`: the attempts at a request, the retries between them and their log. Uses no sockets."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from urllib3.util import Retry

from qovery import process, retry
from qovery.configuration import Configuration
from qovery.exceptions import ApiConnectionError, ApiException, ApiTypeError, ApiValueError, OpenApiException
from qovery.legacy import REST_CLIENT, LegacyNames
from qovery.origins import from_callee, raise_from_signal_handler
from qovery.raw_request import RESTResponse, raw_request
from qovery.redaction.sealing import sealed
from qovery.route import Route
from qovery.snapshot import Snapshot
from qovery.transport.failures import closed
from qovery.transport.messages import Failure, RawResponse, Request, Response
from qovery.transport.policy import callers_policy
from qovery.transport.pool import ConnectionPool
from qovery.transport.transport import Transport

__all__ = ["ApiException", "RESTClientObject", "RESTResponse", "RawResponse"]

_log = logging.getLogger("qovery")
_ONCE = Retry(False, redirect=False)
_LINE = "%(operation)s %(method)s %(path)s %(status)s attempt=%(attempt)s ms=%(milliseconds)s bytes=%(bytes)s"


class Session:
    """What one process has opened since the last `close`.

    Attributes:
        closed: Whether `close` has ended it.
        transport: The transport for the route of the latest call.
    """

    def __init__(self) -> None:
        self.closed = False
        self.transport: Transport | None = None
        #: Also those of earlier routes, while a call or an unread response uses them.
        self._pools: set[weakref.ref[ConnectionPool]] = set()
        self._lock = threading.RLock()

    def connect(self, route: Route) -> Transport:
        """Return the transport for a route, made by one thread."""
        with self._lock:
            earlier = self.transport
            if earlier is not None and earlier.route == route:
                return earlier
            transport = Transport(route)
            self._pools.add(weakref.ref(transport.connections, self._pools.discard))
            if self.closed:  # `close` may have missed this pool
                transport.connections.close()
            self.transport = transport
            if earlier is not None:
                earlier.connections.retire()
            return transport

    def close(self) -> None:
        """Close all connections, and end the calls of the session."""
        self.closed = True
        for pool in self._used():
            pool.close()

    def forget(self) -> None:
        """Drop the connections of the parent process, without sending anything."""
        for pool in self._used():
            pool.forget()

    def _used(self) -> list[ConnectionPool]:
        pools = [reference() for reference in list(self._pools)]
        return [pool for pool in pools if pool is not None]


class RESTClientObject(LegacyNames):
    """Sends requests over pooled connections. Thread-safe; a forked child opens its own."""

    _legacy = REST_CLIENT

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._epoch = object()  # replaced by each `close`: tells a call whether the client was closed since it started
        self._sessions: dict[int, Session] = {}  # by process
        "".encode("idna")  # the codec of host names: a call nested in one that loads it would not find it

    def __repr__(self) -> str:
        return f"<RESTClientObject {self.configuration.host}>"

    def __getstate__(self) -> dict[str, Any]:
        # A copy opens its own connections.
        return {**self.__dict__, "_sessions": {}}

    def close(self) -> None:
        """Close all connections and end running calls. A later call opens new connections."""
        self._epoch = object()  # first: a call that finds the next session sees it
        session = self._sessions.pop(process.this_process(), None)
        if session is not None:
            session.close()
        self._forget_inherited()

    def _open_session(self) -> Session:
        """The session of this process."""
        self._forget_inherited()
        return self._sessions.setdefault(process.this_process(), Session())

    def _forget_inherited(self) -> None:
        for parent in self._sessions.keys() - {process.this_process()}:
            inherited = self._sessions.pop(parent, None)
            if inherited is not None:
                inherited.forget()

    @sealed
    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        post_params: Any = None,
        _request_timeout: float | tuple[float | None, float | None] | None = None,
    ) -> RESTResponse:
        """Send a request that is not an operation, with only these headers, and return its response for any status.

        It has the settings of the configuration, the retry policy included, but no credentials.

        Args:
            method: The HTTP method.
            url: `Configuration.host` and an encoded path.
            headers: All headers.
            body: What is sent as JSON; a `str` or `bytes` under a `Content-Type` that is not JSON.
            post_params: Not supported: the API has no forms.
            _request_timeout: As for an operation.

        Raises:
            ApiTypeError, ApiValueError: An argument cannot be used; nothing was sent.
            ApiException: No response arrived, or it cannot be read.
        """
        if post_params:
            raise ApiValueError("post_params must be empty: the API has no forms")
        epoch = self._epoch
        settings = self.configuration._snapshot(timeout=_request_timeout)
        if _request_timeout is not None:
            settings = settings.with_timeout(_request_timeout)
        return RESTResponse(self.send(raw_request(method, url, headers, body, settings), settings, epoch))

    def send(self, request: Request, settings: Snapshot, epoch: object, earlier: Response | None = None) -> Response:
        """Send the request, and again where that is safe, until there is a response or the deadline is reached.

        Args:
            request: What to send.
            settings: The settings of the call.
            epoch: The client's `_epoch` when the call started. If it was closed since, nothing is sent.
            earlier: The response that the call received before, if any, to be counted in.

        Raises:
            ApiConnectionError: No response arrived; `ApiTimeoutError` if none arrived in time.
            ApiDecodeError: The body is too large, or its compression is broken.
        """
        if type(self).request is not _request or sys.is_finalizing():
            raise self._refusal(request)
        before, outcome_unknown = (earlier.attempts, earlier.outcome_unknown) if earlier else (0, False)
        # `this_process()`, without its frame
        session = self._sessions.get(os.getpid() + (len(process.forks) << 32)) or self._open_session()
        if self._epoch is not epoch:  # closed while the call got its token
            raise closed(sent=False).exception(request, before, outcome_unknown)
        transport = session.transport
        if transport is None or transport.route != settings.route:
            transport = session.connect(settings.route)
        retries = settings.retries
        policy = _ONCE if isinstance(retries, int) else callers_policy(retries)
        attempt = 0
        while True:
            attempt += 1
            started = time.monotonic()
            result, sends = transport.attempt(request, policy)
            attempts = before + max(attempt, sends)
            failed = result.outcome.status not in retry.DONE
            unknown = failed and retry.is_outcome_unknown(request.operation, result.outcome)
            outcome_unknown = outcome_unknown or result.outcome_unknown or unknown
            if settings.debug or _log.isEnabledFor(logging.DEBUG):
                with transport.connections.nesting():  # a handler may make a call, while a response is unread
                    _record(request, result, attempts, started, settings.debug)
            if not failed:
                break
            left = request.deadline - time.monotonic()
            max_retries = retries if isinstance(retries, int) else 0
            delay = retry.next_delay(request.operation, result.outcome, attempt, max_retries, left)
            if delay is None:
                break
            result.discard()
            if transport.connections.wait(delay):
                result = closed(sent=False)
                break
        if isinstance(result, Failure):
            raise result.exception(request, attempts, outcome_unknown)
        result.attempts, result.outcome_unknown = attempts, outcome_unknown
        return result

    def _refusal(self, request: Request) -> OpenApiException:
        if type(self).request is not _request:  # patched: a generated client passes every call through it
            return ApiTypeError(f"RESTClientObject.request would never be called: {REST_CLIENT['request']}")
        # No module can be imported any more, but urllib3 imports some after it has sent a request.
        return ApiConnectionError(reason="the interpreter is shutting down", operation=request.operation.name)


_request = RESTClientObject.request


def _record(request: Request, result: Response | Failure, attempt: int, started: float, debug: bool) -> None:
    """Log an attempt. The call continues even if a handler, a filter or standard error fails."""
    operation = request.operation
    fields: dict[str, Any] = {
        "operation": operation.name,
        "method": operation.method,
        "path": request.target,
        "status": result.outcome.status or (result.error.__name__ if isinstance(result, Failure) else None),
        "attempt": attempt,
        "milliseconds": round((time.monotonic() - started) * 1000, 1),
        "bytes": len(result.data) if isinstance(result, Response) else 0,
    }
    if _log.isEnabledFor(logging.DEBUG):
        try:
            _log.debug(_LINE, fields, extra={f"qovery_{name}": value for name, value in fields.items()})
        except Exception as error:
            if not from_callee(error):
                raise
    stderr = getattr(sys, "stderr", None)
    if debug and stderr is not None:
        try:
            print(_LINE % fields, file=stderr)
        except Exception as error:  # standard error is broken, closed, or anything
            raise_from_signal_handler(error)
