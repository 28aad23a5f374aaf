"""The routes to a loopback server: plain HTTP, TLS, and each kind of proxy."""

from __future__ import annotations

import contextlib
import functools
import json
import ssl
import threading
from typing import Any

from test.support.proxies import SocksProxy
from test.support.recording import RecordingServer
from test.support.tls import Authority

ROUTES = ["http", "https", "CONNECT", "https proxy", "SOCKS5"]

#: Routes through a proxy.
PROXIED = ROUTES[2:]

#: Routes with a handshake before the request.
SECURE = ROUTES[1:]


#: The start of a script for another process. It reads `settings` from `Routes.arguments`.
SCRIPT = """
import json, ssl, sys
settings = json.loads(sys.argv[1])
if settings.get("proxy", "").startswith("https:"):
    settings["proxy_ssl_context"] = ssl.create_default_context(cadata=settings["ca_cert_data"])
"""


class Routes:
    """Server contexts and client settings for each route. Proxies are started on first use."""

    def __init__(self, tls: Authority, stack: contextlib.ExitStack) -> None:
        self._tls, self._stack = tls, stack
        self.trusting = ssl.create_default_context(cadata=tls.ca_text)

    def context(self, route: str) -> ssl.SSLContext | None:
        """The TLS context of the server for a route, or None."""
        return None if route == "http" else self._tls.context()

    def settings(self, route: str) -> dict[str, Any]:
        """The client settings for a route."""
        settings: dict[str, Any] = {} if route == "http" else {"ca_cert_data": self._tls.ca_text}
        if route in PROXIED:
            settings["proxy"] = self.proxy(route)
        if route == "https proxy":
            settings["proxy_ssl_context"] = self.trusting
        return settings

    def arguments(self, route: str, host: str, **settings: Any) -> str:
        """The client settings for `SCRIPT`, as JSON."""
        own = {name: value for name, value in self.settings(route).items() if name != "proxy_ssl_context"}
        return json.dumps({"host": host, "access_token": "a-token", **own, **settings})

    @functools.cache  # noqa: B019 - one instance for all tests
    def proxy(self, route: str) -> str:
        """The URL of the proxy on a route."""
        if route != "SOCKS5":
            context = self._tls.context() if route == "https proxy" else None
            return self._stack.enter_context(RecordingServer(context=context)).url
        socks = self._stack.enter_context(SocksProxy(("127.0.0.1", 0), SocksProxy.RequestHandlerClass))
        thread = threading.Thread(target=socks.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(socks.shutdown)
        return f"socks5://user:pass@127.0.0.1:{socks.server_address[1]}"
