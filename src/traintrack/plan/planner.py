"""Decides from the top down: below a target that stands nothing is looked at (DESIGN 6.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph, Origin
from traintrack.action.cell import Cell, CellState, FreeReason, Result
from traintrack.action.plan import Decision, Plan, Reason, ReasonCode, Step
from traintrack.action.record import Record
from traintrack.digest import ContentDigest, TargetId
from traintrack.errors import NotFoundError
from traintrack.plan.agreement import Agreement
from traintrack.plan.cells_for_plan import cells_for_plan
from traintrack.plan.history import History
from traintrack.ports.at_once import at_once
from traintrack.ports.storage import Liveness, RemembersDone, Storage
from traintrack.ports.trust import refusal_of


class Planner:
    """Asks the storage in one batch per layer of what has to be made, and remembers what it heard.

    `forced` are IDs that are executed though they stand. `profile` lies over the targets, empty for none.
    """

    def __init__(
        self, graph: ActionGraph, storage: Storage, forced: Collection[TargetId] = (), profile: str = ""
    ) -> None:
        self._graph, self._storage, self._profile = graph, storage, profile
        self._forced = frozenset(forced)
        self._history = History(storage)

    @property
    def graph(self) -> ActionGraph:
        """Everything that may be asked about."""
        return self._graph

    @property
    def history(self) -> History:
        """What was recorded, as far as it was read already or is asked for."""
        return self._history

    def plan(self, *, replace_results: bool = False) -> Plan:
        """Decide about everything that was requested."""
        steps = self.decide(self._graph.requested)
        evicted = self._forced if replace_results else frozenset()
        return Plan(
            self._graph,
            steps,
            forced=self._forced,
            replace=replace_results,
            superseded=self._readers_of(evicted),
        )

    def decide(self, ids: tuple[TargetId, ...]) -> dict[TargetId, Step]:
        """Return steps for these IDs and all that must be made for them, each after those it depends on.

        Raises:
            NotFoundError: a frozen result is not in this storage.
            TraintrackError: the storage cannot be read.
        """
        steps = self._descend(ids)
        agreement = Agreement(self._graph, self._history, is_fresh=not isinstance(self._storage.cells, RemembersDone))
        while superseded := agreement.find_superseded(steps):
            for id_, facts in superseded.items():
                steps[id_] = replace(steps[id_], decision=Decision.EXECUTE, reason=Reason(ReasonCode.SUPERSEDED, facts))
            below = [d for i in superseded for d in self._graph.actions[i].depends_on() if d not in steps]
            steps |= self._descend(tuple(dict.fromkeys(below)), known=steps)
        return self._in_order(steps)

    def _descend(self, ids: tuple[TargetId, ...], known: Collection[TargetId] = ()) -> dict[TargetId, Step]:
        steps: dict[TargetId, Step] = {}
        layer = tuple(dict.fromkeys(ids))
        while layer:
            cells = cells_for_plan(self._storage.cells, layer)
            below: dict[TargetId, None] = {}
            for id_, step in self._steps({id_: cells[id_].cell for id_ in layer}).items():
                steps[id_] = step
                if step.decision is Decision.EXECUTE and id_ in self._graph.actions:
                    below |= dict.fromkeys(self._graph.actions[id_].depends_on())
            layer = tuple(i for i in below if i not in steps and i not in known)
        return steps

    def _steps(self, cells: Mapping[TargetId, Cell | None]) -> dict[TargetId, Step]:
        """A step for each cell, in order; what is not DONE is asked about further."""
        open_ = [id_ for id_, cell in cells.items() if cell is None or cell.state is not CellState.DONE]
        found = dict(zip(open_, at_once(self._storage, lambda i: self._step(i, cells[i]), open_), strict=True))
        return {id_: found[id_] if id_ in found else self._step(id_, cell) for id_, cell in cells.items()}

    def _step(self, id_: TargetId, cell: Cell | None) -> Step:
        action = self._graph.actions.get(id_)
        source = self._graph.sources.get(id_)
        if source is not None and source.origin is not None:
            return Step(id_, Decision.REUSE, Reason(ReasonCode.CACHED), _outside(source.origin))
        if cell is not None and cell.state is CellState.DONE and id_ not in self._forced:
            return Step(id_, Decision.REUSE, Reason(ReasonCode.CACHED), cell)
        if action is None and source is not None:
            return Step(id_, Decision.EXECUTE, Reason(ReasonCode.NEVER_BUILT), cell)
        if action is None:
            raise NotFoundError(
                f"`{self._graph.label_of(id_)}` is frozen and its result is not in {self._storage.name}",
                code="frozen-missing",
                hint="take a storage that has it, or thaw it by removing it from `frozen` in TTLOCK.yaml",
            )
        if cell is not None and cell.owner is not None and self._lives(cell):
            return Step(id_, Decision.WAIT, _held(cell), cell)
        record = self._last_record(action, cell)
        expected_s = record.timings.task_s if record else None
        return Step(id_, Decision.EXECUTE, self._reason(action, cell, record), cell, expected_s)

    def _lives(self, cell: Cell) -> bool:
        if cell.state is not CellState.HELD or cell.owner is None:
            return False
        return self._storage.cells.liveness(cell.owner) is not Liveness.GONE

    def _last_record(self, action: Action, cell: Cell | None) -> Record | None:
        """The record of this ID if there ever was one, else the newest success of its label."""
        own = cell.result.record if cell and cell.result else cell.previous_record if cell else None
        record = self._history.record(own) if own else None
        if record is not None and record.outcome == "success":
            return record
        return self._history.last_success(action.provenance.workspace, action.provenance.label, self._profile)

    def _reason(self, action: Action, cell: Cell | None, record: Record | None) -> Reason:
        if action.id in self._forced and cell is not None and cell.state is CellState.DONE:
            return Reason(ReasonCode.FORCED)
        refused = refusal_of(self._storage, action.id)
        if refused is not None:
            return Reason(ReasonCode.REFUSED, {"storage": refused.storage, "what": refused.words})
        if cell is not None and cell.state is not CellState.DONE:
            known = _FREED.get(cell.free) if cell.free else ReasonCode.RELEASED
            if known is not None:
                failure = cell.last_failure
                facts = {"message": failure.message} if failure else {}
                return Reason(known, {**facts, "by": cell.note} if cell.note else facts)
        if record is None or record.id == action.id:
            return Reason(ReasonCode.NEVER_BUILT)
        return self._history.what_changed(record, action)

    def _readers_of(self, evicted: Collection[TargetId]) -> tuple[TargetId, ...]:
        """The IDs of this graph that stand and whose results were made from what is about to go."""
        if not evicted:
            return ()
        consumers = self._graph.consumers()
        found: dict[TargetId, None] = {}
        layer = [c for i in evicted for c in consumers.get(i, ())]
        while layer:
            layer = [i for i in dict.fromkeys(layer) if i not in found and i not in evicted]
            found |= dict.fromkeys(layer)
            layer = [c for i in layer for c in consumers.get(i, ())]
        cells = self._storage.cells.read(tuple(found)) if found else {}
        return tuple(i for i in found if (c := cells[i].cell) is not None and c.state is CellState.DONE)

    def _in_order(self, steps: dict[TargetId, Step]) -> dict[TargetId, Step]:
        ordered = {i: steps[i] for i in self._graph.order if i in steps}
        leaves = {i: s for i, s in steps.items() if i not in ordered}
        return {**leaves, **ordered}


_FREED = {
    FreeReason.FAILED: ReasonCode.FAILED_BEFORE,
    FreeReason.RELEASED: ReasonCode.RELEASED,
    FreeReason.FENCED: ReasonCode.RELEASED,
    FreeReason.EVICTED: ReasonCode.EVICTED,
    FreeReason.CORRUPT: ReasonCode.CORRUPT,
    FreeReason.SUPERSEDED: ReasonCode.SUPERSEDED,
}


def _outside(origin: Origin) -> Cell:
    """The cell of data that stays where it is: no storage has one, and nothing but its pin stands."""
    nothing = ContentDigest("")
    return Cell(CellState.DONE, 0, "", result=Result(origin.pinned, nothing, nothing))


def _held(cell: Cell) -> Reason:
    owner = cell.owner
    if owner is None:
        return Reason(ReasonCode.HELD)
    facts = {"user": owner.user, "host": owner.host, "run": owner.run, "since": owner.since}
    return Reason(ReasonCode.HELD, {**facts, "phase": cell.phase.value if cell.phase else ""})
