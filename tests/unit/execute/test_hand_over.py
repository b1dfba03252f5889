"""What a run that leaves does for those who wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.execute.control import StopLevel
from traintrack.execute.hand_over import HandOver, waiting_words
from traintrack.ports.storage import Want
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.storages.objects.checkpoints import ObjectCheckpoints
from traintrack.storages.objects.pace import RealPace
from traintrack.testing.memory_objects import MemoryObjects

ID = TargetId("a" * 64)
KEY = "flight~flight.1.x/epoch-7"
ANN, BOB = Want("r-2", "ann", "lab", ""), Want("r-3", "bob", "desk", "")


class Waiters:
    """Who waits, said by the test."""

    def __init__(self, *wants: Want) -> None:
        self._wants = wants

    def wants(self, id_: TargetId) -> tuple[Want, ...]:
        return self._wants if id_ == ID else ()


class Carrier:
    """The checkpoints of a machine, as runners carry them."""

    def __init__(self, root: Path) -> None:
        self.checkpoints = Checkpoints(root)

    def checkpoint_path(self, key: str) -> Path | None:
        path = self.checkpoints.path_of(key)
        return None if path is None else Path(path)

    def place_for_checkpoint(self, key: str) -> Path | None:
        path = self.checkpoints.place_for(key)
        return None if path is None else Path(path)


class Machine:
    """One machine over a bucket."""

    def __init__(self, bucket: MemoryObjects, folder: Path, *wants: Want, most_bytes: int = 1 << 20) -> None:
        self.root = folder / "checkpoints"
        self.shared = ObjectCheckpoints(bucket, RealPace(), folder / "packing", most_bytes)
        self.others = HandOver(Waiters(*wants), self.shared, Carrier(self.root))
        self.packing = folder / "packing"

    def seal(self) -> None:
        folder = self.root / KEY
        (folder / "sub").mkdir(parents=True)
        (folder / "weights").write_bytes(bytes(100_000))
        (folder / "sub" / "run.sh").write_text("#!/bin/sh\n")
        (folder / "sub" / "run.sh").chmod(0o755)


def test_a_checkpoint_goes_to_another_machine_for_those_who_wait(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    first, second = Machine(bucket, tmp_path / "a", ANN), Machine(bucket, tmp_path / "b")
    first.seal()

    named = first.others.for_others(ID, KEY)
    key = second.others.here(named)

    assert named is not None
    assert named.startswith(f"{KEY}@")
    assert key == KEY
    assert (second.root / KEY / "weights").read_bytes() == bytes(100_000)
    assert (second.root / KEY / "sub" / "run.sh").stat().st_mode & 0o111
    assert [list(machine.packing.iterdir()) for machine in (first, second)] == [[], []]
    first.others.drop(named)
    assert not bucket.objects


def test_without_anybody_who_waits_nothing_is_sent(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    alone = Machine(bucket, tmp_path)
    alone.seal()

    assert alone.others.for_others(ID, KEY) == KEY
    assert alone.others.here(KEY) == KEY
    assert not bucket.objects


def test_where_the_checkpoint_is_it_is_not_fetched(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    machine = Machine(bucket, tmp_path, ANN)
    machine.seal()
    named = machine.others.for_others(ID, KEY)
    bucket.objects.clear()

    assert machine.others.here(named) == KEY


def test_a_checkpoint_that_is_too_large_stays(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    machine = Machine(bucket, tmp_path, ANN, most_bytes=1000)
    machine.seal()

    assert machine.others.for_others(ID, KEY) == KEY
    assert not bucket.objects


@pytest.mark.parametrize("harm", ["gone", "changed", "no pack"])
def test_what_did_not_arrive_whole_is_no_checkpoint(tmp_path: Path, harm: str) -> None:
    bucket = MemoryObjects()
    first, second = Machine(bucket, tmp_path / "a", ANN), Machine(bucket, tmp_path / "b")
    first.seal()
    named = first.others.for_others(ID, KEY)
    [at] = bucket.objects
    if harm == "gone":
        bucket.delete(at)
    else:
        got = bucket.get(at)
        assert got is not None
        bucket.put(at, got.data[:-1] + b"x" if harm == "changed" else b"x")

    assert second.others.here(named) is None
    assert not (second.root / KEY).exists()
    assert list(second.packing.iterdir()) == []


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/x", "x"])
def test_a_key_that_is_no_key_of_ours_leads_nowhere(tmp_path: Path, key: str) -> None:
    machine = Machine(MemoryObjects(), tmp_path)

    assert machine.others.here(f"{key}@{'0' * 64}") is None
    assert sorted(path.name for path in tmp_path.iterdir()) in ([], ["packing"])


def test_a_store_out_of_reach_leaves_the_checkpoint_where_it_is(tmp_path: Path) -> None:
    machine = Machine(MemoryObjects(), tmp_path)
    machine.seal()

    class Away:
        def put(self, key: str, source: Path) -> str | None:
            raise HostError("gone", hint="wait")

        def fetch(self, found: str, target: Path) -> bool:
            raise HostError("gone", hint="wait")

        def drop(self, found: str) -> None:
            raise AssertionError

    others = HandOver(Waiters(ANN), Away(), Carrier(machine.root))

    assert others.for_others(ID, KEY) == KEY
    assert HandOver(Waiters(), Away(), Carrier(tmp_path / "other")).here(f"{KEY}@{'0' * 64}") is None


def test_those_who_wait_are_named_and_told_what_they_get() -> None:
    many = [Want(f"r-{n}", f"user{n}", "lab", "") for n in range(5)]

    assert waiting_words("//:a", (ANN,), StopLevel.DRAIN) == (
        "1 other waits for //:a: ann@lab; it will have its result, or go on with it if it is ended here"
    )
    assert waiting_words("//:a", (BOB, ANN), StopLevel.STOP) == (
        "2 others wait for //:a: ann@lab, bob@desk; they will go on with it, from its checkpoint if it has sealed one"
    )
    assert "5 others wait for //:a: user0@lab, user1@lab, user2@lab and 2 more; " in waiting_words(
        "//:a", many, StopLevel.STOP
    )
