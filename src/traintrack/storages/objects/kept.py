"""Small objects that are kept for ever in a bucket. They are sent once, read once, and checked by their BLAKE3."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from traintrack.digest import ContentDigest, content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Objects
from traintrack.ports.storage import Kept
from traintrack.storages.objects.checked import read_checked
from traintrack.storages.objects.keys import kept_key, named_key
from traintrack.storages.objects.notebook import Notebook
from traintrack.storages.objects.pace import Pace, patiently

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
"""A damaged object is read once more: bytes can be wrong on their way."""

T = TypeVar("T")


class ObjectKept:
    """Objects at `kept/<2>/<digest>`; under a name lie the digest, a line feed, and the bytes.

    No key changes its bytes and none is deleted, so that what `cache` has is right, and what `notebook` has noted
    need not be sent.
    """

    def __init__(self, objects: Objects, pace: Pace, cache: Kept, notebook: Notebook) -> None:
        self._objects, self._pace, self._cache, self._notebook = objects, pace, cache, notebook
        self._sent: set[str] = set()

    def put(self, data: bytes) -> ContentDigest:
        """Keep the bytes, unless they are known to be kept.

        Raises:
            HostError: they cannot be written.
        """
        digest = content_digest(data)
        self._send(kept_key(digest), data)
        self._cache.put(data)
        return digest

    def get(self, digest: ContentDigest) -> bytes | None:
        """Return the bytes, checked, or None if there are none.

        Raises:
            IntegrityError: the bytes are not those of the digest, read twice.
            HostError: they cannot be read.
        """
        if not _DIGEST.match(digest):
            return None
        known = _unless_damaged(lambda: self._cache.get(digest))
        if known is not None:
            return known
        data = self._checked(kept_key(digest), lambda data: data if content_digest(data) == digest else None)
        if data is not None:
            self._cache.put(data)
        return data

    def put_named(self, name: str, data: bytes) -> None:
        """Keep bytes under a name that decides them, unless they are known to be kept.

        Raises:
            HostError: they cannot be written.
        """
        self._send(named_key(name), f"{content_digest(data)}\n".encode() + data)
        self._cache.put_named(name, data)

    def get_named(self, name: str) -> bytes | None:
        """Return the bytes under a name, checked, or None.

        Raises:
            IntegrityError: they are damaged, read twice.
            HostError: they cannot be read.
        """
        known = _unless_damaged(lambda: self._cache.get_named(name))
        if known is not None:
            return known
        data = self._checked(named_key(name), _unframed)
        if data is not None:
            self._cache.put_named(name, data)
        return data

    def has_named(self, name: str) -> bool:
        """Tell if there is something under the name in the bucket.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        key = named_key(name)
        if self._is_sent(key):
            return True
        size = patiently(self._pace, f"look for `{key}`", lambda: self._objects.size_bytes(key))
        if size is None:
            return False
        self._note_sent(key)
        return True

    def _send(self, key: str, data: bytes) -> None:
        if self._is_sent(key):
            return
        patiently(self._pace, f"write `{key}`", lambda: self._objects.put(key, data))
        self._note_sent(key)

    def _is_sent(self, key: str) -> bool:
        return key in self._sent or self._notebook.is_stored(key)

    def _note_sent(self, key: str) -> None:
        self._sent.add(key)
        self._notebook.note_stored(key)

    def _checked(self, key: str, unpack: Callable[[bytes], bytes | None]) -> bytes | None:
        data = read_checked(self._objects, self._pace, key, unpack)
        if isinstance(data, bytes):
            self._note_sent(key)
            return data
        self.forget(key)
        if data is None:
            return None
        raise IntegrityError(
            f"the kept object `{key}` has other bytes than it should have",
            code="kept-damaged",
            hint="run it again: what can be made again is; the bucket's versions may have the right bytes",
        )

    def forget(self, key: str) -> None:
        """Take in that an object is not there, or damaged: it is sent when it comes again."""
        self._sent.discard(key)
        self._notebook.forget_stored(key)


def _unless_damaged(read: Callable[[], T]) -> T | None:
    """What the cache has; damage there is no damage of the store."""
    try:
        return read()
    except IntegrityError:
        return None


def _unframed(data: bytes) -> bytes | None:
    digest, line_feed, rest = data[:64], data[64:65], data[65:]
    return rest if line_feed == b"\n" and content_digest(rest).encode() == digest else None
