"""Which results may lose their bytes: decided from facts alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum

from msgspec import Struct

from traintrack.action.cell import Cell, CellState
from traintrack.action.keep import FOREVER
from traintrack.app.stock import NEVER, Item
from traintrack.digest import ArtifactDigest, TargetId

DEFAULT_S = 180 * 86_400.0


class Stays(str, Enum):
    """Why the bytes of a result stay."""

    ROOT = "pinned or frozen"
    READ = "read by a run"
    FOREVER = "kept for ever"
    USED = "within their time"
    MADE_FROM_GONE = "made from what is gone"
    ELSEWHERE = "its bytes are elsewhere"
    UNKNOWN = "nothing tells when it was used"


class Facts(Struct, frozen=True):
    """What decides besides the result itself.

    `cells` are all of the namespace; `roots` are kept for ever; `default_s` counts for results of which nothing was
    said.
    """

    cells: Mapping[TargetId, Cell]
    roots: Collection[TargetId]
    now: datetime
    default_s: float = DEFAULT_S


def judge(items: Collection[Item], facts: Facts) -> dict[TargetId, Stays | None]:
    """Say of each result why it stays, None if it may go."""
    there = {cell.result.artifact for cell in facts.cells.values() if cell.result is not None}
    read = {artifact for cell in facts.cells.values() for artifact in cell.inputs}
    return {item.id: _why(item, facts, there, read) for item in items}


def _why(item: Item, facts: Facts, there: Collection[ArtifactDigest], read: Collection[ArtifactDigest]) -> Stays | None:
    if item.home:
        return Stays.ELSEWHERE
    if item.id in facts.roots:
        return Stays.ROOT
    if item.artifact in read:
        return Stays.READ
    if item.last_use == NEVER:
        return Stays.UNKNOWN
    if item.keep == FOREVER:
        return Stays.FOREVER
    keep_s = facts.default_s if item.keep is None else float(item.keep)
    if (facts.now - item.last_use).total_seconds() < keep_s:
        return Stays.USED
    return Stays.MADE_FROM_GONE if _is_made_from_gone(item, facts, there) else None


def _is_made_from_gone(item: Item, facts: Facts, there: Collection[ArtifactDigest]) -> bool:
    """Tell if bytes that it was made from are gone. An ID without a cell never was here: its data stays outside."""
    for id_, artifact in item.inputs:
        cell = facts.cells.get(id_)
        if cell is not None and cell.state is not CellState.DONE and artifact not in there:
            return True
    return False
