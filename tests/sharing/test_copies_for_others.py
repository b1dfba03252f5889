"""Results under plain names in a bucket: for tools that know a URL and nothing of traintrack."""

from __future__ import annotations

import pytest
from engineers import BUCKET, LIMIT_S, Engineer, Team
from test_reads_of_a_bucket import reading

from traintrack.testing.s3_server import S3Server

OTHER = "others"


@pytest.fixture
def ann(team: Team) -> Engineer:
    team.s3.buckets.make(OTHER)
    ann = team.engineer("ann")
    ann.do("run", ":train")
    return ann


def files_below(s3: S3Server, bucket: str, prefix: str) -> dict[str, bytes | None]:
    return {key[len(prefix) :]: s3.buckets.read(bucket, key) for key in s3.buckets.keys(bucket, prefix)}


def refused(engineer: Engineer, *words: str) -> str:
    process = engineer.start("pull", *words)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2, err
    return err


def test_to_any_prefix_of_its_bucket_a_result_is_copied_by_the_bucket(team: Team, ann: Engineer) -> None:
    made = ann.bytes_of("train")
    team.s3.log.clear()
    [row] = ann.do("pull", ":train", "-o", f"s3://{BUCKET}/for/others")["targets"]

    assert row["path"] == f"s3://{BUCKET}/for/others/train/"
    assert files_below(team.s3, BUCKET, "for/others/train/") == made
    assert team.s3.log.count("CopyObject") == 1
    assert all(request.received_bytes < 10_000 for request in team.s3.log.requests("PutObject"))


def test_to_another_bucket_it_is_streamed_and_nothing_comes_into_the_cache(team: Team, ann: Engineer) -> None:
    made, bob = ann.bytes_of("train"), team.engineer("bob")
    bob.do("pull", ":train", "-o", f"s3://{OTHER}")

    assert files_below(team.s3, OTHER, "train/") == made
    assert not list((bob.home / ".cache" / "traintrack" / "store").rglob("large"))


def test_from_a_folder_it_is_sent(team: Team, ann: Engineer) -> None:
    bob = reading(team, "bob")
    bob.do("run", "--no-share", "--force", "--replace", ":prepare")
    bob.do("pull", ":prepare", ":train", "-o", f"s3://{OTHER}/x/")

    assert files_below(team.s3, OTHER, "x/prepare/") == bob.bytes_of("prepare")
    assert files_below(team.s3, OTHER, "x/train/") == ann.bytes_of("train")


def test_a_file_has_its_own_name_and_stands_beside_others(team: Team, ann: Engineer) -> None:
    to = ("-o", f"s3://{OTHER}/x")
    rows = ann.do("pull", ":train/data", ":train/many/3", ":train/many/4", *to)["targets"]

    assert [row["path"] for row in rows] == [f"s3://{OTHER}/x/train/{name}" for name in ("data", "many/3", "many/4")]
    assert files_below(team.s3, OTHER, "x/train/many/") == {"3": b"3\n", "4": b"4\n"}
    ann.do("pull", ":train", *to)
    assert files_below(team.s3, OTHER, "x/train/") == ann.bytes_of("train")


def test_what_is_equal_is_left_what_is_missing_is_added_and_what_differs_is_an_error(team: Team, ann: Engineer) -> None:
    to, buckets = ("-o", f"s3://{OTHER}/x"), team.s3.buckets
    ann.do("pull", ":train", *to)
    buckets.remove(OTHER, "x/train/many/3")
    team.s3.log.clear()
    ann.do("pull", ":train", *to)
    assert [request.key for request in team.s3.log.requests("PutObject")] == ["x/train/many/3"]

    buckets.write(OTHER, "x/train/many/3", b"x\n")
    err = refused(ann, ":train", *to)
    assert "[copy-differs]" in err
    assert f"`s3://{OTHER}/x/train/` is there already and differs: `many/3` has other content" in err
    buckets.write(OTHER, "x/train/own", b"mine")
    assert "`own` is not part of it" in refused(ann, ":train", *to)
    assert buckets.read(OTHER, "x/train/many/3") == b"x\n"

    ann.do("pull", ":train", *to, "--force")
    assert files_below(team.s3, OTHER, "x/train/") == {**ann.bytes_of("train"), "own": b"mine"}


def test_into_a_store_only_what_is_no_place_of_its_own_can_come(team: Team, ann: Engineer) -> None:
    before = files_below(team.s3, BUCKET, "")
    for place in ("team/default", "team/default/data", "team/kept", "team/dev/x", "team/store.json"):
        assert "[store-prefix]" in refused(ann, ":train", "-o", f"s3://{BUCKET}/{place}")
    assert files_below(team.s3, BUCKET, "") == before

    ann.do("pull", ":train", "-o", f"s3://{BUCKET}/team")
    assert files_below(team.s3, BUCKET, "team/train/") == ann.bytes_of("train")


def test_a_bucket_that_is_not_there_is_told_with_a_hint(ann: Engineer) -> None:
    process = ann.start("pull", ":train", "-o", "s3://nowhere/x")
    _, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 6, err
    assert "hint:" in err
    assert "Traceback" not in err


def test_with_layout_plain_other_tools_read_the_files_where_show_says(team: Team) -> None:
    ann, bob, cat = team.engineer("ann"), team.engineer("bob"), reading(team, "cat")
    for engineer in (ann, bob, cat):
        config = engineer.work / "TTCONFIG.yaml"
        config.write_text(config.read_text().replace("  train: {", "  train: {layout: plain, "))
    ann.do("run", ":train")
    url = bob.do("show", ":train")["url"]

    assert url.startswith(f"s3://{BUCKET}/team/default/data/plain/")
    assert files_below(team.s3, BUCKET, url.removeprefix(f"s3://{BUCKET}/")) == ann.bytes_of("train")
    assert bob.do("show", ":prepare")["url"] is None
    assert bob.outcomes(":evaluate")["evaluate"] == "executed"
    assert bob.bytes_of("train") == ann.bytes_of("train") == cat.bytes_of("train")
    assert cat.do("show", ":train")["url"] == url
    assert cat.do("--env", "team", "verify", "--data")["findings"] == []
    process = cat.start("show", ":train")
    out, _ = process.communicate(timeout=LIMIT_S)
    assert f"files    {url}" in out
