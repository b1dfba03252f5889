"""Each fault does what it says, to those requests that its rule names, and to no others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import obstore
import pytest
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store
from raw_client import RawClient

from traintrack.testing.s3_server import (
    CONFLICT,
    INTERNAL_ERROR,
    NOT_FOUND,
    PRECONDITION_FAILED,
    SLOW_DOWN,
    CutBody,
    Delay,
    DeliverLate,
    ErrorIn200,
    FlipBit,
    Hold,
    IgnoreConditions,
    LoseAnswer,
    Respond,
    Rule,
    S3Server,
    When,
)

PUT = ("PutObject",)
GET = ("GetObject",)


@pytest.mark.parametrize("effect", [CONFLICT, PRECONDITION_FAILED, INTERNAL_ERROR, SLOW_DOWN])
def test_an_answer_by_rule_has_status_and_code_and_no_effect(raw: RawClient, s3: S3Server, effect: Respond) -> None:
    s3.faults.add(Rule(effect, PUT, times=1))

    answer = raw.put("a", b"1")
    assert (answer.status, answer.code) == (effect.status, effect.code)
    assert s3.buckets.keys("models") == []
    assert raw.put("a", b"1").status == 200
    assert s3.faults.met() == (1,)


def test_an_answer_by_rule_may_hide_that_the_request_took_effect(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(Respond(412, "PreconditionFailed", When.AFTER), PUT))

    assert raw.put("a", b"1").status == 412
    assert s3.buckets.read("models", "a") == b"1"


def test_what_is_there_may_be_answered_as_missing(store: S3Store, s3: S3Server) -> None:
    obstore.put(store, "a", b"1")
    s3.faults.add(Rule(NOT_FOUND, ("GetObject", "HeadObject")))

    with pytest.raises(FileNotFoundError):
        obstore.get(store, "a")
    with pytest.raises(FileNotFoundError):
        obstore.head(store, "a")
    s3.faults.clear()
    assert bytes(obstore.get(store, "a").bytes()) == b"1"


def test_a_lost_answer_is_lost_after_the_effect(store: S3Store, s3: S3Server) -> None:
    s3.faults.add(Rule(LoseAnswer(), PUT, times=1))

    with pytest.raises(BaseError):
        obstore.put(store, "a", b"1", mode="create")
    assert s3.buckets.read("models", "a") == b"1"
    assert [(one.status, one.effects) for one in s3.log.requests()] == [(0, ("lose-answer",))]


def test_a_late_request_takes_effect_when_it_is_delivered_and_is_judged_then(store: S3Store, s3: S3Server) -> None:
    s3.faults.add(Rule(DeliverLate(), PUT, nth=1))

    with pytest.raises(BaseError):
        obstore.put(store, "a", b"ghost", mode="create")
    assert (s3.buckets.keys("models"), s3.late.waiting()) == ([], 1)
    obstore.put(store, "a", b"second", mode="create")
    assert s3.late.deliver() == 1
    assert s3.buckets.read("models", "a") == b"second"
    assert [(one.status, one.effects) for one in s3.log.requests()] == [
        (0, ("deliver-late",)),
        (200, ()),
        (412, ("delivered",)),
    ]
    obstore.delete(store, "a")
    assert s3.late.deliver() == 0


def test_a_late_request_may_come_by_itself(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(DeliverLate(after_s=0.05), PUT))

    with pytest.raises(OSError, match=r"."):
        raw.put("a", b"ghost")
    assert s3.buckets.keys("models") == []
    end = time.monotonic() + 10
    while s3.late.waiting() or not s3.buckets.keys("models"):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert s3.buckets.read("models", "a") == b"ghost"


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_a_cut_body_ends_before_its_length(store: S3Store, s3: S3Server, size: int) -> None:
    obstore.put(store, "a", bytes(size))
    s3.faults.add(Rule(CutBody(), GET, nth=1), Rule(CutBody(keep_bytes=7), GET, nth=2))

    for _ in range(2):
        with pytest.raises((BaseError, OSError)):
            obstore.get(store, "a").bytes()
    assert len(bytes(obstore.get(store, "a").bytes())) == size
    assert [one.sent_bytes for one in s3.log.requests("GetObject")] == [size // 2, 7, size]


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_wrong_bytes_differ_in_one_bit_and_only_on_their_way(store: S3Store, s3: S3Server, size: int) -> None:
    obstore.put(store, "a", bytes(size))
    s3.faults.add(Rule(FlipBit(at_byte=-1), GET, times=1))

    wrong = bytes(obstore.get(store, "a").bytes())
    assert wrong == bytes(size - 1) + b"\x01"
    assert bytes(obstore.get(store, "a").bytes()) == bytes(size)


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_a_damaged_object_has_its_etag_and_other_bytes(store: S3Store, s3: S3Server, size: int) -> None:
    etag = obstore.put(store, "a", bytes(size))["e_tag"]
    obstore.copy(store, "a", "sound")

    s3.buckets.damage("models", "a", at_byte=size // 2)
    got = obstore.get(store, "a")
    assert got.meta["e_tag"] == etag
    data = bytes(got.bytes())
    assert (len(data), data.count(1)) == (size, 1)
    assert s3.buckets.read("models", "sound") == bytes(size)


def test_an_error_may_come_with_200(raw: RawClient, s3: S3Server) -> None:
    s3.buckets.write("models", "a", b"1")
    s3.faults.add(Rule(ErrorIn200(), ("CopyObject", "CompleteMultipartUpload"), key="before*"))
    s3.faults.add(Rule(ErrorIn200(when=When.AFTER), ("CopyObject",), key="after"))
    upload = raw.upload("before-upload", b"1")

    for answer in (
        raw.put("before", b"", x_amz_copy_source="models/a"),
        raw.put("after", b"", x_amz_copy_source="models/a"),
        raw.complete("before-upload", *upload),
    ):
        assert (answer.status, answer.code) == (200, "InternalError")
    assert s3.buckets.keys("models") == ["a", "after"]


def test_conditions_may_be_passed_over(store: S3Store, s3: S3Server) -> None:
    etag = obstore.put(store, "a", b"1")["e_tag"]
    obstore.put(store, "a", b"2")
    s3.faults.add(Rule(IgnoreConditions()))

    obstore.put(store, "a", b"3", mode="create")
    obstore.put(store, "a", b"4", mode={"e_tag": etag})
    assert s3.buckets.read("models", "a") == b"4"
    s3.faults.clear()
    with pytest.raises(PreconditionError):
        obstore.put(store, "a", b"5", mode={"e_tag": etag})


def test_a_held_request_waits_and_no_other_does(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    s3.faults.add(Rule(Hold(), PUT, key="held/*"), Rule(Hold(When.AFTER), PUT, key="after"))
    ended: list[str] = []
    threads = [_in_thread(lambda key=key: _put(open_store(), key, ended)) for key in ("held/a", "after")]

    assert s3.faults.wait_for_held(2)
    obstore.put(open_store(), "free", b"1")
    assert (ended, s3.buckets.keys("models")) == ([], ["after", "free"])
    s3.faults.release()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["after", "held/a"]
    assert s3.faults.held() == 0


def test_a_delay_takes_its_time(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(Delay(0.2, spread_s=0.1), GET))

    began = time.monotonic()
    raw.get("a")
    assert time.monotonic() - began >= 0.2
    raw.put("a", b"")
    assert [one.effects for one in s3.log.requests()] == [("delay",), ()]


def test_a_rule_names_operation_key_and_turn(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(SLOW_DOWN, PUT, key="x/*/cell", nth=2))

    statuses = [raw.put(key, b"").status for key in ("x/1/cell", "y/1/cell", "x/1/data", "x/a/b/cell", "x/3/cell")]
    assert statuses == [200, 200, 200, 503, 200]
    assert raw.get("x/1/cell").status == 200


def test_a_name_that_no_operation_has_is_refused(s3: S3Server) -> None:
    with pytest.raises(ValueError, match="PutObjct"):
        s3.faults.add(Rule(SLOW_DOWN, ("PutObjct",)))
    with pytest.raises(ValueError, match="PutObjct"):
        s3.log.count("PutObjct")


def test_a_list_is_met_by_its_prefix(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(SLOW_DOWN, ("ListObjectsV2",), key="cell/*"))

    assert raw.ask("GET", "", "list-type=2&prefix=cell/").status == 503
    assert raw.ask("GET", "", "list-type=2&prefix=data/").status == 200


def test_chance_is_the_same_for_the_same_seed_and_as_often_as_it_says(raw: RawClient, s3: S3Server) -> None:
    runs = []
    for seed in (1, 1, 2):
        s3.faults.clear()
        s3.faults.add(Rule(SLOW_DOWN, GET, probability=0.3, seed=seed))
        runs.append([raw.get("a").status for _ in range(200)])

    assert runs[0] == runs[1] != runs[2]
    assert 40 <= runs[0].count(503) <= 80


def test_several_rules_have_their_effects_together(raw: RawClient, s3: S3Server) -> None:
    s3.faults.add(Rule(Delay(0.1), PUT), Rule(SLOW_DOWN, PUT, times=1))

    began = time.monotonic()
    assert raw.put("a", b"").status == 503
    assert time.monotonic() - began >= 0.1
    assert s3.log.requests()[0].effects == ("delay", "respond")


def test_the_log_tells_what_was_asked(raw: RawClient, s3: S3Server) -> None:
    etag = raw.put("a/b", b"12345").etag
    raw.get("a/b", Range="bytes=1-2")
    raw.get("a/b", If_None_Match=etag)
    raw.get("c")
    raw.ask("GET", "", "list-type=2&prefix=a/")

    told = [(one.operation, one.key, one.status, one.range, one.conditional) for one in s3.log.requests()]
    assert told == [
        ("PutObject", "a/b", 200, "", False),
        ("GetObject", "a/b", 206, "bytes=1-2", False),
        ("GetObject", "a/b", 304, "", True),
        ("GetObject", "c", 404, "", False),
        ("ListObjectsV2", "a/", 200, "", False),
    ]
    assert [one.received_bytes for one in s3.log.requests(*PUT)] == [5]
    assert [one.sent_bytes for one in s3.log.requests(*GET, key="a/*")] == [2, 0]
    assert (s3.log.count("GetObject"), s3.log.count("HeadObject")) == (3, 0)
    s3.log.clear()
    assert s3.log.count() == 0


def test_the_log_tells_how_many_requests_were_under_way_at_once(
    open_store: Callable[..., S3Store], s3: S3Server
) -> None:
    s3.faults.add(Rule(Hold(), PUT))
    threads = [_in_thread(lambda number=number: _put(open_store(), str(number), [])) for number in range(7)]

    assert s3.faults.wait_for_held(7)
    s3.faults.release()
    for thread in threads:
        thread.join(30)
    assert s3.log.most_under_way() == 7


def _put(store: S3Store, key: str, ended: list[str]) -> None:
    obstore.put(store, key, b"1")
    ended.append(key)


def _in_thread(body: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=body)
    thread.start()
    return thread
