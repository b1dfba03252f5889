"""A holder that is stopped (SIGSTOP) lives: its target is not taken over, and all ends right when it goes on."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Self

import pytest
from arena import Arena, Contender, Fleet, until

STOPPED_S = 1.0
"""Twenty looks of a waiter."""


class History:
    """All versions of a cell that polling has seen, oldest first; use as a context."""

    def __init__(self, arena: Arena, name: str) -> None:
        self._arena, self._name = arena, name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self.nonces: list[str] = []
        self.results: list[str] = []
        self.owners: list[int] = []

    def __enter__(self) -> Self:
        self._arena.id_of(self._name)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.is_set():
            self._look()
            time.sleep(0.001)
        self._look()

    def _look(self) -> None:
        cell = self._arena.cell(self._name)
        if cell is None or cell.nonce in self.nonces[-1:]:
            return
        self.nonces.append(cell.nonce)
        if cell.owner is not None and cell.owner.pid not in self.owners:
            self.owners.append(cell.owner.pid)
        if cell.result is not None:
            self.results.append(cell.result.artifact)


def the_program(run: Contender, task: int, number: signal.Signals) -> None:
    os.kill(run.pid, number)


def its_group(run: Contender, task: int, number: signal.Signals) -> None:
    run.signal_group(number)


def all_with_the_task(run: Contender, task: int, number: signal.Signals) -> None:
    run.signal_group(number)
    try:
        os.killpg(task, number)
    except ProcessLookupError:
        return


@pytest.mark.parametrize("send", [the_program, its_group, all_with_the_task])
def test_a_stopped_holder_keeps_its_target_and_its_result_is_the_only_one(
    arena: Arena, fleet: Fleet, send: Callable[[Contender, int, signal.Signals], None]
) -> None:
    arena.switch("t0", "hold")
    with History(arena, "t0") as history:
        holder = fleet.start("--json", "run", ":t0")
        [task] = [line.pid for line in until(lambda: arena.begun("t0"))]
        send(holder, task, signal.SIGSTOP)
        waiter = fleet.start("--json", "run", ":t0")
        until(lambda: "waiting for" in waiter.told())
        # The task may end meanwhile: nobody can take its output but the one that is stopped.
        arena.let_go("t0")
        time.sleep(STOPPED_S)
        waited = not waiter.ended.is_set()
        begun_meanwhile = len(arena.begun("t0"))
        send(holder, task, signal.SIGCONT)
        codes = (holder.wait(), waiter.wait())

    assert codes == (0, 0)
    assert waited
    assert begun_meanwhile == 1
    assert len(arena.begun("t0")) == 1
    assert history.owners == [holder.pid]
    assert len(set(history.results)) == 1
    assert waiter.targets()["//:t0"]["artifact"] == holder.targets()["//:t0"]["artifact"] == history.results[0]
    assert arena.leftovers() == []


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.torture)])
def test_runs_that_are_stopped_and_continued_at_random_never_replace_a_result(
    arena: Arena, fleet: Fleet, rounds: int
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    for number in range(rounds):
        name = f"t{number}"
        with History(arena, name) as history:
            runs = [fleet.prepare("--json", "run", f":{name}") for _ in range(3)]
            fleet.go()
            while not all(run.ended.is_set() for run in runs):
                _pause(chance.choice(runs), chance.uniform(0.0, 0.3))
                time.sleep(chance.uniform(0.0, 0.05))

        assert [run.code for run in runs] == [0, 0, 0], [run.told() for run in runs]
        assert len(arena.begun(name)) == 1
        assert len(set(history.results)) == 1
        assert {run.targets()[f"//:{name}"]["artifact"] for run in runs} == set(history.results)
    assert arena.leftovers() == []


def _pause(run: Contender, for_s: float) -> None:
    try:
        run.signal_group(signal.SIGSTOP)
        time.sleep(for_s)
        run.signal_group(signal.SIGCONT)
    except ProcessLookupError:
        return
