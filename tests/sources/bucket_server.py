"""An S3 server as a process of its own, and a client that fills it."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from typing import Self
from urllib.parse import quote

WAIT_S = 60.0


class BucketServer:
    """Keeps its objects in memory; its requests are signed and never checked."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.environ = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def __enter__(self) -> Self:
        words = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port))
        self._process = subprocess.Popen(
            words,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        )
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._send("GET", "/moto-api/")
                return self
            time.sleep(0.05)
        self.__exit__()
        raise TimeoutError("the S3 server did not start")

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def empty(self) -> None:
        self._send("POST", "/moto-api/reset")

    def make(self, bucket: str, **objects: bytes | str) -> None:
        assert self._send("PUT", f"/{bucket}") == 200
        for key, data in objects.items():
            self.put(bucket, key, data)

    def put(self, bucket: str, key: str, data: bytes | str) -> None:
        body = data.encode() if isinstance(data, str) else data
        assert self._send("PUT", f"/{bucket}/{quote(key)}", body) == 200

    def remove(self, bucket: str, key: str) -> None:
        assert self._send("DELETE", f"/{bucket}/{quote(key)}") in (200, 204)

    def _send(self, method: str, path: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            # The service is told from the credential; the signature is not looked at.
            scope = "Credential=key/20260416/us-east-1/s3/aws4_request"
            headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()
