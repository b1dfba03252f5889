"""The first use of a store: what it keeps is found by trying."""

from __future__ import annotations

import pytest

from traintrack.errors import HostError
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.storages.s3.probe import demand_conditions, probe
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.s3_server import (
    CONFLICT,
    INTERNAL_ERROR,
    NOT_FOUND,
    Access,
    DeliverLate,
    IgnoreConditions,
    LoseAnswer,
    Respond,
    Right,
    Rule,
    S3Server,
    Verb,
)


def test_a_store_that_keeps_all_passes_and_nothing_is_left(bucket: S3Bucket, s3: S3Server) -> None:
    found = probe(bucket)

    assert found.missing() == ()
    assert found.left == ()
    assert 0 < found.round_trip_s < 10
    assert s3.buckets.keys("models") == []
    assert s3.log.count() < 50


def test_the_store_in_memory_passes() -> None:
    objects = MemoryObjects()

    assert demand_conditions(objects)["creates_once"] is True
    assert objects.objects == {}


def test_a_store_that_ignores_conditions_is_refused_for_sharing(bucket: S3Bucket, s3: S3Server) -> None:
    s3.faults.add(Rule(IgnoreConditions()))

    with pytest.raises(HostError, match="cannot be shared") as caught:
        demand_conditions(bucket)
    assert caught.value.code == "no-conditions"
    assert len(caught.value.details) == 4
    assert caught.value.hint
    assert s3.buckets.keys("models") == []


def test_a_store_that_refuses_the_headers_is_refused(bucket: S3Bucket, s3: S3Server) -> None:
    s3.faults.add(Rule(Respond(501, "NotImplemented"), operations=("PutObject",)))

    with pytest.raises(HostError) as caught:
        demand_conditions(bucket)
    assert caught.value.code == "no-conditions"


def test_a_store_that_does_not_show_what_was_written_is_refused(bucket: S3Bucket, s3: S3Server) -> None:
    s3.faults.add(Rule(NOT_FOUND, operations=("HeadObject",)))
    s3.faults.add(Rule(NOT_FOUND, operations=("GetObject",), key="*.0"))

    with pytest.raises(HostError) as caught:
        demand_conditions(bucket)
    assert caught.value.details == ("a read or a list did not show what had been written",)


@pytest.mark.parametrize("effect", [CONFLICT, INTERNAL_ERROR, LoseAnswer(), DeliverLate(0.02)])
def test_unclear_answers_do_not_make_a_good_store_a_bad_one(bucket: S3Bucket, s3: S3Server, effect: Respond) -> None:
    s3.faults.add(Rule(effect, operations=("PutObject",), probability=0.3, seed=3))

    assert probe(bucket).missing() == ()
    assert sum(s3.faults.met()) > 0


def test_a_store_that_never_answers_clearly_is_no_store(bucket: S3Bucket, s3: S3Server) -> None:
    s3.faults.add(Rule(CONFLICT))

    with pytest.raises(HostError) as caught:
        demand_conditions(bucket)
    assert caught.value.code == "storage-unclear"


def test_who_may_not_delete_is_told_what_is_left(bucket: S3Bucket, s3: S3Server) -> None:
    s3.allow(Access({"key": "secret"}, (Right("key", (Verb.READ, Verb.WRITE, Verb.LIST)),)))

    found = probe(bucket)

    assert found.missing() == ()
    assert {f"team/store/{key}" for key in found.left} >= set(s3.buckets.keys("models"))
    assert s3.buckets.keys("models") != []


def test_who_may_not_write_is_told_so(bucket: S3Bucket, s3: S3Server) -> None:
    s3.allow(Access({"key": "secret"}, (Right("key", (Verb.READ, Verb.LIST)),)))

    with pytest.raises(HostError, match="denied"):
        demand_conditions(bucket)
