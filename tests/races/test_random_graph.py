"""Overlapping runs over parts of one random graph, some of them killed: each target is executed once by who lives."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest
from arena import Arena, Contender, Fleet, until

LONG_S = 600.0


def random_graph(count: int, chance: random.Random) -> dict[str, list[str]]:
    """Targets that read up to three of the forty before them."""
    graph: dict[str, list[str]] = {}
    names = [f"t{number}" for number in range(count)]
    for number, name in enumerate(names):
        near = names[max(0, number - 40) : number]
        graph[name] = chance.sample(near, min(len(near), chance.randrange(4)))
    return graph


class Storm:
    """Runs over random parts of the graph; one that is killed is followed by a new one."""

    def __init__(self, fleet: Fleet, names: list[str], chance: random.Random) -> None:
        self._fleet, self._names, self._chance = fleet, names, chance
        self.living: list[Contender] = []
        self.all: list[Contender] = []
        self.killed: set[int] = set()

    def start(self, count: int) -> None:
        for _ in range(count):
            part = self._chance.sample(self._names, max(1, len(self._names) // 5))
            run = self._fleet.prepare("--json", "run", *(f":{name}" for name in part))
            self.living.append(run)
            self.all.append(run)
        self._fleet.go()

    def survivors(self) -> list[Contender]:
        return [run for run in self.all if run.pid not in self.killed]

    def all_have_ended(self) -> bool:
        return all(run.ended.is_set() for run in self.living)

    def kill_one(self) -> None:
        if self.all_have_ended():
            self.start(1)
        self.living = [run for run in self.living if not run.ended.is_set()]
        run = self.living.pop(self._chance.randrange(len(self.living)))
        run.kill()
        if run.code == -signal.SIGKILL:
            self.killed.add(run.pid)
        self.start(1)


def begun_targets(arena: Arena) -> int:
    return sum("." not in name for name in os.listdir(arena.count))


def kill_along_the_way(arena: Arena, storm: Storm, count: int, kills: int) -> None:
    """Kill whenever another share of the targets has begun, so that the kills fall into all of the work."""
    for number in range(kills):
        due = count * (number + 1) // (kills + 2)
        # Their parts together may be less than what is due.
        until(lambda due=due: begun_targets(arena) >= due or storm.all_have_ended(), LONG_S)
        storm.kill_one()


@pytest.mark.parametrize(
    ("count", "runs", "kills"),
    [(120, 4, 5), pytest.param(1000, 8, 20, marks=pytest.mark.torture)],
)
def test_overlapping_runs_with_kills_execute_each_target_once_and_none_is_stuck(
    tmp_path: Path, cache: Path, count: int, runs: int, kills: int
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    arena = Arena(tmp_path / "arena", random_graph(count, chance), cache)
    names = [f"t{number}" for number in range(count)]
    with arena.fleet() as fleet:
        storm = Storm(fleet, names, chance)
        storm.start(runs)
        kill_along_the_way(arena, storm, count, kills)
        for run in storm.survivors():
            assert run.wait(LONG_S) == 0, run.told()[-2000:]
        last = fleet.start("--json", "run", "//:*")
        assert last.wait(LONG_S) == 0, last.told()[-2000:]
        again = fleet.start("--json", "run", "//:*")
        assert again.wait() == 0
    arena.traintrack("clean")

    assert arena.overlaps(names) == []
    assert [name for name in names if not _is_executed_once(arena, name, storm, last)] == []
    assert _disagreeing(storm, last) == []
    assert {row["outcome"] for row in again.targets().values()} == {"reused"}
    assert arena.damaged() == []
    assert arena.leftovers_after_kills() == []


def _is_executed_once(arena: Arena, name: str, storm: Storm, last_run: Contender) -> bool:
    """The last execution stands; each before it was of a run that was killed, and no run executed it twice.

    A task that began just after its run had died names whoever adopted it.
    """
    *before, last = arena.begun(name)
    living = {run.pid for run in (*storm.all, last_run)} - storm.killed
    by_run = Counter(line.holder for line in (*before, last) if line.holder in living | storm.killed)
    lost = all(line.holder not in living for line in before)
    stands = arena.standing(name)
    return lost and max(by_run.values()) == 1 and (stands.pid, stands.holder) == (last.pid, last.holder)


def _disagreeing(storm: Storm, last: Contender) -> list[str]:
    """Targets of which some run was told another artifact than the one that stands."""
    standing = {label: row["artifact"] for label, row in last.targets().items()}
    told = [(label, row["artifact"]) for run in storm.survivors() for label, row in run.targets().items()]
    return sorted({label for label, artifact in told if artifact != standing[label]})
