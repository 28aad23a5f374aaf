"""TLS certificates and handshakes."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import trustme
import urllib3.util.ssl_
from cryptography.hazmat.primitives import serialization

from qovery import (
    ApiConnectionError,
    ApiTimeoutError,
    ApiValueError,
    InsecureWarning,
)
from test.support import PATIENCE, combinations, spread
from test.support.calls import CALLS
from test.support.clients import Connect
from test.support.hostile import (
    HostileServer,
    Step,
    read_byte,
    reset,
    send,
    stall,
)
from test.support.proxies import SlowLink
from test.support.recording import EMPTY, Received, RecordingServer, Response
from test.support.routes import PROXIED, SECURE, Routes
from test.support.tls import Authority


@pytest.mark.parametrize("kind", ["path", "str", "PEM", "DER"])
def test_ca__own(connect: Connect, tls: Authority, kind: str) -> None:
    """A private CA is trusted from a file, from text, and from bytes."""
    trusted: dict[str, Any] = {
        "path": {"ssl_ca_cert": tls.ca_file},
        "str": {"ssl_ca_cert": str(tls.ca_file)},
        "PEM": {"ca_cert_data": tls.ca_text},
        "DER": {"ca_cert_data": ssl.PEM_cert_to_DER_cert(tls.ca_text)},
    }[kind]
    with tls.server() as server:
        connect(server, **trusted).list_environment_secrets("e")
        assert len(server.received) == 1


def test_verify_ssl__off(connect: Connect, tls: Authority) -> None:
    """With `verify_ssl` off any certificate is accepted, and only this setting emits a warning."""
    with tls.server("other.test") as server:
        with pytest.warns(InsecureWarning) as caught:
            api = connect(server, verify_ssl=False)
        api.list_environment_secrets("e")
        assert len(caught) == len(server.received) == 1


def test_hostname__must_match(connect: Connect, tls: Authority) -> None:
    """A certificate for another name is rejected unless `assert_hostname` names it or disables the check."""
    with tls.server("other.test") as server:
        with pytest.raises(ApiConnectionError, match="assert_hostname or tls_server_name"):
            connect(server).list_environment_secrets("e")
        with pytest.raises(ApiConnectionError, match="assert_hostname or tls_server_name"):
            connect(server, assert_hostname="third.test").list_environment_secrets("e")
        assert server.received == []
        connect(server, assert_hostname="other.test").list_environment_secrets("e")
        with pytest.warns(InsecureWarning, match="assert_hostname is False"):
            connect(server, assert_hostname=False).list_environment_secrets("e")
        assert len(server.received) == 2


def test_tls_server_name__is_sent_and_verified(connect: Connect, tls: Authority) -> None:
    """`tls_server_name` is sent as SNI, and the certificate must match it."""
    with tls.server("other.test") as server:
        connect(server, tls_server_name="other.test").list_environment_secrets("e")
        assert server.last.server_name == "other.test"
        assert server.last.headers["Host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"ssl_ca_cert": "missing.pem"}, "ssl_ca_cert"),
        ({"ssl_ca_cert": "."}, "ssl_ca_cert"),
        ({"ssl_ca_cert": __file__}, "ssl_ca_cert"),
        ({"ssl_ca_cert": 5}, "ssl_ca_cert"),
        ({"ca_cert_data": "junk"}, "ca_cert_data"),
        ({"ca_cert_data": b"junk"}, "ca_cert_data"),
        ({"cert_file": "missing.pem"}, "cert_file"),
        ({"cert_file": __file__}, "cert_file"),
        ({"key_file": __file__}, "key_file"),
    ],
)
def test_tls_files__unusable(connect: Connect, tls: Authority, settings: dict[str, Any], named: str) -> None:
    """A missing or invalid file raises `ApiValueError` before anything is sent."""
    with tls.server() as server:
        with pytest.raises(ApiValueError, match=f"{named}.* cannot be used"):
            connect(server, **settings).list_environment_secrets("e")
        assert server.connections == 0


def test_tls_files__key_missing(connect: Connect, tls: Authority) -> None:
    """A certificate without its key, or with another certificate's key, is rejected."""
    certificate, _ = tls.client()
    for key in (None, "missing.key", __file__):
        with tls.server() as server:
            with pytest.raises(ApiValueError, match="cert_file or key_file cannot be used"):
                connect(server, cert_file=certificate, key_file=key).list_environment_secrets("e")
            assert server.connections == 0


