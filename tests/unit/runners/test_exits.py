"""The ends of processes, looked after by as few threads as will do."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from traintrack.runners.contract.exits import CAN_WATCH, Exits

pytestmark = pytest.mark.skipif(not CAN_WATCH, reason="no pidfd or epoll on this system")


def ended(count: int, watch: Callable[[int, Callable[[], None]], None], seconds: float = 0.0) -> list[int]:
    """Watch `count` processes that sleep, and return the numbers of those whose end was looked after."""
    found: list[int] = []
    all_came = threading.Event()
    processes = [subprocess.Popen(["sleep", str(seconds)]) for _ in range(count)]

    def act(pid: int) -> None:
        found.append(pid)
        if len(found) == count:
            all_came.set()

    for process in processes:
        watch(process.pid, partial(act, process.pid))
    assert all_came.wait(20)
    for process in processes:
        assert process.wait(5) == 0
    return found


def wait(event: threading.Event) -> None:
    event.wait(20)


def waiters() -> int:
    return sum(thread.name == "exits" for thread in threading.enumerate())


def test_each_end_is_looked_after_once() -> None:
    found = ended(50, Exits().watch, 0.05)

    assert len(set(found)) == 50


def test_an_end_that_takes_long_keeps_no_other_from_being_looked_after() -> None:
    exits, slow = Exits(), threading.Event()
    blocked = subprocess.Popen(["true"])
    exits.watch(blocked.pid, partial(wait, slow))

    try:
        assert len(ended(3, exits.watch)) == 3
    finally:
        slow.set()
    assert blocked.wait(5) == 0


def test_the_process_is_still_there_to_be_reaped() -> None:
    exits, came = Exits(), threading.Event()
    process = subprocess.Popen(["sh", "-c", "exit 7"])
    exits.watch(process.pid, came.set)

    assert came.wait(20)
    assert os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    assert process.wait(5) == 7


def test_a_process_that_ended_before_it_was_watched_is_told_at_once() -> None:
    exits, came = Exits(), threading.Event()
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    exits.watch(process.pid, came.set)

    assert came.wait(5)
    process.wait(5)


def test_few_threads_stay_and_no_descriptor_does() -> None:
    exits = Exits()
    ended(1, exits.watch)
    threads, files = waiters(), len(os.listdir("/proc/self/fd"))

    for _ in range(5):
        ended(8, exits.watch, 0.02)

    time.sleep(0.1)
    assert waiters() <= threads + 1
    assert len(os.listdir("/proc/self/fd")) <= files + 1


def test_lent_ends_are_due_once_each_and_no_thread_waits_for_them() -> None:
    exits, found = Exits(), list[int]()
    before = waiters()
    lent = exits.lend()
    processes = [subprocess.Popen(["true"]) for _ in range(5)]
    for process in processes:
        exits.watch(process.pid, partial(found.append, process.pid))
    for process in processes:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert select.select([lent], [], [], 5)[0]
    for act in [*lent.due(), *lent.due()]:
        act()

    assert sorted(found) == sorted(process.pid for process in processes)
    assert waiters() == before
    for process in processes:
        process.wait(5)


def test_what_is_given_back_is_looked_after_by_a_thread() -> None:
    exits, came = Exits(), threading.Event()
    lent = exits.lend()
    process = subprocess.Popen(["true"])
    exits.watch(process.pid, came.set)
    assert not came.wait(0.2)

    lent.close()

    assert came.wait(20)
    assert lent.due() == []
    process.wait(5)


def test_a_child_of_a_fork_looks_after_the_ends_of_its_own_processes() -> None:
    exits, came = Exits(), threading.Event()
    exits.lend()
    exits._pid = 0
    process = subprocess.Popen(["true"])

    exits.watch(process.pid, came.set)

    assert came.wait(20)
    process.wait(5)
