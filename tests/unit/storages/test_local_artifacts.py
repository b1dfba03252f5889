from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.errors import HostError, IntegrityError, InternalError
from traintrack.storages.local import LocalStorage, open_local
from traintrack.testing.storage_suite import published, staged

FILES = {"a.txt": b"aaaa", "d/b.bin": b"b" * 5000, "d/e/c": b"", "z": b"z" * 50_000}


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "s")


def folder(storage: LocalStorage, result: Result) -> Path:
    return storage.artifacts.path(result.artifact)


def notes(storage: LocalStorage, result: Result) -> Path:
    return storage.root / "layout" / result.artifact[:2] / result.artifact


def unlocked(path: Path) -> Path:
    for place in (path.parent, path):
        if place.exists() and not place.is_symlink():
            place.chmod(0o755)
    return path


def flip(root: Path) -> None:
    path = unlocked(root / "d/b.bin")
    data = bytearray(path.read_bytes())
    data[2500] ^= 1
    path.write_bytes(data)


def flip_and_hide_by_mtime(root: Path) -> None:
    before = (root / "d/b.bin").stat()
    flip(root)
    os.utime(root / "d/b.bin", ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(root: Path) -> None:
    os.truncate(unlocked(root / "d/b.bin"), 4999)


def empty(root: Path) -> None:
    os.truncate(unlocked(root / "d/b.bin"), 0)


def delete(root: Path) -> None:
    unlocked(root / "d/b.bin").unlink()


def add(root: Path) -> None:
    unlocked(root / "d/new").write_bytes(b"")


def add_folder(root: Path) -> None:
    unlocked(root / "d/new").mkdir()


def swap(root: Path) -> None:
    unlocked(root / "d/b.bin").unlink()
    (root / "d/b.bin").write_bytes(b"B" * 5000)


def to_link(root: Path) -> None:
    unlocked(root / "d/b.bin").unlink()
    (root / "d/b.bin").symlink_to("../a.txt")


def to_folder(root: Path) -> None:
    unlocked(root / "d/b.bin").unlink()
    (root / "d/b.bin").mkdir()


def to_pipe(root: Path) -> None:
    unlocked(root / "d/b.bin").unlink()
    os.mkfifo(root / "d/b.bin")


def make_executable(root: Path) -> None:
    (root / "d/b.bin").chmod(0o555)


def remove_folder(root: Path) -> None:
    unlocked(root / "d/b.bin")
    unlocked(root / "d/e/c")
    shutil.rmtree(unlocked(root / "d"))


DAMAGES = [
    flip,
    flip_and_hide_by_mtime,
    truncate,
    empty,
    delete,
    add,
    add_folder,
    swap,
    to_link,
    to_folder,
    to_pipe,
    make_executable,
    remove_folder,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_told_by_path_and_healed_by_publishing_again(
    storage: LocalStorage, damage: Callable[[Path], None]
) -> None:
    result = published(storage, FILES, "flight.1")
    before = storage.artifacts.check(result)
    damage(folder(storage, result))
    words = storage.artifacts.check(result)
    part_words = storage.artifacts.check(result, "d")
    other_part = storage.artifacts.check(result, "a.txt")
    healed = published(storage, FILES, "flight.2")

    assert before is None
    assert words is not None
    assert "`d/" in words
    assert part_words is not None
    assert other_part is None
    assert healed == result
    assert storage.artifacts.check(result) is None
    assert (folder(storage, result) / "d/b.bin").read_bytes() == FILES["d/b.bin"]
    assert storage.sweep().trash == 1


@pytest.mark.parametrize("stand_in", ["nothing", "file", "link"])
def test_a_lost_artifact_is_found_and_healed(storage: LocalStorage, stand_in: str) -> None:
    result = published(storage, FILES, "flight.1")
    root = folder(storage, result)
    root.chmod(0o755)
    root.rename(root.with_name("elsewhere"))
    if stand_in == "file":
        root.write_bytes(b"")
    if stand_in == "link":
        root.symlink_to("elsewhere")
    words = storage.artifacts.check(result)
    published(storage, FILES, "flight.2")

    assert words == "its folder is missing"
    assert storage.artifacts.check(result) is None
    assert not root.is_symlink()


def test_a_damaged_manifest_is_told_by_another_process_and_healed_by_publishing(storage: LocalStorage) -> None:
    result = published(storage, FILES, "flight.1")
    kept = storage.root / "kept" / result.manifest[:2] / result.manifest
    kept.chmod(0o644)
    kept.write_bytes(b"{}")
    another = open_local(storage.root)
    words = another.artifacts.check(result)
    with pytest.raises(IntegrityError):
        another.artifacts.manifest(result)
    published(storage, FILES, "flight.2")

    assert words is not None
    assert open_local(storage.root).artifacts.check(result) is None


def test_files_are_read_only_folders_too_and_setuid_is_dropped(storage: LocalStorage) -> None:
    output = staged(storage, "flight.1", {"d/tool": b"t", "plain": b"p"})
    (Path(output.staged) / "d/tool").chmod(0o6755)
    result = storage.artifacts.publish(Output(output.staged, storage.staging.scan(Path(output.staged))))
    root = folder(storage, result)

    modes = {p: stat.S_IMODE((root / p).stat().st_mode) for p in (".", "d", "d/tool", "plain")}
    assert modes == {".": 0o555, "d": 0o555, "d/tool": 0o555, "plain": 0o444}


def test_a_hard_link_becomes_a_file_of_its_own(storage: LocalStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"shared")
    output = staged(storage, "flight.1", {"x": b"x"})
    os.link(outside, Path(output.staged) / "f")
    os.link(outside, Path(output.staged) / "g")
    result = storage.artifacts.publish(Output(output.staged, storage.staging.scan(Path(output.staged))))
    outside.write_bytes(b"SHARED")

    assert (folder(storage, result) / "f").read_bytes() == b"shared"
    assert (folder(storage, result) / "g").stat().st_nlink == 1
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert storage.artifacts.check(result) is None


@pytest.mark.parametrize("damage", [truncate, delete, add, add_folder, to_link, to_folder, to_pipe, remove_folder])
def test_an_output_that_changed_after_it_was_hashed_is_not_published(
    storage: LocalStorage, damage: Callable[[Path], None]
) -> None:
    output = staged(storage, "flight.1", FILES)
    damage(Path(output.staged))

    with pytest.raises(IntegrityError) as caught:
        storage.artifacts.publish(output)
    assert caught.value.code == "output-changed"
    assert not (storage.root / "artifact" / output.manifest.digest()[:2]).exists()


def test_a_whole_artifact_is_checked_without_hashing(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    result = published(storage, FILES)

    def never(fd: int, size: int) -> None:
        raise AssertionError("a file was hashed")

    monkeypatch.setattr("traintrack.storages.local.inspection.hash_file", never)

    assert storage.artifacts.check(result) is None


def test_an_artifact_of_a_few_small_files_has_no_notes_and_is_hashed_each_time(storage: LocalStorage) -> None:
    result = published(storage, {"a": b"a"})
    root = folder(storage, result)
    before = (root / "a").stat()
    unlocked(root / "a").write_bytes(b"b")
    (root / "a").chmod(0o444)
    os.utime(root / "a", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not notes(storage, result).exists()
    assert storage.artifacts.check(result) == "`a` has other bytes"


@pytest.mark.parametrize("damage", ["missing", "garbage", "newer"])
def test_without_notes_everything_is_hashed_once_and_noted(
    storage: LocalStorage, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = published(storage, FILES)
    place = notes(storage, result)
    place.unlink()
    if damage != "missing":
        place.write_bytes(b"{" if damage == "garbage" else b'{"format":"traintrack/layout/2","files":{}}')

    assert storage.artifacts.check(result) is None
    test_a_whole_artifact_is_checked_without_hashing(storage, monkeypatch)


def test_a_touched_file_with_the_right_bytes_is_whole(storage: LocalStorage) -> None:
    result = published(storage, FILES)
    before = notes(storage, result).read_bytes()
    os.utime(folder(storage, result) / "a.txt", ns=(5, 5))

    assert storage.artifacts.check(result) is None
    assert notes(storage, result).read_bytes() != before


def test_a_part_that_never_was_is_not_damaged(storage: LocalStorage) -> None:
    result = published(storage, FILES)

    assert storage.artifacts.check(result, "nothing/here") is None
    assert storage.artifacts.check(result, "a.txt/x") is None


def test_of_many_who_publish_the_same_all_get_it(storage: LocalStorage) -> None:
    outputs = [staged(storage, f"flight.{n}", FILES) for n in range(6)]
    results: list[Result] = []
    threads = [threading.Thread(target=lambda o=o: results.append(storage.artifacts.publish(o))) for o in outputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 6
    assert len(set(results)) == 1
    assert storage.artifacts.check(results[0]) is None
    assert not any(Path(o.staged).exists() for o in outputs)


def test_a_crash_before_the_notes_leaves_a_whole_artifact(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = staged(storage, "flight.1", FILES)
    with monkeypatch.context() as patch:
        patch.setattr("traintrack.storages.local.artifacts.encode_notes", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            storage.artifacts.publish(output)
    again = published(open_local(storage.root), FILES, "flight.2")

    assert storage.artifacts.check(again) is None


def test_a_full_disk_is_told_and_nothing_half_is_seen(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    output = staged(storage, "flight.1", FILES)
    with monkeypatch.context() as patch:
        patch.setattr("traintrack.storages.local.files.os.write", _full)
        with pytest.raises(HostError) as caught:
            storage.artifacts.publish(output)

    assert caught.value.code == "disk-full"
    assert not (storage.root / "artifact").exists()
    assert storage.artifacts.check(storage.artifacts.publish(output)) is None


def test_a_stage_that_somebody_removed_is_told(storage: LocalStorage) -> None:
    output = staged(storage, "flight.1", FILES)
    shutil.rmtree(output.staged)

    with pytest.raises(HostError) as caught:
        storage.artifacts.publish(output)
    assert caught.value.code == "stage-lost"


@pytest.mark.parametrize("place", ["artifact/ab", "stage/../cells", "stage", "/etc"])
def test_only_what_was_staged_here_is_discarded(storage: LocalStorage, place: str) -> None:
    output = staged(storage, "flight.1", FILES)

    with pytest.raises(InternalError):
        storage.artifacts.discard(Output(os.path.join(storage.root, place), output.manifest))


def _interrupt(*_: object) -> bytes:
    raise KeyboardInterrupt


def _full(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
