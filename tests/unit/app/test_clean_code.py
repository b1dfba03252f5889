"""What counts as published code, over real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import FILES, Small

from traintrack.action.record import Record, Who
from traintrack.app.clean_code import Cleanness, code_of, judge_code
from traintrack.digest import ContentDigest, target_id


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path / "work")


def published(small: Small, *wanted: tuple[str, str]) -> set[tuple[str, str]]:
    return set(small.project().source.published(wanted))


def tree(small: Small, path: str = "src", revision: str = "HEAD") -> tuple[str, str]:
    return path, small.git("rev-parse", f"{revision}:{path}")


def with_remote(small: Small) -> None:
    small.git("init", "-q", "--bare", str(small.root.parent / "remote.git"))
    small.git("remote", "add", "origin", str(small.root.parent / "remote.git"))


def push(small: Small, branch: str = "main") -> None:
    small.git("push", "-q", "origin", f"HEAD:{branch}")


def edited(small: Small, text: str) -> tuple[str, str]:
    small.write("src/train_model.py", text)
    small.commit(text)
    return tree(small)


def test_without_a_remote_every_commit_counts(small: Small) -> None:
    old = tree(small)
    new = edited(small, "new")

    assert published(small, old, new, ("src", "0" * 40)) == {old, new}


def test_with_a_remote_only_what_was_pushed_counts(small: Small) -> None:
    with_remote(small)
    old = tree(small)
    push(small)
    new = edited(small, "new")

    assert published(small, old, new) == {old}
    push(small)
    assert published(small, old, new) == {old, new}


def test_a_remote_that_nothing_was_pushed_to_has_nothing(small: Small) -> None:
    with_remote(small)

    assert published(small, tree(small)) == set()


def test_old_trees_of_any_branch_and_merge_are_found(small: Small) -> None:
    with_remote(small)
    trees = [edited(small, f"version {n}") for n in range(5)]
    small.git("checkout", "-q", "-b", "side", "HEAD~3")
    small.write("src/other.py", "other\n")
    small.commit("side")
    side = tree(small)
    small.git("checkout", "-q", "main")
    small.git("merge", "-q", "--no-ff", "--no-commit", "side")
    small.write("src/only_in_the_merge.py", "evil\n")
    small.commit("merge")
    merged = tree(small)
    edited(small, "after")
    push(small)

    assert published(small, *trees, side, merged) == {*trees, side, merged}


def test_a_tree_counts_only_at_its_path(small: Small) -> None:
    path, identity = tree(small)

    assert published(small, ("elsewhere", identity)) == set()
    assert published(small, (path, identity)) == {(path, identity)}


def test_a_single_file_counts_with_its_mode(small: Small) -> None:
    blob = small.git("rev-parse", "HEAD:src/train_model.py")
    small.edit("src/train_model.py", "train", "later")
    small.commit("later")

    wanted = {("src/train_model.py", f"100644:{blob}"), ("src/train_model.py", f"100755:{blob}")}
    assert published(small, *wanted) == {("src/train_model.py", f"100644:{blob}")}


def test_the_whole_workspace_counts_as_code(small: Small) -> None:
    old = small.git("rev-parse", "HEAD^{tree}")
    edited(small, "new")

    assert published(small, (".", old)) == {(".", old)}


def test_paths_with_spaces_and_other_letters_are_found(small: Small) -> None:
    small.write("src/größe und mehr/a.py", "a\n")
    small.commit("add")
    old = tree(small, "src/größe und mehr")
    small.write("src/größe und mehr/a.py", "b\n")
    small.commit("edit")

    assert published(small, old) == {old}


def test_a_workspace_below_the_top_of_its_repository_finds_its_own_paths(tmp_path: Path) -> None:
    top = Small(tmp_path / "top", {"below/TTWORKSPACE.yaml": FILES["TTWORKSPACE.yaml"], "below/src/a.py": "a\n"})
    old = top.git("rev-parse", "HEAD:below/src")
    top.write("below/src/a.py", "b\n")
    top.commit("edit")
    repository = top.project("below").source

    assert repository.published([("src", old), (".", "0" * 40)]) == {("src", old)}


def test_records_are_judged_by_all_of_their_code(small: Small) -> None:
    with_remote(small)
    push(small)
    path, old = tree(small)
    _, new = edited(small, "new")
    image = {"build": {"tree": {path: new}}}
    records = {
        ContentDigest("a"): record({"code": {path: old}}),
        ContentDigest("b"): record({"code": {path: old}, "image": image}),
        ContentDigest("c"): record({"uri": "s3://bucket/data"}),
        ContentDigest("d"): record({"code": {}, "image": {"digest": "sha256:0"}}),
    }

    judged = judge_code(small.project().source, records)

    assert judged == {"a": Cleanness.CLEAN, "b": Cleanness.DIRTY, "c": Cleanness.CLEAN, "d": Cleanness.CLEAN}
    assert list(code_of(records[ContentDigest("b")])) == [(path, old), (path, new)]


def record(preimage: dict[str, object]) -> Record:
    return Record(target_id(b"x"), preimage, "//:t", "TTCONFIG.yaml:1:1", "small", Who())
