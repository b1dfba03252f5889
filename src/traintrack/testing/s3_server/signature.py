"""Signature version 4 of a request in its headers.

Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
Signatures of single chunks of a streaming body, and signatures in the address, are not checked: the first are passed
over, the second refused as not implemented.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from msgspec import Struct

from traintrack.testing.s3_server.request import Head
from traintrack.testing.s3_server.s3_error import S3Error

MAX_SKEW_S: Final = 15 * 60
_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^/,]+)/(\d{8})/([^/,]+)/s3/aws4_request,\s*"
    r"SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)"
)


class _Scope(Struct, frozen=True):
    """What a key for signing is made of."""

    secret: str
    day: str
    region: str


def claimed_key(headers: Mapping[str, str]) -> str:
    """Return the access key that a request names, checked or not; empty if it names none."""
    found = _AUTHORIZATION.match(headers.get("authorization", ""))
    return found[1] if found else ""


def check_signature(head: Head, secrets: Mapping[str, str]) -> None:
    """Check that a request was signed by one whose secret is known.

    Raises:
        S3Error: it was not, or not in this quarter of an hour.
    """
    told = head.headers.get("authorization")
    if told is None:
        raise S3Error("AccessDenied")
    found = _AUTHORIZATION.fullmatch(told)
    if found is None:
        raise S3Error("InvalidRequest", "The authorization header is not that of signature version 4.")
    access_key, day, region, names, signature = found.groups()
    if access_key not in secrets:
        raise S3Error("InvalidAccessKeyId")
    stamp = head.headers.get("x-amz-date", "")
    _check_time(stamp)
    signed = {"host", *(name for name in head.headers if name.startswith("x-amz-"))}
    if not signed.issubset(names.split(";")):
        raise S3Error("AccessDenied", "There were headers present in the request which were not signed")
    if not hmac.compare_digest(_signed(head, names, stamp, _Scope(secrets[access_key], day, region)), signature):
        raise S3Error("SignatureDoesNotMatch")


def _signed(head: Head, names: str, stamp: str, scope: _Scope) -> str:
    digest = hashlib.sha256(_canonical(head, names).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope.day}/{scope.region}/s3/aws4_request\n{digest}"
    return hmac.new(_signing_key(scope), to_sign.encode(), hashlib.sha256).hexdigest()


def _check_time(stamp: str) -> None:
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise S3Error("AccessDenied", "AWS authentication requires a valid x-amz-date.") from error
    if abs(time.time() - signed.timestamp()) > MAX_SKEW_S:
        raise S3Error("RequestTimeTooSkewed")


def _canonical(head: Head, names: str) -> str:
    path, _, words = head.target.partition("?")
    pairs = sorted((quote(n, "-_.~"), quote(w, "-_.~")) for n, w in parse_qsl(words, keep_blank_values=True))
    lines = [
        head.method,
        quote(unquote_to_bytes(path), "/-_.~"),
        "&".join(f"{name}={word}" for name, word in pairs),
        *(f"{name}:{' '.join(head.headers.get(name, '').split())}" for name in names.split(";")),
        "",
        names,
        head.headers.get("x-amz-content-sha256", ""),
    ]
    return "\n".join(lines)


@functools.lru_cache(maxsize=64)
def _signing_key(scope: _Scope) -> bytes:
    key = f"AWS4{scope.secret}".encode()
    for word in (scope.day, scope.region, "s3", "aws4_request"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return key
