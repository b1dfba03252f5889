"""Waiting for what another holds over a bucket: who is seen to be dead at once, and who says that he waits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from bucket import Noting, Pace
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Owner
from traintrack.digest import target_id
from traintrack.errors import HostError
from traintrack.ports.storage import Liveness, Want, Wants
from traintrack.storages.local.processes import process_started
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.presence import present_here, process_world, seen_from_here
from traintrack.storages.objects.wants import ObjectWants
from traintrack.storages.want_list import WantList

ID, OTHER = target_id(b"one"), target_id(b"two")
KEYS = Keys()


def opened(bucket: Noting, pace: Pace | None = None) -> tuple[ObjectCells, WantList]:
    want_list = WantList(ObjectWants(bucket, KEYS))
    return ObjectCells(bucket, KEYS, pace or Pace(), want_list=want_list), want_list


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def owner_of(process: subprocess.Popen[bytes], run: str = "r-1") -> Owner:
    return Owner("t", run, "ann", "host", process_world(), process.pid, process_started(process.pid), "2026")


def test_a_dead_process_of_this_machine_is_gone_and_a_living_one_is_judged_by_its_silence(
    sleeper: subprocess.Popen[bytes],
) -> None:
    owner = owner_of(sleeper)
    living = seen_from_here(owner)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert living is Liveness.UNKNOWN
    assert seen_from_here(owner) is Liveness.GONE, "though its parent has not asked for its end"
    sleeper.wait()
    assert seen_from_here(owner) is Liveness.GONE


def test_a_process_of_another_machine_or_container_or_number_is_not_judged_by_ours(
    sleeper: subprocess.Popen[bytes],
) -> None:
    owner = owner_of(sleeper)
    boot, _, numbers = process_world().partition("/")
    sleeper.kill()
    sleeper.wait()

    for other in (f"other/{numbers}", f"{boot}/1", boot, ""):
        assert seen_from_here(replace(owner, boot_id=other)) is Liveness.UNKNOWN
    assert seen_from_here(Owner("t", "r-1")) is Liveness.UNKNOWN


def test_another_process_under_the_number_of_a_dead_one_is_not_taken_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    assert seen_from_here(replace(owner_of(sleeper), pid_started=1)) is Liveness.GONE


def test_of_this_process_it_is_known_which_runs_live() -> None:
    with present_here("r-1") as owner:
        during = seen_from_here(owner), seen_from_here(replace(owner, run="r-2"))

    assert during == (Liveness.ALIVE, Liveness.GONE)
    assert seen_from_here(owner) is Liveness.GONE


def test_waiting_ends_soon_after_a_holder_of_this_machine_has_died(sleeper: subprocess.Popen[bytes]) -> None:
    class Killing(Pace):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.now > 3.0:  # The next look at the cell is at 4.75.
                sleeper.kill()
                sleeper.wait()

    bucket, pace = Noting(), Killing()
    cells, _ = opened(bucket, pace)
    held = cells.swap(cells.read([ID])[ID], change.acquire(None, owner_of(sleeper)))
    bucket.taken()

    cells.wait([held], 60.0)

    assert pace.now < 3.6
    assert len(bucket.taken()) < 5
    assert held.cell is not None
    assert held.cell.owner is not None
    assert cells.liveness(held.cell.owner) is Liveness.GONE


def test_who_waits_for_more_than_a_poll_says_so_until_the_cell_is_free() -> None:
    bucket = Noting()
    cells, want_list = opened(bucket)
    assert isinstance(cells, Wants)
    held = cells.swap(cells.read([ID])[ID], change.acquire(None, Owner("t", "r-1")))
    with present_here("r-2") as owner:
        want_list.begin(owner)
        cells.wait([held], 0.5)
        at_once = cells.wants(ID)
        cells.wait([held], 5.0)
        cells.wait([held], 5.0)
        later = cells.wants(ID)
        puts = bucket.requests.count(f"put {KEYS.wants(ID)}r-2")
        assert held.cell is not None
        cells.swap(held, change.release(held.cell))
        cells.read([ID])
        after = cells.wants(ID)
        want_list.end(owner)

    assert at_once in ((), later)
    assert later == (Want("r-2", owner.user, owner.host, owner.since),)
    assert puts == 1
    assert after == ()


def test_who_takes_over_waits_no_longer_and_who_leaves_takes_all_wants_along() -> None:
    bucket = Noting()
    cells, want_list = opened(bucket)
    one = cells.swap(cells.read([ID])[ID], change.acquire(None, Owner("t", "r-1")))
    two = cells.swap(cells.read([OTHER])[OTHER], change.acquire(None, Owner("u", "r-1")))
    with present_here("r-2") as owner:
        want_list.begin(owner)
        cells.wait([one, two], 9.0)
        waiting = cells.wants(ID), cells.wants(OTHER)
        assert one.cell is not None
        cells.swap(one, change.take_over(one.cell, replace(owner, token="v")))
        after = cells.wants(ID), cells.wants(OTHER)
        want_list.end(owner)

    assert [len(found) for found in waiting] == [1, 1]
    assert [len(found) for found in after] == [0, 1]
    assert not [key for key in bucket.objects if "/want/" in key]


def test_a_want_list_that_cannot_be_written_or_read_is_no_error() -> None:
    class Refusing(Noting):
        def put(self, key: str, data: bytes) -> None:
            raise HostError(f"no right to write {key}")

    bucket = Refusing()
    cells, want_list = opened(bucket)
    held = cells.swap(cells.read([ID])[ID], change.acquire(None, Owner("t", "r-1")))
    with present_here("r-2") as owner:
        want_list.begin(owner)
        cells.wait([held], 9.0)
        want_list.end(owner)
    bucket.objects[f"{KEYS.wants(ID)}r-9"] = b"not json"

    assert cells.wants(ID) == ()
