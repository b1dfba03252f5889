"""Power cuts: the disk as it is at a random moment holds no committed result that is not whole.

The store lies on a file system in a file. While runs go on, the file is copied, as a disk is when the power goes: what
was not written out is not in it. The copy is mounted, so that its journal is replayed, and looked at. Between the runs
all is done anew, so that there is always something half done. Three cuts in the quick slice, 300 in torture: 200 on ext4.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell_workspace import LAST, Workspace, finish, make_home, start
from store_check import cells, committed, sweep, unsealed_in, wrong_in

SYSTEMS = {"ext4": ("32M", ("-q", "-F")), "xfs": ("320M", ("-q", "-f")), "btrfs": ("128M", ("-q", "-f"))}
"""Size of the image, and the words for mkfs."""

CUTS_PER_IMAGE = 5
LONG = {"ext4": 40, "xfs": 10, "btrfs": 10}


@contextlib.contextmanager
def mounted(image: Path, folder: Path, system: str) -> Iterator[Path]:
    folder.mkdir()
    # A copy of an xfs has the UUID of its original, which is mounted at the same time.
    options = "loop,nouuid" if system == "xfs" else "loop"
    done = subprocess.run(
        ["mount", "-t", system, "-o", options, image, folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"{system} cannot be mounted over a file here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-d", folder], check=True)


def make_image(image: Path, system: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount an image")
    if shutil.which(f"mkfs.{system}") is None:
        pytest.skip(f"mkfs.{system} is not installed")
    size, words = SYSTEMS[system]
    subprocess.run(["truncate", "-s", size, image], check=True)
    subprocess.run([f"mkfs.{system}", *words, image], check=True, capture_output=True)


def cut(image: Path, copy: Path) -> None:
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)


def check_cut(copy: Path, folder: Path, system: str, workspace: Workspace, told: dict[str, str]) -> int:
    """Look at a copied disk, go on with it, and return how many results it held; `told` are those told before the cut."""
    with mounted(copy, folder, system) as disk:
        store = disk / "store"
        store.mkdir(exist_ok=True)
        held = committed(store)
        # What no cell names may be half: it is healed when it is made again.
        assert wrong_in(store, only_committed=True) == []
        assert told.keys() <= held.keys(), "a result that was told as done is lost"
        home = make_home(folder.with_name(f"{folder.name}-home"))
        (home / "store").symlink_to(store)
        again = workspace.run(home)
        assert again.code == 0, again.said
        assert again.artifacts().items() <= workspace.golden.items()
        assert wrong_in(store, only_committed=True) == []
        assert unsealed_in(store) == []
        sweep(home)
    copy.unlink()
    return len(held)


def run_and_cut(workspace: Workspace, folder: Path, system: str, cuts: int, seed: int) -> int:
    """Cut the power while runs go on; return how many results were found whole."""
    print(f"{system}, seed {seed}")  # noqa: T201 - to do it again
    chance = random.Random(seed)
    home = make_home(folder / "home")
    image = folder / "image"
    make_image(image, system)
    found = 0
    with mounted(image, folder / "disk", system) as disk:
        (disk / "store").mkdir()
        (home / "store").symlink_to(disk / "store")
        words = ["-C", str(workspace.root), "run", LAST, "--json"]
        for number in range(cuts):
            run = start(home, *words, *(("--force", "--replace") if number else ()))
            time.sleep(chance.uniform(0.2, 0.8))
            before = {id_: cell.nonce for id_, cell in committed(disk / "store").items()}
            told = before if run.poll() is not None else {}
            cut(image, folder / f"cut-{number}")
            done = finish(run)
            assert done.code == 0, done.said
            assert len(cells(disk / "store")) == len(workspace.ids)
            found += check_cut(folder / f"cut-{number}", folder / f"look-{number}", system, workspace, told)
    return found


@pytest.mark.parametrize("seed", [1])
def test_after_a_power_cut_every_committed_result_is_whole(workspace: Workspace, tmp_path: Path, seed: int) -> None:
    assert run_and_cut(workspace, tmp_path, "ext4", cuts=3, seed=seed) > 0


@pytest.mark.torture
@pytest.mark.parametrize(("system", "seed"), [(s, n) for s, count in LONG.items() for n in range(count)])
def test_no_power_cut_breaks_a_committed_result(workspace: Workspace, tmp_path: Path, system: str, seed: int) -> None:
    assert run_and_cut(workspace, tmp_path, system, CUTS_PER_IMAGE, seed) > 0
