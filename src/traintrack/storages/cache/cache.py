"""The user's copies of artifacts that lie elsewhere, laid out like a local store.

Everything in it can be deleted at any time. What a process uses stays while that process lives, however it dies.
Locks: the shard of an artifact is held shared by who marks it as used, alone by who moves it in or away.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from traintrack.action.cell import Owner
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.digest import ArtifactDigest
from traintrack.errors import NotFoundError
from traintrack.storages.cache.merge import merge
from traintrack.storages.cache.parts import Part, disk_bytes
from traintrack.storages.cache.reboot import distrust_after_reboot
from traintrack.storages.cache.room import Room
from traintrack.storages.cache.shelves import Shelves, name_of_part
from traintrack.storages.cache.shrink import STAGE_PREFIX, Shrinking, Shrunk
from traintrack.storages.cache.uses import Uses
from traintrack.storages.local.disk import prepare_root
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files
from traintrack.storages.local.kept import LocalKept
from traintrack.storages.local.ledger import LocalLedger
from traintrack.storages.local.locks import FileLock, Mode, try_lock
from traintrack.storages.local.places import Places
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.staging import LocalStaging
from traintrack.storages.local.sweep import Swept, sweep

LIMIT_BYTES = 100 << 30

_OTHER_FETCHER_S = 120.0
"""So long another one who brings the same is waited for; it may be stopped, and to bring it twice does no harm."""

Write = Callable[[Path], None]
"""Writes files into a new empty folder that nobody else uses."""


def open_cache(folder: Path, limit_bytes: int = LIMIT_BYTES) -> Cache:
    """Open the cache in a folder, made where there is none.

    Raises:
        HostError: the folder is on a network disk, holds other things, or cannot be written.
        IntegrityError: it has a newer format.
    """
    return Cache(prepare_root(folder.expanduser()), limit_bytes)


class Cache:
    """A cache in a folder that `open_cache` has made. Safe between threads, and between processes of one machine."""

    def __init__(self, root: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._places = Places(os.path.abspath(root), "default")
        self._sessions = Sessions(self._places.alive)
        files = Files(self._places, self._sessions)
        self.kept = LocalKept(self._places, files)
        self.ledger = LocalLedger(self._places, files)
        self.staging = LocalStaging(self._places, self._sessions)
        self._files = files
        self._shelves = Shelves(self._places, files, self.kept)
        self._uses = Uses(self._places.root, self._sessions)
        self._shrinking = Shrinking(self._shelves, self._uses, self._sessions, self.staging)
        self._room = Room(self._places.root, self._shrinking, limit_bytes)
        distrust_after_reboot(self._places)

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self._places.root)

    def present(self, run: str) -> AbstractContextManager[Owner]:
        """Show that a run lives whose stages are here; see `Storage.present`."""
        return self._sessions.present(run)

    def stale_stages(self) -> tuple[Path, ...]:
        """Stages that a dead process has left, sorted; those of runs among them."""
        return self.staging.stale_stages()

    def sweep(self, keep: Collection[Path] = ()) -> Swept:
        """Remove what the dead have left, but the stages in `keep`; say what that was.

        Raises:
            HostError: something cannot be removed.
        """
        return sweep(self._places, self._sessions, self.staging, keep)

    def has(self, artifact: ArtifactDigest, subpath: str | None = None) -> bool:
        """Tell if an artifact is here, or at least something at `subpath`; nothing is checked, and it may go again."""
        try:
            self.path(artifact, subpath)
        except NotFoundError:
            return False
        return True

    def use(self, artifact: ArtifactDigest) -> bool:
        """Keep an artifact here for as long as this process lives; False if it is not here as a whole."""
        return self._used(artifact)

    def holds(self, artifact: ArtifactDigest, manifest: Manifest, part: Part) -> bool:
        """Tell if a part is here and whole, checked as a local read is; it then stays while this process lives."""
        if self._used(artifact) and self._shelves.whole.damage(artifact, manifest, part.subpath) is None:
            return True
        if part.subpath is None or not self._used(name_of_part(artifact)):
            return False
        return self._shelves.part.damage(artifact, manifest, part.subpath) is None

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """The path of an artifact or a part of it, read-only; it stays where `holds`, `use` or `take_in` was told before.

        Raises:
            NotFoundError: there is no such artifact or path.
        """
        try:
            return self._shelves.whole.path(artifact, subpath)
        except NotFoundError:
            if subpath is None:
                raise
            return self._shelves.part.path(artifact, subpath)

    def part_of(self, artifact: ArtifactDigest) -> Path | None:
        """The folder with the parts of an artifact that are here, which then stays; None if there are none."""
        name = name_of_part(artifact)
        return Path(self._shelves.folder(name)) if self._used(name) else None

    def take_in(self, artifact: ArtifactDigest, manifest: Manifest, part: Part, write: Write) -> None:
        """Take in what `write` writes: files that were checked when they were written. It stays while this process lives.

        Raises:
            IntegrityError: what was written is not what the manifest says.
            HostError: it cannot be stored, for instance as the disk is full.
        """
        self._room.make(disk_bytes(part.entries))
        stage = self.staging.new_stage(f"{STAGE_PREFIX}{artifact[:16]}-{secrets.token_hex(4)}")
        try:
            write(stage)
            if part.subpath is None:
                self.take_stage(artifact, Output(os.fspath(stage), manifest))
            else:
                self._merge(artifact, manifest, part, stage)
        finally:
            with DiskErrors("remove", stage):
                remove_tree(os.fspath(stage))

    def take_stage(self, artifact: ArtifactDigest, output: Output) -> None:
        """Move a staged folder in, as its manifest says; an equal artifact that is whole stays, and the stage is dropped.

        Raises:
            IntegrityError: the folder is not what its manifest says.
            HostError: it cannot be stored.
        """
        self._mark(artifact, disk_bytes(output.manifest.entries))
        if not self._shelves.whole.put_folder(output, artifact):
            self.discard(output)
        self._drop_part(artifact)

    @contextmanager
    def fetching(self, artifact: ArtifactDigest, part: Part) -> Iterator[None]:
        """Be the one who brings something here, or come after who does: then it may be here.

        Another one who takes very long is not waited for for ever.
        """
        name = artifact if part.subpath is None else name_of_part(artifact)
        self._mark(name, None)
        with DiskErrors("lock", self._places.root):
            fd = self._uses.open_lock(name)
        until = time.monotonic() + _OTHER_FETCHER_S
        try:
            while not try_lock(fd, Mode.ALONE) and time.monotonic() < until:
                time.sleep(0.02)
            yield
        finally:
            os.close(fd)

    def discard(self, output: Output) -> None:
        """Drop a staged output that is not wanted.

        Raises:
            HostError: it cannot be removed.
        """
        self._shelves.whole.discard(output)

    def shrink(self, limit_bytes: int) -> Shrunk:
        """Remove the least recently used until the rest is within a limit; what living processes use stays.

        Raises:
            HostError: something cannot be removed.
        """
        return self._shrinking.to(limit_bytes)

    def _used(self, name: str) -> bool:
        folder = self._shelves.folder(name)
        if self._uses.is_marked(name):
            self._uses.touch(name)
            return os.path.lexists(folder)
        if not os.path.lexists(folder):
            return False
        with DiskErrors("write", self._places.root), FileLock(self._shelves.lock(name), Mode.SHARED):
            if not os.path.lexists(folder):
                return False
            self._uses.mark(name)
            return True

    def _mark(self, name: str, size_bytes: int | None) -> None:
        """Say that it is used, before it comes: who looks for what can go then leaves it."""
        with DiskErrors("write", self._places.root), FileLock(self._shelves.lock(name), Mode.SHARED):
            if size_bytes is not None:
                self._uses.note_size(name, size_bytes)
            self._uses.mark(name)

    def _merge(self, artifact: ArtifactDigest, manifest: Manifest, part: Part, stage: Path) -> None:
        name = name_of_part(artifact)
        self._mark(name, None)
        with DiskErrors("store the files at", self._shelves.folder(name)), FileLock(self._shelves.lock(name)):
            merge(self._shelves.part_places, self._files, artifact, manifest, part, stage)
            self._uses.note_size(name, self._uses.size_bytes(name) + disk_bytes(part.entries))

    def _drop_part(self, artifact: ArtifactDigest) -> None:
        """Remove the parts of what is here as a whole now, if nobody was given a path into them."""
        name = name_of_part(artifact)
        if not os.path.lexists(self._shelves.folder(name)):
            return
        self._shrinking.remove(name)
