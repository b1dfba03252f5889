from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.digest import ContentDigest
from traintrack.errors import HostError, IntegrityError, InternalError
from traintrack.storages.local import LocalStorage, open_local


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "s")


def place(storage: LocalStorage, digest: str) -> Path:
    return storage.root / "kept" / digest[:2] / digest


def damage(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("data", [b"", b"record", b"x" * 100_000])
def test_damage_is_refused_once_and_then_missing_until_it_is_put_again(storage: LocalStorage, data: bytes) -> None:
    digest = storage.kept.put(data)
    damage(place(storage, digest), data + b"!")

    with pytest.raises(IntegrityError) as caught:
        storage.kept.get(digest)
    assert caught.value.code == "kept-damaged"
    assert storage.kept.get(digest) is None
    storage.kept.put(data)
    assert storage.kept.get(digest) == data


def test_putting_again_heals_damage_that_nobody_has_seen(storage: LocalStorage) -> None:
    digest = storage.kept.put(b"record")
    damage(place(storage, digest), b"")
    storage.kept.put(b"record")

    assert storage.kept.get(digest) == b"record"


def test_putting_again_writes_nothing(storage: LocalStorage) -> None:
    digest = storage.kept.put(b"record")
    before = place(storage, digest).stat().st_ino
    storage.kept.put(b"record")

    assert place(storage, digest).stat().st_ino == before


def test_a_damaged_named_object_can_be_named_again(storage: LocalStorage) -> None:
    storage.kept.put_named("lock/abc", b"text")
    damage(place(storage, storage.kept.put(b"text")), b"test")

    with pytest.raises(IntegrityError):
        storage.kept.get_named("lock/abc")
    assert not storage.kept.has_named("lock/abc")
    storage.kept.put_named("lock/abc", b"text")
    assert storage.kept.get_named("lock/abc") == b"text"


def test_a_damaged_name_is_as_good_as_none(storage: LocalStorage) -> None:
    storage.kept.put_named("lock/abc", b"text")
    damage(storage.root / "kept/named/lock/abc", b"../../etc/passwd")

    assert storage.kept.get_named("lock/abc") is None
    assert not storage.kept.has_named("lock/abc")


@pytest.mark.parametrize("name", ["", "../x", "a//b", "/etc/passwd", "a/../../b", ".hidden", "a\n", "a\0b"])
def test_a_name_that_could_leave_its_folder_is_a_bug(storage: LocalStorage, name: str) -> None:
    with pytest.raises(InternalError):
        storage.kept.put_named(name, b"")


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63])
def test_what_is_no_digest_names_nothing(storage: LocalStorage, digest: str) -> None:
    assert storage.kept.get(ContentDigest(digest)) is None


def test_a_file_where_a_folder_should_be_is_told_with_its_path(storage: LocalStorage) -> None:
    (storage.root / "kept").write_bytes(b"")

    with pytest.raises(HostError) as caught:
        storage.kept.put(b"x")
    assert f"{storage.root}/kept/" in caught.value.message
    assert caught.value.hint is not None
