"""Translate the errors of libraries into those of this package, with a hint where a retry cannot help."""

from __future__ import annotations

import http.client
import ssl

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
from urllib3.util.ssl_match_hostname import CertificateError

from qovery.exceptions import ApiConnectionError, ApiDecodeError, ApiTimeoutError
from qovery.retry import Outcome
from qovery.transport.messages import Failure, RawResponse, Request

#: The errors that the underlying libraries raise. Any other exception comes from other code, and is raised unchanged.
LIBRARY_ERRORS = (HTTPError, http.client.HTTPException, OSError, CertificateError)


class TooLargeError(HTTPError):
    """A response that exceeds a size limit, as received or after decompression."""


def closed(sent: bool) -> Failure:
    """Return the failure of a call that `close` ended, or that was made on a closed client."""
    return Failure(ApiConnectionError, "the client was closed", Outcome(sent=sent, final=True))


def failure(error: Exception, request: Request, sent: bool, raw: RawResponse | None) -> Failure:
    """Translate the error of an attempt.

    Args:
        error: One of `LIBRARY_ERRORS`.
        request: The request of the attempt.
        sent: Whether any part of it may have reached the service.
        raw: The response, if its head was read but its body could not be.
    """
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    if sent and isinstance(error, ProxyError):  # the proxy was reached; urllib3 says that it was not
        error = error.original_error
    if isinstance(error, (ssl.SSLError, CertificateError)):  # a log handler kept urllib3 from doing this
        error = SSLError(error)
    cause = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
    outcome = Outcome(sent=sent)
    if isinstance(error, (TooLargeError, DecodeError)):
        if raw is not None and raw.status >= 300:  # the status tells whether it ran
            outcome = outcome._replace(status=raw.status)
        return Failure(ApiDecodeError, str(error), outcome._replace(final=True), cause, raw)
    if isinstance(error, EmptyPoolError):
        reason = "no connection became free in time: raise connection_pool_maxsize, or close unread responses"
        return Failure(ApiTimeoutError, reason, outcome._replace(final=True), cause)
    if _is_timeout(error):
        step = f"read timeout {request.read_timeout:g} s" if sent else f"connect timeout {request.connect_timeout:g} s"
        reason = f"no complete response in time ({step}, total timeout {request.total_timeout:g} s)"
        return Failure(ApiTimeoutError, reason, outcome, cause)
    reason = f"TLS failed: {error}" if isinstance(error, SSLError) else str(error)
    if isinstance(error, (SSLError, ProxyError)):  # their texts do not come from the service
        hint = next((hint for sign, hint in _HINTS if sign in reason), "")
        reason, outcome = reason + hint, outcome._replace(final=bool(hint))
    return Failure(ApiConnectionError, reason, outcome, cause)


def _is_timeout(error: BaseException) -> bool:
    """Whether an error is a timeout, or wraps a timeout of connecting or sending."""
    if isinstance(error, NewConnectionError):
        return False
    inner = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else None
    if isinstance(error, ProxyError):
        inner = error.original_error
    return isinstance(error, (TransportTimeout, TimeoutError)) or (isinstance(inner, Exception) and _is_timeout(inner))


# Part of an error text (see `relied_on`) -> what to check, for errors that a retry cannot fix.
_HINTS = (
    ("Tunnel connection failed: 407", " (check the user and the password in proxy)"),
    ("Tunnel connection failed: 4", " (the proxy rejects the connection: check proxy, proxy_headers and no_proxy)"),
    ("SSLError(", " (check proxy and proxy_ssl_context)"),  # inside a ProxyError
    ("self-signed", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("self signed", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("unable to get local issuer", " (to trust your own CA, set ssl_ca_cert or ca_cert_data)"),
    ("has expired", " (renew the server's certificate or your own CA in ssl_ca_cert, or correct this machine's clock)"),
    ("not yet valid", " (wait until it is valid, or correct this machine's clock)"),
    ("doesn't match", " (check host, or set assert_hostname or tls_server_name)"),
    ("Hostname mismatch", " (check host, or set assert_hostname or tls_server_name)"),
    ("IP address mismatch", " (check host, or set assert_hostname or tls_server_name)"),
    ("WRONG_VERSION_NUMBER", " (the port seems to serve plain http: check host)"),
    ("record layer failure", " (the port seems to serve plain http: check host)"),
    ("ALERT_CERTIFICATE_REQUIRED", " (the server requires a client certificate: set cert_file and key_file)"),
    ("CERTIFICATE_VERIFY_FAILED", " (check ssl_ca_cert)"),
)
