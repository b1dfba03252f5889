"""A whole storage over a bucket in memory: the conformance suite, and how a store is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bucket import Noting, Pace

from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.mark import StoreMark
from traintrack.storages.objects.store import ObjectStorage, Opening, WhereNone, open_objects
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.storage_suite import StorageSuite


def no_probe() -> Mapping[str, Any]:
    return {"kept": True}


def opened(bucket: MemoryObjects, home: Path, **options: Any) -> ObjectStorage:
    return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes", **options), no_probe, Pace())


class TestObjectStorage(StorageSuite):
    """Each opening is that of another process of the same user; time is real, as some cases wait in threads."""

    @pytest.fixture(autouse=True)
    def _with_a_new_bucket(self, tmp_path: Path) -> None:
        self._bucket, self._home = MemoryObjects(), tmp_path

    def open(self) -> ObjectStorage:
        return open_objects(self._bucket, open_cache(self._home / "store"), Opening(self._home / "notes"), no_probe)


class TestObjectStorageFromElsewhere(TestObjectStorage):
    """Each opening is that of another user, who has nothing in a cache."""

    _openings = 0

    def open(self) -> ObjectStorage:
        self._openings += 1
        home = self._home / str(self._openings)
        return open_objects(self._bucket, open_cache(home / "store"), Opening(home / "notes"), no_probe)


def test_a_new_store_is_probed_once_and_says_so(tmp_path: Path) -> None:
    probed = []
    bucket = MemoryObjects()

    def probe() -> Mapping[str, Any]:
        probed.append(1)
        return {"creates_once": True}

    for home in ("a", "b", "a"):
        cache = open_cache(tmp_path / home / "store")
        storage = open_objects(bucket, cache, Opening(tmp_path / home / "notes"), probe, Pace())

        assert storage.mark.probe == {"creates_once": True}
    assert probed == [1]


def test_a_store_that_is_refused_by_the_probe_is_not_made(tmp_path: Path) -> None:
    bucket = MemoryObjects()

    def refuse() -> Mapping[str, Any]:
        raise HostError("it does not keep conditions", hint="take another")

    with pytest.raises(HostError, match="conditions"):
        open_objects(bucket, open_cache(tmp_path / "store"), Opening(tmp_path / "notes"), refuse, Pace())
    assert bucket.objects == {}


def test_opening_a_store_that_is_known_costs_one_request(tmp_path: Path) -> None:
    bucket = Noting()
    opened(bucket, tmp_path)
    bucket.taken()
    opened(bucket, tmp_path)

    assert bucket.taken() == ["get default/gc/evicted"]


def test_a_bucket_that_was_emptied_is_a_new_store_for_who_knew_the_old_one(tmp_path: Path) -> None:
    bucket = Noting()
    first = opened(bucket, tmp_path)
    digest = first.kept.put(b"record")
    bucket.objects.clear()

    second = opened(bucket, tmp_path)
    second.kept.put(b"record")

    assert second.mark.id != first.mark.id
    assert f"kept/{digest[:2]}/{digest}" in bucket.objects


def test_a_namespace_that_has_lost_its_round_is_not_given_a_new_one(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    opened(bucket, tmp_path)
    bucket.objects["default/cell/00/0000"] = b"{}"
    del bucket.objects["default/gc/cell"], bucket.objects["default/gc/evicted"]

    with pytest.raises(HostError, match="has lost"):
        opened(bucket, tmp_path)


def test_namespaces_have_rounds_of_their_own(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    opened(bucket, tmp_path)
    opened(bucket, tmp_path, namespace="dev/ann")

    assert {"store.json", "default/gc/cell", "dev/ann/gc/cell", "dev/ann/gc/evicted"} <= set(bucket.objects)


@pytest.mark.parametrize("name", ["kept", "run/x", "dev/cell", "", "a//b", "../b", "probe"])
def test_a_namespace_that_would_mix_with_other_keys_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as error:
        opened(MemoryObjects(), tmp_path, namespace=name)
    assert error.value.hint


def test_the_heartbeat_is_that_of_the_store(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    made = opened(bucket, tmp_path / "a", heartbeat_s=1.0)
    other = opened(bucket, tmp_path / "b")

    assert made.cells.heartbeat_s == other.cells.heartbeat_s == 1.0
    with pytest.raises(InputError, match="heartbeat of 1s, not 5s") as error:
        opened(bucket, tmp_path / "a", heartbeat_s=5.0)
    assert error.value.hint == "write `heartbeat: 1s` in the environment, or leave it out"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "store-damaged"),
        (b"[]", "store-damaged"),
        (msgspec.json.encode(StoreMark("x", version=2)), "store-format"),
        (msgspec.json.encode(StoreMark("x", hash="sha256")), "store-format"),
        (msgspec.json.encode(StoreMark("x", format="other")), "store-format"),
    ],
)
def test_a_mark_that_is_damaged_or_of_another_format_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    bucket = MemoryObjects()
    bucket.objects["store.json"] = data

    with pytest.raises(IntegrityError) as error:
        opened(bucket, tmp_path)
    assert error.value.code == code
    assert error.value.hint
    assert bucket.objects == {"store.json": data}


def test_who_only_reads_makes_no_store_and_no_namespace(tmp_path: Path) -> None:
    bucket = Noting()
    for _ in range(2):
        with pytest.raises(HostError, match="nobody has stored anything"):
            opened(bucket, tmp_path, where_none=WhereNone.REFUSE)
    assert bucket.objects == {}

    opened(bucket, tmp_path / "maker")
    there = set(bucket.objects)
    opened(bucket, tmp_path, where_none=WhereNone.REFUSE)
    with pytest.raises(HostError, match="dev/ann"):
        opened(bucket, tmp_path, where_none=WhereNone.REFUSE, namespace="dev/ann")
    assert set(bucket.objects) == there
