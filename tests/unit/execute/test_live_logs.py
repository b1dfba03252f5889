"""Logs that are sent while they grow."""

from __future__ import annotations

from pathlib import Path

from traintrack.action.job import Handle
from traintrack.errors import HostError
from traintrack.execute.live_logs import PIECE_BYTES, LiveLogSender, live_name, sender
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.ledger import ObjectLedger
from traintrack.storages.objects.log_files import LogFiles
from traintrack.storages.objects.pace import RealPace
from traintrack.testing.fake_runner import FakeRunner
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.memory_storage import MemoryStorage

ONE, TWO = Handle("one"), Handle("two")


class Talking(FakeRunner):
    """A runner whose jobs say what the test lets them say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[Handle, bytes] = {}

    def logs(self, handle: Handle, offset: int) -> bytes:
        return self.said.get(handle, b"")[offset:]


class Away(ObjectLedger):
    """A store that is out of reach for a while."""

    is_away = False

    def put_live(self, flight: str, offset: int, data: bytes) -> None:
        if self.is_away:
            raise HostError("gone", hint="wait")
        super().put_live(flight, offset, data)


class World:
    def __init__(self, folder: Path) -> None:
        self.bucket = MemoryObjects()
        self.ledger = Away(self.bucket, Keys(), RealPace(), LogFiles(folder / "log", folder / "stage"))
        self.runner = Talking()
        self.errors: list[Exception] = []
        self.sender = LiveLogSender(self.ledger, self.runner, 3600.0, self.errors.append)

    def pieces(self) -> list[str]:
        return [key.removeprefix("live/") for key in self.bucket.list("live/")]


def test_each_time_what_is_new_is_sent_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sender.watch(ONE, "f.1")
    world.sender.watch(TWO, "g.1")
    for said in (b"a\n", b"a\nbc\n", b"a\nbc\n"):
        world.runner.said[ONE] = said
        world.sender.send()

    assert world.pieces() == [f"f.1/{0:016}", f"f.1/{2:016}"]
    assert world.ledger.read_live("f.1", 0) == b"a\nbc\n"


def test_a_piece_is_at_most_a_mebibyte_and_the_rest_comes_later(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sender.watch(ONE, "f.1")
    world.runner.said[ONE] = bytes(PIECE_BYTES + 5)

    world.sender.send()
    first = len(world.ledger.read_live("f.1", 0))
    world.sender.send()

    assert first == PIECE_BYTES
    assert len(world.ledger.read_live("f.1", 0)) == PIECE_BYTES + 5


def test_when_a_job_has_ended_its_pieces_go_and_no_more_come(tmp_path: Path) -> None:
    world = World(tmp_path)
    for handle, name in ((ONE, "f.1"), (TWO, "g.1")):
        world.sender.watch(handle, name)
        world.runner.said[handle] = b"said"
    world.sender.send()
    world.sender.end(ONE)
    world.sender.send()
    after = world.pieces()
    world.sender.end(TWO)
    world.sender.close()

    assert after == [f"g.1/{0:016}"]
    assert world.pieces() == []


def test_a_store_out_of_reach_costs_nothing_but_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.sender.watch(ONE, "f.1")
    world.runner.said[ONE] = b"one\n"
    world.ledger.is_away = True
    world.sender.send()
    world.ledger.is_away = False
    world.runner.said[ONE] = b"one\ntwo\n"
    world.sender.send()

    assert world.ledger.read_live("f.1", 0) == b"one\ntwo\n"
    assert world.errors == []


def test_what_a_dead_run_has_sent_of_the_same_attempt_goes_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.ledger.put_live("f.1", 0, b"dead")
    world.ledger.put_live("f.1", 4, b" and more")
    world.sender.watch(ONE, "f.1", resumed=True)
    world.runner.said[ONE] = b"mine"
    world.sender.send()

    assert world.ledger.read_live("f.1", 0) == b"mine"


def test_a_log_is_kept_under_the_name_of_its_pieces_and_only_distant_stores_get_any() -> None:
    assert live_name("flight", 2) == "flight.2"
    assert sender(MemoryStorage(), FakeRunner(), lambda error: None) is None
