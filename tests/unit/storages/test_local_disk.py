from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from traintrack.errors import HostError, IntegrityError
from traintrack.storages.local import disk, open_local

MOUNTS = r"""
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 21 0:40 / /home rw - nfs4 server:/home rw
31 30 8:2 / /home/me/fast\040disk rw - xfs /dev/sdb rw
32 21 0:41 / /mnt/c rw - 9p drvfs rw
33 21 0:42 / /both rw - ext4 /dev/sdc rw
34 21 0:43 / /both rw - fuse.sshfs me@there: rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind", "refused"),
    [
        ("/data/store", "ext4", False),
        ("/home/me/store", "nfs4", True),
        ("/home/me/fast disk/store", "xfs", False),
        ("/home/me/fast disk", "xfs", False),
        ("/homework", "ext4", False),
        ("/mnt/c/store", "9p", True),
        ("/both/x", "fuse.sshfs", True),
        ("/", "ext4", False),
    ],
)
def test_a_network_disk_is_told_by_its_mount(path: str, kind: str, *, refused: bool) -> None:
    assert disk.file_system_type(path, MOUNTS) == kind
    assert disk.is_network_type(kind) is refused


def test_a_network_disk_is_refused_with_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_type_at", lambda _: "nfs4")

    with pytest.raises(HostError) as caught:
        open_local(tmp_path / "s")
    assert caught.value.code == "network-disk"
    assert "`nfs4`" in caught.value.message


def test_a_new_folder_becomes_a_store_that_can_be_opened_again(tmp_path: Path) -> None:
    first = open_local(tmp_path / "deep/er/s")
    second = open_local(tmp_path / "deep/er/s")

    assert first.name == second.name == os.path.realpath(tmp_path / "deep/er/s")
    assert json.loads((first.root / "store.json").read_text()) == {"format": "traintrack/store", "version": 1}
    assert os.listdir(first.root) == ["store.json"]


def test_many_who_open_a_new_store_at_once_all_can(tmp_path: Path) -> None:
    gate = threading.Barrier(8)
    opened: list[str] = []

    def enter() -> None:
        gate.wait()
        opened.append(open_local(tmp_path / "s").name)

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(opened) == 8
    assert os.listdir(tmp_path / "s") == ["store.json"]


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(HostError) as caught:
        open_local(tmp_path)
    assert caught.value.code == "not-a-store"
    assert "`thesis.tex`" in caught.value.message


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"format":"traintrack/store"}', '{"format":"x","version":"y"}'])
def test_a_damaged_mark_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "store.json").write_text(mark)

    with pytest.raises(IntegrityError) as caught:
        open_local(tmp_path)
    assert caught.value.code == "store-damaged"


@pytest.mark.parametrize("mark", ['{"format":"traintrack/store","version":2}', '{"format":"other","version":1}'])
def test_a_newer_store_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "store.json").write_text(mark)

    with pytest.raises(IntegrityError) as caught:
        open_local(tmp_path)
    assert caught.value.code == "store-format"


def test_a_path_below_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HostError) as caught:
        open_local(tmp_path / "file/store")
    assert caught.value.code == "not-a-folder"
    assert f"{tmp_path}/file" in caught.value.message


def test_a_folder_that_cannot_be_written_is_refused_with_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_local(tmp_path / "s")
    monkeypatch.setattr(os, "access", lambda *_: False)

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(30, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)

    with pytest.raises(HostError) as caught:
        open_local(tmp_path / "s")
    assert caught.value.code == "read-only"
