"""A small registry over real HTTP: names, logins by password and by token, and the moods that registries have."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = b'{"schemaVersion":2}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
BEARER = "only-for-pulling"


class RegistryServer(ThreadingHTTPServer):
    """`login` is `basic`, `token` or empty; `answers` are statuses given first; `seen` is what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.login = ""
        self.user: tuple[str, str] | None = ("ada", "s3cret:with colon")
        self.refresh_token = "refresh-me"
        self.has_digest_header = True
        self.redirect_to = ""
        self.answers: list[int] = []
        self.seen: list[tuple[str, str, str]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[RegistryServer]:
    server = RegistryServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: RegistryServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._note()
        is_right = form.get("refresh_token") == [self.server.refresh_token] and form["grant_type"] == ["refresh_token"]
        self._say(200 if is_right else 401, json.dumps({"access_token": BEARER}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self._note()
        server = self.server
        if self.path.startswith("/token"):
            self._token()
        elif server.answers:
            self._say(server.answers.pop(0))
        elif not self._may():
            realm = 'Basic realm="x"' if server.login == "basic" else self._challenge()
            self._say(401, **{"WWW-Authenticate": realm})
        elif server.redirect_to and not self.path.startswith("/elsewhere"):
            self._say(307, Location=server.redirect_to)
        elif not self.path.endswith("/manifests/1"):
            self._say(404)
        else:
            headers = {"Docker-Content-Digest": DIGEST} if server.has_digest_header else {}
            self._say(200, MANIFEST, **headers)

    def _challenge(self) -> str:
        return f'Bearer realm="http://{self.server.host}/token",service="reg",scope="repository:team/x:pull"'

    def _may(self) -> bool:
        given = self.headers.get("Authorization", "")
        if self.server.login == "basic":
            return given == self._basic()
        return self.server.login != "token" or given == f"Bearer {BEARER}"

    def _token(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        wants = query.get("scope") == ["repository:team/x:pull"] and query.get("service") == ["reg"]
        is_known = self.server.user is None or self.headers.get("Authorization") == self._basic()
        self._say(200 if wants and is_known else 401, json.dumps({"token": BEARER}).encode())

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(":".join(self.server.user or ()).encode()).decode()

    def _note(self) -> None:
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
