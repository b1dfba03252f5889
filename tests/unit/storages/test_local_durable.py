from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from traintrack.storages.local.durable import EachFile, GroupSync, WholeDisk, disk_sync


def test_those_who_come_during_a_round_share_the_next_one() -> None:
    entered, release = threading.Event(), threading.Event()
    rounds: list[int] = []

    def sync() -> None:
        rounds.append(1)
        entered.set()
        assert release.wait(10)

    group = GroupSync(sync)
    first = threading.Thread(target=group.wait)
    first.start()
    assert entered.wait(10)
    others = [threading.Thread(target=group.wait) for _ in range(20)]
    for thread in others:
        thread.start()
    release.set()
    for thread in [first, *others]:
        thread.join(10)

    # A thread that came late may have needed a third round, but never one each.
    assert 2 <= len(rounds) <= 4


def test_a_call_is_never_served_by_a_round_that_had_begun() -> None:
    entered, release = threading.Event(), threading.Event()
    written: list[str] = []
    synced: list[list[str]] = []

    def sync() -> None:
        snapshot = list(written)
        entered.set()
        assert release.wait(10)
        synced.append(snapshot)

    group = GroupSync(sync)
    first = threading.Thread(target=group.wait)
    first.start()
    assert entered.wait(10)
    written.append("late")
    second = threading.Thread(target=group.wait)
    second.start()
    release.set()
    second.join(10)
    first.join(10)

    assert synced == [[], ["late"]]


def test_all_of_a_failed_round_are_told_and_the_next_round_tries_again() -> None:
    errors = [OSError(errno.EIO, "x")]

    def sync() -> None:
        if errors:
            raise errors.pop()

    group = GroupSync(sync)
    with pytest.raises(OSError, match="Input/output error"):
        group.wait()

    group.wait()


def test_the_whole_disk_is_synced_by_its_root(tmp_path: Path) -> None:
    calls: list[int] = []
    WholeDisk(str(tmp_path), lambda fd: calls.append(os.fstat(fd).st_ino) or 0).sync()

    assert calls == [tmp_path.stat().st_ino]


def test_a_refusing_disk_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the number is whatever the library left
        WholeDisk(str(tmp_path), lambda _: -1).sync()


def test_without_syncfs_each_noted_path_is_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"a")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    disk = EachFile()
    disk.note([f"{tmp_path}/a", str(tmp_path), f"{tmp_path}/a", f"{tmp_path}/gone"])
    disk.sync()
    disk.sync()

    assert synced == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]


def test_this_system_has_a_way_to_sync(tmp_path: Path) -> None:
    disk_sync(str(tmp_path)).sync()
