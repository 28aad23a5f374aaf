"""Requests through HTTP, HTTPS and SOCKS proxies, and proxies that fail."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from qovery import (
    ApiConnectionError,
    ApiTimeoutError,
)
from test.support import PATIENCE
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    Step,
    http_response,
    read,
    reset,
    send,
    stall,
    trickle,
)
from test.support.proxies import SlowLink, SocksProxy, basic
from test.support.recording import RecordingServer
from test.support.routes import PROXIED, Routes
from test.support.tls import Authority


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
def test_proxy__for_a_plain_host(connect: Connect, proxy: RecordingServer) -> None:
    """Requests for an http host reach the proxy with the absolute URL, its credentials and its headers."""
    url = proxy.url.replace("//", "//us%40er:p%3Ass@")
    connect("http://api.test/v1", access_token="t", proxy=url, proxy_headers={"X-Proxy": "a"}).list_environment_secrets(
        "e"
    )
    assert proxy.last.target == "http://api.test/v1/environment/e/secret"
    assert proxy.last.headers["Host"] == "api.test"
    assert proxy.last.headers["proxy-authorization"] == basic("us@er:p:ss")
    assert proxy.last.headers["X-Proxy"] == "a"
    assert proxy.last.headers["Authorization"] == "Bearer t"


def test_proxy__for_an_https_host(connect: Connect, proxy: RecordingServer, tls: Authority) -> None:
    """An https host is reached through a tunnel, and the proxy sees neither the token nor the path."""
    with tls.server() as server:
        url = proxy.url.replace("//", "//user:pass@")
        connect(
            f"https://localhost:{server.port}", access_token="t", proxy=url, proxy_headers={"X-Proxy": "a"}
        ).list_environment_secrets("e")
        assert len(proxy.received) == 1
        assert (proxy.last.method, proxy.last.target) == ("CONNECT", f"localhost:{server.port}")
        assert proxy.last.headers["proxy-authorization"] == basic("user:pass")
        assert proxy.last.headers["X-Proxy"] == "a"
        assert "Authorization" not in proxy.last.headers
        assert server.last.target == "/environment/e/secret"
        assert server.last.headers["Authorization"] == "Bearer t"
        assert not server.last.headers.keys() & {"proxy-authorization", "Proxy-Authorization", "X-Proxy"}


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
def test_proxy__over_tls_for_a_plain_host(connect: Connect, tls: Authority) -> None:
    """A TLS proxy is verified with the proxy's own settings for an http host too."""
    with tls.server() as proxy:
        trusting = ssl.create_default_context(cadata=tls.ca_text)
        connect("http://api.test", proxy=proxy.url, proxy_ssl_context=trusting).list_environment_secrets("e")
        assert proxy.last.target == "http://api.test/environment/e/secret"
        with pytest.raises(ApiConnectionError):
            connect("http://api.test", proxy=proxy.url, retries=0).list_environment_secrets("e")
        assert len(proxy.received) == 1


