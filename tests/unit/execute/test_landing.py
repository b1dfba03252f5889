"""Results on their way: those of long tasks do not wait for others."""

from __future__ import annotations

import pytest

from traintrack.action.cell import Owner, Result
from traintrack.action.event import Event
from traintrack.action.plan import Decision, Outcome, Reason, ReasonCode, Step
from traintrack.action.record import AttemptNote
from traintrack.app.clock import SystemClock
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest
from traintrack.execute import lease as leases
from traintrack.execute.board import Board
from traintrack.execute.committer import Commit, Committer
from traintrack.execute.flight import Consumption, Flight
from traintrack.execute.landing import SHORT_S, Landing
from traintrack.execute.next import Stands
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.memory_storage import MemoryStorage

RESULT = Result(ArtifactDigest("b" * 64), ContentDigest("c" * 64), ContentDigest("d" * 64))
REASON = Reason(ReasonCode.NEVER_BUILT)


class Unheard:
    def emit(self, event: Event) -> None: ...


@pytest.mark.parametrize(("task_s", "told"), [(SHORT_S / 2, ["add"]), (SHORT_S * 2, ["add", "hurry"])])
def test_a_result_waits_for_others_only_after_a_short_task(
    monkeypatch: pytest.MonkeyPatch, task_s: float, told: list[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Committer, "add", lambda *_: asked.append("add"))
    monkeypatch.setattr(Committer, "hurry", lambda *_: asked.append("hurry"))
    storage, action = MemoryStorage(), build_action("a")
    board = Board(build_graph([action]), Unheard(), SystemClock())
    board.reopen({action.id: Step(action.id, Decision.EXECUTE, REASON, None)})
    committer = Committer(storage.cells, storage.ledger, lambda batch: None, lambda error: None)
    landing = Landing(committer, board, Unheard(), lambda id_: None, lambda id_, error: None)
    lease = leases.acquire(storage.cells, storage.cells.read([action.id])[action.id], Owner("t", "r-1"), ())
    key = ActionKey("k")
    flight = Flight(action, REASON, Consumption((), (), key), "f", lease, action.resources, 0.0)
    flight.notes.append(AttemptNote(1, duration_s=task_s))

    landing.take(action.id, Commit(lease, RESULT, key), Stands(RESULT, Outcome.EXECUTED, "", flight))

    assert asked == told
