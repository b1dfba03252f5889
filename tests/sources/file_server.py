"""A server, with or without TLS, whose files misbehave as they are told: cuts, redirects, busy answers, changed bytes."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificate(folder: Path) -> Path:
    """One file with key and certificate of 127.0.0.1, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@dataclass
class Served:
    """A file. `busy` are statuses that come first, `cuts` sizes after which a GET breaks off, each once."""

    data: bytes = b""
    etag: str | None = '"1"'
    modified: str | None = None
    status: int = 200
    location: str | None = None
    head_status: int | None = None
    tells_length: bool = True
    takes_ranges: bool = True
    busy: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)


class FileServer:
    def __init__(self, certificate: Path | None) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        outer = self

        class Handler(_Handler):
            server_of_files = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # A client that leaves is what some tests are about.

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}{path}"

    def gets(self) -> list[str | None]:
        """The ranges that were asked for by GET, in order."""
        return [wanted for method, _, wanted in self.asked if method == "GET"]


class _Handler(BaseHTTPRequestHandler):
    server_of_files: FileServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        return

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        wanted = self.headers.get("Range")
        self.server_of_files.asked.append((self.command, path, wanted))
        file = self.server_of_files.files.get(path, Served(status=404))
        status = file.busy.pop(0) if file.busy else file.status
        if not with_body and file.head_status is not None:
            status = file.head_status
        if status != 200:
            self.send_response(status)
            if file.location is not None:
                self.send_header("Location", file.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = self._start(file, wanted)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(file.data) - 1}/{len(file.data)}")
        if file.etag is not None:
            self.send_header("ETag", file.etag)
        if file.modified is not None:
            self.send_header("Last-Modified", file.modified)
        if file.tells_length:
            self.send_header("Content-Length", str(len(file.data) - start))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if with_body:
            self._body(file, start)

    def _start(self, file: Served, wanted: str | None) -> int:
        if wanted is None or not file.takes_ranges:
            return 0
        if self.headers.get("If-Range") not in (None, file.etag, file.modified):
            return 0
        return int(wanted.removeprefix("bytes=").partition("-")[0])

    def _body(self, file: Served, start: int) -> None:
        end = len(file.data)
        if file.cuts:
            end = min(end, start + file.cuts.pop(0))
            self.close_connection = True
        self.wfile.write(file.data[start:end])
        if not file.tells_length:
            self.close_connection = True
