"""kill -9 at write-class system calls: what was committed stands, and the next run ends as if nothing had happened.

60 points in the quick slice, 1,000 in torture, spread evenly over all the calls that a watched run of the same kind
makes. The tasks are not killed with the program: they live on as orphans, which is part of the test.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from injection import STRACE_MISSING, Point, points_of, spread, start_traced, traced
from shell_workspace import LAST, Ended, Workspace, finish, make_home, start, traintrack
from store_check import (
    cells,
    committed,
    left_in,
    processes_of,
    standing,
    sweep,
    unsealed_in,
    was_run_again,
    wrong_in,
)

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason=STRACE_MISSING)

KILLED = -signal.SIGKILL
TROUBLE = ("Traceback", "traintrack has a bug")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is killed: `before` fills a fresh home, `words` are the command line; `rival` runs the same beside it."""

    name: str
    words: tuple[str, ...]
    before: tuple[str, ...] = ()
    rival: bool = False


RUN = Scene("run", ())
LATER = Scene("run-half-done", (), ("//exp:b",))
WAITER = Scene("run-with-waiter", (), (), rival=True)
REPLACE = Scene("run-force-replace", ("--force", "--replace"), (LAST,))
SCENES = (RUN, LATER, WAITER, REPLACE)

QUICK = {RUN: 18, LATER: 12, WAITER: 9, REPLACE: 13}
LONG = {RUN: 380, LATER: 200, WAITER: 180, REPLACE: 180}
QUICK_INIT, LONG_INIT = 8, 60


def shares(counts: dict[Scene, int]) -> list[object]:
    return [
        pytest.param(scene, share, count, id=f"{scene.name}-{share}")
        for scene, count in counts.items()
        for share in range(count)
    ]


@pytest.fixture(scope="session")
def points(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scene], list[Point]]:
    """The points of a scene, found once per session by a run that is only watched."""

    @functools.cache
    def found(scene: Scene) -> list[Point]:
        folder = tmp_path_factory.mktemp(f"watched-{scene.name}")
        home = prepared(workspace, scene, folder / "home")
        done = traced(home, words_of(workspace, scene), None, folder / "strace")
        assert done.code == 0, done.said
        return points_of(folder / "strace", (home, workspace.root))

    return found


def prepared(workspace: Workspace, scene: Scene, home: Path) -> Path:
    make_home(home)
    for label in scene.before:
        done = traintrack(home, "-C", str(workspace.root), "run", label)
        assert done.code == 0, done.said
    return home


def words_of(workspace: Workspace, scene: Scene) -> list[str]:
    return ["-C", str(workspace.root), "run", LAST, "--json", *scene.words]


def kill_at(point: Point, workspace: Workspace, scene: Scene, home: Path, log: Path) -> tuple[Ended, Ended | None]:
    """Run a scene and kill it at the point; return how it and its rival ended."""
    rival = start(home, *words_of(workspace, scene)) if scene.rival else None
    killed = traced(
        home, words_of(workspace, scene), f"{point.call}:signal=SIGKILL:when={point.number}", log, timeout_s=60
    )
    return killed, None if rival is None else finish(rival)


def demand_golden(done: Ended, workspace: Workspace, home: Path) -> None:
    assert done.code == 0, done.said
    assert not any(word in done.stderr for word in TROUBLE), done.said
    assert done.artifacts().items() <= workspace.golden.items()
    assert standing(home / "store", workspace.ids) == workspace.golden


def check_kill(point: Point, workspace: Workspace, scene: Scene, tmp_path: Path) -> None:
    print(f"{scene.name}: {point}")  # noqa: T201 - to do it again
    home = prepared(workspace, scene, tmp_path / "home")
    before = committed(home / "store")
    last = workspace.ids[LAST]

    killed, rival = kill_at(point, workspace, scene, home, tmp_path / "strace")

    assert killed.code in (KILLED, 0), killed.said
    if rival is not None:
        demand_golden(rival, workspace, home)
    after = committed(home / "store")
    assert wrong_in(home / "store") == []
    kept = {id_: cell for id_, cell in before.items() if id_ != last or scene is not REPLACE}
    assert was_run_again(kept, after) == []

    again = workspace.run(home)

    demand_golden(again, workspace, home)
    assert was_run_again(after, cells(home / "store")) == []
    assert {row["outcome"] for row in again.targets().values() if row["id"] in after} <= {"reused"}
    assert processes_of(home) == []
    assert wrong_in(home / "store") == []
    assert unsealed_in(home / "store") == []
    sweep(home)
    assert left_in(home) == []


