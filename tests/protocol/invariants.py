"""Watches every change of a store and says at once when a promise of docs/explanation/protocol.md is broken."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping

from traintrack.action.cell import Cell, CellState, Phase, Result, decode_cell
from traintrack.digest import TargetId


class BrokenPromiseError(AssertionError):
    """An invariant does not hold; the message begins with its name."""


class CellHistory:
    """The changes of all cells, whatever the storage: the state machine, R2, I1 and I4."""

    def __init__(self) -> None:
        self._nonces: set[str] = set()
        self.committed: defaultdict[TargetId, list[Result]] = defaultdict(list)

    def changed(self, id_: TargetId, before: Cell | None, after: Cell, author: str | None = None) -> None:
        """`author` is the run that writes, None if it is not known, as with a late request."""
        demand(after.nonce not in self._nonces, "R2: a nonce was used twice")
        self._nonces.add(after.nonce)
        demand(not (both_done(before, after) and before.result != after.result), "I1: a result was replaced")
        demand(_allowed(before, after), f"state machine: {_words(before)} became {_words(after)}")
        if after.state is CellState.DONE and (before is None or before.state is not CellState.DONE):
            holder = before.owner.run if before and before.owner else None
            demand(author in (None, holder), f"R6: {author} committed under the hold of {holder}")
            self.committed[id_].append(after.result)

    def reported(self, id_: TargetId, result: Result) -> None:
        demand(result in self.committed[id_], "I4: a result was reported that was never committed")


class ObjectHistory:
    """The changes of an object store: those of its cells, I2, the round, and that equal keys have equal bytes."""

    def __init__(self, objects: Mapping[str, bytes], author: Callable[[], str | None]) -> None:
        self._author = author
        self.cells = CellHistory()
        self._now: dict[str, Cell] = {}
        self._objects = objects

    def changed(self, key: str, before: bytes | None, after: bytes | None) -> None:
        if "/cell/" in key:
            self._cell_changed(key, after)
        elif "/data/" in key:
            demand(before is None or after is None or before == after, f"R2: {key} got other bytes")
            if after is None:
                self._all_there()
        else:
            old, new = (json.loads(x)["number"] if x else 0 for x in (before, after))
            demand(after is not None and new >= old, "the round fell")

    def _cell_changed(self, key: str, data: bytes | None) -> None:
        demand(data is not None, "a cell was deleted")
        id_ = TargetId(key.rpartition("/")[2])
        cell = decode_cell(data, id_)
        self.cells.changed(id_, self._now.get(key), cell, self._author())
        self._now[key] = cell
        self._all_there()

    def _all_there(self) -> None:
        for cell in self._now.values():
            if cell.result is None:
                continue
            layout = self._objects.get(cell.result.layout)
            demand(layout is not None, "I2: a result names a layout that is not there")
            for blob, size in json.loads(layout)["objects"]:
                demand(len(self._objects.get(blob, b"")) == size, "I2: a result names bytes that are not there")


def demand(holds: bool, promise: str) -> None:
    if not holds:
        raise BrokenPromiseError(promise)


def both_done(before: Cell | None, after: Cell) -> bool:
    return before is not None and before.state is after.state is CellState.DONE


def _allowed(before: Cell | None, after: Cell) -> bool:
    """The arrows of the state machine in docs/explanation/protocol.md."""
    if before is None or before.state is CellState.FREE:
        from_epoch = before.epoch if before else 0
        if after.state is CellState.FREE:  # the collector drops `was`
            return before is not None and before.epoch == after.epoch and not after.was
        return after.state is CellState.HELD and after.epoch == from_epoch + 1
    if before.state is CellState.DONE:
        if after.state is CellState.DONE:
            return after.was == ()
        return after.state is CellState.FREE and before.result.layout in ("", *after.was)
    if after.state is CellState.HELD:
        same = before.owner == after.owner
        return after.epoch == before.epoch + 1 or (same and after.epoch == before.epoch)
    if after.state is CellState.DONE:
        return before.phase is Phase.PUBLISHING and set(before.was) <= set(after.was)
    return True


def _words(cell: Cell | None) -> str:
    if cell is None:
        return "ABSENT"
    return f"{cell.state.value}({cell.phase.value if cell.phase else ''} epoch {cell.epoch})"