def test_tls_files__encrypted_key(connect: Connect, tls: Authority) -> None:
    """An encrypted key raises an error instead of a password prompt in the terminal."""
    certificate, key = tls.client()
    locked = tls.folder / "locked.key"
    locked.write_bytes(
        serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(ApiValueError, match="cert_file or key_file cannot be used"):
        connect("https://127.0.0.1:1", cert_file=certificate, key_file=locked).list_environment_secrets("e")


def test_client_certificate__is_sent(connect: Connect, tls: Authority) -> None:
    """A server that requests a client certificate gets the configured one."""
    certificate, key = tls.client()
    both = tls.folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    with tls.server(mutual=True) as server:
        with pytest.raises(ApiConnectionError):
            connect(server, retries=0).list_environment_secrets("e")
        assert server.received == []
        connect(server, cert_file=certificate, key_file=str(key)).list_environment_secrets("e")
        connect(server, cert_file=both).list_environment_secrets("e")
        assert len(server.received) == 2
        assert ("DNS", "client.test") in server.last.certificate["subjectAltName"]


# --- Faults ---------------------------------------------------------------------------------------


each = pytest.mark.parametrize("name", CALLS)
NOW = datetime.now(timezone.utc)
DAY = timedelta(1)
#: The server's certificate (None: it speaks plain HTTP), the settings, and the text of the error.
TLS_FAULTS: dict[str, tuple[Callable[[Authority], ssl.SSLContext | None], dict[str, Any], str]] = {
    "unknown CA": (
        Authority.context,
        {"ca_cert_data": None},
        "unable to get local issuer .* set ssl_ca_cert or ca_cert_data",
    ),
    "another CA": (
        Authority.context,
        {"ca_cert_data": trustme.CA().cert_pem.bytes().decode()},
        "unable to get local issuer .* set ssl_ca_cert or ca_cert_data",
    ),
    "self-signed": (Authority.self_signed, {}, "self.signed certificate .* set ssl_ca_cert or ca_cert_data"),
    "expired": (
        lambda tls: tls.context(not_before=NOW - 9 * DAY, not_after=NOW - DAY),
        {},
        "certificate has expired.*renew the server's certificate or your own CA in ssl_ca_cert",
    ),
    "not yet valid": (
        lambda tls: tls.context(not_before=NOW + DAY, not_after=NOW + 9 * DAY),
        {},
        "certificate is not yet valid .* this machine's clock",
    ),
    "wrong address": (
        lambda tls: tls.context("other.test"),
        {},
        "not valid for '127.0.0.1'.*check host, or set assert_hostname or tls_server_name",
    ),
    "wrong name": (
        Authority.context,
        {"tls_server_name": "other.test"},
        "not valid for 'other.test'.*check host, or set assert_hostname or tls_server_name",
    ),
    "wrong asserted name": (
        Authority.context,
        {"assert_hostname": "other.test"},
        "'other.test' doesn't match .*check host, or set assert_hostname or tls_server_name",
    ),
    "plain HTTP on a TLS port": (lambda _: None, {}, r"(?i)(wrong.version|record.layer).* plain http: check host"),
}
HANDSHAKES: dict[str, Sequence[Step]] = {
    "closed": [read_byte],
    "reset": [read_byte, reset],
    "alert": [read_byte, send(b"\x15\x03\x01\x00\x02\x02P")],
}


@pytest.mark.parametrize("name", ["list", "create"])
@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_tls__failed(connect: Connect, tls: Authority, fault: str, name: str) -> None:
    """The error names the problem and the setting to check; nothing was sent, and nothing is retried."""
    shown, settings, text = TLS_FAULTS[fault]
    with RecordingServer(EMPTY, shown(tls)) as server:
        api = connect(f"https://127.0.0.1:{server.port}", **settings)
        with pytest.raises(ApiConnectionError, match=text) as caught:
            CALLS[name](api)
        assert (server.connections, server.received) == (1, [])
    assert (caught.value.status, caught.value.attempts, caught.value.outcome_unknown) == (None, 1, False)


@each
def test_tls__no_client_certificate(connect: Connect, tls: Authority, name: str) -> None:
    """A call that lacks a required client certificate is not retried."""
    with tls.server(mutual=True) as server:
        with pytest.raises(ApiConnectionError, match="set cert_file and key_file") as caught:
            CALLS[name](connect(server))
        assert (server.connections, server.received, caught.value.attempts) == (1, [], 1)


def test_tls__spoken_to_in_plain_http(connect: Connect, tls: Authority) -> None:
    """A plain HTTP request to a TLS server fails, and the server receives no request."""
    with tls.server() as server:
        with pytest.raises(ApiConnectionError) as caught:
            CALLS["list"](connect(f"http://127.0.0.1:{server.port}"))
        assert (server.connections, server.received, caught.value.attempts) == (4, [], 4)


@pytest.mark.parametrize("fault", HANDSHAKES)
@each
def test_tls__handshake_lost(connect: Connect, name: str, fault: str) -> None:
    """A lost handshake is retried for every operation, because nothing was sent."""
    with HostileServer(HANDSHAKES[fault]) as server:
        with pytest.raises(ApiConnectionError) as caught:
            CALLS[name](connect(server.url.replace("http", "https")))
        assert (server.connections, caught.value.attempts, caught.value.outcome_unknown) == (4, 4, False)


# --- Slow handshakes and records ------------------------------------------------------------------

#: Timeouts so long that only the deadline can end a call.
PATIENT = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE, "total_timeout": 1}


