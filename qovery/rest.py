"""The only file that knows urllib3: pools, TLS, proxies, the deadline, the size cap and repeated attempts."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import logging
import math
import os
import queue
import re
import socket
import ssl
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    DecodeError,
    EmptyPoolError,
    InvalidHeader,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TransportTimeout
from urllib3.util import Retry, Timeout, make_headers
from urllib3.util.ssl_ import create_urllib3_context

from qovery import retry
from qovery.configuration import Configuration
from qovery.exceptions import (
    ApiConnectionError,
    ApiDecodeError,
    ApiException,
    ApiTimeoutError,
    ApiValueError,
    LibraryError,
)
from qovery.operation import Operation
from qovery.redaction import TextMask
from qovery.retry import Outcome

__all__ = ["ApiException", "RESTClientObject", "RawResponse"]

#: The response that a `_without_preload_content` method returns.
RawResponse = urllib3.BaseHTTPResponse

_log = logging.getLogger("qovery")
_DONE = range(200, 300)
_ONCE = Retry(False, redirect=False)
_RETRY_AFTER = Retry()
_RETRY_AFTER.retry_after_max = sys.maxsize  # the time left decides what is too long


class Limits(NamedTuple):
    """Seconds: to connect and to wait for data at each attempt, and for all attempts together."""

    connect: float
    read: float
    total: float


class Request(NamedTuple):
    """One HTTP request.

    `authorization` is the configured credential if that is what is sent; `mask` takes the secrets that the
    request carries out of a text that came from outside.
    """

    operation: Operation[Any]
    target: str
    headers: dict[str, str]
    body: bytes | None
    limits: Limits
    deadline: float
    authorization: str | None
    mask: TextMask


@dataclass(repr=False)
class Answer:
    """What came back. `unconfirmed`: the service may have applied a change without saying so."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    data: bytes
    response: RawResponse | None  # None once it is read
    outcome: Outcome
    attempts: int = 1
    unconfirmed: bool = False

    def discard(self) -> None:
        """Give the connection back before another attempt."""
        if self.response is not None:
            self.response.drain_conn()


@dataclass(repr=False)
class Failure:
    """Why no answer can be given: the error to raise and the text, still unmasked, of what caused it."""

    error: type[ApiException]
    reason: str
    outcome: Outcome
    cause: str = ""
    response: RawResponse | None = None
    unconfirmed = False  # beyond what the outcome says

    def exception(self, request: Request, attempts: int, unconfirmed: bool) -> ApiException:
        response = self.response
        exception = self.error(
            status=response.status if response else None,
            reason=request.mask(self.reason),
            headers=mask_headers(response.headers, request.mask) if response else None,
            operation=request.operation.name,
            attempts=attempts,
            outcome_unknown=unconfirmed,
        )
        if self.cause:
            exception.__cause__ = LibraryError(request.mask(self.cause))
        return exception

    def discard(self) -> None:
        """There is no connection to give back."""


