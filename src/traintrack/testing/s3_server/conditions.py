"""What a request demands of the object it meets: judged from headers and facts alone.

Source: Amazon S3 User Guide, "Add preconditions to S3 operations with conditional requests".
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from enum import Enum

from traintrack.testing.s3_server.buckets import Stored
from traintrack.testing.s3_server.s3_error import S3Error

CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
COPY_SOURCE = "x-amz-copy-source-"


class Verdict(Enum):
    """What a reader gets."""

    WHOLE = "the object"
    UNCHANGED = "304: it has it already"


def judge_read(headers: Mapping[str, str], stored: Stored) -> Verdict:
    """Judge a read of an object that is there.

    Raises:
        S3Error: a condition does not hold.
    """
    match, other = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and not _matches(match, stored):
        raise S3Error("PreconditionFailed")
    until = _seconds(headers.get("if-unmodified-since"))
    if match is None and until is not None and int(stored.modified) > until:
        raise S3Error("PreconditionFailed")
    if other is not None:
        return Verdict.UNCHANGED if _matches(other, stored) else Verdict.WHOLE
    since = _seconds(headers.get("if-modified-since"))
    return Verdict.UNCHANGED if since is not None and int(stored.modified) <= since else Verdict.WHOLE


def judge_copied(headers: Mapping[str, str], stored: Stored) -> None:
    """Judge the source of a copy.

    Raises:
        S3Error: a condition does not hold.
    """
    own = {name: headers[COPY_SOURCE + name] for name in CONDITIONS if COPY_SOURCE + name in headers}
    if judge_read(own, stored) is Verdict.UNCHANGED:
        raise S3Error("PreconditionFailed")


def judge_write(headers: Mapping[str, str], present: Stored | None) -> None:
    """Judge a write over what is there, or over nothing.

    Raises:
        S3Error: a condition does not hold, or is one that S3 does not know for writes.
    """
    match, other = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and other is not None:
        raise S3Error("NotImplemented")
    if other is not None:
        if other != "*":
            raise S3Error("NotImplemented")
        if present is not None:
            raise S3Error("PreconditionFailed")
    if match is not None:
        if present is None:
            raise S3Error("NoSuchKey")
        if not _matches(match, present):
            raise S3Error("PreconditionFailed")


def judge_delete(match: str | None, present: Stored | None) -> None:
    """Judge a delete; one of nothing is no failure.

    Raises:
        S3Error: the condition does not hold.
    """
    if match is not None and present is not None and not _matches(match, present):
        raise S3Error("PreconditionFailed")


def _matches(told: str, stored: Stored) -> bool:
    if told.strip() == "*":
        return True
    return any(word.strip().removeprefix("W/").strip('"') == stored.etag for word in told.split(","))


def _seconds(told: str | None) -> float | None:
    if told is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(told).timestamp()
    except ValueError:
        return None
