"""Commits in groups: one round for many, and what a lost hold means."""

from __future__ import annotations

import threading

from traintrack.action.cell import CellState, Owner, Result
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId
from traintrack.execute import lease as leases
from traintrack.execute.committer import Commit, Committed, Committer
from traintrack.execute.lease import SupersededError
from traintrack.ports.storage import CellConflictError, Seen
from traintrack.testing.memory_storage import MemoryStorage

RESULT = Result(ArtifactDigest("b" * 64), ContentDigest("c" * 64), ContentDigest("d" * 64))


def publishing(storage: MemoryStorage, name: str) -> Commit:
    id_ = TargetId(name)
    held = leases.acquire(storage.cells, storage.cells.read([id_])[id_], Owner(f"token-{name}", "r-1"), ())
    return Commit(leases.start_publishing(storage.cells, held), RESULT, ActionKey(f"key-{name}"))


def commit_all(storage: MemoryStorage, commits: list[Commit]) -> tuple[list[Committed], list[int]]:
    """Commit what was added before the thread could start; returns how each ended, and the sizes of the rounds."""
    ended: list[Committed] = []
    sizes: list[int] = []
    first, gate = threading.Event(), threading.Event()
    whole = storage.cells.commit_all

    def slow(changes: list[tuple[Seen, object]]) -> list[Seen | CellConflictError]:
        sizes.append(len(changes))
        first.set()
        gate.wait(10)
        return whole(changes)  # type: ignore[arg-type]

    storage.cells.commit_all = slow  # type: ignore[method-assign, assignment]
    committer = Committer(storage.cells, storage.ledger, ended.extend, lambda error: None)
    committer.add(commits[0])
    first.wait(10)
    for commit in commits[1:]:
        committer.add(commit)
    gate.set()
    committer.close()
    return ended, sizes


def test_what_comes_during_a_round_shares_the_next_one() -> None:
    storage = MemoryStorage()

    ended, sizes = commit_all(storage, [publishing(storage, f"t{n}") for n in range(5)])

    assert sizes == [1, 4]
    assert [c.error for c in ended] == [None] * 5
    assert all(storage.done(TargetId(f"t{n}")) for n in range(5))
    assert storage.ledger.hint(ActionKey("key-t3")) == "t3"


def test_a_lost_hold_is_told_and_the_others_stand() -> None:
    storage = MemoryStorage()
    commits = [publishing(storage, f"t{n}") for n in range(3)]
    lost = TargetId("t1")
    leases.take_over(storage.cells, storage.cells.read([lost])[lost], Owner("other", "r-2"))

    ended, _ = commit_all(storage, commits)

    assert {c.id: type(c.error) for c in ended} == {"t0": type(None), "t1": SupersededError, "t2": type(None)}
    cell = storage.cells.read([lost])[lost].cell
    assert cell is not None
    assert cell.state is CellState.HELD
    assert storage.ledger.hint(ActionKey("key-t1")) is None
