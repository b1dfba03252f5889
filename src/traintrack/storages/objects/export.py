"""Puts files of results into a bucket under plain names: copied inside of it, streamed from another, or sent from a disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from blake3 import blake3

from traintrack.action.cell import Result
from traintrack.action.manifest import Entry, Manifest
from traintrack.errors import HostError, IntegrityError, NotFoundError, UsageError
from traintrack.ports.objects import Bucket
from traintrack.ports.storage import Storage
from traintrack.storages.objects.artifacts import ObjectArtifacts
from traintrack.storages.objects.copies import demand_free_prefix
from traintrack.storages.objects.destination import Destination
from traintrack.storages.objects.keys import STORE_MARK, Keys
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.plain_names import plain_names
from traintrack.storages.objects.ranges import LostBytesError, Ranges
from traintrack.storages.objects.upload import STREAM_BYTES

AT_ONCE: Final = 16
_CHUNK_BYTES: Final = 4 << 20

Named = tuple[str, Entry]


class Export:
    """Writes below one bucket; `beside` says what comes before the keys of another in it, None for one of elsewhere."""

    def __init__(self, bucket: Bucket, pace: Pace, beside: Callable[[Bucket], str | None]) -> None:
        self._bucket, self._pace, self._beside = bucket, pace, beside
        self._lanes = Lanes(AT_ONCE)

    def demand_no_store(self, folder: str) -> None:
        """See that a folder is no place of a store that lies in the bucket.

        Raises:
            UsageError: it is one.
        """
        parts = folder.rstrip("/").split("/")
        for depth in range(len(parts) + 1):
            above = "".join(f"{part}/" for part in parts[:depth])
            if self._is_there(f"{above}{STORE_MARK}"):
                rest = folder[len(above) :]
                first = rest.partition("/")[0]
                inside = first == "dev" or self._is_there(f"{above}{Keys(first or 'default').evicted}")
                demand_free_prefix("" if inside else rest, Keys())

    def copy(self, storage: Storage, result: Result, subpath: str | None, folder: str) -> int:
        """Copy what is not there yet of a result, or of a part of it, below `folder`; return how many files that were.

        Raises:
            UsageError: other files stand there; nothing was copied.
            NotFoundError: the artifact has no such path.
            IntegrityError: bytes are missing or damaged; some files may have been copied.
            HostError: a storage cannot be read or written.
        """
        manifest = storage.artifacts.manifest(result)
        files = _files(manifest, subpath)
        there = self._sizes(folder, files) if _is_file(manifest, subpath) else self._there(folder)
        extra = next((name for name in there if name not in files), None)
        if extra is not None:
            raise _differs(f"{self._bucket.url}{folder}", f"`{extra}` is not part of it")
        same = [(name, files[name]) for name in there]
        wrong = next((name for name, entry in same if there[name] != entry.size), None) or self._first_other(
            folder, same
        )
        if wrong is not None:
            raise _differs(f"{self._bucket.url}{folder}", f"`{wrong}` has other content")
        return self._send(storage, result, subpath, folder, [item for item in files.items() if item[0] not in there])

    def replace(self, storage: Storage, result: Result, subpath: str | None, folder: str) -> int:
        """Copy a result, or a part of it, below `folder`, over files of the same names; others there stay.

        Raises:
            NotFoundError: the artifact has no such path.
            IntegrityError: bytes are missing or damaged; some files may have been copied.
            HostError: a storage cannot be read or written.
        """
        files = _files(storage.artifacts.manifest(result), subpath)
        return self._send(storage, result, subpath, folder, list(files.items()))

    def _send(
        self, storage: Storage, result: Result, subpath: str | None, folder: str, files: Collection[Named]
    ) -> int:
        if not files:
            return 0
        artifacts = storage.artifacts
        if isinstance(artifacts, ObjectArtifacts):
            return artifacts.copy_to(result, files, Destination(self._bucket, folder, self._beside(artifacts.bucket)))
        wrong = artifacts.fetch(result, subpath)
        if wrong is not None:
            raise IntegrityError(f"the result is damaged: {wrong}", code="artifact-damaged", hint="run it again")
        root = artifacts.path(result.artifact)
        self._lanes.run(
            Step(partial(self._upload, root / entry.path, folder + name, entry), min(entry.size, STREAM_BYTES))
            for name, entry in files
        )
        return len(files)

    def _upload(self, path: Path, key: str, entry: Entry) -> None:
        patiently(
            self._pace,
            f"write `{key}`",
            lambda: self._bucket.put_stream(key, _checked(path, entry), entry.size),
        )

    def _there(self, folder: str) -> dict[str, int]:
        return patiently(
            self._pace,
            f"list `{folder}`",
            lambda: {item.key[len(folder) :]: item.size_bytes for item in self._bucket.entries(folder)},
        )

    def _sizes(self, folder: str, names: Collection[str]) -> dict[str, int]:
        """Of single files, which may stand among others."""
        found = {name: self._size_bytes(folder + name) for name in names}
        return {name: size for name, size in found.items() if size is not None}

    def _first_other(self, folder: str, files: Collection[Named]) -> str | None:
        """The first file, by name, that has other bytes there."""
        other: list[str] = []
        ranges = Ranges(self._bucket, self._pace)

        def look(name: str, entry: Entry) -> None:
            hasher = blake3()
            try:
                for chunk in ranges.stream(folder + name, 0, entry.size):
                    hasher.update(chunk)
            except LostBytesError:
                return  # Somebody removes them at this moment: it is copied anew.
            if entry.size and hasher.hexdigest() != entry.digest:
                other.append(name)

        self._lanes.run(Step(partial(look, name, entry)) for name, entry in files)
        return min(other, default=None)

    def _size_bytes(self, key: str) -> int | None:
        return patiently(self._pace, f"look for `{key}`", lambda: self._bucket.size_bytes(key))

    def _is_there(self, key: str) -> bool:
        try:
            return self._size_bytes(key) is not None
        except HostError as error:
            if error.code == "storage-denied":
                return False  # What one may not even look at is no store of one's own.
            raise


def _files(manifest: Manifest, subpath: str | None) -> dict[str, Entry]:
    if manifest.part(subpath) is None:
        raise NotFoundError(f"the artifact has no `{subpath}`", code="no-such-path")
    return dict(plain_names(manifest, subpath))


def _is_file(manifest: Manifest, subpath: str | None) -> bool:
    part = manifest.part(subpath)
    return part is not None and len(part.entries) == 1 and not part.entries[0].path


def _checked(path: Path, entry: Entry) -> Iterator[bytes]:
    """The bytes of a file on this machine."""
    hasher = blake3()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
            yield chunk
    if entry.digest is not None and hasher.hexdigest() != entry.digest:
        raise IntegrityError(f"`{entry.path}` changed while it was read", code="artifact-damaged", hint="run it again")


def _differs(url: str, difference: str) -> UsageError:
    return UsageError(
        f"`{url}` is there already and differs: {difference}",
        code="copy-differs",
        hint="give another place with `-o`, or `--force` to replace files of the same names",
    )