#: The routes with TLS, and whether the slow link is the one to the proxy.
LINKS = [("https", False), *((route, to_proxy) for route in PROXIED for to_proxy in (False, True))]


@contextlib.contextmanager
def links(routes: Routes, route: str, to_proxy: bool, port: int) -> Iterator[tuple[SlowLink, dict[str, Any]]]:
    """The link that may become slow, and the settings of a client that uses it."""
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(SlowLink(port))
        settings = {"host": f"https://127.0.0.1:{link.port}", **routes.settings(route)}
        if to_proxy:
            url, _, port_of_proxy = settings["proxy"].rpartition(":")
            link = stack.enter_context(SlowLink(int(port_of_proxy)))
            settings["proxy"] = f"{url}:{link.port}"
        yield link, settings


@pytest.mark.parametrize(("link_to", "name"), spread(combinations(LINKS, ["list", "create"]), 3))
def test_slow_handshake__ends_in_time(connect: Connect, routes: Routes, link_to: tuple[str, bool], name: str) -> None:
    """A trickling handshake, with the host or the proxy, ends at the deadline."""
    route, to_proxy = link_to
    with RecordingServer(EMPTY, routes.context(route)) as server, links(routes, route, to_proxy, server.port) as made:
        link, settings = made
        link.slow.set()
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS[name](connect(settings.pop("host"), **PATIENT, **settings))
        assert (server.received, caught.value.attempts, caught.value.outcome_unknown) == ([], 1, False)


@pytest.mark.parametrize(("route", "to_proxy"), spread(LINKS, 3))
def test_slow_record__ends_in_time(connect: Connect, routes: Routes, route: str, to_proxy: bool) -> None:
    """A trickling TLS record, from the host or the proxy, ends at the deadline."""

    def reply(_: Received) -> Response:
        link.slow.set()
        return Response(200, {"results": [], "x": "x" * 10_000})

    with RecordingServer(reply, routes.context(route)) as server, links(routes, route, to_proxy, server.port) as made:
        link, settings = made
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS["create"](connect(settings.pop("host"), **PATIENT, **settings))
        assert (len(server.received), caught.value.attempts, caught.value.outcome_unknown) == (1, 1, True)


@pytest.mark.parametrize("route", spread(SECURE, 2))
def test_silent_handshake__ends_in_time(connect: Connect, routes: Routes, route: str) -> None:
    """A host that accepts the connection and stays silent ends the call at its deadline."""
    with HostileServer([read_byte, stall]) as server:
        with pytest.raises(ApiTimeoutError) as caught:
            CALLS["create"](connect(f"https://127.0.0.1:{server.port}", **PATIENT, **routes.settings(route)))
        assert (server.connections, caught.value.attempts, caught.value.outcome_unknown) == (1, 1, False)


def test_pyopenssl__is_rejected(connect: Connect, tls: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context like that of `urllib3.contrib.pyopenssl` is a clear error, and a later call works without it."""
    with RecordingServer(EMPTY, tls.context()) as server:
        api = connect(server)
        with monkeypatch.context() as patch:
            patch.setattr(urllib3.util.ssl_, "SSLContext", lambda _: PyOpenSSLContext())
            with pytest.raises(ApiValueError, match="extract_from_urllib3"):
                CALLS["list"](api)
        CALLS["list"](api)


class PyOpenSSLContext:
    """The part of urllib3's class that it configures."""

    verify_mode = verify_flags = options = minimum_version = maximum_version = check_hostname = 0
    post_handshake_auth = hostname_checks_common_name = True
    keylog_filename = None

    def set_ciphers(self, ciphers: Any) -> None:
        """Accept any."""
