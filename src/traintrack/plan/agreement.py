"""Results that one action is about to consume together must have been made from the same bytes (DESIGN 6.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Cell, Result
from traintrack.action.plan import Decision, Step
from traintrack.action.record import InputRead, Record
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.plan.history import History

Lineage = Mapping[TargetId, ArtifactDigest]
"""The digests of everything that a result was made from, directly or through what its inputs were made from."""


class Agreement:
    """Compares lineages; remembers what it read for as long as one decision takes."""

    def __init__(self, graph: ActionGraph, history: History, *, is_fresh: bool = False) -> None:
        """Begin with nothing read. `is_fresh`: the cells in steps are as they stand now, and need not be read again."""
        self._graph, self._history, self._is_fresh = graph, history, is_fresh
        self._lineages: dict[TargetId, Lineage] = {}
        self._read: dict[TargetId, Cell | None] = {}
        self._standing: dict[TargetId, tuple[ArtifactDigest, Record | None] | None] = {}

    def find_superseded(self, steps: Mapping[TargetId, Step]) -> dict[TargetId, Mapping[str, Any]]:
        """Return reused IDs whose records read other bytes of some ID than stand there now, and which ID that is.

        Looked at are only the inputs of actions that will be executed and have more than one: results that
        nobody is about to combine may disagree for as long as they like.
        """
        if self._is_fresh:
            # Data outside of the storage has a cell in its step that nobody has stored.
            self._read |= {id_: step.cell for id_, step in steps.items() if id_ in self._graph.actions}
        combined = list(self._combined(steps))
        # Hardly ever does anything disagree: then one walk over all is enough, as none of its parts disagrees either.
        if self._all_agree([id_ for reused in combined for id_ in reused], steps):
            return {}
        found: dict[TargetId, Mapping[str, Any]] = {}
        for reused in combined:
            if not self._all_agree(reused, steps):
                found |= self._disagreeing(reused, steps)
        return found

    def _combined(self, steps: Mapping[TargetId, Step]) -> Iterator[tuple[TargetId, ...]]:
        """The reused inputs of each action that will be executed and has more than one input."""
        for id_, step in steps.items():
            action = self._graph.actions.get(id_)
            inputs = action.depends_on() if action and step.decision is Decision.EXECUTE else ()
            reused = tuple(d for d in inputs if d in steps and steps[d].decision is Decision.REUSE)
            if len(inputs) > 1 and reused:
                yield reused

    def _disagreeing(
        self, reused: tuple[TargetId, ...], steps: Mapping[TargetId, Step]
    ) -> dict[TargetId, Mapping[str, Any]]:
        results = _results(reused, steps)
        read: dict[TargetId, set[ArtifactDigest]] = {id_: {result.artifact} for id_, result in results.items()}
        for id_ in reused:
            for far, digest in self._lineage(id_, steps[id_]).items():
                read.setdefault(far, set()).add(digest)
        disputed = {id_ for id_, digests in read.items() if len(digests) > 1}
        found: dict[TargetId, Mapping[str, Any]] = {}
        for id_ in reused if disputed else ():
            for far, digest in self._lineage(id_, steps[id_]).items():
                if far in disputed and digest != self._stands(far) and id_ in self._graph.actions:
                    found[id_] = {"input": self._graph.label_of(far), "read": digest}
        return found

    def _all_agree(self, reused: Iterable[TargetId], steps: Mapping[TargetId, Step]) -> bool:
        """Tell if nothing below results was read in two states, in one walk over all of them.

        A thousand inputs that share what they were made from have a thousand lineages with the same in them: each by
        itself is only looked at if this finds something.
        """
        results = _results(reused, steps)
        self._history.read_ahead([result.record for result in results.values()])
        states = {(id_, result.artifact) for id_, result in results.items()}
        records = [self._history.record(result.record) for result in results.values()]
        layer = {(read.id, read.artifact) for record in records if record for read in record.inputs}
        states |= layer
        while layer:
            self._look_at(tuple({id_ for id_, _ in layer}))
            below = {(read.id, read.artifact) for state in layer for read in self._read_by(*state)}
            layer = below - states
            states |= layer
        return len({id_ for id_, _ in states}) == len(states)

    def _lineage(self, id_: TargetId, step: Step) -> Lineage:
        if id_ not in self._lineages:
            result = step.cell.result if step.cell else None
            record = self._history.record(result.record) if result else None
            self._lineages[id_] = self._walk(record)
        return self._lineages[id_]

    def _walk(self, record: Record | None) -> Lineage:
        """Go down layer by layer, each in one batch: what is not here may have to be looked up elsewhere."""
        seen: dict[TargetId, ArtifactDigest] = {}
        layer = {read.id: read.artifact for read in record.inputs} if record else {}
        while layer:
            seen |= layer
            self._look_at(layer)
            below: dict[TargetId, ArtifactDigest] = {}
            for id_, artifact in layer.items():
                for read in self._read_by(id_, artifact):
                    if read.id not in seen:
                        below.setdefault(read.id, read.artifact)
            layer = below
        return seen

    def _read_by(self, id_: TargetId, artifact: ArtifactDigest) -> tuple[InputRead, ...]:
        """What an artifact was made from, as far as that is known: of what stands there is a record."""
        stands = self._look(id_)
        return stands[1].inputs if stands is not None and stands[0] == artifact and stands[1] is not None else ()

    def _look_at(self, ids: Collection[TargetId]) -> None:
        unknown = [id_ for id_ in ids if id_ not in self._standing]
        read = {id_: self._read[id_] for id_ in unknown if id_ in self._read}
        if read:
            self._standing |= self._history.standing_in(read)
        if len(read) < len(unknown):
            self._standing |= self._history.standing_of([id_ for id_ in unknown if id_ not in read])

    def _stands(self, id_: TargetId) -> ArtifactDigest | None:
        found = self._look(id_)
        return found[0] if found else None

    def _look(self, id_: TargetId) -> tuple[ArtifactDigest, Record | None] | None:
        self._look_at((id_,))
        return self._standing[id_]


def _results(reused: Iterable[TargetId], steps: Mapping[TargetId, Step]) -> dict[TargetId, Result]:
    return {id_: cell.result for id_ in reused if (cell := steps[id_].cell) is not None and cell.result}
