"""The TLS settings of a route. Certificates are read once for all connections."""

from __future__ import annotations

import ssl
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssltransport import SSLTransport

from qovery.exceptions import ApiValueError
from qovery.origins import raise_from_signal_handler
from qovery.route import Route


def has_unread(sock: Any) -> bool:
    """Whether a TLS layer has received something that was not read yet. A poll of the socket does not see it."""
    if isinstance(sock, SSLTransport):  # inside the session with a proxy
        return sock.sslobj.pending() > 0 or sock.incoming.pending > 0 or has_unread(getattr(sock.socket, "sock", None))
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def tls_options(route: Route) -> dict[str, Any]:
    """Return the TLS options for urllib3's pools.

    Raises:
        ApiValueError: A certificate or key cannot be read, or pyOpenSSL replaces `ssl` in urllib3.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if route.verify_ssl else ssl.CERT_NONE)
    if not hasattr(context, "load_default_certs"):  # pyOpenSSL's context, which serves a single connection
        raise ApiValueError("urllib3.contrib.pyopenssl is not supported: call its extract_from_urllib3()")
    setting = "ssl_ca_cert or ca_cert_data"
    problem = None
    try:
        if route.ssl_ca_cert or route.ca_cert_data:
            context.load_verify_locations(route.ssl_ca_cert, None, route.ca_cert_data)
        else:
            context.load_default_certs()
        setting = "cert_file or key_file"
        if route.cert_file or route.key_file:
            # With a password, even an empty one, OpenSSL does not prompt for one.
            context.load_cert_chain(route.cert_file, route.key_file, "")  # type: ignore[arg-type] # checked by it
    except (OSError, ValueError, TypeError) as error:
        raise_from_signal_handler(error)
        problem = f"{setting} cannot be used: {error}"
    if problem:
        raise ApiValueError(problem)
    return {
        "ssl_context": context,
        "cert_reqs": "CERT_REQUIRED" if route.verify_ssl else "CERT_NONE",
        "assert_hostname": route.assert_hostname,
        "server_hostname": route.tls_server_name,
    }
