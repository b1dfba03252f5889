"""A request as S3 reads it: bucket and key from path or host, and the operation that method and parameters name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from msgspec import Struct

from traintrack.testing.s3_server.access import Caller
from traintrack.testing.s3_server.content import Content
from traintrack.testing.s3_server.s3_error import S3Error

MAX_KEY_BYTES: Final = 1024


class Head(Struct, frozen=True):
    """What stands before a body. `target`: path and parameters as they were sent; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


class Request(Struct, frozen=True, eq=False):
    """A whole request. `key` is empty where the bucket itself is meant; `found`: the digests of the body."""

    head: Head
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: Content
    found: Mapping[str, bytes]
    caller: Caller


class Address(Struct, frozen=True):
    """What a request is about."""

    bucket: str
    key: str
    query: Mapping[str, str]


def address_of(head: Head) -> Address:
    """Return bucket, key and parameters; the bucket is the host's first label if the host is `….localhost` or `….s3.…`.

    Raises:
        S3Error: the path is no key.
    """
    path, _, words = head.target.partition("?")
    try:
        whole = unquote_to_bytes(path).decode()
        query = dict(parse_qsl(words, keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise S3Error("InvalidURI") from error
    bucket = _bucket_of_host(head.headers.get("host", ""))
    if bucket:
        key = whole[1:]
    else:
        bucket, _, key = whole[1:].partition("/")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise S3Error("KeyTooLongError")
    return Address(bucket, key, query)


def _bucket_of_host(host: str) -> str:
    name = host.rpartition(":")[0] or host
    for ending in (".localhost", ".s3.amazonaws.com", ".s3.localhost"):
        if name.endswith(ending):
            return name[: -len(ending)].removesuffix(".s3")
    return ""


_OBJECT: Final = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
}
_BUCKET: Final = {
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "lifecycle"): "GetBucketLifecycleConfiguration",
    ("PUT", "lifecycle"): "PutBucketLifecycleConfiguration",
    ("GET", "versioning"): "GetBucketVersioning",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("GET", "location"): "GetBucketLocation",
    ("POST", "delete"): "DeleteObjects",
    ("HEAD", ""): "HeadBucket",
    ("PUT", ""): "CreateBucket",
}
_NOT_HERE: Final = """
    accelerate acl analytics attributes cors encryption intelligent-tiering inventory legal-hold logging
    metrics notification object-lock ownershipControls partNumber policy policyStatus publicAccessBlock
    replication requestPayment restore retention select tagging torrent versionId versions website
    X-Amz-Algorithm
"""
_SUBRESOURCES: Final = frozenset(_NOT_HERE.split())


def operation_of(method: str, address: Address, headers: Mapping[str, str]) -> str:
    """Return the name that S3's reference gives to what is asked for.

    Raises:
        S3Error: it is nothing that is known here.
    """
    query = address.query
    if address.key:
        return _of_object(method, query, headers)
    if query.get("list-type") == "2" and method == "GET":
        return "ListObjectsV2"
    which = next((name for asked, name in _BUCKET if asked == method and name and name in query), "")
    operation = _BUCKET.get((method, which))
    if operation is None or not address.bucket or _SUBRESOURCES & query.keys():
        raise S3Error("NotImplemented")
    return operation


def _of_object(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    copies = "x-amz-copy-source" in headers
    if "uploadId" in query:
        if method == "PUT" and "partNumber" in query:
            return "UploadPartCopy" if copies else "UploadPart"
        operation = {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(method)
    elif method == "POST" and "uploads" in query:
        operation = "CreateMultipartUpload"
    elif _SUBRESOURCES & query.keys():
        operation = None
    else:
        operation = "CopyObject" if copies and method == "PUT" else _OBJECT.get(method)
    if operation is None:
        raise S3Error("NotImplemented")
    return operation
