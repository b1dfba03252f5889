"""Many results that are about to meet: whether they agree is found in one walk over what they were made from."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.action.action import Action, ActionGraph
from traintrack.action.cell import Result
from traintrack.action.plan import Decision, ReasonCode, Step
from traintrack.action.record import InputRead, Record, Who, encode_record
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.plan.agreement import Agreement
from traintrack.plan.planner import Planner
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.memory_storage import MemoryStorage, with_result


def stand(storage: MemoryStorage, action: Action, read: Mapping[TargetId, str], version: str = "now") -> None:
    """Give an action a result that was made from these versions of its inputs."""
    inputs = tuple(InputRead(id_, digest(id_, old), digest(id_, old), "x") for id_, old in read.items())
    record = Record(
        id=action.id, preimage=action.recipe, label=action.label, place="", workspace="test", who=Who(), inputs=inputs
    )
    kept = storage.kept.put(encode_record(record))
    with_result(storage, action.id, Result(digest(action.id, version), ContentDigest("m"), kept))


def digest(id_: TargetId, version: str) -> ArtifactDigest:
    return ArtifactDigest(f"{version}-{id_}")


def fan(storage: MemoryStorage, below: int, finals: int) -> ActionGraph:
    """`below` results, one that reads them all, `finals` that read that one, and one to be made of those."""
    evals = [build_action(f"eval{n}") for n in range(below)]
    pick = build_action("pick", evals)
    lasts = [build_action(f"final{n}", [pick]) for n in range(finals)]
    for action in (*evals, pick, *lasts):
        stand(storage, action, dict.fromkeys(action.depends_on(), "now"))
    return build_graph([*evals, pick, *lasts, build_action("end", lasts)])


def test_what_many_inputs_have_in_common_is_walked_over_once(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, looked_at = MemoryStorage(), list[TargetId]()
    graph = fan(storage, 200, 50)
    read_by = Agreement._read_by

    def noted(self: Agreement, id_: TargetId, artifact: ArtifactDigest) -> Sequence[InputRead]:
        looked_at.append(id_)
        return read_by(self, id_, artifact)

    monkeypatch.setattr(Agreement, "_read_by", noted)
    storage.cells.reads = 0
    steps = Planner(graph, storage).plan().steps

    assert [steps[i].decision for i in graph.requested] == [Decision.EXECUTE]
    assert len(steps) == 51
    assert len(looked_at) == 201
    assert storage.cells.reads <= 5


def test_records_that_cross_a_network_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, together = MemoryStorage(), threading.Barrier(20)
    graph = fan(storage, 1, 20)
    finals = {storage.cells.read([a.id])[a.id].cell.result.record for a in graph.actions.values() if "final" in a.label}  # type: ignore[union-attr]
    get = storage.kept.get

    def slow(key: ContentDigest) -> bytes | None:
        if key in finals:
            together.wait(10)
        return get(key)

    monkeypatch.setattr(storage.kept, "get", slow)
    storage.cells.heartbeat_s = 10.0

    steps = Planner(graph, storage).plan().steps

    assert sum(step.decision is Decision.REUSE for step in steps.values()) == 20


@given(st.integers(0, 2**32))
def test_the_one_walk_changes_no_decision(seed: int) -> None:
    def decided() -> dict[TargetId, tuple[Decision, ReasonCode]]:
        chance, storage = random.Random(seed), MemoryStorage()
        layers = [[build_action(f"a{n}") for n in range(3)]]
        for name in ("b", "c"):
            below = layers[-1]
            layers.append([build_action(f"{name}{n}", chance.sample(below, 2)) for n in range(4)])
        for action in (a for layer in layers for a in layer):
            old = {id_: chance.choice(["now", "now", "now", "old"]) for id_ in action.depends_on()}
            stand(storage, action, old)
        ends = [build_action(f"end{n}", chance.sample(layers[-1], 2)) for n in range(3)]
        graph = build_graph([*(a for layer in layers for a in layer), *ends])
        return {i: (s.decision, s.reason.code) for i, s in Planner(graph, storage).plan().steps.items()}

    def one_by_one(self: Agreement, reused: Collection[TargetId], steps: Mapping[TargetId, Step]) -> bool:
        return False

    found = decided()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Agreement, "_all_agree", one_by_one)
        assert decided() == found


def test_where_nothing_disagrees_all_is_walked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    below = [build_action(f"a{n}") for n in range(4)]
    middle = [build_action(f"b{n}", below) for n in range(4)]
    for action in (*below, *middle):
        stand(storage, action, dict.fromkeys(action.depends_on(), "now"))
    ends = [build_action(f"end{n}", middle) for n in range(5)]
    walks: list[int] = []
    walk = Agreement._all_agree

    def counted(self: Agreement, reused: Collection[TargetId], steps: Mapping[TargetId, Step]) -> bool:
        walks.append(len(reused))
        return walk(self, reused, steps)

    monkeypatch.setattr(Agreement, "_all_agree", counted)
    Planner(build_graph([*below, *middle, *ends], ends), storage).plan()
    assert walks == [20]
