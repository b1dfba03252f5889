"""Threads that are used again."""

from __future__ import annotations

import gc
import queue
import threading
import weakref

import pytest

from traintrack.runners.contract import workers as module
from traintrack.runners.contract.workers import Workers


class Names:
    """Collects the numbers of the threads that ran something."""

    def __init__(self) -> None:
        self.seen: queue.SimpleQueue[int] = queue.SimpleQueue()

    def note(self) -> None:
        self.seen.put(threading.get_ident())


def await_free(workers: Workers, count: int) -> None:
    while workers._free != count:
        threading.Event().wait(0.001)


def test_one_after_another_run_in_one_thread() -> None:
    workers, names = Workers(), Names()
    found = set()
    for _ in range(20):
        workers.run(names.note)
        found.add(names.seen.get(timeout=5))
        await_free(workers, 1)

    assert len(found) == 1


def test_all_at_once_run_at_once() -> None:
    workers, barrier = Workers(), threading.Barrier(9)
    for _ in range(8):
        workers.run(barrier.wait)

    barrier.wait(5)


def test_a_thread_without_work_ends_and_a_later_act_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_AT_MOST_S", 0.001)
    workers, names = Workers(), Names()
    for _ in range(50):
        workers.run(names.note)
        names.seen.get(timeout=5)
    await_free(workers, 0)

    workers.run(names.note)

    assert names.seen.get(timeout=5)


def test_what_was_run_does_not_live_on_in_a_thread_that_waits() -> None:
    workers, done = Workers(), threading.Event()

    class Act:
        def __call__(self) -> None:
            done.set()

    act = Act()
    alive = weakref.ref(act)
    workers.run(act)
    del act
    done.wait(5)
    await_free(workers, 1)
    gc.collect()

    assert alive() is None
