"""Data in a bucket of a real server of the protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bucket_server import BucketServer
from file_server import FileServer, Served
from opening import digest_of, fetched, listed, sources

from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.storages.sources.progress import Progress


def filled(buckets: BucketServer) -> None:
    buckets.make("plates")
    for key, data in {"p/b.csv": "bb", "p/a/1.csv": "1", "p/a.csv": "a", "p/": "", "pq/z": "z", "one.bin": "1"}.items():
        buckets.put("plates", key, data)


def test_a_listing_has_keys_sizes_and_etags_and_leaves_markers_of_folders_out(buckets: BucketServer) -> None:
    filled(buckets)

    found = listed("s3://plates/p/")

    assert [(e.path, e.size_bytes) for e in found] == [("a.csv", 1), ("a/1.csv", 1), ("b.csv", 2)]
    assert len({e.version for e in found}) == 3
    assert listed("s3://plates/p") == found


def test_a_key_is_that_one_object(buckets: BucketServer, tmp_path: Path) -> None:
    filled(buckets)

    assert [e.path for e in listed("s3://plates/one.bin")] == ["one.bin"]
    assert fetched("s3://plates/p/b.csv", tmp_path / "x") == {"b.csv": b"bb"}


def test_a_whole_bucket_and_a_prefix_are_fetched(buckets: BucketServer, tmp_path: Path) -> None:
    filled(buckets)

    assert fetched("s3://plates/p", tmp_path / "p") == {"a.csv": b"a", "a/1.csv": b"1", "b.csv": b"bb"}
    assert set(fetched("s3://plates/", tmp_path / "all")) == {"one.bin", "p/a.csv", "p/a/1.csv", "p/b.csv", "pq/z"}


def test_a_large_object_comes_whole(buckets: BucketServer, tmp_path: Path) -> None:
    data = os.urandom(20_000_000)
    buckets.make("plates", big=data)

    assert fetched("s3://plates/big", tmp_path / "x") == {"big": data}


def test_more_keys_than_one_answer_holds_are_all_listed_in_order(buckets: BucketServer) -> None:
    buckets.make("plates")
    for number in range(1_203):
        buckets.put("plates", f"n/{number:05}", "x")

    paths = [e.path for e in listed("s3://plates/n/")]

    assert paths == sorted(paths)
    assert len(paths) == 1_203


@pytest.mark.parametrize("change", ["other bytes", "one more", "one less"])
def test_every_change_is_another_listing(buckets: BucketServer, change: str) -> None:
    filled(buckets)
    before = digest_of("s3://plates/p/")
    if change == "other bytes":
        buckets.put("plates", "p/b.csv", "BB")
    elif change == "one more":
        buckets.put("plates", "p/c.csv", "")
    else:
        buckets.remove("plates", "p/a/1.csv")

    assert digest_of("s3://plates/p/") != before


def test_an_object_that_changed_after_it_was_listed_is_refused(buckets: BucketServer, tmp_path: Path) -> None:
    filled(buckets)
    entries = listed("s3://plates/p/")
    buckets.put("plates", "p/b.csv", "BB")

    with pytest.raises(IntegrityError, match=r"s3://plates/p/b\.csv"):
        sources(tmp_path).fetch("s3://plates/p/", iter(entries), tmp_path / "x", Progress("", lambda _: None))


def test_a_key_that_would_leave_the_folder_is_refused(buckets: BucketServer, tmp_path: Path) -> None:
    filled(buckets)
    buckets.put("plates", "p/../../escaped", "x")

    with pytest.raises(InputError, match=r"\.\.") as caught:
        fetched("s3://plates/p/", tmp_path / "x")
    assert caught.value.code == "source-refused"


def test_a_key_that_is_also_a_folder_is_refused(buckets: BucketServer, tmp_path: Path) -> None:
    filled(buckets)
    buckets.put("plates", "p/a", "x")

    with pytest.raises(InputError, match="another key") as caught:
        fetched("s3://plates/p/", tmp_path / "x")
    assert caught.value.code == "source-refused"


@pytest.mark.parametrize(
    ("uri", "words"), [("s3://plates/none/", "nothing"), ("s3://absent/p/", "no bucket"), ("s3:///p", "no bucket")]
)
def test_what_is_not_there_is_told(buckets: BucketServer, uri: str, words: str) -> None:
    filled(buckets)

    with pytest.raises(InputError, match=words) as caught:
        listed(uri)
    assert caught.value.hint


def test_nobody_there_is_told_with_the_variable(buckets: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(HostError, match="cannot be reached") as caught:
        listed("s3://plates/p/")
    assert "AWS_ENDPOINT_URL" in (caught.value.hint or "")


@pytest.fixture
def rough(monkeypatch: pytest.MonkeyPatch, buckets: BucketServer) -> Iterator[FileServer]:
    """A server of one object that misbehaves as it is told."""
    with FileServer(None) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url(""))
        yield server


def object_of(data: bytes, **how: object) -> Served:
    return Served(data, modified="Sat, 21 Nov 2026 04:00:00 GMT", **how)  # type: ignore[arg-type]


def test_an_answer_that_breaks_off_is_read_on(rough: FileServer, tmp_path: Path) -> None:
    data = os.urandom(9_000_000)
    rough.files["/plates/big"] = object_of(data, cuts=[5_000_000])

    assert fetched("s3://plates/big", tmp_path / "x") == {"big": data}
    assert len(rough.gets()) >= 2


def test_a_denied_request_is_told_as_that(rough: FileServer) -> None:
    rough.files["/plates"] = Served(status=403)
    rough.files["/plates/x"] = Served(status=403)

    for uri in ("s3://plates/", "s3://plates/x"):
        with pytest.raises(HostError, match="denied") as caught:
            listed(uri)
        assert caught.value.code == "source-denied"


def test_without_credentials_the_variables_are_named(rough: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")

    with pytest.raises(HostError) as caught:
        listed("s3://plates/")
    assert "AWS_ACCESS_KEY_ID" in (caught.value.hint or "")
