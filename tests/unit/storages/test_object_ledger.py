"""Runs, histories and logs in a bucket."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from bucket import Noting, Pace

from traintrack.action.event import RunDocument, RunTarget
from traintrack.digest import ActionKey, content_digest, target_id
from traintrack.errors import HostError, IntegrityError
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.ledger import ObjectLedger
from traintrack.storages.objects.log_files import LogFiles
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.schedule import Fate


def ledger(bucket: MemoryObjects, home: Path) -> ObjectLedger:
    return ObjectLedger(bucket, Keys(), Pace(), LogFiles(home / "log", home / "stage"))


def document(run: str, ended: str = "2026-01-02T03:04:05Z", **outcomes: str) -> RunDocument:
    rows = [
        RunTarget(f"//:{n}", target_id(f"{run}{n}".encode()), o, record=content_digest(b"r"))
        for n, o in outcomes.items()
    ]
    return RunDocument(run, "ws", "team", "ann", "host", "2026-01-02", ended, "traintrack run", tuple(rows))


def test_the_newest_runs_are_named_without_reading_or_listing_all(tmp_path: Path) -> None:
    bucket = Noting()
    mine = ledger(bucket, tmp_path)
    for day in (3, 1, 2):
        mine.put_run(document(f"r-{day}", f"2026-01-0{day}T00:00:00Z"))
    bucket.taken()

    runs = mine.runs()
    assert next(runs) == "r-3"
    assert bucket.taken() == ["list run-newest/"]
    assert list(runs) == ["r-2", "r-1"]


def test_a_run_is_found_by_its_beginning_with_a_list_of_that_alone(tmp_path: Path) -> None:
    bucket = Noting()
    mine = ledger(bucket, tmp_path)
    for name in ("r-1-aa", "r-1-ab", "r-2-aa"):
        mine.put_run(document(name))
    bucket.taken()

    assert mine.run("r-2") == document("r-2-aa")
    assert bucket.taken() == ["get run/r-2", "list run/r-2", "get run/r-2-aa"]
    assert mine.run("r-1") is None
    assert mine.run("../r-1-aa") is None


def test_a_damaged_run_document_is_an_error_with_a_command_to_look_at_it(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    bucket.objects["run/r-1"] = b"{}"

    with pytest.raises(IntegrityError) as error:
        ledger(bucket, tmp_path).run("r-1")
    assert error.value.hint == "look at it: aws s3 cp memory://run/r-1 -"


def test_of_many_runs_that_end_at_once_no_result_is_lost_from_a_history(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    gate = threading.Barrier(8)

    def put(number: int) -> None:
        own = ledger(bucket, tmp_path)
        gate.wait()
        own.put_run(document(f"r-{number}", train="executed"))

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    runs = [entry.run for entry in ledger(bucket, tmp_path).history("ws", "//:train")]
    assert sorted(runs) == [f"r-{number}" for number in range(8)]


def test_a_line_that_another_wrote_between_reading_and_writing_stays(tmp_path: Path) -> None:
    class Rivalled(MemoryObjects):
        rival = False

        def get(self, key: str):
            got = super().get(key)
            if key.startswith("label/") and self.rival:
                self.rival = False
                ledger(self, tmp_path / "b").put_run(document("r-rival", train="executed"))
            return got

    bucket = Rivalled()
    for run in ("r-1", "r-2"):
        bucket.rival = run == "r-2"
        ledger(bucket, tmp_path / "a").put_run(document(run, train="executed"))

    runs = [entry.run for entry in ledger(bucket, tmp_path).history("ws", "//:train")]
    assert runs == ["r-2", "r-rival", "r-1"]


def test_an_answer_that_was_lost_adds_no_second_line(tmp_path: Path) -> None:
    bucket = Noting()
    mine = ledger(bucket, tmp_path)
    bucket.fates = [Fate.ANSWERED] * 3 + [Fate.LOST]
    mine.put_run(document("r-1", train="executed"))

    assert [entry.run for entry in mine.history("ws", "//:train")] == ["r-1"]


def test_a_damaged_history_is_as_good_as_none(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    mine = ledger(bucket, tmp_path)
    mine.put_run(document("r-1", train="executed"))
    [key] = [key for key in bucket.objects if key.startswith("label/")]
    bucket.objects[key] = b"{"

    assert mine.history("ws", "//:train") == ()
    mine.put_run(document("r-2", train="executed"))
    assert [entry.run for entry in mine.history("ws", "//:train")] == ["r-2"]


def test_a_run_that_reused_thousands_looks_only_at_the_histories_of_what_it_made(tmp_path: Path) -> None:
    bucket = Noting()
    mine = ledger(bucket, tmp_path)
    mine.put_run(document("r-1", **{f"t{n}": "reused" for n in range(1000)}, made="executed", late="blocked"))

    assert len(bucket.taken()) == 4
    assert [entry.run for entry in mine.history("ws", "//:made")] == ["r-1"]


def test_a_hint_that_is_no_id_is_none(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    key = ActionKey("a" * 64)
    bucket.objects[Keys().hint(key)] = b"../../secret"

    assert ledger(bucket, tmp_path).hint(key) is None


def test_a_log_is_brought_once_and_is_whole(tmp_path: Path) -> None:
    bucket = Noting()
    source = tmp_path / "source"
    source.write_bytes(b"line\n" * 1_000_000)
    key = ledger(bucket, tmp_path / "a").put_log("abc/flight.1.log", source)
    bucket.taken()
    other = ledger(bucket, tmp_path / "b")
    paths = [other.log(key), other.log(key)]

    assert paths[0] is not None
    assert paths[0].read_bytes() == b"line\n" * 1_000_000
    assert paths[0] == paths[1]
    assert len(bucket.taken()) == 2
    assert not source.exists()
    assert list((tmp_path / "b/log/.part").iterdir()) == []


def test_a_log_whose_bytes_do_not_come_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    bucket = Noting()
    bucket.objects["log/x.log"] = b"line\n"
    bucket.fates = [Fate.REFUSED] * 1000

    with pytest.raises(HostError):
        ledger(bucket, tmp_path).log("x.log")
    bucket.fates = []
    assert list((tmp_path / "log").rglob("*.log")) == []


def test_a_growing_log_is_that_of_the_stage_and_no_bucket_is_asked(tmp_path: Path) -> None:
    bucket = Noting()
    (tmp_path / "stage/f.1~s").mkdir(parents=True)
    (tmp_path / "stage/f.1~s/log").write_bytes(b"so far")

    found = ledger(bucket, tmp_path).log("stage/f.1~s/log")

    assert found is not None
    assert found.read_bytes() == b"so far"
    assert ledger(bucket, tmp_path).log("stage/../../x") is None
    assert bucket.taken() == []


@pytest.mark.parametrize("cuts", [[3], [1, 2, 3, 4], [0, 9], [2, 2, 6]])
def test_pieces_of_a_growing_log_are_read_from_any_offset(tmp_path: Path, cuts: list[int]) -> None:
    text = b"0123456789"
    bucket = MemoryObjects()
    writer, reader = ledger(bucket, tmp_path / "a"), ledger(bucket, tmp_path / "b")
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        writer.put_live("flight", start, text[start:end])

    for offset in range(len(text) + 3):
        assert reader.read_live("flight", offset) == text[offset:]
    assert reader.read_live("fligh", 0) == b""
    assert reader.read_live("../x", 0) == b""


def test_a_growing_log_is_read_up_to_its_gap_and_pieces_may_overlap(tmp_path: Path) -> None:
    mine = ledger(MemoryObjects(), tmp_path)
    mine.put_live("f", 0, b"0123")
    mine.put_live("f", 2, b"2345")
    mine.put_live("f", 8, b"89")

    assert mine.read_live("f", 0) == b"012345"
    assert mine.read_live("f", 3) == b"345"
    mine.put_live("f", 6, b"67")
    assert mine.read_live("f", 1) == b"123456789"


def test_what_was_read_already_is_not_read_again_and_the_pieces_of_one_log_go_alone(tmp_path: Path) -> None:
    bucket = Noting()
    mine = ledger(bucket, tmp_path)
    for flight in ("f.1", "f.10"):
        mine.put_live(flight, 0, b"0123")
        mine.put_live(flight, 4, b"45")
    bucket.requests.clear()

    assert mine.read_live("f.1", 6) == b""
    assert not [request for request in bucket.requests if request.startswith("get ")]
    assert mine.read_live("f.1", 4) == b"45"
    mine.drop_live("f.1")
    mine.drop_live("../x")
    assert mine.read_live("f.1", 0) == b""
    assert mine.read_live("f.10", 0) == b"012345"
