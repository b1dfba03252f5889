"""Whether what a storage says of a result fits together."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace
from through_world import Named

from traintrack.action import cell as change
from traintrack.action.cell import CellState, FreeReason, Owner, Result, new_nonce
from traintrack.action.manifest import Entry, make_manifest
from traintrack.action.record import Record, Who, encode_record
from traintrack.digest import ContentDigest, TargetId, canonical_json, content_digest, target_id
from traintrack.ports.storage import CellConflictError
from traintrack.ports.trust import Refusal, refusal_of
from traintrack.storages.trust.judge import judge_manifest, judge_metrics, judge_record
from traintrack.storages.trust.refusals import Refusals
from traintrack.storages.trust.vetted import VettedStorage

PREIMAGE = {"format": "traintrack/target/1", "args": {"lr": 1e-05, "n": 10**20, "x": 1.0, "ü": [None, True]}}
ID = target_id(canonical_json(PREIMAGE))
MANIFEST = make_manifest([Entry("a", size=1, digest=content_digest(b"a"))])
RESULT = Result(MANIFEST.digest(), ContentDigest(MANIFEST.digest()), ContentDigest(""))
GOOD = Record(ID, PREIMAGE, "//:t", "T:1:1", "w", Who(), artifact=RESULT.artifact, files=1, size_bytes=1)


def test_a_record_that_was_stored_and_read_again_has_its_own_id() -> None:
    record = judge_record(ID, RESULT, encode_record(GOOD))

    assert isinstance(record, Record)
    assert judge_manifest(RESULT, record, MANIFEST.canonical()) == MANIFEST


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": TargetId("0" * 64)}, "its record is of another target, 000000000000"),
        ({"preimage": {**PREIMAGE, "args": {}}}, "the recipe in its record has another ID"),
        ({"preimage": {}}, "the recipe in its record has another ID"),
        ({"outcome": "failure"}, "its record tells of a failure"),
        ({"artifact": None}, "its record tells of another artifact"),
    ],
)
def test_a_record_that_does_not_fit_is_told_with_its_reason(fields: dict[str, object], words: str) -> None:
    assert judge_record(ID, RESULT, encode_record(replace(GOOD, **fields))) == words


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 5000, b'{"id": 3}'])
def test_bytes_that_are_no_record_and_no_list_are_told(data: bytes) -> None:
    assert judge_record(ID, RESULT, data) == "its record cannot be read"
    assert judge_manifest(RESULT, GOOD, data) == "its file list cannot be read"
    assert judge_record(ID, RESULT, None) == "its record is missing"
    assert judge_manifest(RESULT, GOOD, None) == "its file list is missing"


def test_metrics_are_compared_as_they_were_recorded() -> None:
    record = replace(GOOD, metrics={"auc": None, "n": 3})

    assert judge_metrics(record, b'{"auc": NaN, "n": 3}') is None
    assert judge_metrics(record, b'{"auc": 1e999, "n": 3}') is None
    for other in (b'{"auc": 0.9, "n": 3}', b"", b"{", b"[1]", b'{"n": 3}'):
        assert judge_metrics(record, other) == "its record tells of other metrics than its `metrics.json`"


def standing(storage: Named, record: Record) -> None:
    """Let a result stand for `ID` whose record is this one."""
    owner = Owner(new_nonce(), "r-far")
    seen = storage.cells.read([ID])[ID]
    held = storage.cells.swap(seen, change.publish(change.acquire(seen.cell, owner), owner))
    assert held.cell is not None
    result = replace(RESULT, record=storage.kept.put(encode_record(record)))
    storage.cells.swap(held, change.commit(held.cell, result))


def test_a_refused_result_is_as_good_as_taken_away_and_who_takes_the_cell_takes_it_away() -> None:
    inner, refusals = Named("s3://b/engine"), Refusals()
    standing(inner, replace(GOOD, id=TargetId("1" * 64)))
    storage = VettedStorage(inner, refusals)
    seen = storage.cells.read([ID])[ID]

    assert seen.cell is not None
    assert (seen.cell.state, seen.cell.free, seen.cell.result) == (CellState.FREE, FreeReason.CORRUPT, None)
    assert refusal_of(storage, ID) == Refusal(ID, "s3://b/engine", "its record is of another target, 111111111111")
    assert inner.cells.read([ID])[ID].cell.state is CellState.DONE
    owner = Owner(new_nonce(), "r-me")
    held = storage.cells.swap(seen, change.publish(change.acquire(seen.cell, owner), owner))
    assert held.cell is not None
    storage.cells.swap(held, change.commit(held.cell, replace(RESULT, record=inner.kept.put(encode_record(GOOD)))))
    assert storage.cells.read([ID])[ID].cell.state is CellState.DONE
    with pytest.raises(CellConflictError):
        storage.cells.swap(seen, change.acquire(seen.cell, owner))


def test_a_conflict_with_a_planted_result_does_not_hand_it_out() -> None:
    inner = Named("s3://b/engine")
    storage = VettedStorage(inner, Refusals())
    absent = storage.cells.read([ID])[ID]
    standing(inner, replace(GOOD, outcome="failure"))

    with pytest.raises(CellConflictError) as conflict:
        storage.cells.swap(absent, change.acquire(None, Owner(new_nonce(), "r-me")))
    assert conflict.value.seen.cell is not None
    assert conflict.value.seen.cell.result is None


def test_each_refusal_is_told_once_and_those_of_before_to_the_first_who_listens() -> None:
    refusals, told = Refusals(), []
    one = Refusal(ID, "s3://b/", "its record is missing")
    refusals.add(one)
    refusals.hear(told.append)
    threads = [threading.Thread(target=refusals.add, args=(one,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refusals.add(replace(one, words="its record cannot be read"))

    assert told == [
        f"the result for {ID[:12]} in `s3://b/` is refused: its record is missing",
        f"the result for {ID[:12]} in `s3://b/` is refused: its record cannot be read",
    ]
