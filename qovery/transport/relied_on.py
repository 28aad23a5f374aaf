"""The undocumented parts of libraries that this package relies on, and why.

Only `test/transport/test_relied_on.py` imports this file. It checks each entry against the installed libraries, and
that no other private part is used.
"""

from __future__ import annotations

from typing import NamedTuple


class Part(NamedTuple):
    """A class, function, method or attribute of a library.

    Attributes:
        path: The module, a colon, and the qualified name.
        why: How we use it.
        parameters: The names of its parameters.
        uses: Names that its code must use, since we replace or set what they refer to.
        sets: Attributes that its code must set, since we read them.
        sets_only: All attributes that its code sets, since our replacement sets them.
        passes: All keywords that its code passes to `self.ConnectionCls`.
        order: Fragments of its source that must occur in this order.
        since: The first version of Python that has it.
    """

    path: str
    why: str
    parameters: str | None = None
    uses: str = ""
    sets: str = ""
    sets_only: str = ""
    passes: str = ""
    order: tuple[str, ...] = ()
    since: tuple[int, int] = (3, 10)


_POOL = "urllib3.connectionpool:HTTPConnectionPool"
_SECURE_POOL = "urllib3.connectionpool:HTTPSConnectionPool"
_CONNECTION = "urllib3.connection:HTTPConnection"
_SECURE = "urllib3.connection:HTTPSConnection"
_PLAIN = "http.client:HTTPConnection"
_HEAD = "http.client:HTTPResponse"
_INNER_TLS = "urllib3.util.ssltransport:SSLTransport"
_SOCKS = "urllib3.contrib.socks"

