from __future__ import annotations

import os
from pathlib import Path

import pytest

from traintrack.action.manifest import Entry, EntryType, Manifest, make_manifest
from traintrack.app import tree_copy
from traintrack.app.tree_copy import copy_tree, first_difference, replace_tree
from traintrack.digest import content_digest
from traintrack.errors import HostError, UsageError


def artifact(root: Path, files: dict[str, bytes], *, executable: str = "", link: str = "", empty: str = "") -> Manifest:
    """Write a read-only artifact below `root` and return its manifest; `link` points at the first file."""
    entries = []
    root.mkdir()
    for path, data in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o555 if path == executable else 0o444)
        entries.append(Entry(path, executable=path == executable, size=len(data), digest=content_digest(data)))
    if link:
        target = next(iter(files))
        (root / link).symlink_to(target)
        entries.append(Entry(link, EntryType.LINK, target=target))
    if empty:
        (root / empty).mkdir(parents=True)
        entries.append(Entry(empty, EntryType.FOLDER))
    return make_manifest(entries)


def test_a_copy_has_the_same_tree_and_may_be_written(tmp_path: Path) -> None:
    files = {"run.sh": b"#!/bin/sh\n", "deep/er/weights.bin": b"w" * 100_000, "none": b""}
    manifest = artifact(tmp_path / "a", files, executable="run.sh", link="also", empty="logs/old")

    copy_tree(tmp_path / "a", manifest, tmp_path / "out" / "t")

    copy = tmp_path / "out" / "t"
    assert first_difference(copy, manifest) is None
    assert (copy / "deep/er/weights.bin").read_bytes() == files["deep/er/weights.bin"]
    assert os.stat(copy / "run.sh").st_mode & 0o777 == 0o755
    assert os.stat(copy / "none").st_mode & 0o777 == 0o644
    assert os.stat(copy / "deep").st_mode & 0o777 == 0o755
    assert os.readlink(copy / "also") == "run.sh"
    assert (copy / "logs/old").is_dir()
    assert os.listdir(tmp_path / "out") == ["t"]


def test_a_single_file_is_copied_as_a_file(tmp_path: Path) -> None:
    manifest = artifact(tmp_path / "a", {"weights.bin": b"w"})
    part = manifest.part("weights.bin")
    assert part is not None

    copy_tree(tmp_path / "a" / "weights.bin", part, tmp_path / "w.bin")

    assert (tmp_path / "w.bin").read_bytes() == b"w"
    assert first_difference(tmp_path / "w.bin", part) is None


def test_equal_content_is_left_alone(tmp_path: Path) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1"})
    copy_tree(tmp_path / "a", manifest, tmp_path / "t")
    before = os.stat(tmp_path / "t" / "x")

    copy_tree(tmp_path / "a", manifest, tmp_path / "t")
    replace_tree(tmp_path / "a", manifest, tmp_path / "t")

    after = os.stat(tmp_path / "t" / "x")
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: (t / "x").write_bytes(b"2"), "`x` has other content"),
        (lambda t: (t / "x").unlink(), "`x` is missing"),
        (lambda t: (t / "y").write_bytes(b""), "`y` is not part of the artifact"),
        (lambda t: (t / "d" / "more").mkdir(), "`d/more` is not part of the artifact"),
        (lambda t: ((t / "l").unlink(), (t / "l").symlink_to("elsewhere")), "`l` is another link"),
        (lambda t: ((t / "x").unlink(), (t / "x").mkdir()), "`x` is not a file"),
    ],
)
def test_what_differs_is_told_and_left_without_force(tmp_path: Path, spoil, words: str) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1", "d/z": b"3"}, link="l")
    copy_tree(tmp_path / "a", manifest, tmp_path / "t")
    spoil(tmp_path / "t")
    there = sorted(os.listdir(tmp_path / "t"))

    with pytest.raises(UsageError, match="is there already and differs") as caught:
        copy_tree(tmp_path / "a", manifest, tmp_path / "t")

    assert words in caught.value.message
    assert sorted(os.listdir(tmp_path / "t")) == there
    assert sorted(os.listdir(tmp_path)) == ["a", "t"]


def test_force_replaces_the_folder_whole(tmp_path: Path) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1"})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "old-shard").write_bytes(b"old")

    replace_tree(tmp_path / "a", manifest, tmp_path / "t")

    assert os.listdir(tmp_path / "t") == ["x"]
    assert sorted(os.listdir(tmp_path)) == ["a", "t"]


@pytest.mark.parametrize("mark", [".git", "TTWORKSPACE.yaml", "TTCONFIG.yaml"])
def test_force_never_replaces_a_project(tmp_path: Path, mark: str) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1"})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / mark).write_text("mine")

    with pytest.raises(UsageError, match="is not replaced"):
        replace_tree(tmp_path / "a", manifest, tmp_path / "t")

    assert (tmp_path / "t" / mark).read_text() == "mine"


def test_a_failed_replacement_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1"})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine").write_bytes(b"old")
    renamed = []
    real = os.rename

    def fails_second(old: Path, new: Path) -> None:
        renamed.append(old)
        if len(renamed) == 2:
            raise OSError(28, "No space left on device", str(new))
        real(old, new)

    monkeypatch.setattr(tree_copy.os, "rename", fails_second)

    with pytest.raises(HostError, match="no space left"):
        replace_tree(tmp_path / "a", manifest, tmp_path / "t")

    assert (tmp_path / "t" / "mine").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["a", "t"]


def test_a_copy_that_cannot_be_written_leaves_nothing_and_names_the_path(tmp_path: Path) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1", "y": b"2"})
    (tmp_path / "a" / "y").unlink()

    with pytest.raises(HostError, match="cannot be copied: no such file") as caught:
        copy_tree(tmp_path / "a", manifest, tmp_path / "out" / "t")

    assert str(tmp_path / "a" / "y") in caught.value.message
    assert os.listdir(tmp_path / "out") == []


def test_a_copy_below_a_file_is_a_host_error(tmp_path: Path) -> None:
    manifest = artifact(tmp_path / "a", {"x": b"1"})
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(HostError, match="cannot be copied"):
        copy_tree(tmp_path / "a", manifest, tmp_path / "file" / "t")


@pytest.mark.parametrize("missing", ["shared_blocks", "_copied_in_kernel"])
def test_disks_without_a_fast_way_get_a_plain_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(tree_copy, "shared_blocks", lambda *_: False)
    monkeypatch.setattr(tree_copy, missing, lambda *_: False)
    manifest = artifact(tmp_path / "a", {"x": b"1" * 3_000_000, "none": b""})

    copy_tree(tmp_path / "a", manifest, tmp_path / "t")

    assert first_difference(tmp_path / "t", manifest) is None