def test_proxy__over_tls(connect: Connect, tls: Authority) -> None:
    """A proxy may use TLS with its own settings."""
    trusting = ssl.create_default_context(cadata=tls.ca_text)
    with tls.server() as proxy, tls.server() as server:
        connect(
            server.url.replace("127.0.0.1", "localhost"),
            proxy=proxy.url.replace("127.0.0.1", "localhost"),
            proxy_ssl_context=trusting,
        ).list_environment_secrets("e")
        assert proxy.last.method == "CONNECT"
        assert server.last.method == "GET"


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_proxy__socks(connect: Connect, server: RecordingServer, scheme: str) -> None:
    """A SOCKS proxy gets the unquoted credentials; with `socks5h` it resolves the host name."""
    pytest.importorskip("socks")
    with SocksProxy(("127.0.0.1", 0), SocksProxy.RequestHandlerClass) as socks:
        thread = threading.Thread(target=socks.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        name = "api.test" if scheme == "socks5h" else "127.0.0.1"
        connect(
            f"http://{name}:{server.port}/v1", proxy=f"{scheme}://us%40er:p%3Ass@127.0.0.1:{socks.server_address[1]}"
        ).list_environment_secrets("e")
        socks.shutdown()
    thread.join()
    assert socks.credentials == b"us@er:p:ss"
    assert socks.target == (b"api.test" if scheme == "socks5h" else bytes([127, 0, 0, 1]), server.port)
    assert server.last.target == "/v1/environment/e/secret"


# --- Faults ---------------------------------------------------------------------------------------


each = pytest.mark.parametrize("name", CALLS)
#: The proxy's response to CONNECT, the settings, the number of attempts, and the text of the error.
PROXY_FAULTS: dict[str, tuple[Sequence[Step], dict[str, Any], int, str]] = {
    "403": ([read, send(http_response(403))], {}, 1, "403 Reason.*check proxy, proxy_headers and no_proxy"),
    "404": ([read, send(http_response(404))], {}, 1, "404 Reason.*check proxy, proxy_headers and no_proxy"),
    "407": ([read, send(http_response(407))], {}, 1, "407 Reason.*check the user and the password in proxy"),
    "502": ([read, send(http_response(502))], {}, 4, "Unable to connect to proxy.*502 Reason"),
    "reset": ([read, reset], {}, 4, "reset by peer|forcibly closed"),
    "not HTTP": ([read, send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")], {}, 4, "SSH-2.0"),
    "silence": ([read, stall], {"total_timeout": 1}, 1, "no complete response in time"),
    "trickling head": (
        [read, trickle(http_response(200, "", f"X: {'x' * 5000}"))],
        {"total_timeout": 1},
        1,
        "no complete response in time",
    ),
}


@pytest.mark.parametrize("name", ["list", "create"])
@pytest.mark.parametrize("fault", PROXY_FAULTS)
def test_proxy__rejects_the_tunnel(connect: Connect, fault: str, name: str) -> None:
    """A proxy that rejects the tunnel never sees the request, so the outcome is known."""
    script, settings, attempts, text = PROXY_FAULTS[fault]
    with HostileServer(script) as proxy:
        api = connect("https://api.test", proxy=proxy.url.replace("//", "//user:secret-word@"), **settings)
        with pytest.raises(ApiConnectionError, match=text) as caught:
            CALLS[name](api)
        proxy.wait_until_closed(attempts)
        assert len(proxy.requests) == attempts
        assert all(head.startswith(b"CONNECT api.test:443 ") and b"a-token" not in head for head in proxy.requests)
    assert (caught.value.status, caught.value.attempts, caught.value.outcome_unknown) == (None, attempts, False)
    assert "secret-word" not in f"{caught.value} {caught.value.__cause__!r}"


@each
def test_proxy__connection_refused(connect: Connect, name: str, nowhere: str) -> None:
    """A refused connection to the proxy is retried, for an http host and for one behind a tunnel."""
    for host in ("https://api.test", "http://localhost:1"):
        with pytest.raises(ApiConnectionError, match=r"proxy.*refused") as caught:
            CALLS[name](connect(host, proxy=nowhere))
        assert (caught.value.attempts, caught.value.outcome_unknown) == (4, False)


@pytest.mark.filterwarnings("ignore::qovery.InsecureWarning")
@pytest.mark.parametrize("route", ["CONNECT", "https proxy"])
def test_proxy__slow_for_a_plain_host(connect: Connect, routes: Routes, route: str) -> None:
    """A call through a forwarding proxy ends in time even if the TLS handshake or the response trickles in."""
    url, _, port = routes.proxy(route).rpartition(":")
    with SlowLink(int(port), slow=True) as link:
        patient = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE, "total_timeout": 1}
        settings = {"proxy": f"{url}:{link.port}", "proxy_ssl_context": routes.trusting, **patient}
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS["create"](connect("http://api.test", **settings))
    # Over TLS the request waits for the handshake.
    assert (caught.value.attempts, caught.value.outcome_unknown) == (1, route == "CONNECT")


def test_proxy__tls_failed(connect: Connect, tls: Authority) -> None:
    """The error names the proxy settings, both for an untrusted TLS proxy and for a plain one addressed with https."""
    with tls.server() as trusted, RecordingServer() as plain:
        for proxy in (trusted, plain):
            with pytest.raises(ApiConnectionError, match="check proxy and proxy_ssl_context") as caught:
                CALLS["list"](connect("https://api.test", proxy=f"https://127.0.0.1:{proxy.port}"))
            assert (proxy.connections, proxy.received, caught.value.attempts) == (1, [], 1)


@pytest.mark.parametrize("route", PROXIED)
def test_proxy__is_not_blamed_for_a_lost_response(connect: Connect, routes: Routes, route: str) -> None:
    """A response that is lost behind a proxy is not reported as a proxy that cannot be reached."""
    with HostileServer([read], context=routes.context(route)) as server:
        with pytest.raises(ApiConnectionError, match="Remote end closed connection") as caught:
            CALLS["create"](connect(server, **routes.settings(route)))
        assert len(server.requests) == 1
    assert caught.value.outcome_unknown
    assert "connect to proxy" not in str(caught.value)
