"""Holders that were taken for dead and come back, and commits that arrive when nobody expects them any more.

Every write of each cell is watched: once there is a result, nothing is ever written over it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from crowd import PREFIX, Contender, Crowd, Group, demand_success, opened_crowd, opened_group, waits
from engineers import until
from msgspec import Struct

from traintrack.action.cell import CellState
from traintrack.testing.s3_server import DeliverLate, Hold, Rule, When
from traintrack.testing.s3_server.faults import Effect

pytestmark = pytest.mark.usefixtures("credentials")

HEARTBEAT_S = 1.0
TWICE_THE_LIMIT_S = 2 * 6 * HEARTBEAT_S
PUT = ("PutObject",)
CELL, DATA, RECORD = f"{PREFIX}/cell/*", f"{PREFIX}/data/*", "team/kept/*"
BEFORE_THE_COMMIT = Rule(Hold(When.AFTER), operations=PUT, key=RECORD, nth=2)
IN_THE_UPLOAD = Rule(Hold(), operations=PUT, key=DATA, nth=2)


class Round(Struct):
    """A holder that goes silent and comes back. `stays`: whoever took over still runs at that moment."""

    kind: str
    stays: bool
    group: Group
    holder: Contender
    waiter: Contender | None = None
    since: float = 0.0

    def silence(self) -> None:
        SILENCED[self.kind](self)
        self.since = time.monotonic()

    def take_over(self) -> bool:
        """Tell if another has begun in the holder's place, and let it end unless it is to stay."""
        assert self.waiter is not None
        assert not self.waiter.ended.is_set() or self.waiter.code == 0, self.waiter.told()
        if self.group.begun("t") < 2:
            return False
        if not self.stays and (self.group.counts / "t.hold").exists():
            self.group.let_go("t")
        return self.stays or self.waiter.ended.is_set()

    def come_back(self) -> None:
        if self.kind.startswith("stopped"):
            os.kill(self.holder.pid, signal.SIGCONT)
        self.group.s3.faults.clear()
        self.group.s3.faults.release()
        self.group.s3.late.deliver()
        if self.stays:
            time.sleep(0.5)
            self.group.let_go("t")


def stopped(play: Round) -> None:
    """The program stands still with its beats, while its task runs."""
    until(lambda: play.group.begun("t") == 1)
    time.sleep(0.3)
    os.kill(play.holder.pid, signal.SIGSTOP)


def stopped_in_upload(play: Round) -> None:
    """It stands still in the middle of storing; what was sent arrives."""
    play.group.s3.faults.add(IN_THE_UPLOAD)
    play.group.let_go("t")
    assert play.group.s3.faults.wait_for_held(1)
    os.kill(play.holder.pid, signal.SIGSTOP)
    play.group.hold("t")
    play.group.s3.faults.clear()
    play.group.s3.faults.release()


def commit_held(play: Round) -> None:
    """The commit and the beat beside it are on their way for long."""
    _before_the_commit(play, Hold(), times=2)
    assert play.group.s3.faults.wait_for_held(2)


def commit_late(play: Round) -> None:
    """What it sent for the cell arrives later, and its sender stands still meanwhile."""
    _before_the_commit(play, DeliverLate(), times=None)
    assert play.group.s3.late.wait_for(2)
    os.kill(play.holder.pid, signal.SIGSTOP)
    play.group.s3.faults.clear()


def _before_the_commit(play: Round, effect: Effect, times: int | None) -> None:
    faults = play.group.s3.faults
    faults.add(BEFORE_THE_COMMIT)
    play.group.let_go("t")
    assert faults.wait_for_held(1)
    play.group.hold("t")
    faults.clear()
    faults.add(Rule(effect, operations=PUT, key=CELL, times=times))
    faults.release()


SILENCED: dict[str, Callable[[Round], None]] = {
    "stopped": stopped,
    "stopped-in-upload": stopped_in_upload,
    "commit-held": commit_held,
    "stopped-commit-late": commit_late,
}


@contextmanager
def rounds(crowd: Crowd, folder: Path, kinds: list[tuple[str, bool]]) -> Iterator[list[Round]]:
    """Holders whose tasks stand still, each in a bucket of its own."""
    with ExitStack() as stack:
        found = []
        for number, (kind, stays) in enumerate(kinds):
            group = stack.enter_context(opened_group(folder / f"{number}-{kind}", ["t"]))
            group.storage("maker")
            group.hold("t")
            holder = crowd.start_as(group.member("holder"), "--json", "run", ":t", machine="far")
            found.append(Round(kind, stays, group, holder))
        try:
            yield found
        finally:
            for play in found:
                if not play.holder.ended.is_set():
                    os.kill(play.holder.pid, signal.SIGCONT)


def demand_one_result(play: Round) -> None:
    """See that the first result is the last one, that all have it, and that all of its bytes are there."""
    assert play.waiter is not None
    demand_success([play.holder, play.waiter])
    group, runs = play.group, (play.holder, play.waiter)
    rows = [run.targets()["//:t"] for run in runs]
    history = group.history(rows[0]["id"])
    states = [cell.state for cell in history]
    result, where = history[-1].result, f"{play.kind}, stays: {play.stays}"
    assert result is not None, where
    assert states.count(CellState.DONE) == 1, f"{where}: a result was replaced"
    assert {row["artifact"] for row in rows} == {result.artifact}, where
    assert [history[-1]] == list(group.cells().values()), where
    assert group.begun("t") == 2, where
    assert group.leftovers() == [], where
    assert group.storage("checker").artifacts.check(result) is None, where
    files = group.files(rows[0]["id"])
    group.collect()
    group.collect()
    assert group.unnamed() == set(), where
    assert group.files(rows[0]["id"], "late") == files, where


def play_all(folder: Path, kinds: list[tuple[str, bool]]) -> None:
    with opened_crowd(folder) as crowd, rounds(crowd, folder, kinds) as found:
        for play in found:
            until(lambda play=play: play.group.begun("t") == 1 or play.holder.ended.is_set())
            play.silence()
            play.waiter = crowd.start_as(play.group.member("waiter"), "--json", "run", ":t", machine="near")
        for play in found:
            assert play.waiter is not None
            waits(play.group, play.waiter)
        until(lambda: not [play for play in found if not play.take_over()])
        for play in found:
            time.sleep(max(0.0, play.since + TWICE_THE_LIMIT_S - time.monotonic()))
            play.come_back()
        for play in found:
            demand_one_result(play)


def test_six_that_come_back_from_the_dead_replace_no_result_and_lose_no_byte(tmp_path: Path) -> None:
    kinds = [("stopped", False), ("stopped", True), ("stopped-in-upload", False)]
    kinds += [("commit-held", False), ("commit-held", True), ("stopped-commit-late", False)]
    play_all(tmp_path, kinds)


@pytest.mark.torture
@pytest.mark.parametrize("number", range(50))
def test_five_hundred_that_come_back_from_the_dead_replace_no_result(tmp_path: Path, number: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"round {number}, seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    play_all(tmp_path, [(chance.choice(sorted(SILENCED)), chance.random() < 0.5) for _ in range(10)])
