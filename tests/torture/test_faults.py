"""Disks and limits that say no: a clear message with the path, nothing half, and success once the fault is gone.

Each point fails one system call, or all of its kind from there on (`sticky`), with one error number. The quick slice
takes a few of each number; torture takes 400.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from injection import STRACE_MISSING, Point, points_of, spread, traced
from shell_workspace import LAST, Ended, Workspace, environ, make_home, traintrack
from store_check import committed as committed_in
from store_check import left_in, processes_of, standing, sweep, unsealed_in, was_run_again, wrong_in

LONGEST_S = 10.0
_PAUSE = re.compile(r"again in ([0-9.]+)s")
LOST_STREAM = 120
"""With this code the interpreter ends if its last words cannot be written."""

QUICK, LONG = 24, 400

CALLS = {
    "ENOSPC": ("write", "sendfile", "syncfs", "rename", "renameat", "link", "mkdir", "openat", "symlink"),
    "EDQUOT": ("write", "mkdir", "openat"),
    "EIO": ("write", "sendfile", "syncfs", "fsync", "rename", "unlink", "unlinkat", "openat", "fchmod"),
    "EMFILE": ("openat",),
    "EACCES": ("openat", "mkdir", "rename", "unlink", "rmdir", "chmod"),
    "EROFS": ("openat", "mkdir", "rename", "renameat", "link", "unlink", "chmod", "fchmod", "symlink"),
}
"""Which calls can meet which error, after their manual pages."""

NUMBERS = tuple((name, sticky) for name in CALLS for sticky in ("", "+"))


@pytest.fixture(scope="session")
def points(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[Point]]:
    """The points of a run at which an error number can come up.

    Where all calls from a point on fail, `write` is left out: nobody could say anything any more.
    """

    @functools.cache
    def watched() -> list[Point]:
        folder = tmp_path_factory.mktemp("watched-faults")
        home = make_home(folder / "home")
        done = traced(home, words_of(workspace), None, folder / "strace")
        assert done.code == 0, done.said
        return points_of(folder / "strace", (home / "store",))

    def chosen(error: str, sticky: str) -> list[Point]:
        return [p for p in watched() if p.call in CALLS[error] and not (sticky and p.call == "write")]

    return chosen


def words_of(workspace: Workspace) -> list[str]:
    return ["-C", str(workspace.root), "run", LAST, "--json"]


_PATH = re.compile(r"`[^`]*(/|TTWORKSPACE.yaml|TTCONFIG.yaml)[^`]*`")


def demand_clear(done: Ended, *, pipe: bool = False) -> None:
    """What went wrong is told with its path, as the machine's fault, without a traceback, soon.

    A `pipe` that fails (to git, or one of the program's own streams) has no path.
    """
    assert done.code in ((0, 1, 6, LOST_STREAM) if pipe else (0, 1, 6)), done.said
    assert "Traceback" not in done.stderr, done.said
    assert "traintrack has a bug" not in done.said, done.said
    # What fails in every new thread is retried as a fault of the platform; those pauses are told.
    assert done.took_s < LONGEST_S + sum(map(float, _PAUSE.findall(done.stderr))), done.said
    if done.code and not pipe:
        assert _PATH.search(done.said), done.said


def demand_golden(done: Ended, workspace: Workspace, home: Path) -> None:
    assert done.code == 0, done.said
    assert "Traceback" not in done.stderr, done.said
    assert standing(home / "store", workspace.ids) == workspace.golden
    assert wrong_in(home / "store") == []
    assert unsealed_in(home / "store") == []
    assert processes_of(home) == []
    sweep(home)
    if any(left.startswith("runner/") for left in left_in(home)):
        # What a disk refused to remove stays until somebody cleans: the program itself could not, and has ended.
        cleaned = workspace.clean(home)
        assert cleaned.code == 0, cleaned.said
    assert left_in(home) == []


def check_fault(point: Point, error: str, sticky: str, workspace: Workspace, tmp_path: Path) -> None:
    print(f"{error}{sticky} at {point}")  # noqa: T201 - to do it again
    home = make_home(tmp_path / "home")
    inject = f"{point.call}:error={error}:when={point.number}{sticky}"

    failed = traced(home, words_of(workspace), inject, tmp_path / "strace")

    demand_clear(failed, pipe=met_a_pipe(tmp_path / "strace"))
    after = committed_in(home / "store") if (home / "store").is_dir() else {}
    assert wrong_in(home / "store") == []
    again = workspace.run(home)
    assert was_run_again(after, committed_in(home / "store")) == []
    demand_golden(again, workspace, home)


def met_a_pipe(log: Path) -> bool:
    """Tell if a call on a pipe failed."""
    return any("(INJECTED)" in line and "<pipe:" in line for line in log.read_text(errors="replace").splitlines())


@pytest.mark.skipif(shutil.which("strace") is None, reason=STRACE_MISSING)
@pytest.mark.parametrize("share", range(QUICK))
def test_a_failing_call_is_told_with_its_path_and_leaves_nothing_half(
    workspace: Workspace, points: Callable[[str, str], list[Point]], tmp_path: Path, share: int
) -> None:
    error, sticky = NUMBERS[share % len(NUMBERS)]
    rounds = QUICK // len(NUMBERS)
    point = spread(points(error, sticky), (share // len(NUMBERS)) * 2 + 1, rounds * 2)
    check_fault(point, error, sticky, workspace, tmp_path)


@pytest.mark.torture
@pytest.mark.skipif(shutil.which("strace") is None, reason=STRACE_MISSING)
@pytest.mark.parametrize("share", range(LONG))
def test_every_failing_call_is_told_with_its_path_and_leaves_nothing_half(
    workspace: Workspace, points: Callable[[str, str], list[Point]], tmp_path: Path, share: int
) -> None:
    error, sticky = NUMBERS[share % len(NUMBERS)]
    point = spread(points(error, sticky), share // len(NUMBERS), LONG // len(NUMBERS) + 1)
    check_fault(point, error, sticky, workspace, tmp_path)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs of a size such as `2m`, which only root can mount."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def on_disk(workspace: Workspace, home: Path, disk: Path) -> None:
    """Let the home's store lie on a disk."""
    make_home(home)
    (disk / "store").mkdir()
    (home / "store").symlink_to(disk / "store")


def test_a_store_that_fills_its_disk_says_so_and_goes_on_when_there_is_room(
    workspace: Workspace, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with small_disk(tmp_path / "disk", "1m") as disk:
        on_disk(workspace, home, disk)
        fill(disk / "filler", leave_bytes=48 << 10)

        full = workspace.run(home)

        assert full.code in (1, 6), full.said
        demand_clear(full)
        assert "no space left" in full.said.lower(), full.said
        assert wrong_in(disk / "store") == []
        (disk / "filler").unlink()
        demand_golden(workspace.run(home), workspace, home)


def test_a_task_that_fills_the_disk_is_told_why_and_leaves_the_disk_empty(workspace: Workspace, tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "greedy"
    write_greedy(root)
    with small_disk(tmp_path / "disk", "2m") as disk:
        on_disk(workspace, home, disk)
        demand_golden(workspace.run(home), workspace, home)
        before = used_bytes(disk)

        full = traintrack(home, "-C", str(root), "run", "//exp:greedy", "--json")

        assert full.code == 1, full.said
        assert "Traceback" not in full.stderr, full.said
        # Its own words stand in the log only where that had room, which lies on the same disk.
        assert "no space is left on the disk" in full.stderr, full.said
        sweep(home)
        assert used_bytes(disk) - before < 64 << 10
        demand_golden(workspace.run(home), workspace, home)


def write_greedy(root: Path) -> None:
    """A workspace whose one target writes more than the disk holds."""
    (root / "exp").mkdir(parents=True)
    (root / "src").mkdir()
    (root / "src" / "fill.sh").write_text('set -eu\nexec dd if=/dev/zero of="$2/much" bs=64k count=256\n')
    (root / "requirements.lock").write_text("")
    (root / "TTWORKSPACE.yaml").write_text(
        'workspace: greedy\nimages: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}\n'
        'defaults: {image: sh, paths: [src]}\nenvironments: {local: {runner: local, storage: "~/store"}}\n'
    )
    (root / "exp" / "TTCONFIG.yaml").write_text("targets: {greedy: {task: src/fill.sh, commit: HEAD}}\n")
    identity = ("-c", "user.name=torture", "-c", "user.email=torture@example.invalid", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "greedy")):
        subprocess.run(["git", "-C", root, *words], check=True, env=environ(root))


def fill(path: Path, leave_bytes: int) -> None:
    """Fill the disk of a path but for some bytes."""
    there = os.statvfs(path.parent)
    with open(path, "wb") as file:
        file.write(bytes(max(0, there.f_bavail * there.f_frsize - leave_bytes)))


def used_bytes(disk: Path) -> int:
    there = os.statvfs(disk)
    return (there.f_blocks - there.f_bfree) * there.f_frsize
