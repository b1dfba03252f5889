"""The bytes of artifacts in a bucket, and the copies of them on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from traintrack.action.cell import Result
from traintrack.action.entries import Chosen
from traintrack.action.job import Output
from traintrack.action.manifest import Entry, Manifest
from traintrack.action.placing import Placing
from traintrack.digest import ArtifactDigest, ContentDigest
from traintrack.errors import HostError, IntegrityError, NotFoundError
from traintrack.ports.objects import Bucket
from traintrack.ports.storage import Kept
from traintrack.storages.cache.cache import Cache
from traintrack.storages.cache.parts import Part, needed
from traintrack.storages.local.file_lists import FileLists
from traintrack.storages.objects.bringing import bring
from traintrack.storages.objects.copies import Copying, demand_free_prefix
from traintrack.storages.objects.destination import Destination
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.layout import Placed, plain_folder
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.pace import Pace
from traintrack.storages.objects.plain_names import plain_names
from traintrack.storages.objects.ranges import LostBytesError, Ranges
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.sizes import Sizes, wrong_words
from traintrack.storages.objects.upload import Publisher


class ObjectArtifacts:
    """The artifacts of one namespace of a bucket; what is read comes by way of the cache. Safe between threads."""

    def __init__(self, bucket: Bucket, keys: Keys, rounds: Rounds, pace: Pace, kept: Kept, cache: Cache) -> None:
        self.bucket, self._keys, self._kept, self._cache = bucket, keys, kept, cache
        self._publisher = Publisher(bucket, keys, rounds, pace)
        self._layouts = Layouts(bucket, keys, pace)
        self._ranges = Ranges(bucket, pace)
        self._sizes = Sizes(bucket, pace)
        self._pace = pace
        self._lists = FileLists(kept)

    def publish(self, output: Output) -> Result:
        """Store a staged output, without its record, and move it into the cache; the cell must be HELD{publishing}.

        May be called again after the hold was lost: the files are then read from the cache.

        Raises:
            IntegrityError: the staged folder is not what its manifest says.
            HostError: it cannot be stored.
        """
        digest = ArtifactDigest(self._kept.put(output.manifest.canonical()))
        publish = self._publisher.publish_plain if output.placing is Placing.PLAIN else self._publisher.publish
        layout = publish(self._source(output, digest), output.manifest)
        self._lists.remember(ContentDigest(digest), output.manifest)
        if os.path.lexists(output.staged):
            self._cache.take_stage(digest, output)
        return Result(digest, ContentDigest(digest), ContentDigest(""), layout)

    def manifest(self, result: Result) -> Manifest:
        """Return the manifest of a result.

        Raises:
            IntegrityError: it is missing, damaged, or another artifact's.
            HostError: it cannot be read.
        """
        if ContentDigest(result.artifact) != result.manifest:
            raise IntegrityError(
                f"a result names the file list {result.manifest[:12]} for artifact {result.artifact[:12]}",
                code="manifest-refused",
            )
        manifest = self._lists.read(result)
        if manifest.entries and not manifest.entries[0].path:
            raise IntegrityError(f"artifact {result.artifact[:12]} is no folder", code="manifest-refused")
        return manifest

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        """Look if a result, or a part of it, is in the bucket; None if it is, else what is missing. No byte is brought here.

        Raises:
            HostError: it cannot be found out.
        """
        try:
            manifest = self.manifest(result)
            part = needed(manifest, subpath)
            if part is None:
                return None
            wanted = {placed.object.key: placed.object for placed in self._placed(result, manifest, part)}
        except IntegrityError as error:
            return error.message
        wrong = self._sizes.wrong(wanted.values())
        return wrong_words(*wrong[0]) if wrong else None

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        """Bring here what is about to be read, and check it; None if it is whole, else what is wrong, in words.

        What is in the cache is checked as a local read is. Afterwards `path` has it for as long as this process lives.

        Raises:
            HostError: it cannot be brought here.
        """
        try:
            manifest = self.manifest(result)
            part = needed(manifest, subpath)
            if part is not None and not self._cache.holds(result.artifact, manifest, part):
                self._bring(result, manifest, part)
        except IntegrityError as error:
            return error.message
        except LostBytesError as error:
            return str(error)
        return None

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """The local path of an artifact or a part of it, read-only.

        Raises:
            NotFoundError: there is no such artifact or path on this machine; `fetch` brings it.
        """
        return self._cache.path(artifact, subpath)

    def discard(self, output: Output) -> None:
        """Drop a staged output that is not wanted.

        Raises:
            HostError: it cannot be removed.
        """
        self._cache.discard(output)

    def copy_out(self, result: Result, subpath: str | None, prefix: str) -> int:
        """Copy the files of a result, or of a part of it, under plain names inside the store; return how many.

        `prefix` ends in `/`, and the names after it are those in the artifact or part. A link becomes a copy of what
        it leads to; empty folders have no name in a bucket.

        Raises:
            NotFoundError: the artifact has no such path.
            IntegrityError: bytes are missing or damaged; some files may have been copied.
            UsageError: the prefix is one of the store's own.
            HostError: the store cannot be read or written.
        """
        demand_free_prefix(prefix, self._keys)
        manifest = self.manifest(result)
        if manifest.part(subpath) is None:
            raise NotFoundError(f"the artifact has no `{subpath}`", code="no-such-path")
        return self.copy_to(result, plain_names(manifest, subpath), Destination(self.bucket, prefix, ""))

    def copy_to(self, result: Result, files: Iterable[tuple[str, Entry]], to: Destination) -> int:
        """Copy files of a result, each to the name beside it; return how many.

        Raises:
            IntegrityError: bytes are missing or damaged; some files may have been copied.
            HostError: one of the buckets cannot be read or written.
        """
        manifest = self.manifest(result)
        placed = self._layouts.read(result.layout, manifest).placed(manifest)
        try:
            return Copying(to, self._ranges, self._pace).copy(files, placed)
        except LostBytesError as error:
            raise IntegrityError(
                str(error), code="blob-damaged", hint="run the target again: it is made anew"
            ) from error

    def address(self, result: Result) -> str | None:
        """The URL below which the files of a result lie under their own names; None if they do not.

        Raises:
            IntegrityError: the layout is missing or damaged.
            HostError: it cannot be read.
        """
        folders = {plain_folder(key, self._keys.data) for key in self._layouts.keys(result.layout)}
        return next((f"{self.bucket.url}{folder}" for folder in folders if folder is not None), None)

    def _source(self, output: Output, digest: ArtifactDigest) -> str:
        if os.path.isdir(output.staged):
            return output.staged
        if not self._cache.use(digest):
            raise HostError(
                f"the staged output `{output.staged}` is not there",
                code="stage-lost",
                hint="run it again, and let nobody clean the cache meanwhile",
            )
        return os.fspath(self._cache.path(digest))

    def _placed(self, result: Result, manifest: Manifest, part: Part) -> Iterator[Placed]:
        layout, entries = self._layouts.read(result.layout, manifest), part.entries
        return layout.by_object(manifest, entries.numbers if isinstance(entries, Chosen) else range(len(entries)))

    def _bring(self, result: Result, manifest: Manifest, part: Part) -> None:
        artifact = result.artifact
        with self._cache.fetching(artifact, part):
            if self._cache.holds(artifact, manifest, part):
                return
            placed = self._placed(result, manifest, part)
            known = self._cache.part_of(artifact)
            self._cache.take_in(
                artifact, manifest, part, lambda stage: bring(self._ranges, part.entries, placed, stage, known)
            )
