"""Cells for a plan or a table: what is known to be DONE is not asked for, so that nothing to do costs next to nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from traintrack.digest import TargetId
from traintrack.ports.storage import Cells, RemembersDone, Seen


def cells_for_plan(cells: Cells, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
    """Return every cell asked for: as it is remembered if it was DONE, else as it is now.

    Raises:
        IntegrityError: a cell is damaged.
        HostError: the storage cannot be read.
    """
    if not isinstance(cells, RemembersDone):
        return cells.read(ids)
    known = cells.remembered(ids)
    unknown = [id_ for id_ in ids if id_ not in known]
    return {**known, **cells.read(unknown)} if unknown else known
