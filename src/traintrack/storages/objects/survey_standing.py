"""Tells what is missing under a result that stands from what went with a result that was taken away."""

from __future__ import annotations

from traintrack.action.cell import Cell, CellState
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Got
from traintrack.ports.verify import Finding, FindingKind
from traintrack.storages.local.cell_file import read_cell
from traintrack.storages.objects.survey_named import Named
from traintrack.storages.objects.survey_reading import Reading


def still_names(reading: Reading, named: Named) -> Finding | None:
    """Look again at an object that seemed wrong: it is told if the cell of a result that needs it did not change meanwhile.

    Raises:
        HostError: the bucket cannot be read.
    """
    for id_ in named.ids:
        before = reading.cell(id_)
        if layout_of(before, id_) not in named.layouts:
            continue
        size = reading.size_bytes(named.object.key)
        if size == named.object.size_bytes:
            return None
        now = reading.cell(id_)
        if before is not None and now is not None and now.etag == before.etag:
            return Finding(named.object.key, FindingKind.ARTIFACT, size_words(named.object.size_bytes, size), id_)
    return None


def layout_of(got: Got | None, id_: TargetId) -> str | None:
    """The layout of the result that stands in a cell, None if none does."""
    cell = cell_of(got, id_)
    if cell is None or cell.state is not CellState.DONE or cell.result is None or cell.result.home:
        return None
    return cell.result.layout


def cell_of(got: Got | None, id_: TargetId) -> Cell | None:
    """The cell as it was read, None if there is none or it is damaged."""
    try:
        return None if got is None else read_cell(got.data, id_)
    except IntegrityError:
        return None


def size_words(wanted: int, found: int | None) -> str:
    """Say what is wrong with the size of an object."""
    return "the object is missing" if found is None else f"the object has {found} bytes, not {wanted}"
