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

from qovery import retry
from qovery.configuration import Configuration
from qovery.exceptions import ApiException, ApiTypeError, ApiValueError
from qovery.legacy import REST_CLIENT, LegacyNames
from qovery.origins import from_callee, from_signal_handler
from qovery.raw_request import RESTResponse, raw_request
from qovery.redaction.sealing import sealed
from qovery.route import Route
from qovery.snapshot import Snapshot
from qovery.transport.failures import closed
from qovery.transport.messages import Failure, RawResponse, Request, Response
from qovery.transport.transport import Transport

__all__ = ["ApiException", "RESTClientObject", "RESTResponse", "RawResponse"]

_log = logging.getLogger("qovery")
_ONCE = Retry(False, redirect=False)
_LINE = "%(operation)s %(method)s %(path)s %(status)s attempt=%(attempt)s ms=%(milliseconds)s bytes=%(bytes)s"


class RESTClientObject(LegacyNames):
    """Sends requests over pooled connections. Thread-safe; a forked child opens its own."""

    _legacy = REST_CLIENT

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._transports: dict[int, Transport] = {}  # one a process
        self._retired: list[weakref.ref[Transport]] = []  # of earlier routes, while calls use them
        self._locks: dict[int, threading.RLock] = {}

    def __repr__(self) -> str:
        return f"<RESTClientObject {self.configuration.host}>"

    def __getstate__(self) -> dict[str, Any]:
        # A copy opens its own connections.
        return {**self.__dict__, "_transports": {}, "_retired": [], "_locks": {}}

    def close(self) -> None:
        """Close all connections and end running calls. A later call opens new connections."""
        for transport in self._take(os.getpid()):
            transport.connections.close()

    def _take(self, pid: int) -> list[Transport]:
        """Everything that belongs to a process, which is forgotten here."""
        retired, self._retired = self._retired, []
        owned = [self._transports.pop(pid, None), *(reference() for reference in retired)]
        return [transport for transport in owned if transport is not None]

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
        settings = self.configuration._snapshot()
        if _request_timeout is not None:
            settings = settings.with_timeout(_request_timeout)
        return RESTResponse(self.send(raw_request(method, url, headers, body, settings), settings))

    def send(self, request: Request, settings: Snapshot, earlier: Response | None = None) -> Response:
        """Send the request, and again where that is safe, until there is a response or the deadline is reached.

        Args:
            request: What to send.
            settings: The settings of the call.
            earlier: The response that the call received before, if any, to be counted in.

        Raises:
            ApiConnectionError: No response arrived; `ApiTimeoutError` if none arrived in time.
            ApiDecodeError: The body is too large, or its compression is broken.
        """
        if type(self).request is not _request:  # patched: a generated client passes every call through it
            raise ApiTypeError(f"RESTClientObject.request would never be called: {REST_CLIENT['request']}")
        transport = self._transports.get(os.getpid())
        if transport is None or transport.route != settings.route:
            transport = self._connect(settings.route)
        retries = settings.retries
        policy = _ONCE if isinstance(retries, int) else retries.new(redirect=False, raise_on_status=False)
        before, outcome_unknown = (earlier.attempts, earlier.outcome_unknown) if earlier else (0, False)
        attempt = 0
        while True:
            attempt += 1
            started = time.monotonic()
            result, sends = transport.attempt(request, policy)
            attempts = before + max(attempt, sends)
            outcome_unknown = outcome_unknown or result.outcome_unknown
            if result.outcome.status not in retry.DONE:
                outcome_unknown = outcome_unknown or retry.is_outcome_unknown(request.operation, result.outcome)
            if settings.debug or _log.isEnabledFor(logging.DEBUG):
                with transport.connections.nesting():  # a handler may make a call, while a response is unread
                    _record(request, result, attempts, started, settings.debug)
            if result.outcome.status in retry.DONE:
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

    def _connect(self, route: Route) -> Transport:
        """The transport of this process for a route, made by one thread."""
        pid = os.getpid()
        # One lock a process: a fork may happen while another thread holds the parent's.
        with self._locks.setdefault(pid, threading.RLock()):
            transport = self._transports.get(pid)
            if transport is None or transport.route != route:
                for parent in self._transports.keys() - {pid}:
                    for inherited in self._take(parent):
                        inherited.connections.forget()
                if transport is not None:
                    transport.connections.retire()
                    self._retired = [old for old in self._retired if old() is not None] + [weakref.ref(transport)]
                transport = self._transports[pid] = Transport(route)
        return transport


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
    elif debug and sys.stderr is not None:
        try:
            print(_LINE % fields, file=sys.stderr)
        except Exception as error:  # standard error is broken, closed, or anything
            if from_signal_handler(error) is not None:
                raise
