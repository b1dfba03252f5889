"""Ctrl-C as a terminal sends it, to the whole group, once, twice and three times; and SIGTERM: nothing stays behind."""

from __future__ import annotations

import signal

import pytest
from arena import Arena, Contender, Fleet, until

from traintrack.action.cell import CellState, FreeReason


def running(arena: Arena, fleet: Fleet, *marks: str) -> Contender:
    """A run of `b`, whose input `a` is being executed."""
    arena.switch("a", "hold", *marks)
    run = fleet.start("--json", "run", ":b")
    until(lambda: any(line.word == "ready" for line in arena.lines("a")) or run.ended.is_set())
    assert not run.ended.is_set(), run.told()
    return run


def interrupt(run: Contender, times: int) -> None:
    """Press Ctrl-C; each is answered before the next, so that two do not become one."""
    for count in range(times):
        run.signal_group(signal.SIGINT)
        until(lambda count=count: run.told().count("stopping: ") > count or run.ended.is_set())


def assert_nothing_is_left(arena: Arena) -> None:
    assert not arena.is_living("a")
    assert arena.leftovers() == []
    assert arena.living_tasks() == []


def test_the_first_interrupt_lets_the_task_end_and_starts_nothing_more(arena: Arena, fleet: Fleet) -> None:
    run = running(arena, fleet)
    interrupt(run, 1)
    arena.let_go("a")

    assert run.wait() == 130, run.told()
    assert arena.standing("a").holder == run.pid
    assert arena.begun("b") == []
    assert arena.cell("b") is None
    assert_nothing_is_left(arena)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_interrupt_and_sigterm_end_the_task_free_the_cell_and_keep_the_checkpoint(
    arena: Arena, fleet: Fleet, number: signal.Signals, code: int
) -> None:
    run = running(arena, fleet, "checkpoint")
    if number == signal.SIGINT:
        interrupt(run, 2)
    else:
        run.signal_group(number)

    assert run.wait() == code, run.told()
    cell = arena.cell("a")
    assert cell is not None
    assert (cell.state, cell.free, cell.owner) == (CellState.FREE, FreeReason.RELEASED, None)
    assert cell.checkpoint is not None
    assert (arena.store / "runner/checkpoints" / cell.checkpoint).read_text() == "one\n"
    assert_nothing_is_left(arena)


def test_the_third_interrupt_kills_a_deaf_task_with_its_grandchild_in_another_session(
    arena: Arena, fleet: Fleet
) -> None:
    run = running(arena, fleet, "deaf", "child", "checkpoint")
    interrupt(run, 3)

    assert run.wait() == 130, run.told()
    cell = arena.cell("a")
    assert cell is not None
    assert (cell.state, cell.free) == (CellState.FREE, FreeReason.RELEASED)
    assert cell.checkpoint is not None
    assert_nothing_is_left(arena)


def test_a_grandchild_in_another_session_is_gone_when_its_task_has_ended(arena: Arena, fleet: Fleet) -> None:
    arena.switch("a", "child")

    assert fleet.start("run", ":a").wait() == 0
    assert_nothing_is_left(arena)


def test_who_is_interrupted_while_it_waits_ends_at_once_and_leaves_the_holder_alone(arena: Arena, fleet: Fleet) -> None:
    holder = running(arena, fleet)
    waiter = fleet.start("--json", "run", ":a")
    until(lambda: "waiting for" in waiter.told())
    interrupt(waiter, 1)
    code = waiter.wait()
    arena.let_go("a")

    assert code == 130, waiter.told()
    assert holder.wait() == 0, holder.told()
    assert len(arena.begun("a")) == 1


def test_who_waits_for_a_holder_that_is_interrupted_takes_over(arena: Arena, fleet: Fleet) -> None:
    holder = running(arena, fleet)
    waiter = fleet.start("--json", "run", ":a")
    until(lambda: "waiting for" in waiter.told())
    interrupt(holder, 2)
    until(lambda: len(arena.begun("a")) == 2 or waiter.ended.is_set())
    arena.let_go("a")

    assert holder.wait() == 130
    assert waiter.wait() == 0, waiter.told()
    assert arena.standing("a").holder == waiter.pid
    assert arena.overlaps(["a"]) == []


def test_a_run_goes_on_where_an_interrupted_one_was_stopped(arena: Arena, fleet: Fleet) -> None:
    run = running(arena, fleet)
    interrupt(run, 2)
    arena.let_go("a")

    assert run.wait() == 130
    assert fleet.start("run", ":b").wait() == 0
    assert (len(arena.begun("a")), len(arena.begun("b"))) == (2, 1)
    assert_nothing_is_left(arena)