PARTS = (
    # Pools: an attempt works on a copy of urllib3's pool, with connections of our own.
    Part("urllib3.connectionpool:ConnectionPool.__init__", "the copy has them", sets="host port"),
    Part(f"{_POOL}.__init__", "the copy has them, and they define how to connect", sets="timeout proxy conn_kw"),
    Part(f"{_SECURE_POOL}.__init__", "the copy has them", sets="cert_reqs assert_hostname"),
    Part(f"{_POOL}.urlopen", "calls the methods that the copy replaces", uses="_get_conn _make_request _put_conn"),
    Part(
        f"{_POOL}.urlopen",
        "calls these methods of a caller's `Retry`, with the error to raise and itself",
        uses="increment sleep is_retry",
        order=("error=new_e, _pool=self",),
    ),
    Part(f"{_POOL}._get_conn", "replaced: takes a connection from our pool", "self timeout"),
    Part(f"{_POOL}._put_conn", "replaced: returns it to our pool", "self conn"),
    Part(
        f"{_POOL}._make_request",
        "wrapped: it logs last, and a log handler may raise; its local `response` is complete by then",
        "self conn method url body headers retries timeout chunked response_conn preload_content decode_content"
        " enforce_content_length",
        order=(
            "response = conn.getresponse()",
            "response._connection = response_conn",
            "response._pool = self",
            "log.debug(",
            "return response",
        ),
    ),
    Part(
        f"{_POOL}._new_conn",
        "not called, since it logs: `AttemptPool._new_connection` does the rest of it",
        "self",
        passes="host port timeout **",
    ),
    Part(
        f"{_SECURE_POOL}._new_conn",
        "as above; our own ssl_context has the TLS settings that we leave out",
        "self",
        passes="host port timeout cert_file key_file key_password cert_reqs ca_certs ca_cert_dir assert_hostname"
        " assert_fingerprint ssl_version ssl_minimum_version ssl_maximum_version **",
    ),
    Part(f"{_POOL}.ConnectionCls", "the connection class; a replacement is used as it is"),
    Part(f"{_SECURE_POOL}.ConnectionCls", "as above"),
    Part(
        f"{_SECURE_POOL}._validate_conn",
        "warns unless we set the attribute, after our InsecureWarning",
        uses="is_verified InsecureRequestWarning",
    ),
    Part(f"{_SECURE_POOL}._prepare_proxy", "connects through our `connect`", uses="set_tunnel connect"),
    Part("urllib3.poolmanager:PoolManager._new_pool", "creates pools of our classes", uses="pool_classes_by_scheme"),
    Part("urllib3.poolmanager:pool_classes_by_scheme", "the classes that our pools are built on"),
    Part("urllib3.response:HTTPResponse.release_conn", "returns it to the copy", order=("self._pool._put_conn(",)),
    # Connections: every socket operation is limited to the attempt's remaining time.
    Part(f"{_CONNECTION}._new_conn", "replaced: divides the time among the addresses", "self", uses="audit"),
    Part(f"{_CONNECTION}.connect", "calls the methods that we replace", uses="_new_conn _tunnel"),
    Part(f"{_SECURE}.connect", "calls the methods that we replace", uses="_new_conn _tunnel _connect_tls_proxy"),
    Part(f"{_CONNECTION}.host", "`_dns_host` keeps the trailing dot, which matters to DNS", uses="_dns_host"),
    Part(f"{_CONNECTION}.__init__", "`_new_conn` passes them on", sets="socket_options proxy"),
    Part(f"{_PLAIN}.__init__", "`_new_conn` passes them on", sets="source_address sock"),
    Part(f"{_CONNECTION}.is_verified", "set if verify_ssl is off: see `_validate_conn`"),
    Part(f"{_CONNECTION}.proxy_is_tunneling", "distinguishes TLS in TLS from a forwarding proxy"),
    Part(
        f"{_CONNECTION}._tunnel",
        "wrapped: it reads the proxy's response with our class, and sends with our `send`",
        "self",
        uses="send response_class _read_status",
    ),
    Part(f"{_PLAIN}.set_tunnel", "cleared once the tunnel is open: they hold credentials", sets="_tunnel_headers"),
    Part(f"{_PLAIN}.get_proxy_response_headers", "as above", uses="_raw_proxy_headers", since=(3, 12)),
    Part(
        f"{_SECURE}._connect_tls_proxy",
        "wrapped: urllib3 reads the outer socket itself, so that socket applies the time limit",
        "self hostname sock",
    ),
    Part(
        f"{_CONNECTION}.request",
        "wrapped: collects what it sends; it sets `timeout` on the socket",
        uses="putrequest endheaders send settimeout timeout",
    ),
    Part(f"{_PLAIN}._send_output", "sends the head with our `send`", uses="send"),
    Part(f"{_PLAIN}.send", "wrapped: collects, or sends within the time limit", "self data", uses="audit"),
    Part(f"{_PLAIN}.close", "wrapped: frees the slot in the pool", "self"),
    Part(f"{_PLAIN}.debuglevel", "kept at 0: it prints headers and bodies"),
    Part(f"{_PLAIN}.response_class", "replaced: reads the head"),
    Part(
        f"{_CONNECTION}.getresponse",
        "wrapped; it sets the timeout itself, which `DeadlineReader` corrects",
        "self",
        uses="getresponse HTTPResponse settimeout",
    ),
    Part(
        f"{_PLAIN}.getresponse",
        "closes a connection that is not reused before its body is read: it keeps its slot until then",
        "self",
        order=("self.response_class(self.sock, method=self._method)", "response.begin()", "will_close", "self.close()"),
    ),
    Part(
        f"{_INNER_TLS}.__init__",
        "`socket` is our `DeadlineSocket`; the others tell whether anything was not read",
        sets="socket sslobj incoming",
    ),
    Part(f"{_INNER_TLS}.makefile", "counts its files on the socket", uses="_io_refs"),
    Part(f"{_INNER_TLS}._decref_socketios", "as above; `DeadlineSocket` passes it on", uses="_decref_socketios"),
    Part(f"{_INNER_TLS}._ssl_io_loop", "the only reads and writes", uses="recv sendall"),
    Part("socket:socket._decref_socketios", "as above", "self", uses="_io_refs"),
    Part("socket:SocketIO.readinto", "reads with our `recv_into`", uses="recv_into"),
    Part("ssl:SSLSocket.shutdown", "not called to wake a reader: it drops the TLS session", sets="_sslobj"),
    Part("_socket:socket.shutdown", "called instead"),
    Part("urllib3.util.connection:create_connection", "one address after another", uses="allowed_gai_family"),
    Part("urllib3.util.ssl_:create_urllib3_context", "the TLS settings", order=("cert_reqs",)),
    # The head of a response, which `response_head` reads without the email parser.
    Part(
        f"{_HEAD}.begin",
        "replaced for plain heads, for which `chunk_left` stays as it is",
        "self",
        uses="fp headers",
        sets_only="code status reason version headers msg chunked chunk_left will_close length",
        order=("if self.headers is not None:", "return"),
    ),
    Part(f"{_HEAD}.__init__", "`fp` is a buffer over a `DeadlineReader`", sets="fp headers msg", uses="makefile"),
    Part(f"{_HEAD}._close_conn", "wrapped: called at the end of the body, before it closes the buffer", "self", "fp"),
    Part(f"{_HEAD}.__init__", "a response to HEAD has no body", sets="_method"),
    Part(f"{_HEAD}._read_status", "wrapped: masks what it read; returns version, status and reason", "self"),
    Part(f"{_HEAD}._check_close", "`response_head` does it for HTTP/1.1", order=('"close" in conn.lower()',)),
    Part("email.message:Message.set_raw", "adds a header without parsing it", "self name value"),
    Part("email.message:Message.__init__", "cleared: urllib3 would log them", sets="defects"),
    Part("email.message:Message.set_payload", "clears what is not a header", "self payload charset"),
    Part("http.client:RemoteDisconnected", "the error for an incomplete head"),
    # Bodies and retries.
    Part("urllib3.util.retry:Retry.__init__", "the deadline limits it instead", sets="retry_after_max"),
    Part("urllib3.util.retry:Retry.get_retry_after", "parses both forms of the header", "self response"),
    Part("urllib3.util.retry:Retry.new", "a caller's policy without redirects", "self kw"),
    Part("urllib3.util.retry:RequestHistory.status", "whether an attempt may have run"),
    Part("urllib3.util.retry:RequestHistory.error", "as above"),
    Part(
        "urllib3.response:HTTPResponse.__init__",
        "distinguishes a body that fits from one to read in slices; a complete response belongs to its pool",
        sets="length_remaining _pool",
    ),
    # Errors.
    Part("urllib3.exceptions:MaxRetryError.__init__", "the cause", sets="reason"),
    Part("urllib3.exceptions:ProxyError.__init__", "the cause", sets="original_error"),
    Part(
        f"{_POOL}.urlopen", "its second argument is the cause", order=('ProtocolError("Connection aborted.", new_e)',)
    ),
    Part("socks:ProxyError.__init__", "the cause, for a timeout", sets="socket_err"),
    Part("urllib3.util.ssl_match_hostname:CertificateError", "the cause, if a log handler fails"),
    Part(
        "urllib3.connection:_match_hostname",
        "logs it, and a log handler may raise",
        order=("except CertificateError as e:", "log.warning("),
    ),
    # SOCKS.
    Part(f"{_SOCKS}:SOCKSConnection.__init__", "read by our `_new_conn`", sets="_socks_options"),
    Part(
        f"{_SOCKS}:SOCKSProxyManager.__init__",
        "the keys that we read, and the pools that we replace",
        sets="pool_classes_by_scheme",
        order=(
            '"socks_version"',
            '"proxy_host"',
            '"proxy_port"',
            '"username"',
            '"password"',
            '"rdns"',
            "_socks_options",
        ),
    ),
    Part(f"{_SOCKS}:SOCKSProxyManager.pool_classes_by_scheme", "a recorder replaces their connection classes"),
    Part(f"{_SOCKS}:SOCKSConnection._new_conn", "replaced: it bounds each read, not the handshake", "self"),
    Part("socks:socksocket.set_proxy", "called by position", "self proxy_type addr port rdns username password"),
    Part("socks:socksocket._negotiate_SOCKS4", "reads the handshake with our `recv_into`", uses="makefile"),
    Part("socks:socksocket._SOCKS5_request", "as above", uses="makefile"),
    Part("socks:socksocket.settimeout", "not called later: it looks up the peer first", uses="get_proxy_peername"),
    # Proxies from environment variables.
    Part("os:_Environ.__init__", "`_data` has the variables that are set, by encoded name", sets="_data"),
    Part("os:_Environ.__getitem__", "looks variables up there", uses="_data encodekey"),
    Part(
        "urllib.request:proxy_bypass_environment",
        "applies no_proxy as urllib does, and reads no variables itself",
        "host proxies",
        order=("if proxies is None:", "proxies['no']"),
    ),
)

#: The texts by which `failures` finds a hint, and the libraries that produce them.
TEXTS = {
    "Tunnel connection failed: 407": "http.client",
    "Tunnel connection failed: 4": "http.client",
    "SSLError(": "urllib3, in a ProxyError",
    "self-signed": "OpenSSL 3",
    "self signed": "OpenSSL 1.1",
    "unable to get local issuer": "OpenSSL",
    "has expired": "OpenSSL",
    "not yet valid": "OpenSSL",
    "doesn't match": "urllib3",
    "Hostname mismatch": "ssl",
    "IP address mismatch": "ssl",
    "WRONG_VERSION_NUMBER": "OpenSSL before 3.2",
    "record layer failure": "OpenSSL since 3.2",
    "ALERT_CERTIFICATE_REQUIRED": "OpenSSL",
    "CERTIFICATE_VERIFY_FAILED": "OpenSSL",
}