@pytest.mark.parametrize(("scene", "share", "count"), shares(QUICK))
def test_a_killed_run_loses_nothing_and_the_next_one_ends_the_work(
    workspace: Workspace, points: Callable[[Scene], list[Point]], tmp_path: Path, scene: Scene, share: int, count: int
) -> None:
    check_kill(spread(points(scene), share, count), workspace, scene, tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize(("scene", "share", "count"), shares(LONG))
def test_a_run_killed_at_every_point_loses_nothing(
    workspace: Workspace, points: Callable[[Scene], list[Point]], tmp_path: Path, scene: Scene, share: int, count: int
) -> None:
    check_kill(spread(points(scene), share, count), workspace, scene, tmp_path)


@pytest.fixture(scope="session")
def init_points(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Point], dict[str, bytes]]:
    """The points of `init`, and the files that it writes."""
    folder = tmp_path_factory.mktemp("watched-init")
    home = make_home(folder / "home")
    done = traced(home, ["init", str(home / "new"), "--name", "fresh"], None, folder / "strace")
    assert done.code == 0, done.said
    return points_of(folder / "strace", (home,)), files_of(home / "new")


def check_init(point: Point, golden: dict[str, bytes], tmp_path: Path) -> None:
    print(f"init: {point}")  # noqa: T201 - to do it again
    home = make_home(tmp_path / "home")
    words = ["init", str(home / "new"), "--name", "fresh"]
    killed = traced(home, words, f"{point.call}:signal=SIGKILL:when={point.number}", tmp_path / "strace")
    assert killed.code in (KILLED, 0), killed.said

    again = traintrack(home, *words)

    assert not any(word in again.stderr for word in TROUBLE), again.said
    assert again.code == 0 or "is a workspace already" in again.stderr, again.said
    assert files_of(home / "new") == golden


@pytest.mark.parametrize("share", range(QUICK_INIT))
def test_a_killed_init_is_completed_by_the_next_one(
    init_points: tuple[list[Point], dict[str, bytes]], tmp_path: Path, share: int
) -> None:
    check_init(spread(init_points[0], share, QUICK_INIT), init_points[1], tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize("share", range(LONG_INIT))
def test_an_init_killed_at_every_point_is_completed_by_the_next_one(
    init_points: tuple[list[Point], dict[str, bytes]], tmp_path: Path, share: int
) -> None:
    check_init(spread(init_points[0], share, LONG_INIT), init_points[1], tmp_path)


def check_orphan(workspace: Workspace, home: Path, rest_s: float) -> None:
    """Kill a run while a task of it stays for a minute; the next run must end that and go on."""
    make_home(home)
    (home / "linger").touch()
    run = start(home, *words_of(workspace, RUN))
    with ended(run):
        wait_for(lambda: "sleep" in " ".join(sleepers(home)))
        time.sleep(rest_s)
        run.kill()
        run.communicate()
    (home / "linger").unlink()
    assert sleepers(home) != []

    again = workspace.run(home)

    demand_golden(again, workspace, home)
    assert processes_of(home) == []
    assert sleepers(home) == []
    sweep(home)
    assert left_in(home) == []


def test_the_task_of_a_killed_run_is_ended_before_its_target_is_made_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    check_orphan(workspace, tmp_path / "home", 0.0)


@pytest.mark.torture
@pytest.mark.parametrize("number", range(50))
def test_no_task_of_a_killed_run_outlives_the_next_run(workspace: Workspace, tmp_path: Path, number: int) -> None:
    check_orphan(workspace, tmp_path / "home", number * 0.004)


def test_a_run_killed_between_start_and_note_of_its_task_leaves_no_task_behind(
    workspace: Workspace, tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home")
    (home / "linger").touch()
    log = tmp_path / "strace"
    # The first call of a job's thread after the program was started: it opens the job file a second time.
    run = start_traced(home, words_of(workspace, RUN), "setsid:delay_exit=1000", log)
    try:
        wait_for(lambda: sleepers(home) != [])
    finally:
        run.kill()
    (home / "linger").unlink()

    again = workspace.run(home)

    demand_golden(again, workspace, home)
    assert sleepers(home) == []


def files_of(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def sleepers(home: Path) -> list[str]:
    """Living `sleep`s whose current folder is an attempt's below the home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            if line.startswith(b"sleep\0") and str(folder.joinpath("cwd").readlink()).startswith(f"{home}/"):
                found.append(f"{folder.name} sleep")
    return found


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for(holds: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, os.strerror(110)
        time.sleep(0.02)
