"""Reading, writing, copying and deleting one object. Each function runs under the lock of the buckets."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from traintrack.testing.s3_server.answer import NOTHING, Answer, xml_answer
from traintrack.testing.s3_server.buckets import Buckets, Stored
from traintrack.testing.s3_server.conditions import Verdict, judge_copied, judge_delete, judge_read, judge_write
from traintrack.testing.s3_server.digests import told_checksums
from traintrack.testing.s3_server.request import Request
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.wire import http_date
from traintrack.testing.s3_server.xml_text import document, text

_KEPT: Final = ("content-type", "cache-control", "content-disposition", "content-language", "expires")
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
DEFAULT_TYPE: Final = "binary/octet-stream"


class Span(Struct, frozen=True):
    """A range of an object's bytes."""

    start: int
    length: int


def get_object(buckets: Buckets, request: Request) -> Answer:
    """GetObject and HeadObject."""
    stored = buckets.find(request.bucket).objects.get(request.key)
    if stored is None:
        raise S3Error("NoSuchKey")
    verdict = judge_read(request.headers, stored)
    etag = ("ETag", f'"{stored.etag}"')
    modified = ("Last-Modified", http_date(stored.modified))
    if verdict is Verdict.UNCHANGED:
        return Answer(304, (etag, modified))
    headers = [etag, modified, ("Accept-Ranges", "bytes"), *stored.headers]
    size = stored.content.size_bytes
    span = asked_span(request.headers.get("range"), size)
    content = stored.content
    if span is not None:
        headers.append(("Content-Range", f"bytes {span.start}-{span.start + span.length - 1}/{size}"))
        content = content.part(span.start, span.length)
    elif request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers += stored.checksums
    answer = Answer(200 if span is None else 206, tuple(headers), content)
    return answer if request.head.method == "GET" else replace(answer, content=NOTHING, length=content.size_bytes)


def put_object(buckets: Buckets, request: Request) -> Answer:
    """PutObject."""
    bucket = buckets.find(request.bucket)
    judge_write(request.headers, bucket.objects.get(request.key))
    etag = request.found["md5"].hex()
    checksums = told_checksums(request.headers)
    bucket.write(request.key, Stored(request.content, etag, time.time(), kept_headers(request.headers), checksums))
    return Answer(200, (("ETag", f'"{etag}"'), *checksums))


def copy_object(buckets: Buckets, request: Request) -> Answer:
    """CopyObject; the bytes are shared, not copied."""
    bucket = buckets.find(request.bucket)
    source = copied_object(buckets, request)
    judge_write(request.headers, bucket.objects.get(request.key))
    replaced = request.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
    if not replaced and copy_source(request) == (request.bucket, request.key):
        raise S3Error("InvalidRequest", "This copy request is illegal because it copies an object to itself unchanged.")
    etag = source.etag if "-" not in source.etag else _whole_etag(source)
    headers = kept_headers(request.headers) if replaced else source.headers
    copied = Stored(source.content, etag, time.time(), headers, source.checksums)
    bucket.write(request.key, copied)
    return xml_answer(copy_result("CopyObjectResult", etag, copied.modified))


def delete_object(buckets: Buckets, request: Request) -> Answer:
    """DeleteObject."""
    bucket = buckets.find(request.bucket)
    judge_delete(request.headers.get("if-match"), bucket.objects.get(request.key))
    bucket.remove(request.key)
    return Answer(204)


def copy_source(request: Request) -> tuple[str, str]:
    """Return bucket and key of what is copied."""
    source = unquote(request.headers["x-amz-copy-source"].partition("?versionId=")[0])
    bucket, slash, key = source.removeprefix("/").partition("/")
    if not slash or not key:
        raise S3Error("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    return bucket, key


def copied_object(buckets: Buckets, request: Request) -> Stored:
    """Return the object that is copied, its conditions judged."""
    bucket, key = copy_source(request)
    stored = buckets.find(bucket).objects.get(key)
    if stored is None:
        raise S3Error("NoSuchKey")
    judge_copied(request.headers, stored)
    return stored


def copy_result(name: str, etag: str, modified: float, more: Iterable[str] = ()) -> bytes:
    """Return the document of a copy that was made, with further elements."""
    return document(name, (text("LastModified", iso_time(modified)), text("ETag", f'"{etag}"'), *more))


def iso_time(seconds: float) -> str:
    """Return a time as S3's documents write it."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def kept_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the headers of a write that come back with each read."""
    kept = [(name.title(), headers[name]) for name in _KEPT if name in headers]
    if "content-type" not in headers:
        kept.append(("Content-Type", DEFAULT_TYPE))
    encodings = [word.strip() for word in headers.get("content-encoding", "").split(",")]
    encoding = ",".join(word for word in encodings if word and word != "aws-chunked")
    if encoding:
        kept.append(("Content-Encoding", encoding))
    return (*kept, *((name, word) for name, word in headers.items() if name.startswith("x-amz-meta-")))


def asked_span(told: str | None, size: int) -> Span | None:
    """Return what a Range header asks for, None for everything: S3 passes over what it cannot read, and over lists.

    Raises:
        S3Error: the object has no such bytes.
    """
    found = _RANGE.fullmatch(told.strip()) if told else None
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        length = min(int(last), size)
        if not length:
            raise S3Error("InvalidRange")
        return Span(size - length, length)
    start, end = int(first), int(last) if last else size - 1
    if last and end < start:
        return None
    if start >= size:
        raise S3Error("InvalidRange")
    return Span(start, min(end, size - 1) - start + 1)


def _whole_etag(source: Stored) -> str:
    """The etag of an object that was uploaded in parts and is copied in one."""
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in source.content.chunks():
        digest.update(chunk)
    return digest.hexdigest()
