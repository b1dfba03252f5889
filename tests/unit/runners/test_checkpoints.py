"""The newest sealed checkpoint survives, and no other."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from traintrack.runners.contract.checkpoints import Checkpoints, is_sealed


def put(folder: str, name: str, mtime_s: int) -> None:
    path = Path(folder, name)
    path.write_text(name)
    os.utime(path, (mtime_s, mtime_s))


def test_the_newest_by_time_then_name_is_kept(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    folder = store.begin("f", "1.a", None)
    for name, mtime_s in (("c", 1), ("a", 2), ("b", 2), ("z.tmp", 9), (".hidden", 9)):
        put(folder, name, mtime_s)

    assert store.seal("f") == "f~1.a/b"
    assert os.listdir(folder) == ["b"]


def test_links_are_no_checkpoints(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    folder = store.begin("f", "1.a", None)
    os.symlink("/etc/passwd", f"{folder}/latest")

    assert store.seal("f") is None
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_moves_into_the_next_attempt_and_is_kept_if_that_writes_none(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    put(store.begin("f", "1.a", None), "one", 1)
    key = store.seal("f")
    folder = store.begin("f", "2.b", key)

    assert os.listdir(folder) == ["one"]
    assert store.seal("f") == "f~2.b/one" == store.find("f")


def test_a_success_drops_the_checkpoints_of_its_flight_alone(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    for flight in ("f", "f~1", "f2"):
        put(store.begin(flight, "1.a", None), "x", 1)
    store.drop("f")

    assert store.find("f") is None
    assert store.find("f~1") == "f%7E1~1.a/x"
    assert store.find("f2") == "f2~1.a/x"


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "f~1.a/..", "", "f~9.z/gone"])
def test_a_key_that_is_none_of_ours_restores_nothing(tmp_path: Path, key: str) -> None:
    (tmp_path / "x").write_text("outside")
    store = Checkpoints(tmp_path / "root")

    assert os.listdir(store.begin("f", "1.a", key)) == []
    assert (tmp_path / "x").exists()


def test_a_spare_folder_is_taken_and_given_back_with_what_is_in_it(tmp_path: Path) -> None:
    store, spare = Checkpoints(tmp_path / "root"), tmp_path / "spare"
    spare.mkdir()
    inode = spare.stat().st_ino
    folder = store.begin("f", "1.a", None, str(spare))
    put(folder, "one", 1)
    taken = os.stat(folder).st_ino, spare.exists()
    store.drop("f", folder, str(spare))

    assert taken == (inode, False)
    assert os.listdir(spare) == ["one"]
    assert store.find("f") is None


def test_a_checkpoint_of_an_earlier_attempt_goes_when_the_folder_is_given_back(tmp_path: Path) -> None:
    store, spare = Checkpoints(tmp_path / "root"), tmp_path / "spare"
    put(store.begin("f", "1.a", None), "one", 1)
    key = store.seal("f")
    spare.mkdir()
    folder = store.begin("f", "2.b", key, str(spare))
    store.drop("f", folder, str(spare))

    assert os.listdir(tmp_path / "root") == []
    assert os.listdir(spare) == ["one"]


def test_names_that_are_not_finished() -> None:
    assert [n for n in ("a", "a.tmp", ".a", "tmp", "a.tmp.b") if is_sealed(n)] == ["a", "tmp", "a.tmp.b"]


def test_an_empty_folder_goes_also_where_no_folder_can_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Checkpoints(tmp_path)
    empty, full = (Path(store.begin("f", folder, None)) for folder in ("1.a", "2.b"))
    (full / "one").touch()

    def fail(_: str) -> list[str]:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(os, "listdir", fail)
    for own in (empty, full):
        with pytest.raises(OSError, match="too many"):
            store.seal("f", str(own))
    monkeypatch.undo()

    assert not empty.exists()
    assert store.seal("f", str(full)) == "f~2.b/one"
