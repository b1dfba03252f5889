from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import EXPERIMENT, Small

from traintrack.app.answers import LockReport
from traintrack.app.hash_targets import hash_targets
from traintrack.app.lock import lock
from traintrack.errors import InputError

LOCK = "a/TTLOCK.yaml"


def pinned(root: Path) -> Small:
    """A workspace whose experiment names a full commit."""
    small = Small(root)
    commit = small.git("rev-parse", "HEAD")
    small.write("a/TTCONFIG.yaml", EXPERIMENT.replace("HEAD", f'"{commit}"'))
    return small


def locked(small: Small, *texts: str, update: str | None = None, check_only: bool = False) -> LockReport:
    return lock(small.project(), texts or ("//...",), update=update, check_only=check_only)


def test_the_trees_and_lock_files_of_full_hashes_are_pinned(tmp_path: Path) -> None:
    small = pinned(tmp_path)

    report = locked(small)

    assert [(pin.lock_path, pin.kind, pin.old) for pin in report.added] == [(LOCK, "tree", None), (LOCK, "lock", None)]
    assert report.added[0].value == small.git("rev-parse", "HEAD:src")
    assert report.missing == ()
    assert locked(small).added == ()


def test_pins_change_no_id_and_outlive_the_commit(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    before = hash_targets(small.project(), ["//..."])
    locked(small)
    small.edit(LOCK, small.git("rev-parse", "HEAD"), "f" * 40)
    small.edit("a/TTCONFIG.yaml", small.git("rev-parse", "HEAD"), "f" * 40)

    assert hash_targets(small.project(), ["//..."]) == before


def test_the_same_project_sees_the_new_pins(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    project = small.project()
    lock(project, ["//..."])

    assert project.loader.experiment("a").lock.trees


def test_check_only_writes_nothing(tmp_path: Path) -> None:
    small = pinned(tmp_path)

    report = locked(small, check_only=True)

    assert len(report.added) == 2
    assert not (tmp_path / LOCK).exists()


def test_head_needs_no_pin(tmp_path: Path) -> None:
    small = Small(tmp_path)

    assert locked(small) == LockReport()
    assert not (tmp_path / LOCK).exists()


def test_other_pins_of_the_file_stay(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    small.write(LOCK, f"format: traintrack.lock/1\nimages:\n  other:1: sha256:{'a' * 64}\n")

    locked(small)

    assert small.project().loader.experiment("a").lock.images == {"other:1": f"sha256:{'a' * 64}"}


@pytest.mark.parametrize(
    ("target", "kind", "hint"),
    [
        ('{task: t, args: {x: "@main//a:data"}}', "revision", "`@main//a:data: {id: …, artifact: …}`"),
        ("{source: absent}", "content", "bring the data there"),
    ],
)
def test_what_cannot_be_pinned_here_is_told_with_the_way_to_do_it(
    tmp_path: Path, target: str, kind: str, hint: str
) -> None:
    small = pinned(tmp_path)
    small.write("b/TTCONFIG.yaml", f"defaults: {{image: py, commit: HEAD}}\ntargets:\n  x: {target}\n")
    if "source" in target:
        small.write("b/TTCONFIG.yaml", f"targets:\n  x: {target}\n")

    report = locked(small)

    [missing] = report.missing
    assert (missing.lock_path, missing.kind) == ("b/TTLOCK.yaml", kind)
    assert hint in (missing.error.hint or "")
    assert missing.error.location is not None
    assert len(report.added) == 2, "the other experiment is locked all the same"


def test_local_data_is_pinned_by_its_content(tmp_path: Path) -> None:
    small = Small(tmp_path, {"raw/a.csv": "1\n", "b/TTCONFIG.yaml": "targets:\n  raw: {source: raw}\n"})

    report = locked(small)
    old = hash_targets(small.project(), ["//b:raw"])
    again = locked(small)
    small.write("raw/a.csv", "2\n")
    kept = hash_targets(small.project(), ["//b:raw"])
    moved = locked(small, update="//b:raw")

    assert [(pin.kind, pin.name) for pin in report.added] == [("source", "raw")]
    assert again.added == ()
    assert kept == old
    assert (moved.added[0].old, moved.changed) == (report.added[0].value, ("//b:raw",))
    assert hash_targets(small.project(), ["//b:raw"]) != old


def test_an_update_that_changes_nothing_says_and_writes_nothing(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    locked(small)
    before = (tmp_path / LOCK).stat().st_mtime_ns

    assert locked(small, update="//a:*") == LockReport()
    assert (tmp_path / LOCK).stat().st_mtime_ns == before


def test_an_update_mends_a_wrong_pin_and_names_who_changes(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    locked(small)
    right = small.git("rev-parse", "HEAD:src")
    small.edit(LOCK, right, "2" * 40)

    report = locked(small, update="//a:data", check_only=True)

    assert [(pin.kind, pin.old, pin.value) for pin in report.added] == [("tree", "2" * 40, right)]
    assert report.changed == ("//a:data", "//a:train")


def test_an_update_keeps_the_pins_of_a_commit_that_is_gone(tmp_path: Path) -> None:
    small = pinned(tmp_path)
    locked(small)
    for path in (LOCK, "a/TTCONFIG.yaml"):
        small.edit(path, small.git("rev-parse", "HEAD"), "f" * 40)

    assert locked(small, update="//a:*") == LockReport()


def test_a_path_that_is_in_no_commit_is_told(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    paths: [absent]")

    [missing] = locked(small).missing

    assert missing.error.code == "missing-path"


def test_broken_files_are_errors(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", '":data"', '":dat"')

    with pytest.raises(InputError, match="no target `dat`"):
        locked(small)
