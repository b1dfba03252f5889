"""A storage that reads through others: what it shows, what it writes, and what it leaves alone."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import CellState, FreeReason, Owner, Phase
from traintrack.digest import ActionKey, ContentDigest, target_id
from traintrack.errors import HostError, NotFoundError
from traintrack.ports.storage import CellConflictError, GroupCommits, Liveness
from traintrack.ports.through import ReadsThrough, Sharing, own_storage
from traintrack.ports.verify import Verifiable
from traintrack.storages.local.store import LocalStorage, open_local
from traintrack.storages.through.reach import Read
from traintrack.storages.through.store import ThroughStorage, read_through
from traintrack.testing.memory_storage import MemoryStorage
from traintrack.testing.storage_suite import StorageSuite, run_document

sys.path.insert(0, str(Path(__file__).resolve().parent))

from through_world import Named, bytes_below, cell_of, held, put_result, reading, staged, stands

ID, OTHER, THIRD = (target_id(name) for name in (b"one", b"two", b"three"))


class Staged(ThroughStorage):
    """With the stages of the own folder, as the conformance suite wants them."""

    def __init__(self, own: LocalStorage, other: LocalStorage) -> None:
        super().__init__(own, [Read("team", lambda: (other,))])
        self.staging = own.staging


class TestConformance(StorageSuite):
    @pytest.fixture(autouse=True)
    def _in_new_folders(self, tmp_path: Path) -> None:
        self._root = tmp_path

    def open(self) -> Staged:
        return Staged(open_local(self._root / "own"), open_local(self._root / "team"))


@pytest.fixture
def own() -> Named:
    return Named("own")


@pytest.fixture
def team() -> Named:
    return Named("team")


def test_a_result_elsewhere_is_shown_with_its_home_and_nothing_is_written(own: Named, team: Named) -> None:
    result = put_result(team, ID)

    shown = stands(reading(own, team), ID)

    assert shown == replace(result, home="team")
    assert own.cells.read([ID])[ID].cell is None
    assert own.kept.objects == {}


def test_a_result_elsewhere_is_brought_in_as_soon_as_a_run_is_present(own: Named, team: Named) -> None:
    result = put_result(team, ID)
    storage = reading(own, team)

    with storage.present("r-1"):
        brought = stands(storage, ID)

    assert brought == stands(own, ID) == replace(result, home="team")
    assert set(own.kept.objects) == {result.record, result.manifest}
    assert own.artifacts.present == {}


def test_what_the_plan_has_seen_is_brought_in_when_the_run_begins(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    assert stands(storage, ID) is not None

    with storage.present("r-1"):
        assert stands(own, ID) is not None


def test_bringing_in_costs_no_byte_of_the_artifact(tmp_path: Path) -> None:
    own, team = open_local(tmp_path / "own"), open_local(tmp_path / "team")
    result = put_result(team, ID, b"x" * 1_000_000)
    storage = reading(own, team)

    with storage.present("r-1"):
        assert stands(storage, ID) == replace(result, home=team.name)
        size_bytes = bytes_below(tmp_path / "own")
        words = storage.artifacts.fetch(replace(result, home=team.name))
        data = (storage.artifacts.path(result.artifact) / "out.txt").read_bytes()

    assert size_bytes < 10_000
    assert words is None
    assert data == b"x" * 1_000_000


def test_an_own_result_asks_nobody(own: Named, team: Named) -> None:
    put_result(own, ID, b"mine")
    put_result(team, ID, b"theirs")
    opened: list[str] = []

    def opening() -> list[MemoryStorage]:
        opened.append("team")
        return [team]

    storage = ThroughStorage(own, [Read("team", opening)])
    with storage.present("r-1"):
        result = stands(storage, ID)

    assert result == stands(own, ID)
    assert result.home == ""
    assert opened == []


def test_all_that_is_missing_is_asked_for_in_one_batch(own: Named, team: Named) -> None:
    ids = [target_id(str(n).encode()) for n in range(50)]
    for id_ in ids[:25]:
        put_result(team, id_)
    storage = reading(own, team)
    storage.cells.read([OTHER])
    before = team.cells.reads

    with storage.present("r-1"):
        seen = storage.cells.read(ids)

    assert sum(s.cell is not None for s in seen.values()) == 25
    assert team.cells.reads == before + 1


def test_storages_are_asked_in_their_order_and_a_result_counts_more_than_a_holder(own: Named) -> None:
    first, second, third = Named("first"), Named("second"), Named("third")
    with first.present("r-far"):
        held(first, ID)
        put_result(second, ID, b"2")
        put_result(third, ID, b"3")

        assert stands(reading(own, first, second, third), ID).home == "second"


def test_what_is_held_elsewhere_is_shown_until_its_holder_is_gone(own: Named, team: Named) -> None:
    storage = reading(own, team)
    with team.present("r-far") as owner:
        there = held(team, ID, replace(owner, token="t" * 32))
        seen = storage.cells.read([ID])[ID]
        alive = storage.cells.liveness(cell_of(seen).owner)

    assert seen.cell == there.cell
    assert alive is Liveness.ALIVE
    assert storage.cells.liveness(cell_of(seen).owner) is Liveness.GONE
    assert storage.cells.read([ID])[ID].cell is None


def test_who_commits_and_leaves_between_two_looks_has_made_the_result(own: Named, team: Named) -> None:
    """The cell was read as held, and its holder is gone when he is looked for: by then it may be done."""
    storage = reading(own, team)
    there = held(team, ID)

    def gone(_: Owner) -> Liveness:
        if cell_of(team.cells.read([ID])[ID]).state is CellState.HELD:
            result = team.artifacts.publish(staged(team, b"late"))
            team.cells.swap(there, change.commit(cell_of(there), replace(result, record=team.kept.put(b"{}"))))
        return Liveness.GONE

    team.cells.liveness = gone  # type: ignore[method-assign]

    assert stands(storage, ID).home == "team"


def test_what_is_held_elsewhere_is_not_waited_for_alone(own: Named, team: Named) -> None:
    storage = reading(own, team)
    storage.attend(lambda words: None, Sharing.ALONE)
    with team.present("r-far"):
        held(team, ID)

        assert storage.cells.read([ID])[ID].cell is None


def test_a_cell_elsewhere_is_never_written(own: Named, team: Named) -> None:
    storage = reading(own, team)
    with team.present("r-far"):
        there = held(team, ID)
        seen = storage.cells.read([ID])[ID]
        with pytest.raises(CellConflictError) as conflict:
            storage.cells.swap(seen, change.take_over(cell_of(seen), Owner("me", "r-1")))

    assert conflict.value.seen == own.cells.read([ID])[ID]
    assert team.cells.read([ID])[ID] == there


def test_waiting_ends_when_the_holder_elsewhere_commits(own: Named, team: Named) -> None:
    storage = reading(own, team)
    with team.present("r-far"):
        held(own, OTHER)
        there = held(team, ID)
        seen = storage.cells.read([ID, OTHER])
        done = threading.Event()

        def wait() -> None:
            storage.cells.wait(seen.values(), 30.0)
            done.set()

        with own.present("r-far"):
            thread = threading.Thread(target=wait, daemon=True)
            thread.start()
            assert not done.wait(0.05)
            result = team.artifacts.publish(staged(team, b"late"))
            team.cells.swap(there, change.commit(cell_of(there), replace(result, record=ContentDigest("0" * 64))))
            assert done.wait(5.0)
            thread.join()


def test_a_result_that_this_run_takes_away_does_not_come_back(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    with storage.present("r-1"):
        seen = storage.cells.read([ID])[ID]
        storage.cells.swap(seen, change.evict(cell_of(seen), FreeReason.CORRUPT))

        assert cell_of(storage.cells.read([ID])[ID]).state is CellState.FREE
    with reading(own, team).present("r-2"):
        assert stands(reading(own, team), ID) is not None


def test_a_result_that_is_only_shown_and_taken_away_does_not_come_back(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    seen = storage.cells.read([ID])[ID]
    with pytest.raises(CellConflictError):
        storage.cells.swap(seen, change.evict(cell_of(seen), FreeReason.SUPERSEDED))

    assert storage.cells.read([ID])[ID].cell is None
    assert stands(team, ID) is not None


def test_who_died_while_he_brought_in_holds_nobody_up(own: Named, team: Named) -> None:
    put_result(team, ID)
    left = held(own, ID, Owner("dead", "r-dead"))
    assert cell_of(left).phase is Phase.PUBLISHING
    storage = reading(own, team)

    with storage.present("r-1"):
        assert stands(storage, ID).home == "team"


def test_a_flight_that_began_here_goes_on_here(own: Named, team: Named) -> None:
    put_result(team, ID)
    seen = own.cells.read([ID])[ID]
    mine = own.cells.swap(seen, change.acquire(None, Owner("dead", "r-dead")))
    storage = reading(own, team)

    with storage.present("r-1"):
        assert storage.cells.read([ID])[ID] == mine


def test_a_result_whose_record_is_lost_or_of_another_id_is_not_brought_in(own: Named, team: Named) -> None:
    lost, wrong = put_result(team, ID), put_result(team, OTHER, b"two")
    put_result(team, THIRD)
    del team.kept.objects[lost.record]
    seen = team.cells.read([THIRD])[THIRD]
    freed = team.cells.swap(seen, change.evict(cell_of(seen), FreeReason.CORRUPT))
    again = held(team, THIRD)
    assert freed != again
    team.cells.swap(again, change.commit(cell_of(again), wrong))
    storage = reading(own, team)

    with storage.present("r-1"):
        assert stands(storage, ID) is None
        assert stands(storage, THIRD) is None
        assert stands(storage, OTHER) is not None


def test_what_another_takes_while_it_is_brought_in_is_his(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    storage.cells.read([ID])
    put_result(own, ID, b"faster")
    mine = stands(own, ID)

    with storage.present("r-1"):
        assert stands(storage, ID) == stands(own, ID) == mine


def test_of_many_threads_that_bring_in_all_see_one_result(own: Named, team: Named) -> None:
    ids = [target_id(str(n).encode()) for n in range(20)]
    for id_ in ids:
        put_result(team, id_)
    storage = reading(own, team)
    wrong: list[object] = []

    def look() -> None:
        for id_ in ids:
            cell = cell_of(storage.cells.read([id_])[id_])
            if cell.state is CellState.FREE:
                wrong.append(cell)

    with storage.present("r-1"):
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []
    assert all(stands(own, id_).home == "team" for id_ in ids)


def test_a_storage_that_is_out_of_reach_is_told_once_and_done_without(own: Named, team: Named) -> None:
    put_result(team, ID)
    told: list[str] = []
    tried: list[int] = []

    def failing() -> list[MemoryStorage]:
        tried.append(1)
        raise HostError("no route to host", code="network", hint="look at the network")

    storage = ThroughStorage(own, [Read("away", failing), Read("team", lambda: (team,))])
    storage.attend(told.append, Sharing.WAIT)

    assert stands(storage, ID).home == "team"
    assert storage.kept.get(ContentDigest("0" * 64)) is None
    assert told == ["`away` is out of reach and is done without: no route to host"]
    assert tried == [1]


def test_what_was_out_of_reach_before_anybody_listened_is_told_to_who_listens_first(own: Named) -> None:
    storage = ThroughStorage(own, [Read("away", _refuse)])
    storage.cells.read([ID])
    told: list[str] = []

    storage.attend(told.append, Sharing.WAIT)

    assert len(told) == 1


def test_a_storage_that_does_not_answer_is_left_after_its_patience(own: Named) -> None:
    storage = ThroughStorage(own, [Read("slow", _hang)], 0.1)
    told: list[str] = []
    storage.attend(told.append, Sharing.WAIT)
    began = time.monotonic()

    assert storage.cells.read([ID])[ID].cell is None
    assert storage.cells.read([OTHER])[OTHER].cell is None
    assert time.monotonic() - began < 3.0
    assert len(told) == 1
    _LET_GO.set()


def test_a_storage_that_breaks_off_later_is_done_without(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    told: list[str] = []
    storage.attend(told.append, Sharing.WAIT)
    with storage.present("r-1"):
        result = stands(storage, ID)
        team.artifacts.fetch = _refuse  # type: ignore[method-assign, assignment]

        words = storage.artifacts.fetch(result)

    assert words == "its bytes are in team, which is out of reach"
    assert len(told) == 1


def test_what_vanished_elsewhere_is_damage_in_words_that_name_the_place(own: Named, team: Named) -> None:
    result = replace(put_result(team, ID), home="team")
    del team.artifacts.present[result.artifact]
    storage = reading(own, team)

    assert storage.artifacts.fetch(result) == "in team: its folder is missing"
    assert storage.artifacts.check(result) == "in team: its folder is missing"
    assert reading(own).artifacts.fetch(result) == "its bytes are in team, which is not read here any more"


def test_bytes_that_are_here_as_well_are_taken_from_here(own: Named, team: Named) -> None:
    result = put_result(team, ID)
    put_result(own, OTHER)
    del team.artifacts.present[result.artifact]

    assert reading(own, team).artifacts.fetch(replace(result, home="team")) is None


def test_the_file_list_is_kept_here_when_its_home_is_away(own: Named, team: Named) -> None:
    put_result(team, ID)
    storage = reading(own, team)
    with storage.present("r-1"):
        result = stands(storage, ID)

    offline = ThroughStorage(own, [Read("team", _refuse)])
    assert [e.path for e in offline.artifacts.manifest(result).entries] == ["out.txt"]
    with pytest.raises(NotFoundError):
        offline.artifacts.path(result.artifact)


def test_what_another_read_through_itself_is_followed_only_to_where_this_one_may_look(own: Named, team: Named) -> None:
    far = Named("far")
    put_result(far, ID)
    between = reading(team, far)
    with between.present("r-2"):
        assert stands(between, ID).home == "far"

    assert stands(reading(own, team), ID) is None
    assert stands(reading(own, team, far), ID).home == "far"


def test_records_hints_histories_and_logs_are_found_elsewhere_and_put_here(
    own: Named, team: Named, tmp_path: Path
) -> None:
    record, key = team.kept.put(b"record"), ActionKey("a" * 64)
    team.kept.put_named("code/x", b"tree")
    team.ledger.put_hint(key, ID)
    team.ledger.put_run(run_document("r-far", ID))
    (tmp_path / "log").write_bytes(b"line\n")
    team.ledger.put_log("f/1.log", tmp_path / "log")
    storage = reading(own, team)

    assert storage.kept.get(record) == b"record"
    assert storage.kept.get_named("code/x") == b"tree"
    assert not storage.kept.has_named("code/x")
    assert storage.ledger.hint(key) == ID
    assert [entry.id for entry in storage.ledger.history("ws", "//a:t")] == [ID]
    assert storage.ledger.run("r-far") is not None
    assert storage.ledger.log("f/1.log").read_bytes() == b"line\n"
    assert (own.kept.objects, own.ledger.hints, own.ledger.documents) == ({}, {}, {})


def test_a_plan_of_thousands_asks_for_few_histories_elsewhere(own: Named, team: Named) -> None:
    asked: list[str] = []
    team.ledger.history = lambda workspace, label: asked.append(label) or ()  # type: ignore[method-assign]
    storage = reading(own, team)
    for number in range(1000):
        storage.ledger.history("ws", f"//:t{number}")

    assert len(asked) < 50


def test_all_else_that_the_own_storage_can_it_does_itself(tmp_path: Path) -> None:
    own, team = open_local(tmp_path / "own"), open_local(tmp_path / "team")
    storage = reading(own, team)

    assert isinstance(storage, Verifiable)
    assert isinstance(storage, ReadsThrough)
    assert isinstance(storage.cells, GroupCommits)
    assert storage.sweep().stages == ()
    assert own_storage(storage) is own
    assert own_storage(own) is own
    assert read_through(own, ()) is own


def test_a_folder_that_is_away_is_no_error(tmp_path: Path) -> None:
    own = open_local(tmp_path / "own")
    result = put_result(open_local(tmp_path / "team"), ID)
    team = open_local(tmp_path / "team")
    storage = reading(own, team)
    with storage.present("r-1"):
        brought = stands(storage, ID)
    shutil.rmtree(tmp_path / "team", ignore_errors=True)

    assert brought == replace(result, home=team.name)
    assert reading(own, team).artifacts.fetch(brought) is not None
    assert stands(reading(own, team), OTHER) is None


_LET_GO = threading.Event()


def _hang() -> list[MemoryStorage]:
    _LET_GO.wait(20.0)
    return []


def _refuse(*_: object) -> list[MemoryStorage]:
    raise HostError("no route to host", code="network", hint="look at the network")
