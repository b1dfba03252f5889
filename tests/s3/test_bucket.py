"""Each method of the port on the strict server."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from traintrack.errors import HostError, InputError, InternalError
from traintrack.ports.objects import Etag, Got, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import IgnoreConditions, Rule, S3Server

MIB = 1 << 20


def test_what_is_put_is_got_under_the_prefix(bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put("a/b", b"data")

    got = bucket.get("a/b")
    assert got is not None
    assert got.data == b"data"
    assert bucket.size_bytes("a/b") == 4
    assert s3.buckets.read("models", "team/store/a/b") == b"data"
    assert bucket.url == "s3://models/team/store/"


def test_what_is_not_there_is_none(bucket: S3Bucket) -> None:
    assert bucket.size_bytes("a") is None
    assert bucket.get("a") is None
    assert bucket.size_bytes("a") is None


@pytest.mark.parametrize(
    "key", ["a b", "a%20b", "ü/日本", "a+b&c=d?e#f", "a|b*c\"<>[]^`{}\\~'()", "x.1", "-", "a/…/b", "🚂"]
)
def test_every_key_comes_back_as_it_was(bucket: S3Bucket, s3: S3Server, key: str) -> None:
    bucket.put(f"k/{key}", b"data")
    bucket.copy(f"k/{key}", f"l/{key}")

    assert list(bucket.list("k/")) == [f"k/{key}"]
    assert list(bucket.list("l/")) == [f"l/{key}"]
    assert bucket.size_bytes(f"l/{key}") == 4
    assert s3.buckets.read("models", f"team/store/k/{key}") == b"data"


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/./b", "a\nb"])
def test_a_key_that_the_client_would_change_is_refused(bucket: S3Bucket, s3: S3Server, key: str) -> None:
    with pytest.raises(InternalError):
        bucket.put(key, b"")
    assert s3.log.count() == 0


@pytest.mark.parametrize(
    ("url", "seen"),
    [("s3://models", "s3://models/"), ("s3://models/", "s3://models/"), ("s3://models/a/b/", "s3://models/a/b/")],
)
def test_a_slash_at_the_end_makes_no_difference(s3: S3Server, url: str, seen: str) -> None:
    bucket = S3Bucket(url)
    bucket.put("k", b"x")

    assert bucket.url == seen
    assert list(bucket.list("")) == ["k"]


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///a", "models/a", "s3://models/a//b", "s3://models/../a", "s3://m/a?x=1"]
)
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        S3Bucket(url)
    assert caught.value.code == "bad-storage"


def test_an_object_is_created_once(bucket: S3Bucket) -> None:
    etag = bucket.put_if_absent("k", b"first")

    with pytest.raises(PreconditionFailedError):
        bucket.put_if_absent("k", b"second")
    assert bucket.get("k") == Got(b"first", etag)


def test_an_object_is_replaced_only_as_it_was_seen(bucket: S3Bucket) -> None:
    first = bucket.put_if_absent("k", b"first")
    second = bucket.put_if_match("k", b"second", first)

    with pytest.raises(PreconditionFailedError):
        bucket.put_if_match("k", b"third", first)
    assert bucket.get("k") == Got(b"second", second)


def test_what_is_gone_is_not_replaced(bucket: S3Bucket) -> None:
    etag = bucket.put_if_absent("k", b"first")
    bucket.delete("k")

    with pytest.raises(PreconditionFailedError):
        bucket.put_if_match("k", b"second", etag)
    assert bucket.get("k") is None


def test_deleting_what_is_not_there_is_no_error_and_each_delete_is_one_request(bucket: S3Bucket, s3: S3Server) -> None:
    bucket.delete("k")
    bucket.delete("k")

    assert [r.operation for r in s3.log.requests()] == ["DeleteObject"] * 2


def test_of_fifty_who_count_in_one_key_no_update_is_lost(bucket: S3Bucket) -> None:
    bucket.put_if_absent("n", b"0")

    def count(_: int) -> None:
        while True:
            got = bucket.get("n")
            assert got is not None
            try:
                bucket.put_if_match("n", b"%d" % (int(got.data) + 1), got.etag)
                return
            except PreconditionFailedError:
                continue

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(count, range(50)))

    got = bucket.get("n")
    assert got is not None
    assert got.data == b"50"


def test_five_thousand_keys_are_listed_in_the_order_of_their_bytes(bucket: S3Bucket, s3: S3Server) -> None:
    keys = [f"n/{number:05}" for number in range(4998)] + ["n/\uffee", "n/🚂"]
    for key in keys:
        s3.buckets.write("models", f"team/store/{key}", b"12")
    s3.buckets.write("models", "team/store/o", b"")

    found = list(bucket.entries("n/"))

    assert [entry.key for entry in found] == sorted(keys, key=str.encode)
    assert {entry.size_bytes for entry in found} == {2}
    assert s3.log.count("ListObjectsV2") == 5
    assert datetime.fromisoformat(found[0].modified).utcoffset() is not None


def test_a_prefix_may_end_inside_of_a_name_and_reads_no_more_than_it_needs(bucket: S3Bucket, s3: S3Server) -> None:
    for number in range(3000):
        s3.buckets.write("models", f"team/store/run/{number:05}", b"")
    for key in ("run/01", "run/01.x", "run/02", "run/00zz", "runs"):
        s3.buckets.write("models", f"team/store/{key}", b"")

    assert list(bucket.list("run/010")) == [f"run/010{n:02}" for n in range(100)]
    assert list(bucket.list("run/01.")) == ["run/01.x"]
    assert list(bucket.list("runs")) == ["runs"]
    assert list(bucket.list("run/nothing")) == []
    assert s3.log.count("ListObjectsV2") == 4
    assert next(iter(bucket.list("run/01"))) == "run/01"


def test_a_list_below_a_prefix_does_not_show_its_neighbours(s3: S3Server) -> None:
    for key in ("team/store/a", "team/store2/b", "team/storage", "team"):
        s3.buckets.write("models", key, b"")

    assert list(S3Bucket("s3://models/team/store").list("")) == ["a"]


def test_the_marker_of_the_folder_that_is_listed_is_no_key(bucket: S3Bucket, s3: S3Server) -> None:
    for key in ("", "cell/", "cell/ab/x"):
        s3.buckets.write("models", f"team/store/{key}", b"")

    assert list(bucket.list("cell/")) == ["cell/ab/x"]
    assert list(bucket.list("cell/a")) == ["cell/ab/x"]


def test_a_key_that_cannot_be_told_is_an_error_and_not_an_end(bucket: S3Bucket, s3: S3Server) -> None:
    for key in ("a", "a//b", "c"):
        s3.buckets.write("models", f"team/store/x/{key}", b"1")

    with pytest.raises(HostError) as caught:
        list(bucket.list("x/"))
    assert caught.value.code == "storage-foreign"


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 8 * MIB, 8 * MIB + 1, 30 * MIB + 7])
def test_a_stream_becomes_one_object_of_any_size(bucket: S3Bucket, s3: S3Server, size: int) -> None:
    data = os.urandom(size)
    chunks = [data[at : at + 700_001] for at in range(0, size, 700_001)]
    bucket.put_stream("big", iter(chunks), size)

    assert bucket.size_bytes("big") == size
    assert b"".join(bucket.read("big", 0, size)) == data
    assert s3.log.count("UploadPart") == (0 if size <= 8 * MIB else -(-size // (8 * MIB)))


@pytest.mark.parametrize("size", [10, 20 * MIB])
@pytest.mark.parametrize("off", [-1, 1])
def test_a_stream_of_another_size_than_promised_leaves_nothing(
    bucket: S3Bucket, s3: S3Server, size: int, off: int
) -> None:
    data = bytes(size + off)

    with pytest.raises(InternalError):
        bucket.put_stream("big", iter([data[: size // 2], data[size // 2 :]]), size)
    assert bucket.size_bytes("big") is None
    assert not s3.buckets.find("models").uploads


@pytest.mark.parametrize("error", [OSError(5, "disk"), FileNotFoundError("gone"), UnknownOutcomeError("other")])
def test_an_error_of_who_gives_the_bytes_stays_theirs(bucket: S3Bucket, s3: S3Server, error: Exception) -> None:
    def chunks():
        yield bytes(12 * MIB)
        raise error

    with pytest.raises(type(error)) as caught:
        bucket.put_stream("big", chunks(), 30 * MIB)
    assert caught.value is error
    assert bucket.size_bytes("big") is None
    assert not s3.buckets.find("models").uploads


@pytest.mark.parametrize(("start", "length"), [(0, 10), (3, 4), (9, 1), (0, 0), (10, 0)])
def test_a_range_is_read_as_it_was_asked(bucket: S3Bucket, start: int, length: int) -> None:
    bucket.put("k", b"0123456789")

    assert b"".join(bucket.read("k", start, length)) == b"0123456789"[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(0, 11), (9, 2), (10, 1), (100, 5)])
def test_a_range_beyond_the_end_is_never_fewer_bytes(bucket: S3Bucket, start: int, length: int) -> None:
    bucket.put("k", b"0123456789")

    with pytest.raises(UnknownOutcomeError):
        list(bucket.read("k", start, length))


@pytest.mark.parametrize("length", [0, 5])
def test_reading_what_is_not_there_is_told_at_once(bucket: S3Bucket, length: int) -> None:
    with pytest.raises(FileNotFoundError):
        bucket.read("k", 0, length)


def test_copying_what_is_not_there_is_told(bucket: S3Bucket) -> None:
    with pytest.raises(FileNotFoundError):
        bucket.copy("k", "l")


def test_what_is_sent_carries_its_checksum(bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put("k", b"data")

    assert [name for name, _ in s3.buckets.find("models").objects["team/store/k"].checksums] == [
        "x-amz-checksum-sha256"
    ]


def test_a_store_that_ignores_conditions_is_seen_by_the_port(bucket: S3Bucket, s3: S3Server) -> None:
    s3.faults.add(Rule(IgnoreConditions()))
    bucket.put_if_absent("k", b"first")

    assert bucket.put_if_match("k", b"second", Etag('"nonsense"'))