class RESTClientObject:
    """Sends requests over pooled connections. May be shared by threads; a forked child opens its own."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._channels: dict[int, _Channel] = {}  # one a process

    def __repr__(self) -> str:
        return f"<RESTClientObject {self.configuration.host}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_channels": {}}  # a copy opens its own connections

    def close(self) -> None:
        """Close every connection and end the calls under way. A later call opens new connections."""
        channel = self._channels.pop(os.getpid(), None)
        if channel is not None:
            channel.close()

    def send(self, request: Request, read: bool = True, earlier: Answer | None = None) -> Answer:
        """Send the request, and again where that is safe, until there is an answer or the time is up.

        Args:
            request: What to send.
            read: Whether to read the body; if not, the caller reads or closes `Answer.response`.
            earlier: The answer that the call had before, if any, to be counted in.

        Raises:
            ApiConnectionError: No answer came; `ApiTimeoutError` if none came in time.
            ApiDecodeError: The body is too large, or its compression is broken.
        """
        channel = self._channel()
        retries = self.configuration.retries
        policy = _ONCE if isinstance(retries, int) else retries.new(redirect=False, raise_on_status=False)
        before, unconfirmed = (earlier.attempts, earlier.unconfirmed) if earlier else (0, False)
        attempt = 0
        while True:
            attempt += 1
            started = time.monotonic()
            result, sent = channel.attempt(request, policy, read)
            attempts = before + max(attempt, sent)
            unconfirmed = unconfirmed or result.unconfirmed or retry.may_have_run(request.operation, result.outcome)
            if self.configuration.debug or _log.isEnabledFor(logging.DEBUG):
                self._trace(request, result, attempts, started)
            if result.outcome.status in _DONE:
                break
            left = request.deadline - time.monotonic()
            repeats = retries if isinstance(retries, int) else 0
            seconds = retry.pause(request.operation, result.outcome, attempt, repeats, left)
            if seconds is None:
                break
            result.discard()
            if channel.closed.wait(seconds):
                result = _CLOSED
                break
        if isinstance(result, Failure):
            raise result.exception(request, attempts, unconfirmed)
        result.attempts, result.unconfirmed = attempts, unconfirmed
        return result

    def _channel(self) -> _Channel:
        pid = os.getpid()
        channel = self._channels.get(pid)
        if channel is None:
            for parent in [other for other in list(self._channels) if other != pid]:
                forgotten = self._channels.pop(parent, None)
                if forgotten is not None:  # another thread may have been first
                    forgotten.forget()
            channel = self._channels.setdefault(pid, _Channel(self.configuration))
        return channel

    def _trace(self, request: Request, result: Answer | Failure, attempt: int, started: float) -> None:
        operation = request.operation
        fields: dict[str, Any] = {
            "operation": operation.name,
            "method": operation.method,
            "path": request.target,
            "status": result.outcome.status or (result.error.__name__ if isinstance(result, Failure) else None),
            "attempt": attempt,
            "milliseconds": round((time.monotonic() - started) * 1000, 1),
            "bytes": len(result.data) if isinstance(result, Answer) else 0,
        }
        text = "%(operation)s %(method)s %(path)s %(status)s attempt=%(attempt)s ms=%(milliseconds)s bytes=%(bytes)s"
        record = _log.makeRecord(
            _log.name,
            logging.DEBUG,
            __file__,
            0,
            text,
            (fields,),
            None,
            "send",
            {f"qovery_{k}": v for k, v in fields.items()},
        )
        if _log.isEnabledFor(logging.DEBUG):
            _log.handle(record)
        if self.configuration.debug and not _log.isEnabledFor(logging.DEBUG):
            print(record.getMessage(), file=sys.stderr)


# --- Connections ----------------------------------------------------------------------------------


class _Exchange:
    """The attempt that a thread is busy with, as its connection sees it."""

    __slots__ = ("deadline", "mask", "read", "sent")

    def __init__(self, read: float, deadline: float, mask: TextMask) -> None:
        self.read = read
        self.deadline = deadline
        self.mask = mask
        self.sent = 0


_current = threading.local()
_timeout = functools.lru_cache(maxsize=8)(Timeout)  # urllib3 works on copies of it


class _TimedReader(io.RawIOBase):
    """Reads a socket within the read timeout and the deadline, however little each read brings."""

    def __init__(self, sock: socket.socket, exchange: _Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer is read
        self.exchange = exchange
        self.ended = False

    def makefile(self, *_: Any) -> io.BufferedReader:
        """What `http.client` asks of the socket that a response is read from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.exchange.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the call is up")
        limit = min(left, self.exchange.read)
        if self._sock.gettimeout() != limit:  # each change is a system call
            self._sock.settimeout(limit)
        count = self._sock.recv_into(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


#: What nearly every answer begins with. Whatever else there may be is left to `http.client`.
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ([ -~]*)\r\n((?:[\w-]+:[ -~]*\r\n){0,50})\r\n").match
_PLAIN_LINES = re.compile(r"([\w-]+): *([ -~]*)\r\n", re.ASCII).findall


class _Response(http.client.HTTPResponse):
    """Passes over every interim answer, refuses half a head, and keeps malformed headers out of urllib3's warnings."""

    fp: Any  # a buffer over a `_TimedReader`

    def begin(self) -> None:
        if self._begin_plain():
            return
        mask = self.fp.raw.exchange.mask
        try:
            self._begin_other()
        except http.client.HTTPException as error:  # carries what the server sent to whoever watches urllib3
            error.args = tuple(mask(str(part)) for part in error.args)
            raise

    def _begin_other(self) -> None:
        super().begin()
        while 101 < self.status < 200:  # 100 is passed over by the base, 101 was not asked for
            self.headers = self.msg = None  # type: ignore[assignment] # what the base takes for "not begun"
            super().begin()
        if self.fp.raw.ended:  # the base takes that for the end of the head
            raise http.client.RemoteDisconnected("the connection ended within the head of the answer")
        self.headers.defects = []
        self.headers.set_payload("")  # what could not be parsed as a header

    def _begin_plain(self) -> bool:
        """Do what the base does if the head is plain: its parser, that of e-mails, costs a seventh of a call."""
        head = _PLAIN_HEAD(self.fp.peek())
        if head is None:
            return False
        status, lines = int(head[1]), _PLAIN_LINES(head[3].decode())
        fields = {name.lower(): value for name, value in lines}
        length = "0" if status in {204, 304} else fields.get("content-length", "")
        if len(fields) < len(lines) or "transfer-encoding" in fields or not (length.isdecimal() and len(length) < 16):
            return False
        self.fp.read(head.end())
        self.code, self.status, self.reason, self.version = status, status, head[2].decode().strip(), 11
        self.headers = self.msg = http.client.HTTPMessage()
        for name, value in lines:
            self.headers.set_raw(name, value)
        self.chunked, self.length = False, int(length)
        self.will_close = "close" in fields.get("connection", "").lower()
        return True


if TYPE_CHECKING:
    _Base = urllib3.connection.HTTPConnection
else:
    _Base = object


class _Connection(_Base):
    """What is added to urllib3's connection classes; `channel` is set on the class of each pool."""

    channel: _Channel
    debuglevel = 0  # of http.client's switch for the whole process, which prints headers and bodies

    def connect(self) -> None:
        if self.channel.closed.is_set():
            raise ClosedPoolError(self.channel.pool, "the client was closed")
        super().connect()
        if not self.channel.verifies:
            self.is_verified = True  # InsecureWarning has said it; urllib3 would say it at each request
        self.channel.track(self.sock)

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        _current.exchange.sent += 1
        super().request(*args, **options)

    def response_class(self, sock: socket.socket, *args: Any, **options: Any) -> _Response:  # type: ignore[override] # called by http.client like the class it is there
        return _Response(_TimedReader(sock, _current.exchange), *args, **options)  # type: ignore[arg-type] # has what is asked of it


class _Channel:
    """The connections of one process to the service."""

    def __init__(self, configuration: Configuration) -> None:
        scheme, netloc, path = urlsplit(configuration.host)[:3]
        settings: dict[str, Any] = {"maxsize": configuration.connection_pool_maxsize, "block": True}
        if configuration.socket_options is not None:
            settings["socket_options"] = list(configuration.socket_options)
        if scheme == "https":
            settings.update(_tls(configuration))
        proxy = configuration.proxy_for_host()
        if scheme == "http" and proxy is not None and proxy.startswith("https"):
            settings["ssl_context"] = configuration.proxy_ssl_context  # urllib3 has it for tunnels only
        self._manager = _manager(configuration, proxy, settings)
        self.pool: urllib3.HTTPConnectionPool = self._manager.connection_from_url(f"{scheme}://{netloc}")
        self.pool.ConnectionCls = type("Connection", (_Connection, self.pool.ConnectionCls), {"channel": self})
        # Only an http proxy for an http host is asked with the whole URL.
        forwarded = scheme == "http" and proxy is not None and not proxy.startswith("socks")
        self.prefix = f"{scheme}://{netloc}{path}" if forwarded else path
        self.limit = configuration.max_response_size
        self.verifies = configuration.verify_ssl
        self.closed = threading.Event()
        self._free: Any = self.pool.pool  # where calls wait for a connection
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()

    def track(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
        if self.closed.is_set():  # while the connection was being made
            _shut_down(sock)

    def close(self) -> None:
        self.closed.set()
        self.pool.close()
        self._wake_one()
        with self._lock:
            for sock in self._sockets:
                _shut_down(sock)

    def _wake_one(self) -> None:
        """After the close, let one of the calls that wait for a connection end; it wakes the next."""
        with contextlib.suppress(queue.Full):
            self._free.put_nowait(None)

    def forget(self) -> None:
        """Drop the connections of the parent process in a forked child, without a word on the wire.

        No lock is taken: another thread may have held it at the fork, and then it is held for ever.
        """
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                os.close(sock.detach())
        self._free.__init__(0)

    def attempt(self, request: Request, policy: Retry, read: bool) -> tuple[Answer | Failure, int]:
        """Send the request once; how often it was really sent comes second, for a caller's own policy."""
        exchange = _current.exchange = _Exchange(request.limits.read, request.deadline, request.mask)
        left = max(request.deadline - time.monotonic(), 0.001)
        response: RawResponse | None = None
        try:
            response = self.pool.urlopen(
                request.operation.method,
                self.prefix + request.target,
                body=request.body,
                headers=request.headers,
                retries=policy,
                redirect=False,
                assert_same_host=False,  # behind an http proxy the pool's host is the proxy
                timeout=_timeout(min(request.limits.connect, left), min(request.limits.read, left)),
                pool_timeout=left,  # type: ignore[arg-type] # a fraction of a second is accepted
                preload_content=False,
            )
            data = self._read(response) if read else b""
        except Exception as error:  # whatever the libraries below raise has one typed end
            return self._failure(error, request, exchange, response), exchange.sent
        if not read:
            exchange.deadline = math.inf  # from here on the caller's reads are bounded one by one
        outcome = Outcome(response.status, retry_after=_retry_after(response) if response.status >= 300 else None)
        answer = Answer(response.status, response.reason, response.headers, data, None if read else response, outcome)
        answer.unconfirmed = any(
            retry.may_have_run(request.operation, Outcome(past.status, not isinstance(past.error, ConnectTimeoutError)))
            for past in (response.retries.history if response.retries else ())  # by a caller's own policy
        )
        return answer, exchange.sent

    def _read(self, response: RawResponse) -> bytes:
        length = response.length_remaining
        if length is not None and length <= self.limit and "content-encoding" not in response.headers:
            return response.read()
        data = response.read(self.limit + 1) if length is None or length <= self.limit else None
        if data is None or len(data) > self.limit:
            response.close()
            response.release_conn()
            raise _TooLargeError(f"the answer is larger than max_response_size, {self.limit} bytes")
        return data

    def _failure(
        self, error: Exception, request: Request, exchange: _Exchange, response: RawResponse | None
    ) -> Failure:
        if isinstance(error, MaxRetryError) and error.reason is not None:
            error = error.reason
        cause = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
        outcome = Outcome(sent=exchange.sent > 0)
        if self.closed.is_set():
            self._wake_one()
            return Failure(ApiConnectionError, "the client was closed", outcome._replace(final=True), cause)
        if isinstance(error, (_TooLargeError, DecodeError)):
            if response is not None and response.status >= 300:  # which says whether it ran
                outcome = outcome._replace(status=response.status)
            return Failure(ApiDecodeError, str(error), outcome._replace(final=True), cause, response)
        if isinstance(error, EmptyPoolError):
            reason = "no connection became free in time: raise connection_pool_maxsize, or close unread responses"
            return Failure(ApiTimeoutError, reason, outcome._replace(final=True), cause)
        if isinstance(error, TransportTimeout) and not isinstance(error, NewConnectionError):
            connect, read, total = request.limits
            step = f"read timeout {read:g} s" if exchange.sent else f"connect timeout {connect:g} s"
            return Failure(ApiTimeoutError, f"no complete answer in time ({step}, in all {total:g} s)", outcome, cause)
        reason = f"TLS failed: {error}" if isinstance(error, SSLError) else str(error)
        if isinstance(error, (SSLError, ProxyError)):  # whose texts are not the service's
            hint = next((hint for sign, hint in _HINTS if sign in reason), "")
            reason, outcome = reason + hint, outcome._replace(final=bool(hint))
        return Failure(ApiConnectionError, reason, outcome, cause)


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be closed already
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # wakes the thread that reads


class _TooLargeError(Exception):
    """A body beyond the cap."""


_CLOSED = Failure(ApiConnectionError, "the client was closed", Outcome(sent=False, final=True))

# What a text says -> what to look at, for faults that another attempt can only meet again.
_HINTS = (
    ("Tunnel connection failed: 407", " (look at the user and the password in proxy)"),
    ("Tunnel connection failed: 4", " (the proxy does not allow it: look at proxy, proxy_headers and no_proxy)"),
    ("SSLError(", " (look at proxy and proxy_ssl_context)"),  # inside a ProxyError
    ("self-signed", " (to trust an own CA, set ssl_ca_cert or ca_cert_data)"),
    ("self signed", " (to trust an own CA, set ssl_ca_cert or ca_cert_data)"),
    ("unable to get local issuer", " (to trust an own CA, set ssl_ca_cert or ca_cert_data)"),
    ("has expired", " (renew it, the server's or an own CA in ssl_ca_cert, or set this machine's clock)"),
    ("not yet valid", " (wait for it, or set this machine's clock)"),
    ("doesn't match", " (look at host, or set assert_hostname or tls_server_name)"),
    ("Hostname mismatch", " (look at host, or set assert_hostname or tls_server_name)"),
    ("IP address mismatch", " (look at host, or set assert_hostname or tls_server_name)"),
    ("WRONG_VERSION_NUMBER", " (the port seems to speak plain http: look at host)"),
    ("record layer failure", " (the port seems to speak plain http: look at host)"),
    ("ALERT_CERTIFICATE_REQUIRED", " (the server asks for a client's certificate: set cert_file and key_file)"),
    ("CERTIFICATE_VERIFY_FAILED", " (look at ssl_ca_cert)"),
)


def mask_headers(headers: Mapping[str, str], mask: Callable[[str], str]) -> Mapping[str, str]:
    """The headers with `mask` applied to names and values; names are still found in any case."""
    return urllib3.HTTPHeaderDict([(mask(name), mask(value)) for name, value in headers.items()])


def _retry_after(response: RawResponse) -> float | None:
    try:
        return _RETRY_AFTER.get_retry_after(response)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _tls(configuration: Configuration) -> dict[str, Any]:
    """The TLS settings of a pool, with the certificates read once for all connections."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE)
    step = "ssl_ca_cert or ca_cert_data"
    problem = None
    try:
        if configuration.ssl_ca_cert or configuration.ca_cert_data:
            context.load_verify_locations(configuration.ssl_ca_cert, None, configuration.ca_cert_data)
        else:
            context.load_default_certs()
        step = "cert_file or key_file"
        if configuration.cert_file or configuration.key_file:
            # A password that is given, if only an empty one, is not asked for at the terminal.
            context.load_cert_chain(configuration.cert_file, configuration.key_file, "")  # type: ignore[arg-type] # checked by it
    except (OSError, ValueError, TypeError) as error:
        problem = f"{step} cannot be used: {error}"
    if problem:
        raise ApiValueError(problem)
    return {
        "ssl_context": context,
        "cert_reqs": "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
        "assert_hostname": configuration.assert_hostname,
        "server_hostname": configuration.tls_server_name,
    }


def _manager(configuration: Configuration, proxy: str | None, settings: dict[str, Any]) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(**settings)
    problem = "proxy must be a URL like http://name:3128 or socks5://name:1080"
    try:
        parts = urlsplit(proxy)
        if not parts.hostname or any(map(str.isspace, proxy)):
            raise ValueError
        if parts.scheme.startswith("socks"):
            problem = "a socks proxy needs the extra `socks`: pip install 'qovery[socks]'"
            from urllib3.contrib.socks import SOCKSProxyManager

            user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
            return SOCKSProxyManager(proxy, user, password, **settings)
        headers = dict(configuration.proxy_headers)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers.update(make_headers(proxy_basic_auth=credentials))
        return urllib3.ProxyManager(
            parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
            proxy_headers=headers,
            proxy_ssl_context=configuration.proxy_ssl_context,
            **settings,
        )
    except (ImportError, ValueError, urllib3.exceptions.HTTPError):
        pass
    raise ApiValueError(problem)
