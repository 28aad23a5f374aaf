"""A certificate authority, and loopback servers with its certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import trustme

from test.support.recording import EMPTY, RecordingServer


class Authority:
    """A certificate authority, its certificates, and servers that present them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_text = self.ca.cert_pem.bytes().decode()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(self.ca_text)

    def context(self, *names: str, mutual: bool = False, **issued: Any) -> ssl.SSLContext:
        """The TLS context of a server with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1", "several.test")), **issued).configure_cert(context)
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            self.ca.configure_trust(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """The TLS context of a server with a self-signed certificate."""
        issuer = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with issuer.private_key_pem.tempfile() as key, issuer.cert_pem.tempfile() as certificate:
            context.load_cert_chain(certificate, key)
        return context

    def server(self, *names: str, **options: Any) -> RecordingServer:
        return RecordingServer(EMPTY, self.context(*names, **options))

    def client(self) -> tuple[Path, Path]:
        """The files of a client certificate and its key."""
        issued = self.ca.issue_cert("client.test", common_name="client.test")
        files = self.folder / "client.pem", self.folder / "client.key"
        for file, blobs in zip(files, (issued.cert_chain_pems, [issued.private_key_pem]), strict=True):
            file.write_bytes(b"".join(blob.bytes() for blob in blobs))
        return files
