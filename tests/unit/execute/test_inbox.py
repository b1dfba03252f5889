"""What one thread hears: calls of others, and ends that are lent to it."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from traintrack.execute.inbox import Inbox

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="ends are lent on Linux only")

Act = Callable[[], None]


class PretendedEnds:
    """Ends that a test makes due."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._waiting: list[Act] = []
        self.is_lent = True

    def add(self, act: Act) -> None:
        self._waiting.append(act)
        os.write(self._write, b"x")

    def fileno(self) -> int:
        return self._read

    def due(self) -> list[Act]:
        if not self.is_lent or not select.select([self._read], [], [], 0)[0]:
            return []
        os.read(self._read, 1000)
        found, self._waiting = self._waiting, []
        return found

    def close(self) -> None:
        self.is_lent = False


def do(act: Act) -> None:
    act()


def heard(inbox: Inbox, timeout_s: float | None = 5.0) -> bool:
    call = inbox.take(timeout_s)
    if call is not None:
        call()
    return call is not None


@pytest.fixture(params=["calls only", "with ends"])
def inbox(request: pytest.FixtureRequest) -> Inbox:
    inbox = Inbox()
    if request.param == "with ends":
        inbox.attend(PretendedEnds(), do)
    return inbox


def test_calls_are_made_in_their_order(inbox: Inbox) -> None:
    found: list[int] = []
    for number in range(5):
        inbox.put(partial(found.append, number))

    while heard(inbox, 0.0):
        pass

    assert found == [0, 1, 2, 3, 4]
    assert inbox.next() is None


def test_who_waits_in_vain_goes_on_in_time(inbox: Inbox) -> None:
    began = time.monotonic()

    assert not heard(inbox, 0.05)

    assert 0.04 < time.monotonic() - began < 2


def test_a_call_wakes_a_sleeper(inbox: Inbox) -> None:
    found: list[str] = []
    timer = threading.Timer(0.1, lambda: inbox.put(lambda: found.append("woken")))
    timer.start()

    assert heard(inbox, None)

    assert found == ["woken"]


def test_the_handler_of_a_signal_wakes_a_sleeper(inbox: Inbox) -> None:
    found: list[str] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: inbox.put(lambda: found.append("handled")))
    try:
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        assert heard(inbox, None)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert found == ["handled"]


def test_no_call_is_lost_while_somebody_falls_asleep(inbox: Inbox) -> None:
    found: list[int] = []

    def put_many() -> None:
        for number in range(2000):
            inbox.put(partial(found.append, number))
            if number % 7 == 0:
                time.sleep(0)

    threads = [threading.Thread(target=put_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    idle_since = time.monotonic()
    while len(found) < 8000:
        if heard(inbox, 20.0):
            idle_since = time.monotonic()
        assert time.monotonic() - idle_since < 20, f"asleep over {8000 - len(found)} calls"


def test_an_end_wakes_a_sleeper_and_calls_go_before_it() -> None:
    inbox, ends, found = Inbox(), PretendedEnds(), list[str]()
    inbox.attend(ends, do)
    threading.Timer(0.1, lambda: ends.add(lambda: found.append("first"))).start()
    assert heard(inbox, None)

    ends.add(lambda: found.append("end"))
    ends.add(lambda: found.append("other end"))
    inbox.put(lambda: found.append("call"))
    while heard(inbox, 0.0):
        pass

    assert found == ["first", "call", "end", "other end"]


def test_ends_are_given_back_and_those_already_taken_looked_after() -> None:
    inbox, ends, found = Inbox(), PretendedEnds(), list[str]()
    inbox.attend(ends, do)
    ends.add(lambda: found.append("taken"))
    ends.add(lambda: found.append("taken too"))
    assert heard(inbox)

    inbox.close()
    ends.add(lambda: found.append("of the runner"))
    inbox.put(lambda: found.append("call"))

    assert heard(inbox)
    assert not heard(inbox, 0.0)
    assert found == ["taken", "taken too", "call"]
    assert not ends.is_lent


def test_no_descriptor_stays_and_who_rings_late_hits_none() -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    inbox, ends = Inbox(), PretendedEnds()
    inbox.attend(ends, do)
    attendance = inbox._attendance
    assert attendance is not None

    inbox.close()
    victim, other = os.pipe()
    attendance.ring()

    assert len(os.listdir("/proc/self/fd")) == open_before + 4  # the pipes of `ends` and of this test
    assert not select.select([victim], [], [], 0)[0]
    for descriptor in (victim, other):
        os.close(descriptor)
