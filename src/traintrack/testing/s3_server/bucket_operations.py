"""What is asked of a bucket as a whole. Each function runs under the lock of the buckets."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus

from traintrack.testing.s3_server.access import Verb
from traintrack.testing.s3_server.answer import Answer, xml_answer
from traintrack.testing.s3_server.buckets import Bucket, Buckets
from traintrack.testing.s3_server.conditions import judge_delete
from traintrack.testing.s3_server.digests import told_checksums
from traintrack.testing.s3_server.listing import page_of
from traintrack.testing.s3_server.object_operations import iso_time
from traintrack.testing.s3_server.request import Request
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.xml_text import document, element, parse, text

MOST_KEYS: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ECHOED: Final = {"delimiter": "Delimiter", "start-after": "StartAfter"}
_ECHOED_PLAIN: Final = {"continuation-token": "ContinuationToken", "encoding-type": "EncodingType"}
_NO_VERSIONS: Final = document("VersioningConfiguration", ())


def head_bucket(buckets: Buckets, request: Request) -> Answer:
    """HeadBucket."""
    buckets.find(request.bucket)
    return Answer(200, (("x-amz-bucket-region", "us-east-1"),))


def create_bucket(buckets: Buckets, request: Request) -> Answer:
    """CreateBucket."""
    if not _NAME.fullmatch(request.bucket):
        raise S3Error("InvalidBucketName")
    buckets.make(request.bucket)
    return Answer(200, (("Location", f"/{request.bucket}"),))


def get_location(buckets: Buckets, request: Request) -> Answer:
    """GetBucketLocation; the word for us-east-1 is none."""
    buckets.find(request.bucket)
    return xml_answer(document("LocationConstraint", ()))


def get_lifecycle(buckets: Buckets, request: Request) -> Answer:
    """GetBucketLifecycleConfiguration: what was put, which nothing here obeys."""
    found = buckets.find(request.bucket).settings.get("lifecycle")
    if found is None:
        raise S3Error("NoSuchLifecycleConfiguration")
    return xml_answer(found)


def put_lifecycle(buckets: Buckets, request: Request) -> Answer:
    """PutBucketLifecycleConfiguration."""
    return _put_document(buckets, request, "lifecycle", "LifecycleConfiguration")


def get_versioning(buckets: Buckets, request: Request) -> Answer:
    """GetBucketVersioning: what was put; no versions are kept."""
    return xml_answer(buckets.find(request.bucket).settings.get("versioning", _NO_VERSIONS))


def put_versioning(buckets: Buckets, request: Request) -> Answer:
    """PutBucketVersioning."""
    return _put_document(buckets, request, "versioning", "VersioningConfiguration")


def list_objects(buckets: Buckets, request: Request) -> Answer:
    """ListObjectsV2."""
    bucket, query = buckets.find(request.bucket), request.query
    most, encode = most_asked(query, "max-keys"), name_encoder(query)
    token = query.get("continuation-token")
    after = query.get("start-after", "") if token is None else _of_token(token)
    prefix = query.get("prefix", "")
    page = page_of(bucket.sorted_keys, prefix, query.get("delimiter", ""), after, most)
    words = [text("Name", request.bucket), text("Prefix", encode(prefix)), text("MaxKeys", most)]
    words += [text("KeyCount", len(page.keys) + len(page.folders)), text("IsTruncated", _bool(page.after is not None))]
    words += [text(name, encode(query[asked])) for asked, name in _ECHOED.items() if asked in query]
    words += [text(name, query[asked]) for asked, name in _ECHOED_PLAIN.items() if asked in query]
    if page.after is not None:
        words.append(text("NextContinuationToken", base64.urlsafe_b64encode(page.after.encode()).decode()))
    words += [_listed(bucket, key, encode(key)) for key in page.keys]
    words += [element("CommonPrefixes", (text("Prefix", encode(folder)),)) for folder in page.folders]
    return xml_answer(document("ListBucketResult", words))


def delete_objects(buckets: Buckets, request: Request) -> Answer:
    """DeleteObjects; each key has its own outcome."""
    bucket = buckets.find(request.bucket)
    if "content-md5" not in request.headers and not told_checksums(request.headers):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    try:
        asked = parse(request.content.read(), "Delete")
    except ValueError as error:
        raise S3Error("MalformedXML") from error
    wanted = [(found.findtext("Key", ""), found.findtext("ETag")) for found in asked.iter("Object")]
    if not 1 <= len(wanted) <= MOST_KEYS or not all(key for key, _ in wanted):
        raise S3Error("MalformedXML")
    failed = [_deleted(bucket, request, key, match) for key, match in wanted]
    if asked.findtext("Quiet", "").strip().lower() == "true":
        return xml_answer(document("DeleteResult", failed))
    told = (error or element("Deleted", (text("Key", key),)) for error, (key, _) in zip(failed, wanted, strict=True))
    return xml_answer(document("DeleteResult", told))


def _deleted(bucket: Bucket, request: Request, key: str, match: str | None) -> str:
    """Delete one of many; what is told of it if it is refused."""
    try:
        if not request.caller.may(Verb.DELETE, request.bucket, key):
            raise S3Error("AccessDenied")
        judge_delete(match, bucket.objects.get(key))
    except S3Error as error:
        return element("Error", (text("Key", key), text("Code", error.code), text("Message", error.message)))
    bucket.remove(key)
    return ""


def most_asked(query: Mapping[str, str], name: str) -> int:
    """Return how many names a page may have; S3 gives a thousand where more are asked for."""
    told = query.get(name, str(MOST_KEYS))
    if not told.isdecimal():
        raise S3Error("InvalidArgument", f"Argument {name} must be an integer between 0 and 2147483647")
    return min(int(told), MOST_KEYS)


def _listed(bucket: Bucket, key: str, name: str) -> str:
    stored = bucket.objects[key]
    words = (
        text("Key", name),
        text("LastModified", iso_time(stored.modified)),
        text("ETag", f'"{stored.etag}"'),
        text("Size", stored.content.size_bytes),
        text("StorageClass", "STANDARD"),
    )
    return element("Contents", words)


def name_encoder(query: Mapping[str, str]) -> Callable[[str], str]:
    """Return how the names of an answer are written, by its `encoding-type`.

    Raises:
        S3Error: an encoding that is none.
    """
    told = query.get("encoding-type")
    if told not in (None, "url"):
        raise S3Error("InvalidArgument", "Invalid Encoding Method specified in Request")
    return str if told is None else _url_encoded


def _bool(fact: object) -> str:
    return "true" if fact else "false"


def _url_encoded(name: str) -> str:
    return quote_plus(name, safe="/*")


def _of_token(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from error


def _put_document(buckets: Buckets, request: Request, kind: str, root: str) -> Answer:
    data = request.content.read()
    try:
        parse(data, root)
    except ValueError as error:
        raise S3Error("MalformedXML") from error
    buckets.set_document(request.bucket, kind, data)
    return Answer(200)
