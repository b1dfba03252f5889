"""What a bucket is set to, and what `doctor` is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from traintrack.storages.s3.checkup import examine
from traintrack.storages.s3.place import place_of
from traintrack.storages.s3.settings import judge_rules, read_settings
from traintrack.testing.s3_server import Access, IgnoreConditions, Right, Rule, S3Server, Verb

STORE = "s3://models/team/store"
ABORT = {"ID": "parts", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def rule(prefix: str = "", **more: Any) -> dict[str, Any]:
    return {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": 30}, **more}


def advice(*rules: dict[str, Any]) -> list[str]:
    return [one.message for one in judge_rules([ABORT, *rules], place_of(STORE))]


@pytest.mark.parametrize("prefix", ["", "t", "team/", "team/store/", "team/store/default/data/"])
def test_a_rule_that_expires_what_is_ours_is_a_warning(prefix: str) -> None:
    assert len(advice(rule(prefix))) == 1
    assert "`old`" in advice(rule(prefix))[0]


@pytest.mark.parametrize(
    "harmless",
    [
        rule("other/"),
        rule("team/storage"),
        rule("", Status="Disabled"),
        rule("", Filter={"Tag": {"Key": "a", "Value": "b"}}),
        rule("", Filter={"And": {"Prefix": "team/", "Tags": [{"Key": "a", "Value": "b"}]}}),
        rule("", Expiration={"ExpiredObjectDeleteMarker": True}),
        {**ABORT, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
    ],
)
def test_a_rule_that_leaves_ours_alone_is_none(harmless: dict[str, Any]) -> None:
    assert advice(harmless) == []


def test_results_that_go_to_the_glacier_are_a_warning() -> None:
    moves = {"ID": "cold", "Status": "Enabled", "Prefix": "team/", "Transitions": [{"StorageClass": "GLACIER"}]}

    assert "read at once" in advice(moves)[0]


def test_uploads_that_are_never_cleared_are_told() -> None:
    assert "broken off" in next(judge_rules([], place_of(STORE))).message


LIFECYCLE = b"""<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>team/</Prefix></Filter>
<Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>"""
VERSIONS = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


def test_settings_are_read_from_the_bucket(s3: S3Server) -> None:
    before = read_settings(STORE)
    s3.buckets.set_document("models", "lifecycle", LIFECYCLE)
    s3.buckets.set_document("models", "versioning", VERSIONS)
    after = read_settings(STORE)

    assert before.versioned is False
    assert [a.message for a in before.advice] == [next(judge_rules([], place_of(STORE))).message]
    assert after.versioned is True
    assert "`old`" in after.advice[0].message


def test_who_may_not_read_settings_is_told_that_they_were_not_read(s3: S3Server) -> None:
    s3.allow(Access({"key": "secret"}, (Right("key", tuple(Verb), prefix="team/"),)))

    found = examine(STORE)

    assert found.problem is None
    assert found.settings.versioned is None
    assert "accessdenied" in found.settings.unread
    assert "keeps conditions" in found.said


def test_a_checkup_leaves_nothing_and_says_how_far_away_it_is(s3: S3Server) -> None:
    found = examine(STORE)

    assert found.said.endswith("ms away, keeps conditions, versions off")
    assert found.round_trip_s is not None
    assert s3.buckets.keys("models") == []


def test_a_checkup_tells_a_problem_and_raises_none(s3: S3Server) -> None:
    s3.faults.add(Rule(IgnoreConditions()))

    assert getattr(examine(STORE).problem, "code", "") == "no-conditions"
    assert getattr(examine("s3://absent/x").problem, "code", "") == "storage-missing"
    assert getattr(examine("s3://").problem, "code", "") == "bad-storage"
