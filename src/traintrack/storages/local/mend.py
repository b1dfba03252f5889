"""Sets damaged files of a store aside and frees the cells of damaged results; nothing is deleted or edited.

What is damaged moves to `quarantine/`, under the lock of those who write it and after one more look: what another has
healed meanwhile stays. A run makes again what is free.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable

from traintrack.action.cell import Cell, CellState, FreeReason, Result, evict, new_nonce
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.action.record import Record
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.storage import CellConflictError
from traintrack.ports.verify import Finding, FindingKind, Mended
from traintrack.storages.local.artifacts import LocalArtifacts
from traintrack.storages.local.cell_file import cell_bytes, read_cell
from traintrack.storages.local.cells import LocalCells
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.inspection import Inspection, Trust
from traintrack.storages.local.ledger import LocalLedger
from traintrack.storages.local.listing import digests_in
from traintrack.storages.local.locks import FileLock, Mode
from traintrack.storages.local.places import Places
from traintrack.storages.local.verify_files import is_digest, record_at
from traintrack.storages.local.verify_results import ResultCheck

_OF_A_RESULT = (FindingKind.RECORD, FindingKind.MANIFEST, FindingKind.ARTIFACT)
_OPENED = 0o755


class Mending:
    """One repair of one store."""

    def __init__(
        self, places: Places, files: Files, cells: LocalCells, artifacts: LocalArtifacts, ledger: LocalLedger
    ) -> None:
        self._places, self._files, self._cells = places, files, cells
        self._artifacts, self._ledger = artifacts, ledger

    def mend(self, findings: Collection[Finding]) -> tuple[Mended, ...]:
        """Do what can be done about each finding; see `Verifiable.mend`.

        Raises:
            HostError: the store cannot be written.
        """
        by_kind: dict[FindingKind, list[Finding]] = {}
        for finding in sorted(findings):
            by_kind.setdefault(finding.kind, []).append(finding)
        done: list[Mended] = []
        with DiskErrors("set aside damage in", self._places.root):
            done += self._mend_cells(by_kind.get(FindingKind.CELL, ()))
            done += self._mend_results([f for kind in _OF_A_RESULT for f in by_kind.get(kind, ())])
            done += self._mend_rights(by_kind.get(FindingKind.RIGHTS, ()))
            done += self._mend_notes(by_kind.get(FindingKind.NOTES, ()))
            done += [self._move_kept(finding.path) for finding in by_kind.get(FindingKind.KEPT, ())]
            for kind in (FindingKind.NAME, FindingKind.RUN, FindingKind.HINT):
                done += [self._moved(finding.path) for finding in by_kind.get(kind, ())]
            done += self._mend_histories(by_kind.get(FindingKind.HISTORY, ()))
        return tuple(done)

    # Cells

    def _mend_cells(self, findings: Collection[Finding]) -> list[Mended]:
        """Set damaged cells aside. One whose record is kept becomes FREE{corrupt}, so that its history goes on."""
        ids = {finding.id: finding for finding in findings if finding.id is not None}
        records = self._last_records(ids) if ids else {}
        return [self._mend_cell(id_, finding, records.get(id_)) for id_, finding in ids.items()]

    def _mend_cell(self, id_: TargetId, finding: Finding, found: tuple[ContentDigest, Record] | None) -> Mended:
        path = self._places.cell(id_)
        digest, label = (found[0], found[1].label) if found else (None, finding.label)
        with FileLock(self._places.cell_lock(id_)):
            if _cell_is_whole(read_file(path), id_):
                return Mended(finding.path, "was whole again")
            words = f"moved to {self._set_aside(path)}" if os.path.lexists(path) else "was gone"
            if digest is not None:
                cell = Cell(CellState.FREE, 0, new_nonce(), free=FreeReason.CORRUPT, previous_record=digest)
                self._files.write(path, cell_bytes(cell, id_))
        self._files.settle()
        return Mended(finding.path, f"{words}; its ID has no result now", ((id_, label),))

    def _last_records(self, ids: Collection[TargetId]) -> dict[TargetId, tuple[ContentDigest, Record]]:
        """The newest record of a success of each ID, by searching all that is kept."""
        found: dict[TargetId, tuple[ContentDigest, Record]] = {}
        for digest in digests_in(f"{self._places.root}/kept"):
            path = self._places.kept(digest)
            record = record_at(path, os.stat(path).st_size) if os.path.isfile(path) else None
            if record is None or record.id not in ids or record.outcome != "success":
                continue
            if content_digest(read_file(path) or b"") != digest:
                continue
            known = found.get(record.id)
            if known is None or known[1].timings.ended <= record.timings.ended:
                found[record.id] = (ContentDigest(digest), record)
        return found

    # Results

    def _mend_results(self, findings: Collection[Finding]) -> list[Mended]:
        """Free the cells of bad results first, then move what was bad: nobody finds DONE with nothing behind it."""
        # A folder whose manifest is lost stays: who makes it again compares it with the new manifest, and may keep it.
        artifacts = {a for f in findings if (a := _artifact_of(f)) is not None}
        labels = {f.id: f.label for f in findings if f.id is not None}
        freed: list[tuple[TargetId, str]] = []
        for id_ in dict.fromkeys((*labels, *self._naming(artifacts))):
            freed += [(id_, labels.get(id_, ""))] if self._free(id_) else []
        done = [Mended("cell", f"freed {len(freed)} of damaged results", tuple(freed))] if freed else []
        done += [self._move_artifact(artifact) for artifact in sorted(artifacts)]
        kept = dict.fromkeys(f.path for f in findings if f.path.startswith("kept/"))
        return done + [self._move_kept(path) for path in kept if os.path.lexists(f"{self._places.root}/{path}")]

    def _naming(self, artifacts: Collection[ArtifactDigest]) -> Iterable[TargetId]:
        """The IDs whose results are one of these artifacts: an early cut-off lets several share one."""
        for name in digests_in(self._places.cells) if artifacts else ():
            cell = _cell_of(read_file(self._places.cell(name)), TargetId(name))
            if cell is not None and cell.result is not None and cell.result.artifact in artifacts:
                yield TargetId(name)

    def _free(self, id_: TargetId) -> bool:
        """Free the cell if its result is damaged still; tell if that was so."""
        while True:
            seen = self._cells.read([id_])[id_]
            if seen.cell is None or seen.cell.state is not CellState.DONE or seen.cell.result is None:
                return False
            looked = ResultCheck(self._places).look(id_, Trust.NOTHING)
            if not any(finding.kind in _OF_A_RESULT for finding in looked.findings):
                return False
            try:
                self._cells.swap(seen, evict(seen.cell, FreeReason.CORRUPT))
            except CellConflictError:
                continue
            return True

    def _move_artifact(self, artifact: ArtifactDigest) -> Mended:
        root = self._places.artifact(artifact)
        shown = os.path.relpath(root, self._places.root)
        with (
            FileLock(self._places.collector_lock, Mode.SHARED),
            FileLock(self._places.artifact_lock(artifact)),
        ):
            if not os.path.lexists(root):
                return Mended(shown, "was gone")
            if self._is_whole(artifact):
                return Mended(shown, "was whole again")
            if os.path.isdir(root) and not os.path.islink(root):
                os.chmod(root, _OPENED)  # Only who may write a folder can move it, as its `..` changes.
            return Mended(shown, f"moved to {self._set_aside(root)}")

    def _is_whole(self, artifact: ArtifactDigest) -> bool:
        manifest = self._manifest(artifact)
        if manifest is None:
            return False
        found = Inspection(self._places.artifact(artifact), manifest, None, Trust.NOTHING).wrongs()
        return all(wrong.rights for wrong in found)

    def _manifest(self, artifact: ArtifactDigest) -> Manifest | None:
        data = read_file(self._places.kept(artifact))
        if data is None or ArtifactDigest(content_digest(data)) != artifact:
            return None
        try:
            return read_manifest(data)
        except IntegrityError:
            return None

    # What can be put right

    def _mend_rights(self, findings: Collection[Finding]) -> list[Mended]:
        artifacts = dict.fromkeys(a for f in findings if (a := _artifact_of(f)) is not None)
        return [self._close(artifact) for artifact in artifacts]

    def _close(self, artifact: ArtifactDigest) -> Mended:
        shown = os.path.relpath(self._places.artifact(artifact), self._places.root)
        manifest = self._manifest(artifact)
        with FileLock(self._places.artifact_lock(artifact)):
            if manifest is None or not self._is_whole(artifact):
                return Mended(shown, "is damaged as well")
            self._artifacts.reseal(artifact, manifest)
        return Mended(shown, "made read-only again")

    def _mend_notes(self, findings: Collection[Finding]) -> list[Mended]:
        done = []
        for finding in findings:
            artifact = ArtifactDigest(os.path.basename(finding.path))
            if os.path.lexists(f"{self._places.root}/{finding.path}"):
                self._set_aside(f"{self._places.root}/{finding.path}")
            # A look with nothing noted hashes each file, and notes what is right.
            self._artifacts.check(Result(artifact, ContentDigest(artifact), ContentDigest("")))
            done.append(Mended(finding.path, "noted anew where the files are right"))
        return done

    def _mend_histories(self, findings: Collection[Finding]) -> list[Mended]:
        done = [self._moved(finding.path) for finding in findings]
        self._ledger.rebuild_histories([os.path.basename(finding.path) for finding in findings])
        return [Mended(one.path, f"{one.words}; made again from the run documents") for one in done]

    def _move_kept(self, path: str) -> Mended:
        data = read_file(f"{self._places.root}/{path}")
        if data is not None and content_digest(data) == os.path.basename(path):
            return Mended(path, "was whole again")
        return self._moved(path)

    def _moved(self, path: str) -> Mended:
        full = f"{self._places.root}/{path}"
        if not os.path.lexists(full):
            return Mended(path, "was gone")
        return Mended(path, f"moved to {self._set_aside(full)}")

    def _set_aside(self, path: str) -> str:
        """Move a file or folder to the quarantine, under a name that tells where it was; return that path."""
        shown = os.path.relpath(path, self._places.root).replace("/", "-")
        target = f"{self._places.quarantine}/{shown[-180:]}~{secrets.token_hex(4)}"
        os.makedirs(self._places.quarantine, exist_ok=True)
        os.rename(path, target)
        return os.path.relpath(target, self._places.root)


def _artifact_of(finding: Finding) -> ArtifactDigest | None:
    parts = finding.path.split("/")
    return ArtifactDigest(parts[2]) if parts[0] == "artifact" and len(parts) > 2 else None


def _cell_is_whole(data: bytes | None, id_: TargetId) -> bool:
    cell = _cell_of(data, id_)
    return cell is not None and (cell.state is not CellState.DONE or cell.result is not None)


def _cell_of(data: bytes | None, id_: TargetId) -> Cell | None:
    if data is None or not is_digest(id_):
        return None
    try:
        return read_cell(data, id_)
    except IntegrityError:
        return None
