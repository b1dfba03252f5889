"""Uploads in parts. Each function runs under the lock of the buckets."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from msgspec import Struct

from traintrack.testing.s3_server.answer import Answer, xml_answer
from traintrack.testing.s3_server.bucket_operations import most_asked, name_encoder
from traintrack.testing.s3_server.buckets import Bucket, Buckets, Part, Stored, Upload
from traintrack.testing.s3_server.conditions import judge_write
from traintrack.testing.s3_server.content import joined
from traintrack.testing.s3_server.digests import ALGORITHMS, CHECKSUM, Digests, told_checksums
from traintrack.testing.s3_server.object_operations import copied_object, copy_result, iso_time, kept_headers
from traintrack.testing.s3_server.request import Request
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.xml_text import document, element, parse, text

MIN_PART_BYTES: Final = 5 << 20
MOST_PARTS: Final = 10_000
_OF_WHOLE: Final = ("crc64nvme",)
"""Algorithms whose checksums of parts need not be told again, as those of parts give that of the whole."""
_COPY_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")


def create_upload(buckets: Buckets, request: Request) -> Answer:
    """CreateMultipartUpload."""
    bucket = buckets.find(request.bucket)
    upload_id = secrets.token_hex(16)
    algorithm = request.headers.get("x-amz-checksum-algorithm", "").lower()
    if algorithm and algorithm not in ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    bucket.uploads[upload_id] = Upload(request.key, algorithm, kept_headers(request.headers), time.time())
    words = (text("Bucket", request.bucket), text("Key", request.key), text("UploadId", upload_id))
    return xml_answer(document("InitiateMultipartUploadResult", words))


def upload_part(buckets: Buckets, request: Request) -> Answer:
    """UploadPart; one of the same number takes the place of the one before."""
    upload = _upload(buckets.find(request.bucket), request)
    md5 = request.found["md5"]
    checksum = request.headers.get(CHECKSUM + upload.algorithm, "")
    if upload.algorithm and not checksum:
        raise S3Error("InvalidRequest", f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm}")
    upload.parts[_number(request)] = Part(request.content, md5, checksum)
    return Answer(200, (("ETag", f'"{md5.hex()}"'), *told_checksums(request.headers)))


def copy_part(buckets: Buckets, request: Request) -> Answer:
    """UploadPartCopy."""
    upload = _upload(buckets.find(request.bucket), request)
    source = copied_object(buckets, request).content
    told = request.headers.get("x-amz-copy-source-range")
    if told is not None:
        asked = _COPY_RANGE.fullmatch(told)
        if asked is None or not int(asked[1]) <= int(asked[2]) < source.size_bytes:
            raise S3Error("InvalidArgument", "The range specified is not valid for the source object.")
        source = source.part(int(asked[1]), int(asked[2]) - int(asked[1]) + 1)
    digests = Digests({upload.algorithm} if upload.algorithm else ())
    for chunk in source.chunks():
        digests.update(chunk)
    found = digests.found()
    checksum = base64.b64encode(found[upload.algorithm]).decode() if upload.algorithm else ""
    upload.parts[_number(request)] = Part(source, found["md5"], checksum)
    more = (text(f"Checksum{upload.algorithm.upper()}", checksum),) if checksum else ()
    return xml_answer(copy_result("CopyPartResult", found["md5"].hex(), time.time(), more))


def complete_upload(buckets: Buckets, request: Request) -> Answer:
    """CompleteMultipartUpload; when it is refused the upload is still there, when it is done it is unknown."""
    bucket = buckets.find(request.bucket)
    upload = _upload(bucket, request)
    parts = _named_parts(upload, request)
    if any(part.content.size_bytes < MIN_PART_BYTES for part in parts[:-1]):
        raise S3Error("EntityTooSmall")
    judge_write(request.headers, bucket.objects.get(request.key))
    md5s = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False)
    etag = f"{md5s.hexdigest()}-{len(parts)}"
    content = joined(part.content for part in parts)
    bucket.write(request.key, Stored(content, etag, time.time(), upload.headers))
    del bucket.uploads[request.query["uploadId"]]
    words = (text("Bucket", request.bucket), text("Key", request.key), text("ETag", f'"{etag}"'))
    return xml_answer(document("CompleteMultipartUploadResult", words))


def abort_upload(buckets: Buckets, request: Request) -> Answer:
    """AbortMultipartUpload."""
    bucket = buckets.find(request.bucket)
    _upload(bucket, request)
    del bucket.uploads[request.query["uploadId"]]
    return Answer(204)


def list_uploads(buckets: Buckets, request: Request) -> Answer:
    """ListMultipartUploads, by key and then by id."""
    bucket, query = buckets.find(request.bucket), request.query
    encode, most = name_encoder(query), most_asked(query, "max-uploads")
    prefix = query.get("prefix", "")
    found = sorted((upload.key, upload_id) for upload_id, upload in bucket.uploads.items())
    marker = (query.get("key-marker", ""), query.get("upload-id-marker", "\U0010ffff"))
    found = [one for one in found if one[0].startswith(prefix) and (not marker[0] or one > marker)]
    page = found[:most]
    words = [text("Bucket", request.bucket), text("Prefix", encode(prefix)), text("MaxUploads", most)]
    words.append(text("IsTruncated", str(len(found) > len(page)).lower()))
    if page and len(found) > len(page):
        words += [text("NextKeyMarker", encode(page[-1][0])), text("NextUploadIdMarker", page[-1][1])]
    for key, upload_id in page:
        started = text("Initiated", iso_time(bucket.uploads[upload_id].started))
        words.append(element("Upload", (text("Key", encode(key)), text("UploadId", upload_id), started)))
    return xml_answer(document("ListMultipartUploadsResult", words))


def _upload(bucket: Bucket, request: Request) -> Upload:
    found = bucket.uploads.get(request.query.get("uploadId", ""))
    if found is None or found.key != request.key:
        raise S3Error("NoSuchUpload")
    return found


def _number(request: Request) -> int:
    told = request.query["partNumber"]
    if not told.isdecimal() or not 1 <= int(told) <= MOST_PARTS:
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    return int(told)


def _named_parts(upload: Upload, request: Request) -> Sequence[Part]:
    try:
        asked = parse(request.content.read(), "CompleteMultipartUpload")
        named = [_named(found, upload.algorithm) for found in asked.iter("Part")]
    except ValueError as error:
        raise S3Error("MalformedXML") from error
    numbers = [one.number for one in named]
    if not numbers:
        raise S3Error("MalformedXML")
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder")
    return [_part(upload, one) for one in named]


class _Named(Struct, frozen=True):
    """A part as the end of an upload names it."""

    number: int
    etag: str
    checksum: str


def _named(found: ET.Element, algorithm: str) -> _Named:
    etag = found.findtext("ETag", "").strip().strip('"')
    return _Named(int(found.findtext("PartNumber", "")), etag, found.findtext(f"Checksum{algorithm.upper()}", ""))


def _part(upload: Upload, named: _Named) -> Part:
    part = upload.parts.get(named.number)
    if part is None or part.md5.hex() != named.etag:
        raise S3Error("InvalidPart")
    if named.checksum and named.checksum != part.checksum:
        raise S3Error("InvalidPart")
    if upload.algorithm and not named.checksum and upload.algorithm not in _OF_WHOLE:
        message = f"The upload was created using a {upload.algorithm} checksum. The complete request must include"
        raise S3Error("InvalidRequest", f"{message} the checksum for each part.")
    return part
