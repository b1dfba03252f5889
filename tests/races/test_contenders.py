"""Law 3 with real processes: runs that need one target at one time execute it once, and the others say what they do."""

from __future__ import annotations

import pytest
from arena import Arena, Contender, Fleet, until

from traintrack.app.run_targets import _run_name


def race(arena: Arena, fleet: Fleet, contenders: int, rounds: int) -> None:
    for number in range(rounds):
        name = f"t{number}"
        runs = [fleet.prepare("--json", "run", f":{name}") for _ in range(contenders)]
        fleet.go()
        codes = {run.wait() for run in runs}
        rows = [run.targets()[f"//:{name}"] for run in runs]

        assert codes == {0}, [run.told() for run in runs if run.code]
        assert len(arena.begun(name)) == 1
        assert len({row["artifact"] for row in rows}) == 1
        assert [row["outcome"] for row in rows].count("executed") == 1
    assert arena.overlaps(f"t{number}" for number in range(rounds)) == []
    assert arena.leftovers() == []
    assert arena.damaged() == []


def started(arena: Arena, fleet: Fleet, name: str) -> Contender:
    """A run whose task runs and is held."""
    arena.switch(name, "hold")
    run = fleet.start("--json", "run", f":{name}")
    until(lambda: arena.begun(name) or run.ended.is_set())
    assert not run.ended.is_set(), run.told()
    return run


def waiting(fleet: Fleet, name: str, count: int) -> list[Contender]:
    """Runs that have said that they wait."""
    runs = [fleet.prepare("--json", "run", f":{name}") for _ in range(count)]
    fleet.go()
    for run in runs:
        until(lambda run=run: "waiting for" in run.told() or run.ended.is_set())
        assert not run.ended.is_set(), run.told()
    return runs


def test_of_sixteen_runs_that_begin_at_once_one_executes_in_each_of_three_rounds(arena: Arena, fleet: Fleet) -> None:
    race(arena, fleet, contenders=16, rounds=3)


@pytest.mark.torture
def test_of_a_hundred_runs_that_begin_at_once_one_executes_in_each_of_twenty_rounds(arena: Arena, fleet: Fleet) -> None:
    race(arena, fleet, contenders=100, rounds=20)


def test_the_second_run_says_whom_it_waits_for_and_takes_the_result(arena: Arena, fleet: Fleet) -> None:
    first = started(arena, fleet, "t0")
    [second] = waiting(fleet, "t0", 1)
    arena.let_go("t0")

    assert (first.wait(), second.wait()) == (0, 0)
    name = first.told().split()[1]
    line = next(line for line in second.told().splitlines() if "waiting for" in line and "//:t0" in line)
    assert f"(run {name}, since " in line
    assert second.targets()["//:t0"]["outcome"] == "shared"
    assert arena.standing("t0").holder == first.pid
    assert len(arena.begun("t0")) == 1


@pytest.mark.parametrize("waiters", [6, pytest.param(50, marks=pytest.mark.torture)])
def test_a_failing_task_is_executed_once_and_all_who_waited_report_its_failure(
    arena: Arena, fleet: Fleet, waiters: int
) -> None:
    first = started(arena, fleet, "t0")
    others = waiting(fleet, "t0", waiters)
    arena.switch("t0", "fail")
    arena.let_go("t0")
    codes = [run.wait() for run in (first, *others)]

    assert codes == [1] * (waiters + 1)
    rows = [run.targets()["//:t0"] for run in (first, *others)]
    assert {(row["outcome"], row["failure"], row["log"]) for row in rows} == {("failed", "task", rows[0]["log"])}
    assert len(arena.begun("t0")) == 1
    assert arena.leftovers() == []


def test_a_failed_target_is_tried_again_by_a_run_that_begins_later(arena: Arena, fleet: Fleet) -> None:
    arena.switch("t0", "fail")
    first = fleet.start("run", ":t0").wait()
    (arena.count / "t0.fail").unlink()
    second = fleet.start("run", ":t0").wait()

    assert (first, second) == (1, 0)
    assert len(arena.begun("t0")) == 2


def test_a_thousand_runs_that_begin_in_one_second_have_names_of_their_own() -> None:
    assert len({_run_name() for _ in range(1000)}) == 1000
