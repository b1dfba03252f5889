"""What the storage remembers: records, the last one of a label, and what is different now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from traintrack.action.action import Action
from traintrack.action.cell import Cell, CellState, Result
from traintrack.action.plan import Reason, ReasonCode
from traintrack.action.record import Record, decode_record
from traintrack.analysis.difference import explain_difference
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.at_once import at_once
from traintrack.ports.storage import Storage

SHOWN_FIELDS = 20


class History:
    """Reads records, each once. Nothing here decides about reuse: a damaged record counts as none."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._records: dict[ContentDigest, Record | None] = {}

    def record(self, digest: ContentDigest) -> Record | None:
        """Return a record, None if it is not there or damaged."""
        if digest not in self._records:
            self._records[digest] = self._read(digest)
        return self._records[digest]

    def read_ahead(self, digests: Collection[ContentDigest]) -> None:
        """Read records that are about to be asked for: at once, where each crosses a network."""
        unknown = [digest for digest in dict.fromkeys(digests) if digest not in self._records]
        self._records |= zip(unknown, at_once(self._storage, self._read, unknown), strict=True)

    def last_success(self, workspace: str, label: str, profile: str = "") -> Record | None:
        """Return the newest record of a label that is of a success under the same profile, empty for none.

        A small run says nothing about how long the full one takes, nor why that runs.
        """
        for entry in self._storage.ledger.history(workspace, label):
            record = self.record(entry.record) if entry.record else None
            if record is not None and record.outcome == "success" and record.who.profile == profile:
                return record
        return None

    def standing_of(self, ids: Collection[TargetId]) -> dict[TargetId, tuple[ArtifactDigest, Record | None] | None]:
        """Return the artifacts that stand for IDs now and their records, None for each that has none; in one batch."""
        return self.standing_in({id_: seen.cell for id_, seen in self._storage.cells.read(ids).items()})

    def standing_in(
        self, cells: Mapping[TargetId, Cell | None]
    ) -> dict[TargetId, tuple[ArtifactDigest, Record | None] | None]:
        """As `standing_of`, of cells that were read already."""
        standing = {id_: _standing(cell) for id_, cell in cells.items()}
        self.read_ahead([result.record for result in standing.values() if result is not None])
        return {
            id_: None if result is None else (result.artifact, self.record(result.record))
            for id_, result in standing.items()
        }

    def what_changed(self, old: Record, action: Action) -> Reason:
        """Name the fields whose change made this a new ID; if it is only inputs, the cause lies above."""
        changes = explain_difference(old.preimage, action.recipe)
        facts = {"fields": [c.field for c in changes][:SHOWN_FIELDS], "old_id": old.id, "old_run": old.who.run}
        only_inputs = bool(changes) and all(change.kind == "input" for change in changes)
        return Reason(ReasonCode.INPUT_REMADE if only_inputs else ReasonCode.RECIPE_CHANGED, facts)

    def _read(self, digest: ContentDigest) -> Record | None:
        try:
            data = self._storage.kept.get(digest)
            return decode_record(data) if data is not None else None
        except IntegrityError:
            return None


def _standing(cell: Cell | None) -> Result | None:
    return cell.result if cell is not None and cell.state is CellState.DONE else None
