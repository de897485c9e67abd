"""Proxies and authorities of the environment, in processes of their own; every server is on this machine."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

READ = """
import os, sys
from remote_store import Store
from remote_store.backends import S3Backend
backend = S3Backend("lake", endpoint_url=sys.argv[1], anonymous=True, retry={"max_attempts": 1})
try:
    print(Store(backend).read_bytes("a").decode())
except Exception as error:
    print(type(error).__name__, error)
"""


class Handler(BaseHTTPRequestHandler):
    """Answers everything with the same, and tunnels to nowhere."""

    def do_GET(self) -> None:
        self.server.asked.append(self.requestline)  # type: ignore[attr-defined]
        if "Range" in self.headers:
            # A server that leaves a range out of account is asked twice.
            self.send_response(206)
            self.send_header("Content-Range", "bytes 0-4/5")
        else:
            self.send_response(200)
        self.send_header("Content-Length", "5")
        self.send_header("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.requestline)  # type: ignore[attr-defined]
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)

    def handle_error(self, *_: object) -> None:
        """Whoever does not trust the certificate hangs up: no news."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.thread.start()
    yield server
    server.shutdown()
    server.thread.join()
    server.server_close()


def read(endpoint: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", READ, endpoint],
        env=kept | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_a_proxy_of_the_environment_is_used_and_left_out_where_it_says_so(server: Server) -> None:
    assert read("http://store.invalid", HTTP_PROXY=server.address) == "hello"
    assert server.asked == ["GET http://store.invalid/lake/a HTTP/1.1"]
    said = read("https://store.invalid", HTTPS_PROXY=server.address)
    assert said.startswith("BackendUnavailable")
    assert server.asked[1] == "CONNECT store.invalid:443 HTTP/1.1"
    direct = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    assert read(server.address, **direct) == "hello"
    assert server.asked[2] == "GET /lake/a HTTP/1.1"


def test_an_authority_of_the_environment_is_trusted(server: Server, tmp_path: Path) -> None:
    authority = _private_tls(server, tmp_path)
    endpoint = server.address.replace("http", "https")
    stranger = read(endpoint)
    assert stranger.startswith("BackendUnavailable")
    assert "'tls_ca_bundle'" in stranger
    assert not server.asked
    assert read(endpoint, SSL_CERT_FILE=str(authority)) == "hello"
    assert read(endpoint, AWS_CA_BUNDLE=str(authority)) == "hello"


def _private_tls(server: Server, folder: Path) -> Path:
    """Let the server speak TLS with a certificate of an authority of its own; return the authority's."""
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography, to make a certificate, is missing")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text: str) -> Any:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    import ipaddress

    now = datetime.now(UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    dated = (
        x509.CertificateBuilder()
        .issuer_name(name("authority"))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    authority = (
        dated.subject_name(name("authority"))
        .serial_number(1)
        .public_key(ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        dated.subject_name(name("service"))
        .serial_number(2)
        .public_key(key.public_key())
        .add_extension(address, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "service.pem").write_bytes(certificate.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "service.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return folder / "authority.pem"
