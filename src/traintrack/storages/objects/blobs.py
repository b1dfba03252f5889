"""Bytes as single objects, and the layout that says under which keys they lie. Rule R6 in docs/explanation/protocol.md.

A publisher names a key only if it is one of the round that it read after its cell was HELD{publishing}, or is named
by a cell that it read as DONE after that. That some other key exists means nothing: its delete may be under way.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from traintrack.digest import ContentDigest, canonical_json, content_digest
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.objects import Objects
from traintrack.storages.objects.keys import Keys, digest_of
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.rounds import Rounds

LAYOUT_FORMAT = "traintrack/layout/1"
TRIES = 3


class _Layout(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    blobs: dict[ContentDigest, str]


class BlobPublisher:
    """Stores the bytes of one namespace; equal keys have equal bytes, so that putting one twice does no harm."""

    def __init__(self, objects: Objects, keys: Keys, rounds: Rounds, pace: Pace) -> None:
        self._objects, self._keys, self._rounds, self._pace = objects, keys, rounds, pace

    def publish(self, blobs: Mapping[ContentDigest, bytes], named: Mapping[ContentDigest, str] | None = None) -> str:
        """Store the bytes, look that all are there, and return the key of their layout.

        Call it after the cell was written HELD{publishing}, and again from the start if that hold was lost.

        Args:
            blobs: bytes by their BLAKE3.
            named: keys by digest of a layout that a cell named, which was read as DONE after this hold was written.

        Raises:
            HostError: the bytes cannot be stored.
        """
        round_ = self._rounds.current()
        known = named or {}
        keys = {digest: known.get(digest) or self._keys.blob(digest, round_) for digest in blobs}
        layout = canonical_json({"format": LAYOUT_FORMAT, "blobs": {str(digest): key for digest, key in keys.items()}})
        layout_key = self._keys.blob(content_digest(layout), round_)
        wanted = {key: blobs[digest] for digest, key in keys.items()} | {layout_key: layout}
        for key, data in wanted.items():
            self._store(key, data)
        self._verify(wanted)
        return layout_key

    def blobs(self, layout_key: str) -> Mapping[ContentDigest, str]:
        """The keys by digest that a layout names.

        Raises:
            IntegrityError: the layout is missing or damaged.
            HostError: it cannot be read.
        """
        got = patiently(self._pace, f"read `{layout_key}`", lambda: self._objects.get(layout_key))
        if got is None:
            raise IntegrityError(f"the layout `{layout_key}` is missing", code="layout-missing")
        if content_digest(got.data) != digest_of(layout_key):
            raise IntegrityError(f"the layout `{layout_key}` has other bytes than its name says", code="layout-damaged")
        try:
            layout = msgspec.json.decode(got.data, type=_Layout)
        except msgspec.MsgspecError as error:
            raise IntegrityError(f"the layout `{layout_key}` cannot be read: {error}", code="layout-damaged") from error
        if layout.format != LAYOUT_FORMAT:
            raise IntegrityError(f"the layout `{layout_key}` has format `{layout.format}`", code="layout-format")
        return layout.blobs

    def check(self, layout_key: str) -> str | None:
        """Tell in words what of a layout is not there; None if all is."""
        try:
            keys = self.blobs(layout_key)
        except IntegrityError as error:
            return error.message
        missing = [key for key in keys.values() if self._size(key) is None]
        return f"`{missing[0]}` is missing" if missing else None

    def read(self, key: str) -> bytes:
        """Return some bytes, checked against their name.

        Raises:
            IntegrityError: they are missing or others.
            HostError: they cannot be read.
        """
        got = patiently(self._pace, f"read `{key}`", lambda: self._objects.get(key))
        if got is None or content_digest(got.data) != digest_of(key):
            raise IntegrityError(f"`{key}` is missing or damaged", code="blob-damaged")
        return got.data

    def _store(self, key: str, data: bytes) -> None:
        if self._size(key) != len(data):
            patiently(self._pace, f"write `{key}`", lambda: self._objects.put(key, data))

    def _verify(self, wanted: Mapping[str, bytes]) -> None:
        """See that everything is there before a cell names it; what is not (a store that lies) is put again."""
        for key, data in wanted.items():
            for _ in range(TRIES):
                if self._size(key) == len(data):
                    break
                patiently(self._pace, f"write `{key}`", lambda key=key, data=data: self._objects.put(key, data))  # type: ignore[misc]
            else:
                raise HostError(
                    f"`{key}` was stored and is not there",
                    code="blob-lost",
                    hint="see that nothing but traintrack deletes in the bucket (lifecycle rules), then run it again",
                )

    def _size(self, key: str) -> int | None:
        return patiently(self._pace, f"look for `{key}`", lambda: self._objects.size_bytes(key))
