"""Stores the bytes of an artifact and says under which keys they lie. Rule R6 in docs/explanation/protocol.md.

A publisher names a key only if it is one of the round that it read after its cell was HELD{publishing}, or is named
by a cell that it read as DONE after that. That some other key exists means nothing: its delete may be under way.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from functools import partial

from msgspec import Struct

from traintrack.action.manifest import Entry, Manifest
from traintrack.digest import ContentDigest, content_digest
from traintrack.errors import HostError
from traintrack.ports.objects import Bucket
from traintrack.storages.objects.keys import Keys, digest_of
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.layout import StoredObject, encode_layout
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.packs import Pack, place
from traintrack.storages.objects.plain_layout import place_plainly
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.sizes import LOOKERS, Sizes
from traintrack.storages.objects.staged import StagedFiles
from traintrack.storages.objects.tree import Tree

SENDERS = 16
TRIES = 3
WHOLE_BYTES = 16 << 20
"""A file up to this size is sent in one request, from memory."""

STREAM_BYTES = 64 << 20
"""What a large file takes of memory while it is sent in parts."""


_WHILE_FILLED_BYTES = 4 << 20
"""What a pack takes beyond its own bytes while files are added to it."""


class _Store(Struct, frozen=True):
    """An object to be there, and the step that puts it."""

    object: StoredObject
    step: Step


class Publisher:
    """Stores the bytes of one namespace; equal keys have equal bytes, so that putting one twice does no harm.

    With one sender and one looker nothing is done at the same time.
    """

    def __init__(
        self,
        bucket: Bucket,
        keys: Keys,
        rounds: Rounds,
        pace: Pace,
        *,
        senders: int = SENDERS,
        lookers: int = LOOKERS,
    ) -> None:
        self._bucket, self._keys, self._rounds, self._pace = bucket, keys, rounds, pace
        self._lanes = Lanes(senders)
        self._sizes = Sizes(bucket, pace, lookers)

    def publish(self, root: str, manifest: Manifest, named: Collection[str] = ()) -> str:
        """Store the files below `root`, look that all are there, and return the key of their layout.

        Call it after the cell was written HELD{publishing}, and again from the start if that hold was lost.

        Args:
            root: the folder that the manifest lists.
            manifest: what is stored; the bytes sent are checked against it.
            named: keys of a layout that a cell named, which was read as DONE after this hold was written.

        Raises:
            IntegrityError: a file has other bytes than the manifest says; nothing may be committed.
            HostError: the bytes cannot be stored.
        """
        round_ = self._rounds.current()
        known = {digest_of(key): key for key in named}
        placement = place(manifest)
        with Tree(root) as tree:
            files = StagedFiles(tree)
            plain = self._send_plain(files, placement.plain, known, round_)
            packs = self._send_packs(files, placement.packs, known, round_)
            self._complete([*plain, *packs])
        layout = encode_layout([store.object for store in (*plain, *packs)], placement.rows)
        layout_key = self._keys.blob(content_digest(layout), round_)
        self._complete([self._of_bytes(layout_key, layout)])
        return layout_key

    def publish_plain(self, root: str, manifest: Manifest) -> str:
        """Store each file below `root` under its own name, look that all are there, and return the key of the layout.

        A key has the artifact, the round and the path in it, so that equal keys have equal bytes here as well.

        Raises:
            IntegrityError: a file has other bytes than the manifest says; nothing may be committed.
            HostError: the bytes cannot be stored.
        """
        round_ = self._rounds.current()
        plain = place_plainly(manifest, self._keys, round_, len(self._bucket.url.partition("://")[2].encode()))
        with Tree(root) as tree:
            files = StagedFiles(tree)
            self._complete([self._of_file(files, entry, item.key) for item, entry in plain.files])
        layout = encode_layout([item for item, _ in plain.files], plain.rows)
        layout_key = self._keys.blob(content_digest(layout), round_)
        self._complete([self._of_bytes(layout_key, layout)])
        return layout_key

    def _send_plain(
        self, files: StagedFiles, entries: Collection[Entry], known: Mapping[ContentDigest, str], round_: int
    ) -> list[_Store]:
        named = [StoredObject(known[d], e.size) for e in entries if (d := _digest(e)) in known]
        gone = {item.key for item, _ in self._sizes.wrong(named)}
        keys = [known.get(_digest(e)) or "" for e in entries]
        return [
            self._of_file(files, e, key if key and key not in gone else self._keys.blob(_digest(e), round_))
            for e, key in zip(entries, keys, strict=True)
        ]

    def _send_packs(
        self, files: StagedFiles, packs: Collection[Pack], known: Mapping[ContentDigest, str], round_: int
    ) -> list[_Store]:
        """Fill the packs and send them in the same step: only then is it known under which keys."""
        made: dict[int, _Store] = {}

        def make(number: int, pack: Pack) -> None:
            data = _filled(files, pack)
            digest = content_digest(data)
            key = known.get(digest, "")
            if not key or not self._is_there(key, data):
                key = self._keys.blob(digest, round_)
                if not self._is_there(key, data):
                    self._put(key, lambda: data)
            again = Step(partial(self._put, key, partial(_filled, files, pack)), pack.size_bytes)
            made[number] = _Store(StoredObject(key, len(data)), again)

        self._lanes.run(
            Step(partial(make, n, pack), pack.size_bytes + _WHILE_FILLED_BYTES) for n, pack in enumerate(packs)
        )
        return [made[number] for number in range(len(packs))]

    def _complete(self, stores: Collection[_Store]) -> None:
        """Put what is not there, and see that all is before a cell names it; a store that lies is given more tries."""
        missing = {store.object.key: store for store in stores}
        for _ in range(TRIES):
            missing = {item.key: missing[item.key] for item, _ in self._sizes.wrong(s.object for s in missing.values())}
            if not missing:
                return
            self._lanes.run(store.step for store in missing.values())
        wrong = self._sizes.wrong(store.object for store in missing.values())
        if wrong:
            raise HostError(
                f"`{wrong[0][0].key}` was stored and is not there",
                code="blob-lost",
                hint="see that nothing but traintrack deletes in the bucket (lifecycle rules), then run it again",
            )

    def _of_file(self, files: StagedFiles, entry: Entry, key: str) -> _Store:
        if entry.size <= WHOLE_BYTES:
            step = Step(partial(self._put, key, partial(files.data, entry)), entry.size)
        else:
            step = Step(partial(self._put_stream, key, files, entry), STREAM_BYTES)
        return _Store(StoredObject(key, entry.size), step)

    def _of_bytes(self, key: str, data: bytes) -> _Store:
        return _Store(StoredObject(key, len(data)), Step(partial(self._put, key, lambda: data)))

    def _is_there(self, key: str, data: bytes) -> bool:
        return patiently(self._pace, f"look for `{key}`", lambda: self._bucket.size_bytes(key)) == len(data)

    def _put(self, key: str, made: Callable[[], bytes]) -> None:
        data = made()
        patiently(self._pace, f"write `{key}`", lambda: self._bucket.put(key, data))

    def _put_stream(self, key: str, files: StagedFiles, entry: Entry) -> None:
        patiently(self._pace, f"write `{key}`", lambda: self._bucket.put_stream(key, files.chunks(entry), entry.size))


def _filled(files: StagedFiles, pack: Pack) -> bytes:
    # Written and not joined: the pack is in memory once, and its files one after the other.
    whole = io.BytesIO()
    whole.writelines(files.data(entry) for entry in pack.files)
    return whole.getvalue()


def _digest(entry: Entry) -> ContentDigest:
    assert entry.digest is not None
    return entry.digest
