"""Who may do what: access keys with their secrets, and rights by prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct, field


class Verb(str, Enum):
    """What a right allows; an upload in parts is a write, a copy reads and writes."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    LIST = "list"
    ADMIN = "admin"


EVERYTHING: Final = tuple(Verb)


class Right(Struct, frozen=True):
    """What an access key may do with keys (or lists) that begin with `prefix`, in every bucket if `bucket` is empty."""

    access_key: str
    verbs: tuple[Verb, ...] = EVERYTHING
    prefix: str = ""
    bucket: str = ""


class Access(Struct, frozen=True):
    """Without `secrets` (by access key) nobody is asked who they are; without `rights` everybody known may do everything."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()

    def may(self, access_key: str, verb: Verb, bucket: str, key: str) -> bool:
        """Tell if somebody may do something with a key."""
        if not self.rights:
            return True
        return any(
            right.access_key == access_key
            and verb in right.verbs
            and right.bucket in ("", bucket)
            and key.startswith(right.prefix)
            for right in self.rights
        )


class Caller(Struct, frozen=True):
    """Somebody who asks; `access_key` is empty for those who do not say who they are."""

    access: Access
    access_key: str = ""

    def may(self, verb: Verb, bucket: str, key: str) -> bool:
        """Tell if they may do something with a key."""
        return self.access.may(self.access_key, verb, bucket, key)


VERBS: Final[Mapping[str, tuple[Verb, ...]]] = {
    "GetObject": (Verb.READ,),
    "HeadObject": (Verb.READ,),
    "PutObject": (Verb.WRITE,),
    "CopyObject": (Verb.WRITE,),
    "CreateMultipartUpload": (Verb.WRITE,),
    "UploadPart": (Verb.WRITE,),
    "UploadPartCopy": (Verb.WRITE,),
    "CompleteMultipartUpload": (Verb.WRITE,),
    "AbortMultipartUpload": (Verb.WRITE,),
    "DeleteObject": (Verb.DELETE,),
    "DeleteObjects": (),  # Each of its keys is asked for by itself.
    "ListObjectsV2": (Verb.LIST,),
    "ListMultipartUploads": (Verb.LIST,),
    "HeadBucket": (Verb.LIST,),
    "CreateBucket": (Verb.ADMIN,),
    "GetBucketLocation": (Verb.READ,),
    "GetBucketLifecycleConfiguration": (Verb.READ,),
    "GetBucketVersioning": (Verb.READ,),
    "PutBucketLifecycleConfiguration": (Verb.ADMIN,),
    "PutBucketVersioning": (Verb.ADMIN,),
}
"""What each operation needs for its key; for a copy, READ of the source besides."""


def check_operations(names: Iterable[str]) -> None:
    """Refuse a name that no operation has: what is spelt wrong would never be met.

    Raises:
        ValueError: there is no such operation.
    """
    for name in names:
        if name not in VERBS:
            raise ValueError(f"`{name}` is no operation of this server; there are {', '.join(sorted(VERBS))}")
