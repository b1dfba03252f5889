"""Carries a request out: who asks is checked, then the operation is judged and applied under one lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from traintrack.testing.s3_server import bucket_operations, object_operations, upload_operations
from traintrack.testing.s3_server.access import VERBS, Verb
from traintrack.testing.s3_server.answer import Answer
from traintrack.testing.s3_server.buckets import Buckets
from traintrack.testing.s3_server.digests import check_digests
from traintrack.testing.s3_server.object_operations import copy_source
from traintrack.testing.s3_server.request import Request
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.signature import check_signature

_OPERATIONS: Final[Mapping[str, Callable[[Buckets, Request], Answer]]] = {
    "GetObject": object_operations.get_object,
    "HeadObject": object_operations.get_object,
    "PutObject": object_operations.put_object,
    "CopyObject": object_operations.copy_object,
    "DeleteObject": object_operations.delete_object,
    "CreateMultipartUpload": upload_operations.create_upload,
    "UploadPart": upload_operations.upload_part,
    "UploadPartCopy": upload_operations.copy_part,
    "CompleteMultipartUpload": upload_operations.complete_upload,
    "AbortMultipartUpload": upload_operations.abort_upload,
    "ListMultipartUploads": upload_operations.list_uploads,
    "DeleteObjects": bucket_operations.delete_objects,
    "ListObjectsV2": bucket_operations.list_objects,
    "HeadBucket": bucket_operations.head_bucket,
    "CreateBucket": bucket_operations.create_bucket,
    "GetBucketLocation": bucket_operations.get_location,
    "GetBucketLifecycleConfiguration": bucket_operations.get_lifecycle,
    "PutBucketLifecycleConfiguration": bucket_operations.put_lifecycle,
    "GetBucketVersioning": bucket_operations.get_versioning,
    "PutBucketVersioning": bucket_operations.put_versioning,
}


def carry_out(buckets: Buckets, operation: str, request: Request) -> Answer:
    """Return the answer to a request; all or nothing of it takes effect.

    Raises:
        S3Error: it is refused, and nothing took effect.
    """
    if request.caller.access.secrets:
        check_signature(request.head, request.caller.access.secrets)
    _check_rights(operation, request)
    check_digests(request.headers, request.found)
    with buckets.lock:
        try:
            return _OPERATIONS[operation](buckets, request)
        except S3Error as error:
            may_list = request.caller.may(Verb.LIST, request.bucket, request.key)
            if error.code == "NoSuchKey" and request.head.method in ("GET", "HEAD") and not may_list:
                # Who may not list is not told what is missing.
                raise S3Error("AccessDenied") from error
            raise


def _check_rights(operation: str, request: Request) -> None:
    lists = operation in ("ListObjectsV2", "ListMultipartUploads")
    key = request.query.get("prefix", "") if lists else request.key
    allowed = all(request.caller.may(verb, request.bucket, key) for verb in VERBS[operation])
    if allowed and operation in ("CopyObject", "UploadPartCopy"):
        allowed = request.caller.may(Verb.READ, *copy_source(request))
    if not allowed:
        raise S3Error("AccessDenied")
