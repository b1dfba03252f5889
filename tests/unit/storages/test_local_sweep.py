from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from traintrack.action.cell import CellState
from traintrack.errors import HostError
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.removal import remove_tree
from traintrack.testing.storage_suite import ID, published

HERE = Path(__file__).parent


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "s")


def kill_a_holder(storage: LocalStorage) -> None:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "holder.py"), str(storage.root), ID, "run-k"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()


def test_what_a_killed_run_left_is_removed_and_its_cell_stays(storage: LocalStorage) -> None:
    kill_a_holder(storage)
    stale = storage.stale_stages()
    swept = storage.sweep()

    assert [path.name for path in stale] == ["flight.1~run-k"]
    assert (swept.stages, swept.files, swept.sessions, swept.trash) == (("flight.1~run-k",), 1, 1, 0)
    assert swept.freed_bytes == 1010
    assert os.listdir(storage.root / "stage") == os.listdir(storage.root / "part") == []
    cell = storage.cells.read([ID])[ID].cell
    assert cell is not None
    assert cell.state is CellState.HELD


def test_sweeping_twice_finds_nothing_more(storage: LocalStorage) -> None:
    kill_a_holder(storage)
    storage.sweep()
    swept = storage.sweep()

    assert (swept.stages, swept.files, swept.sessions, swept.trash, swept.freed_bytes) == ((), 0, 0, 0, 0)


def test_nothing_of_the_living_is_touched(storage: LocalStorage) -> None:
    nameless = storage.staging.new_stage("flight.0")
    with open_local(storage.root).present("other"):
        pass
    other = open_local(storage.root)
    with other.present("run-a"):
        stage = other.staging.new_stage("flight.1")
        (stage / "x").write_bytes(b"x")
        writing = storage.root / "part/run-a~9"
        writing.parent.mkdir(exist_ok=True)
        writing.touch()
        result = published(other, {"a": b"a"}, "flight.2")
        swept = storage.sweep()

        assert (swept.stages, swept.files, swept.sessions) == ((), 0, 0)
        assert (stage / "x").exists()
        assert writing.exists()
        assert nameless.exists()
        assert storage.artifacts.check(result) is None


def test_a_stage_that_is_to_be_kept_stays(storage: LocalStorage) -> None:
    kill_a_holder(storage)
    stale = storage.stale_stages()
    swept = storage.sweep(keep=stale)

    assert swept.stages == ()
    assert stale[0].exists()
    assert storage.sweep().stages == ("flight.1~run-k",)


def test_folders_that_have_no_session_are_not_ours(storage: LocalStorage) -> None:
    (storage.root / "stage/checkpoints").mkdir(parents=True)
    (storage.root / "stage/odd~").mkdir()
    swept = storage.sweep()

    assert swept.stages == ()
    assert sorted(os.listdir(storage.root / "stage")) == ["checkpoints", "odd~"]


def test_the_same_attempt_twice_gets_two_empty_stages(storage: LocalStorage) -> None:
    with storage.present("run-a"):
        first = storage.staging.new_stage("flight.1")
        (first / "x").touch()
        second = storage.staging.new_stage("flight.1")

        assert list(second.iterdir()) == []
        assert storage.stale_stages() == ()
    assert set(storage.stale_stages()) == {first, second}


def test_a_sweep_of_a_new_store_is_harmless(storage: LocalStorage) -> None:
    assert storage.sweep().freed_bytes == 0
    assert os.listdir(storage.root) == ["store.json"]


def test_a_read_only_tree_with_links_is_removed_without_following_them(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"f")
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/f").write_bytes(b"12345")
    (tree / "a/l").symlink_to(outside)
    os.link(outside / "f", tree / "a/hard")
    for folder in (tree / "a/b", tree / "a", tree):
        folder.chmod(0o000)
    freed = remove_tree(str(tree))

    assert freed == 5
    assert not tree.exists()
    assert (outside / "f").read_bytes() == b"f"
    assert remove_tree(str(tree)) == 0


def test_what_cannot_be_removed_is_told(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_a_holder(storage)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "half")

    monkeypatch.setattr("traintrack.storages.local.removal.os.unlink", refuse)

    with pytest.raises(HostError) as caught:
        storage.sweep()
    assert caught.value.code == "no-permission"
    assert str(storage.root) in caught.value.message
