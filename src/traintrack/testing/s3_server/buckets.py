"""What the server holds. Whoever looks at more than one thing, or changes what it has looked at, holds `lock` meanwhile."""

from __future__ import annotations

import bisect
import hashlib
import threading
import time
from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from traintrack.testing.s3_server.content import Content, flipped, of_bytes
from traintrack.testing.s3_server.s3_error import S3Error


class Stored(Struct, frozen=True, eq=False):
    """An object. `etag` without quotes; `modified` in seconds of the epoch; `headers` come back with each read."""

    content: Content
    etag: str
    modified: float
    headers: tuple[tuple[str, str], ...] = ()
    checksums: tuple[tuple[str, str], ...] = ()


class Part(Struct, frozen=True, eq=False):
    """A part of an upload, by itself. `checksum`: what its upload's algorithm gives, in base64, empty without one."""

    content: Content
    md5: bytes
    checksum: str = ""


class Upload(Struct, eq=False):
    """An upload in parts that has not ended. `algorithm`: that of the checksums of its parts, empty without one."""

    key: str
    algorithm: str
    headers: tuple[tuple[str, str], ...]
    started: float
    parts: dict[int, Part] = field(default_factory=dict)


class Bucket(Struct, eq=False):
    """Objects by key. `settings`: documents by their operation, such as `lifecycle`, as they were put."""

    objects: dict[str, Stored] = field(default_factory=dict)
    sorted_keys: list[str] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    settings: dict[str, bytes] = field(default_factory=dict)

    def write(self, key: str, stored: Stored) -> None:
        """Put an object in place of whatever was there."""
        if key not in self.objects:
            # The order of characters is that of the bytes of their UTF-8, which S3 lists by.
            bisect.insort(self.sorted_keys, key)
        self.objects[key] = stored

    def remove(self, key: str) -> None:
        """Take an object away, if there is one."""
        if self.objects.pop(key, None) is not None:
            del self.sorted_keys[bisect.bisect_left(self.sorted_keys, key)]


class Buckets:
    """All buckets of a server; its methods are for tests that look behind it, and leave no trace in its log."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._buckets: dict[str, Bucket] = {}

    def find(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            S3Error: there is none of that name.
        """
        found = self._buckets.get(name)
        if found is None:
            raise S3Error("NoSuchBucket")
        return found

    def make(self, name: str) -> None:
        """Make an empty bucket.

        Raises:
            S3Error: there is one of that name.
        """
        with self.lock:
            if name in self._buckets:
                raise S3Error("BucketAlreadyOwnedByYou")
            self._buckets[name] = Bucket()

    def empty(self, name: str) -> None:
        """Take away all objects, uploads and settings of a bucket."""
        with self.lock:
            self.find(name)
            self._buckets[name] = Bucket()

    def keys(self, name: str, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        with self.lock:
            return [key for key in self.find(name).sorted_keys if key.startswith(prefix)]

    def read(self, name: str, key: str) -> bytes | None:
        """Return the bytes of an object, None if there is none."""
        with self.lock:
            stored = self.find(name).objects.get(key)
        return None if stored is None else stored.content.read()

    def write(self, name: str, key: str, data: bytes) -> None:
        """Put bytes under a key, as if somebody else had."""
        with self.lock:
            self.find(name).write(key, stored_bytes(data))

    def remove(self, name: str, key: str) -> None:
        """Take an object away, as if somebody else had."""
        with self.lock:
            self.find(name).remove(key)

    def damage(self, name: str, key: str, at_byte: int = 0) -> None:
        """Change one bit of an object as a bad disk does: its etag and its checksums stay what they were."""
        with self.lock:
            bucket = self.find(name)
            stored = bucket.objects[key]
            bucket.objects[key] = replace(stored, content=flipped(stored.content, at_byte))

    def make_older(self, name: str, key: str, seconds: float) -> None:
        """Let an object be modified that much longer ago."""
        with self.lock:
            bucket = self.find(name)
            stored = bucket.objects[key]
            bucket.objects[key] = replace(stored, modified=stored.modified - seconds)

    def set_document(self, name: str, kind: str, document: bytes) -> None:
        """Give a bucket its `lifecycle` or `versioning` document; an empty one takes it away."""
        with self.lock:
            settings = self.find(name).settings
            settings.pop(kind, None)
            if document:
                settings[kind] = document

    def uploads(self, name: str) -> Mapping[str, str]:
        """Return the keys of the uploads that have not ended, by their ids."""
        with self.lock:
            return {upload_id: upload.key for upload_id, upload in self.find(name).uploads.items()}

    def clear(self) -> None:
        """Take everything away, with the files that hold it."""
        with self.lock:
            self._buckets.clear()


def stored_bytes(data: bytes) -> Stored:
    """Return an object of these bytes, modified now."""
    return Stored(of_bytes(data), hashlib.md5(data, usedforsecurity=False).hexdigest(), time.time())
