"""Kept objects in a bucket: what is sent, what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from bucket import Noting, Pace, notes

from traintrack.digest import content_digest
from traintrack.errors import IntegrityError
from traintrack.storages.local.store import open_local
from traintrack.storages.objects.kept import ObjectKept
from traintrack.testing.schedule import Fate

DATA = b"a record"
KEY = f"kept/{content_digest(DATA)[:2]}/{content_digest(DATA)}"


def kept(bucket: Noting, home: Path) -> ObjectKept:
    return ObjectKept(bucket, Pace(), open_local(home / "cache").kept, notes(home))


def test_what_is_known_to_be_there_is_not_sent_again_by_any_process(tmp_path: Path) -> None:
    bucket = Noting()
    kept(bucket, tmp_path).put(DATA)
    kept(bucket, tmp_path).put_named("code/a/b", DATA)
    bucket.taken()

    kept(bucket, tmp_path).put(DATA)
    kept(bucket, tmp_path).put_named("code/a/b", DATA)

    assert kept(bucket, tmp_path).has_named("code/a/b")
    assert bucket.taken() == []


def test_what_this_machine_put_or_read_is_read_from_its_cache(tmp_path: Path) -> None:
    bucket = Noting()
    kept(bucket, tmp_path / "a").put(DATA)
    kept(bucket, tmp_path / "a").put_named("lock/1", b"lines")
    bucket.taken()

    assert kept(bucket, tmp_path / "a").get(content_digest(DATA)) == DATA
    assert bucket.taken() == []
    for _ in range(2):
        assert kept(bucket, tmp_path / "b").get(content_digest(DATA)) == DATA
        assert kept(bucket, tmp_path / "b").get_named("lock/1") == b"lines"
    assert bucket.taken() == [f"get {KEY}", "get kept-named/lock/1"]


def test_bytes_that_came_wrong_once_are_read_once_more(tmp_path: Path) -> None:
    class WrongOnce(Noting):
        def get(self, key: str):
            got = super().get(key)
            return type(got)(b"other", got.etag) if got and len(self.requests) == 1 else got

    bucket = WrongOnce({KEY: DATA})

    assert kept(bucket, tmp_path).get(content_digest(DATA)) == DATA
    assert bucket.taken() == [f"get {KEY}"] * 2


@pytest.mark.parametrize("name", [None, "lock/1"])
def test_damaged_bytes_are_refused_and_healed_by_who_puts_them_again(tmp_path: Path, name: str | None) -> None:
    bucket = Noting()
    maker = kept(bucket, tmp_path / "a")
    digest = maker.put(DATA)
    maker.put_named("lock/1", DATA)
    for key in bucket.objects:
        bucket.objects[key] = b"x" + bucket.objects[key][1:]
    reader = kept(bucket, tmp_path / "b")

    def read() -> bytes | None:
        return reader.get(digest) if name is None else reader.get_named(name)

    with pytest.raises(IntegrityError) as error:
        read()
    assert error.value.hint
    reader.put(DATA)
    reader.put_named("lock/1", DATA)
    assert read() == DATA


def test_what_is_not_there_is_none_and_sent_when_it_comes(tmp_path: Path) -> None:
    bucket = Noting()
    mine = kept(bucket, tmp_path)
    mine.put(DATA)
    bucket.objects.clear()
    other = kept(bucket, tmp_path / "other")

    assert other.get(content_digest(DATA)) is None
    assert other.get(content_digest(b"")) is None
    assert other.get("../../store.json") is None  # type: ignore[arg-type]
    assert not other.has_named("lock/1")
    assert other.get_named("lock/1") is None
    other.put(DATA)
    assert bucket.objects[KEY] == DATA


def test_an_unclear_answer_is_asked_for_again(tmp_path: Path) -> None:
    bucket = Noting()
    bucket.fates = [Fate.REFUSED, Fate.LOST, Fate.ANSWERED]

    kept(bucket, tmp_path).put(DATA)

    assert bucket.objects == {KEY: DATA}
    assert bucket.taken() == [f"put {KEY}"] * 3


def test_a_cache_that_is_damaged_is_no_damage_of_the_store(tmp_path: Path) -> None:
    bucket = Noting()
    digest = kept(bucket, tmp_path).put(DATA)
    [file] = (tmp_path / "cache/kept" / digest[:2]).iterdir()
    file.chmod(0o644)
    file.write_bytes(b"other")

    assert kept(bucket, tmp_path).get(digest) == DATA


def test_what_was_sent_once_and_is_damaged_since_is_sent_again(tmp_path: Path) -> None:
    bucket = Noting()
    digest = kept(bucket, tmp_path).put(DATA)
    bucket.objects[KEY] = b"other"
    without_cache = ObjectKept(bucket, Pace(), open_local(tmp_path / "new").kept, notes(tmp_path))

    with pytest.raises(IntegrityError):
        without_cache.get(digest)
    without_cache.put(DATA)
    assert bucket.objects[KEY] == DATA
