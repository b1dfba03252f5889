"""Stages go from attempt to attempt of one run, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from traintrack.runners.contract.code_folder import CodeTree
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.storages.local.store import open_local


def used(pool: SkeletonPool, name: str) -> Skeleton:
    skeleton = pool.take(name)
    skeleton.furnish(CodeTree((), {}))
    assert skeleton.clean()
    return skeleton


def stages(folder: Path) -> list[str]:
    return sorted(path.name.partition("~")[0] for path in (folder / "stage").iterdir())


def test_the_next_attempt_gets_the_same_folders_under_its_own_name(tmp_path: Path) -> None:
    pool = SkeletonPool(open_local(tmp_path).staging)
    first = used(pool, "a.1")
    inode = os.stat(first.path).st_ino
    pool.put(first)
    second = pool.take("b.1")

    assert os.stat(second.path).st_ino == inode
    assert stages(tmp_path) == ["b.1"]


def test_two_at_once_have_two(tmp_path: Path) -> None:
    pool = SkeletonPool(open_local(tmp_path).staging)
    pool.put(used(pool, "a.1"))

    assert pool.take("b.1").path != pool.take("c.1").path
    assert stages(tmp_path) == ["b.1", "c.1"]


def test_a_stage_of_a_run_that_is_over_is_removed_and_not_used(tmp_path: Path) -> None:
    store = open_local(tmp_path)
    pool = SkeletonPool(store.staging)
    with store.present("first"):
        pool.put(used(pool, "a.1"))
    with store.present("second"):
        taken = pool.take("b.1")

        assert taken.path.endswith("b.1~second")
        assert os.listdir(taken.path) == []
        assert stages(tmp_path) == ["b.1"]


def test_a_stage_that_was_swept_is_made_anew(tmp_path: Path) -> None:
    pool = SkeletonPool(open_local(tmp_path).staging)
    skeleton = used(pool, "a.1")
    pool.put(skeleton)
    skeleton.remove()

    assert os.listdir(pool.take("b.1").path) == []


def test_nothing_is_kept_after_the_close(tmp_path: Path) -> None:
    pool = SkeletonPool(open_local(tmp_path).staging)
    one, two = used(pool, "a.1"), used(pool, "b.1")
    pool.put(one)
    pool.close()
    pool.put(two)

    assert stages(tmp_path) == []


def test_a_child_of_a_fork_takes_and_removes_nothing_of_its_parents(tmp_path: Path) -> None:
    pool = SkeletonPool(open_local(tmp_path).staging)
    pool.put(used(pool, "a.1"))
    child = os.fork()
    if not child:
        pool.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert stages(tmp_path) == ["a.1"]
