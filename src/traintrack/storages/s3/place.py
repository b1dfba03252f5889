"""`s3://bucket/prefix`: which bucket, and below which keys."""

from __future__ import annotations

from msgspec import Struct

from traintrack.errors import InputError

SCHEME = "s3://"


class Place(Struct, frozen=True):
    """A bucket and what all keys begin with: empty, or ending with `/`."""

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """What keys are appended to."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key.

    Raises:
        InputError: it names no bucket.
    """
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise InputError(f"`{uri}` names no bucket", code="source-missing", hint="write `s3://BUCKET/PREFIX/`")
    return bucket, key


def place_of(url: str) -> Place:
    """Return where a store lies; a `/` at the end makes no difference.

    Raises:
        InputError: it is no place that a store can have.
    """
    hint = "write `storage: s3://BUCKET/PREFIX`"
    bucket, _, path = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise InputError(f"`{url}` names no bucket", code="bad-storage", hint=hint)
    if any(mark in url for mark in "?#@"):
        raise InputError(f"`{url}` holds more than a bucket and a prefix", code="bad-storage", hint=hint)
    parts = path.strip("/").split("/") if path.strip("/") else []
    if any(part in {"", ".", ".."} for part in parts) or not path.isprintable():
        raise InputError(f"the prefix of `{url}` has a part that no key may have", code="bad-storage", hint=hint)
    return Place(bucket, "".join(f"{part}/" for part in parts))
