"""What is pushed and in which order: results that stand here with all that they were made from, inputs first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from traintrack.action.cell import CellState, Result
from traintrack.action.record import Record, decode_record
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.storage import Storage


class Holding(Struct, frozen=True):
    """A result of the own storage with its record; `record_data` are the bytes that are kept."""

    id: TargetId
    result: Result
    record: Record
    record_data: bytes

    def inputs(self) -> Iterator[tuple[TargetId, ArtifactDigest, str]]:
        """ID, artifact and label of all that it was made from."""
        return ((read.id, read.artifact, read.label) for read in self.record.inputs)


def collect(own: Storage, ids: Collection[TargetId]) -> dict[TargetId, Holding]:
    """Return the results of these IDs and all below that stand here, each after its inputs.

    What was brought in is there, but not what it was made from: that is its home's affair.

    Raises:
        IntegrityError: a record is lost or damaged.
    """
    found: dict[TargetId, Holding] = {}
    layer = tuple(dict.fromkeys(ids))
    while layer:
        cells = own.cells.read(layer)
        below: dict[TargetId, None] = {}
        for id_ in layer:
            cell = cells[id_].cell
            if cell is None or cell.state is not CellState.DONE or cell.result is None:
                continue
            found[id_] = holding = _holding(own, id_, cell.result)
            if not cell.result.home:
                below |= dict.fromkeys(read for read, _, _ in holding.inputs())
        layer = tuple(id_ for id_ in below if id_ not in found)
    return {id_: found[id_] for one in layers(found) for id_ in one}


def layers(holdings: Mapping[TargetId, Holding]) -> list[list[TargetId]]:
    """Return the IDs in layers: what one is made from lies in layers before its own."""
    depth: dict[TargetId, int] = {}
    for start in holdings:
        waiting = [start]
        while waiting:
            id_ = waiting[-1]
            below = [read for read, _, _ in holdings[id_].inputs() if read in holdings]
            unknown = [read for read in below if read not in depth]
            if id_ in depth or not unknown:
                depth[id_] = max((depth[read] + 1 for read in below), default=0)
                waiting.pop()
            else:
                waiting += unknown
    found: list[list[TargetId]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for id_ in holdings:
        found[depth[id_]].append(id_)
    return found


def _holding(own: Storage, id_: TargetId, result: Result) -> Holding:
    data = own.kept.get(result.record)
    if data is None:
        raise IntegrityError(
            f"the record of {id_[:12]} is lost", code="record-lost", hint="traintrack verify --repair  # and run again"
        )
    return Holding(id_, result, decode_record(data), data)
