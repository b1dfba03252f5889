"""Artifacts as plain folders that a person can open: `artifact/<2>/<digest>`, read-only, put there by one rename."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.digest import ArtifactDigest, ContentDigest
from traintrack.errors import HostError, IntegrityError, InternalError, NotFoundError
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.durable import NEEDS_NOTES
from traintrack.storages.local.file_lists import FileLists
from traintrack.storages.local.files import Files, make_folder, read_file
from traintrack.storages.local.inspection import Inspection
from traintrack.storages.local.kept import LocalKept
from traintrack.storages.local.locks import FileLock, Mode
from traintrack.storages.local.notes import Notes, decode_notes, encode_notes, worth_noting
from traintrack.storages.local.places import Places
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.seal import seal

_OPENED = 0o755
_SEALED = 0o555


class LocalArtifacts:
    """The bytes of artifacts. What was published never changes; damage is found and healed by publishing again."""

    def __init__(self, places: Places, files: Files, kept: LocalKept) -> None:
        self._places = places
        self._files = files
        self._kept = kept
        self._lists = FileLists(kept)

    def publish(self, output: Output) -> Result:
        """Make a staged output permanent, without its record; the cell must be HELD{publishing}.

        An equal artifact that is whole stays, and the staged one is dropped; a damaged one makes room for it.

        Raises:
            IntegrityError: the staged folder is not what its manifest says.
            HostError: it cannot be stored.
        """
        digest = output.manifest.digest()
        # The manifest first: without it, what stands at the target could not be compared with anything.
        self._kept.put(output.manifest.canonical())
        if not self.put_folder(output, digest):
            self.discard(output)
        self._lists.remember(ContentDigest(digest), output.manifest)
        return Result(digest, ContentDigest(digest), ContentDigest(""))

    def put_folder(self, output: Output, digest: ArtifactDigest) -> bool:
        """Move a staged folder to the place of its artifact; False, and it stays, if a whole one stands there.

        Raises:
            IntegrityError: the staged folder is not what its manifest says.
            HostError: it cannot be stored.
        """
        target = self._places.artifact(digest)
        with (
            DiskErrors("store the output at", target),
            FileLock(self._places.collector_lock, Mode.SHARED),
            FileLock(self._places.artifact_lock(digest)),
        ):
            return self._store(output, digest, target)

    def manifest(self, result: Result) -> Manifest:
        """Return the manifest of a result.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        return self._lists.read(result)

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        """Check what is about to be read; None if it is whole, else what is wrong, in words with the path.

        A `subpath` that the artifact never had is not wrong: the manifest tells.

        Raises:
            HostError: the disk cannot be read.
        """
        try:
            manifest = self.manifest(result)
        except IntegrityError as error:
            return error.message
        return self.damage(result.artifact, manifest, subpath)

    def damage(self, artifact: ArtifactDigest, manifest: Manifest, subpath: str | None = None) -> str | None:
        """Compare an artifact, or a part of it, with its manifest; None if it is whole, else what is wrong.

        Raises:
            HostError: the disk cannot be read.
        """
        with DiskErrors("read", self._places.artifact(artifact)):
            try:
                return self._damage(artifact, manifest, subpath)
            except FileNotFoundError as error:
                # Who reads holds nothing: a collector moved it away under this look.
                return f"`{error.filename}` was removed while it was looked at"

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        """Check what is about to be read: it is here already."""
        return self.check(result, subpath)

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """The local path of an artifact or a part of it, read-only.

        Raises:
            NotFoundError: there is no such artifact or path.
        """
        where = self._places.artifact(artifact)
        if subpath is not None:
            if any(part in ("", ".", "..") for part in subpath.split("/")):
                raise NotFoundError(f"`{subpath}` is not a path inside an artifact", code="no-such-path")
            where = f"{where}/{subpath}"
        if not os.path.lexists(where):
            shown = f"`{subpath}` in artifact" if subpath else "artifact"
            raise NotFoundError(
                f"there is no {shown} {artifact[:12]} here", code="no-such-artifact", hint="run the target again"
            )
        return Path(where)

    def discard(self, output: Output) -> None:
        """Drop a staged output that is not wanted.

        Raises:
            HostError: it cannot be removed.
        """
        staged = os.path.normpath(output.staged)
        if not staged.startswith(f"{self._places.stage}/"):
            raise InternalError(f"`{staged}` was not staged here", code="not-staged")
        with DiskErrors("remove", staged):
            remove_tree(staged)

    def set_aside(self, target: str) -> str:
        """Move an artifact's folder to the trash and return its new place; who reads it now keeps what is open.

        The caller holds the lock of its shard.

        Raises:
            OSError: it is not there, or cannot be moved.
        """
        os.makedirs(self._places.trash, exist_ok=True)
        if os.path.isdir(target) and not os.path.islink(target):
            os.chmod(target, _OPENED)
        trash = f"{self._places.trash}/{os.path.basename(target)}~{secrets.token_hex(8)}"
        os.rename(target, trash)
        return trash

    def reseal(self, digest: ArtifactDigest, manifest: Manifest) -> None:
        """Make the files of a whole artifact read-only again; the caller holds the lock of its shard.

        Raises:
            IntegrityError: it is not what the manifest says.
            OSError: its modes cannot be changed.
        """
        root = self._places.artifact(digest)
        notes = seal(root, manifest)
        os.chmod(root, _SEALED)
        if worth_noting(manifest):
            self._files.write(self._places.layout(digest), encode_notes(notes, digest))

    def _store(self, output: Output, digest: ArtifactDigest, target: str) -> bool:
        """Put the staged folder at the target; False if a whole one stands there."""
        if os.path.lexists(target):
            damage = self._damage(digest, output.manifest, None)
            if damage is None:
                self._close(target)
                return False
            self.set_aside(target)
        if os.path.islink(output.staged) or not os.path.isdir(output.staged):
            raise HostError(
                f"the staged output `{output.staged}` is not there",
                code="stage-lost",
                hint="run it again, and let nobody clean the store meanwhile",
            )
        notes = seal(output.staged, output.manifest)
        self._move(output.staged, target)
        if worth_noting(output.manifest):
            self._files.write(self._places.layout(digest), encode_notes(notes, digest))
        self._note(target, output.manifest)
        return True

    def _move(self, staged: str, target: str) -> None:
        # A folder can only be moved by who may write it, as its `..` changes: so its mode is set afterwards.
        os.chmod(staged, _OPENED)
        try:
            os.rename(staged, target)
        except FileNotFoundError:
            make_folder(os.path.dirname(target))
            os.rename(staged, target)
        os.chmod(target, _SEALED)

    def _close(self, target: str) -> None:
        """Make the folder read-only where its publisher was killed between the rename and that."""
        if stat.S_IMODE(os.lstat(target).st_mode) != _SEALED:
            os.chmod(target, _SEALED)

    def _note(self, target: str, manifest: Manifest) -> None:
        if NEEDS_NOTES:
            self._files.note([target, *(f"{target}/{e.path}" for e in manifest.entries)])

    def _damage(self, digest: ArtifactDigest, manifest: Manifest, subpath: str | None) -> str | None:
        notes = self._read_notes(digest, manifest)
        inspection = Inspection(self._places.artifact(digest), manifest, notes)
        words = inspection.damage(subpath)
        if words is None and notes.fresh and worth_noting(manifest):
            self._refresh(digest, notes)
        return words

    def _refresh(self, digest: ArtifactDigest, notes: Notes) -> None:
        try:
            self._files.write(self._places.layout(digest), encode_notes(notes, digest))
        except OSError:
            return  # Notes only save time, and a store that cannot be written can still be read.

    def _read_notes(self, digest: ArtifactDigest, manifest: Manifest) -> Notes:
        try:
            data = read_file(self._places.layout(digest))
        except OSError:
            data = None
        return decode_notes(data, digest, manifest)
