"""Small objects that are kept for ever, by the digest of their bytes, and names that stand for such digests."""

from __future__ import annotations

import os
import re
import secrets

from traintrack.digest import ContentDigest, content_digest
from traintrack.errors import IntegrityError
from traintrack.storages.local.checksum import sum_is_right, with_sum
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.places import Places

_DIGEST = re.compile(rb"[0-9a-f]{64}\Z")
_NAMED = re.compile(rb'{"digest":"([0-9a-f]{64})",')


class LocalKept:
    """Objects at `kept/<2>/<digest>`; a name at `kept/named/…` holds the digest of its object."""

    def __init__(self, places: Places, files: Files) -> None:
        self._places = places
        self._files = files

    def put(self, data: bytes) -> ContentDigest:
        """Keep the bytes, and heal a damaged object of the same digest.

        Raises:
            HostError: they cannot be written.
        """
        digest = content_digest(data)
        path = self._places.kept(digest)
        with DiskErrors("write", path):
            if read_file(path) != data:
                self._files.write(path, data)
        return digest

    def get(self, digest: ContentDigest) -> bytes | None:
        """Return the bytes, checked, or None if there are none.

        A damaged object is moved to the trash, so that who can make it again finds it missing.

        Raises:
            IntegrityError: the bytes are not those of the digest.
            HostError: they cannot be read.
        """
        if not _DIGEST.match(digest.encode()):
            return None
        path = self._places.kept(digest)
        with DiskErrors("read", path):
            data = read_file(path)
        if data is None or content_digest(data) == digest:
            return data
        self._set_aside(path)
        raise IntegrityError(
            f"the kept object {digest[:12]} was damaged on the disk and is now in the trash",
            code="kept-damaged",
            hint="run it again: what can be made again is; look at the disk's health with `dmesg`",
        )

    def put_named(self, name: str, data: bytes) -> None:
        """Keep bytes under a name that decides them.

        Raises:
            HostError: they cannot be written.
        """
        digest = self.put(data)
        path = self._places.named(name)
        with DiskErrors("write", path):
            self._files.write(path, with_sum(f'{{"digest":"{digest}"}}'.encode(), name))

    def get_named(self, name: str) -> bytes | None:
        """Return the bytes under a name, checked, or None.

        Raises:
            IntegrityError: the bytes are damaged.
            HostError: they cannot be read.
        """
        digest = self._digest_of(name)
        return None if digest is None else self.get(digest)

    def has_named(self, name: str) -> bool:
        """Tell if there is something under the name."""
        digest = self._digest_of(name)
        if digest is None:
            return False
        try:
            size = os.stat(self._places.kept(digest)).st_size
        except FileNotFoundError:
            return False
        # A power cut leaves files empty that were not on the disk yet.
        return size > 0 or digest == content_digest(b"")

    def _digest_of(self, name: str) -> ContentDigest | None:
        path = self._places.named(name)
        with DiskErrors("read", path):
            data = read_file(path)
        return None if data is None else named_digest(data, name)

    def _set_aside(self, path: str) -> None:
        try:
            os.makedirs(self._places.trash, exist_ok=True)
            os.rename(path, f"{self._places.trash}/{os.path.basename(path)}~{secrets.token_hex(8)}")
        except OSError:
            return  # Another has moved it, or nothing can be written: what is told next is worse.


def named_digest(data: bytes, name: str) -> ContentDigest | None:
    """Read the file of a name; None if it is damaged or another name's."""
    found = _NAMED.match(data)
    return ContentDigest(found[1].decode()) if found and sum_is_right(data, name) else None
