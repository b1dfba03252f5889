"""Bytes go in and come out as they are, in whole or in part, and what was damaged on the way is refused."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from raw_client import SIGNED, RawClient

from traintrack.testing.s3_server import S3Server

CHECK = b"123456789"
"""What the catalogues of checksums give check values of."""


@pytest.mark.parametrize(
    "key", ["a", "a/b/c", "with space", "plus+plus", "ünï/кодекс", "a=b&c=d?e#f", "..x", "a//b", "%41"]
)
def test_any_key_comes_back_as_it_was_sent(raw: RawClient, s3: S3Server, key: str) -> None:
    assert raw.put(key, b"bytes").status == 200

    assert s3.buckets.keys("models") == [key]
    assert raw.get(key).body == b"bytes"
    assert raw.ask("DELETE", key).status == 204
    assert raw.get(key).code == "NoSuchKey"


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-99", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=10-", 416, None, None),
        ("bytes=-0", 416, None, None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_ranges_are_cut_as_http_has_them(
    raw: RawClient, asked: str, status: int, body: bytes | None, content_range: str | None
) -> None:
    raw.put("digits", b"0123456789")

    answer = raw.get("digits", Range=asked)

    assert answer.status == status
    assert answer.headers.get("content-range") == content_range
    assert answer.code == "InvalidRange" if body is None else answer.body == body


def test_ranges_of_a_large_object_cross_its_parts(store: S3Store, s3: S3Server) -> None:
    data = os.urandom(12 << 20)
    obstore.put(store, "large", data, chunk_size=5 << 20)

    assert re.fullmatch(r'"[0-9a-f]{32}-3"', str(obstore.head(store, "large")["e_tag"]))
    for start, end in ((0, 1), ((5 << 20) - 3, (10 << 20) + 5), (len(data) - 7, len(data)), (0, len(data))):
        assert bytes(obstore.get_range(store, "large", start=start, end=end)) == data[start:end]


def test_large_bodies_lie_in_files_that_go_with_their_objects(store: S3Store, s3: S3Server, tmp_path: Path) -> None:
    folder = tmp_path / "s3"
    obstore.put(store, "large", bytes(3 << 20), use_multipart=False)
    obstore.put(store, "small", b"bytes")

    assert len(os.listdir(folder)) == 1
    obstore.copy(store, "large", "copy")
    obstore.delete(store, "large")
    assert len(os.listdir(folder)) == 1
    assert bytes(obstore.get(store, "copy").bytes()) == bytes(3 << 20)
    obstore.delete(store, "copy")
    assert os.listdir(folder) == []


def test_the_etag_is_the_md5_of_the_bytes(raw: RawClient) -> None:
    assert raw.put("a", b"bytes").etag == f'"{hashlib.md5(b"bytes").hexdigest()}"'


def test_types_and_metadata_come_back_and_go_with_copies(raw: RawClient) -> None:
    raw.put("a", b"x", Content_Type="text/plain", x_amz_meta_run="7", Content_Encoding="aws-chunked,gzip")
    raw.put("b", b"", x_amz_copy_source="models/a")
    raw.put("c", b"", x_amz_copy_source="models/a", x_amz_metadata_directive="REPLACE")

    for key in ("a", "b"):
        headers = raw.get(key).headers
        assert (headers["content-type"], headers["x-amz-meta-run"]) == ("text/plain", "7")
        assert headers["content-encoding"] == "gzip"
    assert raw.get("c").headers["content-type"] == "binary/octet-stream"


def test_head_tells_the_length_and_sends_no_body(raw: RawClient) -> None:
    raw.put("a", b"bytes")

    answer = raw.ask("HEAD", "a")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "5", b"")
    assert (raw.ask("HEAD", "b").status, raw.ask("HEAD", "b").body) == (404, b"")


CHECKSUMS = {
    "crc32": zlib.crc32(CHECK).to_bytes(4, "big"),
    "crc32c": bytes.fromhex("e3069283"),
    "crc64nvme": bytes.fromhex("ae8b14860a799888"),
    "sha1": hashlib.sha1(CHECK).digest(),
    "sha256": hashlib.sha256(CHECK).digest(),
}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_body_that_is_not_as_its_checksum_says_is_refused(raw: RawClient, s3: S3Server, name: str) -> None:
    header = {f"x_amz_checksum_{name}": _base64(CHECKSUMS[name])}

    damaged = raw.put("a", b"123456780", **header)
    assert (damaged.status, damaged.code) == (400, "BadDigest")
    assert s3.buckets.keys("models") == []
    assert raw.put("a", CHECK, **header).status == 200
    kept = raw.get("a", x_amz_checksum_mode="ENABLED").headers
    assert kept[f"x-amz-checksum-{name}"] == _base64(CHECKSUMS[name])


def test_a_body_that_is_not_as_its_md5_or_its_signed_digest_says_is_refused(raw: RawClient) -> None:
    good = _base64(hashlib.md5(CHECK).digest())

    assert raw.put("a", CHECK, Content_MD5=good).status == 200
    assert raw.put("a", b"123456780", Content_MD5=good).code == "BadDigest"
    assert raw.put("a", CHECK, Content_MD5="no digest").code == "InvalidDigest"
    assert raw.put("a", CHECK, x_amz_content_sha256="0" * 64).code == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC64NVME"])
def test_obstore_sends_checksums_that_hold(open_store: Callable[..., S3Store], s3: S3Server, algorithm: str) -> None:
    store = open_store(checksum_algorithm=algorithm)

    obstore.put(store, "a", CHECK)
    assert s3.buckets.read("models", "a") == CHECK


def test_a_streaming_body_is_read_without_its_frame(raw: RawClient, s3: S3Server) -> None:
    answer = raw.put("a", _framed([CHECK[:4], CHECK[4:]], CHECKSUMS["crc32"]), **_streaming(len(CHECK)))

    assert answer.status == 200
    assert s3.buckets.read("models", "a") == CHECK


def test_a_streaming_body_is_checked_against_its_trailer_and_its_length(raw: RawClient, s3: S3Server) -> None:
    damaged = raw.put("a", _framed([CHECK[:-1] + b"0"], CHECKSUMS["crc32"]), **_streaming(len(CHECK)))
    short = raw.put("a", _framed([CHECK], CHECKSUMS["crc32"]), **_streaming(len(CHECK) + 1))

    assert damaged.code == "BadDigest"
    assert short.code == "IncompleteBody"
    assert s3.buckets.keys("models") == []


def test_a_large_streaming_body_is_the_same(raw: RawClient, s3: S3Server) -> None:
    data = os.urandom(3 << 20)
    chunks = [data[place : place + 65_000] for place in range(0, len(data), 65_000)]
    frame = _framed(chunks, zlib.crc32(data).to_bytes(4, "big"))

    assert raw.put("a", frame, **_streaming(len(data))).status == 200
    assert s3.buckets.read("models", "a") == data


def test_a_body_that_breaks_off_leaves_nothing(s3: S3Server, tmp_path: Path) -> None:
    for size in (10, 5 << 20):
        with socket.create_connection(("127.0.0.1", s3.port)) as connection:
            head = f"PUT /models/a HTTP/1.1\r\nHost: x\r\nAuthorization: {SIGNED}\r\nContent-Length: {size}\r\n\r\n"
            connection.sendall(head.encode() + bytes(size - 1))
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(100) == b""

    assert s3.buckets.keys("models") == []
    assert os.listdir(tmp_path / "s3") == []


def test_several_requests_share_a_connection_and_the_body_may_be_waited_for(s3: S3Server) -> None:
    with socket.create_connection(("127.0.0.1", s3.port)) as connection:
        connection.sendall(b"PUT /models/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"bytesGET /models/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = b""
        while more := connection.recv(1000):
            answers += more

    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert answers.endswith(b"\r\n\r\nbytes")


def test_the_host_may_name_the_bucket(s3: S3Server, open_store: Callable[..., S3Store], raw: RawClient) -> None:
    raw.put("a/b", b"bytes")
    plain = RawClient(s3.port, "a")

    assert plain.ask("GET", "b", Host=f"models.localhost:{s3.port}").body == b"bytes"
    assert plain.ask("GET", "b", Host="models.s3.amazonaws.com").body == b"bytes"
    assert plain.ask("GET", "b").code == "NoSuchBucket"


def test_what_is_not_known_is_refused_instead_of_passed_over(raw: RawClient) -> None:
    assert raw.ask("GET", "a", "tagging").code == "NotImplemented"
    assert raw.ask("GET", "", "acl").code == "NotImplemented"
    assert raw.ask("POST", "a").code == "NotImplemented"
    assert raw.put("a" * 1025, b"").code == "KeyTooLongError"
    assert raw.ask("PUT", "a", Transfer_Encoding="chunked").code == "NotImplemented"


def test_settings_of_a_bucket_are_told_as_they_were_put(raw: RawClient, s3: S3Server) -> None:
    rules = b"<LifecycleConfiguration><Rule><ID>expire</ID></Rule></LifecycleConfiguration>"

    assert raw.ask("GET", "", "lifecycle").code == "NoSuchLifecycleConfiguration"
    assert raw.ask("GET", "", "versioning").words("Status") == []
    assert raw.ask("PUT", "", "lifecycle", rules).status == 200
    s3.buckets.set_document(
        "models", "versioning", b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    )
    assert raw.ask("GET", "", "lifecycle").words("ID") == ["expire"]
    assert raw.ask("GET", "", "versioning").words("Status") == ["Enabled"]
    assert raw.ask("PUT", "", "lifecycle", b"<Other/>").code == "MalformedXML"


def test_buckets_are_made_once(s3: S3Server) -> None:
    other = RawClient(s3.port, "other")

    assert other.ask("HEAD").status == 404
    assert other.put("a", b"").code == "NoSuchBucket"
    assert other.ask("PUT").status == 200
    assert other.ask("HEAD").status == 200
    assert other.ask("PUT").status == 409
    assert RawClient(s3.port, "Not_A_Name").ask("PUT").code == "InvalidBucketName"


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _framed(chunks: list[bytes], crc32: bytes) -> bytes:
    frame = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return frame + f"0\r\nx-amz-checksum-crc32:{_base64(crc32)}\r\n\r\n".encode()


def _streaming(size: int) -> dict[str, str]:
    return {
        "Content_Encoding": "aws-chunked",
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_decoded_content_length": str(size),
        "x_amz_trailer": "x-amz-checksum-crc32",
    }
