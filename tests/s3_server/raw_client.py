"""Requests as they are written, for what no client would send, and answers as they come."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from urllib.parse import quote

SIGNED = "AWS4-HMAC-SHA256 Credential=key/20260416/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@dataclass(frozen=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found[1].decode() if found else ""

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "")

    def words(self, name: str) -> list[str]:
        return [found.decode() for found in re.findall(rf"<{name}>([^<]*)</{name}>".encode(), self.body)]


class RawClient:
    """One connection for each request; nothing is signed in earnest."""

    def __init__(self, port: int, bucket: str) -> None:
        self.port, self.bucket = port, bucket

    def ask(self, method: str, key: str = "", query: str = "", body: bytes | None = None, **headers: str) -> RawAnswer:
        """`headers`: with `_` for `-`."""
        path = f"/{self.bucket}" + (f"/{quote(key)}" if key else "") + (f"?{query}" if query else "")
        named = {name.replace("_", "-"): word for name, word in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Authorization": SIGNED, **named})
            answer = connection.getresponse()
            lower = {name.lower(): word for name, word in answer.getheaders()}
            return RawAnswer(answer.status, lower, answer.read())
        finally:
            connection.close()

    def put(self, key: str, body: bytes, **headers: str) -> RawAnswer:
        return self.ask("PUT", key, "", body, **headers)

    def get(self, key: str, **headers: str) -> RawAnswer:
        return self.ask("GET", key, **headers)

    def upload(self, key: str, *parts: bytes) -> tuple[str, list[str]]:
        """Send parts, and return the id and the etags."""
        upload_id = self.ask("POST", key, "uploads").words("UploadId")[0]
        etags = [
            self.ask("PUT", key, f"partNumber={number}&uploadId={upload_id}", part).etag
            for number, part in enumerate(parts, 1)
        ]
        return upload_id, etags

    def complete(self, key: str, upload_id: str, etags: list[str], **headers: str) -> RawAnswer:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>" for number, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        return self.ask("POST", key, f"uploadId={upload_id}", body, **headers)
