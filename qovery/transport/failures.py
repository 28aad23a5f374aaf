"""Translates the errors of the libraries below into ours, with a hint where another attempt cannot help."""

from __future__ import annotations

import http.client

from urllib3.exceptions import (
    DecodeError,
    EmptyPoolError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TransportTimeout

from qovery.exceptions import ApiConnectionError, ApiDecodeError, ApiTimeoutError
from qovery.retry import Outcome
from qovery.transport.messages import Failure, RawResponse, Request

#: What the libraries below raise. Anything else was raised by somebody else, and leaves as it is.
LIBRARY_ERRORS = (HTTPError, http.client.HTTPException, OSError)


class TooLargeError(HTTPError):
    """A body, or what it would become, beyond the cap."""


def closed(sent: bool) -> Failure:
    """For a call that `close` ended, or that found the client closed."""
    return Failure(ApiConnectionError, "the client was closed", Outcome(sent=sent, final=True))


def failure(error: Exception, request: Request, sent: bool, raw: RawResponse | None) -> Failure:
    """What the error of an attempt means.

    Args:
        error: One of `LIBRARY_ERRORS`.
        request: The request of the attempt.
        sent: Whether any part of it may have reached the service.
        raw: The response whose body could not be read, if its head was.
    """
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    cause = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    outcome = Outcome(sent=sent)
    if isinstance(error, (TooLargeError, DecodeError)):
        if raw is not None and raw.status >= 300:  # which says whether it ran
            outcome = outcome._replace(status=raw.status)
        return Failure(ApiDecodeError, str(error), outcome._replace(final=True), cause, raw)
    if isinstance(error, EmptyPoolError):
        reason = "no connection became free in time: raise connection_pool_maxsize, or close unread responses"
        return Failure(ApiTimeoutError, reason, outcome._replace(final=True), cause)
    if _is_timeout(error):
        step = f"read timeout {request.read_timeout:g} s" if sent else f"connect timeout {request.connect_timeout:g} s"
        reason = f"no complete response in time ({step}, in all {request.total_timeout:g} s)"
        return Failure(ApiTimeoutError, reason, outcome, cause)
    reason = f"TLS failed: {error}" if isinstance(error, SSLError) else str(error)
    if isinstance(error, (SSLError, ProxyError)):  # whose texts are not the service's
        hint = next((hint for sign, hint in _HINTS if sign in reason), "")
        reason, outcome = reason + hint, outcome._replace(final=bool(hint))
    return Failure(ApiConnectionError, reason, outcome, cause)


def _is_timeout(error: BaseException) -> bool:
    """Whether it is a timeout, or an error that a timeout while connecting or sending became."""
    if isinstance(error, NewConnectionError):
        return False
    inner = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else None
    if isinstance(error, ProxyError):
        inner = error.original_error
    return isinstance(error, (TransportTimeout, TimeoutError)) or (isinstance(inner, Exception) and _is_timeout(inner))


# What a text (see `relied_on`) says -> what to check, for faults that another attempt can only meet again.
_HINTS = (
    ("Tunnel connection failed: 407", " (check the user and the password in proxy)"),
    ("Tunnel connection failed: 4", " (the proxy does not allow it: check proxy, proxy_headers and no_proxy)"),
    ("SSLError(", " (check proxy and proxy_ssl_context)"),  # inside a ProxyError
    ("self-signed", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("self signed", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("unable to get local issuer", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("has expired", " (renew it, the server's or your own CA in ssl_ca_cert, or set this machine's clock)"),
    ("not yet valid", " (wait for it, or set this machine's clock)"),
    ("doesn't match", " (check host, or set assert_hostname or tls_server_name)"),
    ("Hostname mismatch", " (check host, or set assert_hostname or tls_server_name)"),
    ("IP address mismatch", " (check host, or set assert_hostname or tls_server_name)"),
    ("WRONG_VERSION_NUMBER", " (the port seems to speak plain http: check host)"),
    ("record layer failure", " (the port seems to speak plain http: check host)"),
    ("ALERT_CERTIFICATE_REQUIRED", " (the server asks for a client's certificate: set cert_file and key_file)"),
    ("CERTIFICATE_VERIFY_FAILED", " (check ssl_ca_cert)"),
)
