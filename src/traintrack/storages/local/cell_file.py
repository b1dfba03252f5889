"""The bytes of a cell's file: its JSON with a checksum that ties it to its ID."""

from __future__ import annotations

from traintrack.action.cell import CELL_FORMAT, Cell, decode_cell, encode_cell
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.storages.local.checksum import has_sum, sum_is_right, with_sum

# Cells of version 0.1.0 have no checksum and end in their format. No damage to the end of one that has it leaves this.
_OLDER_END = f'"format":"{CELL_FORMAT}"}}'.encode()


def cell_bytes(cell: Cell, id_: TargetId) -> bytes:
    """Return what is written for the cell of an ID."""
    return with_sum(encode_cell(cell), id_)


def read_cell(data: bytes, id_: TargetId) -> Cell:
    """Read the file of an ID's cell.

    Raises:
        IntegrityError: it is damaged or another ID's (`cell-damaged`), or of a newer format (`cell-format`).
    """
    if has_sum(data) and not sum_is_right(data, id_):
        raise _damaged(id_, "its checksum does not fit")
    cell = decode_cell(data, id_)
    if not has_sum(data) and not data.endswith(_OLDER_END):
        raise _damaged(id_, "its checksum is gone")
    return cell


def _damaged(id_: TargetId, why: str) -> IntegrityError:
    return IntegrityError(
        f"the cell of {id_[:12]} is damaged: {why}",
        code="cell-damaged",
        hint="traintrack verify --repair  # sets it aside; its record stays",
    )
