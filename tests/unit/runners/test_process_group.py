"""Everything that a task started is gone, and nothing else."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from traintrack.runners.contract.proc_table import (
    Claim,
    ProcessName,
    adopted,
    become_subreaper,
    boot_id,
    is_alive,
    living,
    standing_in,
    started,
)
from traintrack.runners.process.process_group import TaskProcess, end_strangers
from traintrack.runners.process.spawn import spawn


def claim_of(folder: Path) -> Claim:
    """A claim of one test alone: others run beside it."""
    return Claim("MARK", str(folder), (str(folder),))


def process(folder: Path, *argv: str) -> TaskProcess:
    claim = claim_of(folder)
    env = {"MARK": claim.value, "PATH": "/usr/bin:/bin"}
    return TaskProcess(argv, env=env, cwd=str(folder), log=str(folder / "log"), claim=claim)


def test_the_exit_code_and_the_use_of_a_program(tmp_path: Path) -> None:
    task = process(tmp_path, "/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    task.wait()

    assert task.clear(None) == 0

    code, usage = task.reap()

    assert code == 3
    assert usage.user_cpu_s is not None
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_waiting_for_a_time_tells_if_the_program_has_ended(tmp_path: Path) -> None:
    task = process(tmp_path, "/bin/sh", "-c", "echo > ready; sleep 600")
    late = task.wait(0.01)
    task.send(signal.SIGKILL)
    ended = task.wait(400 * 86_400.0)  # more milliseconds than the kernel counts at a time
    again = task.wait(0.0)
    task.clear(None)
    task.reap()

    assert (late, ended, again) == (False, True, True)


def test_peak_memory_is_told_where_it_is_above_our_own(tmp_path: Path) -> None:
    own_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
    wanted_mib = own_mib + 200
    task = process(tmp_path, sys.executable, "-c", f"x = b'x' * ({wanted_mib} << 20)")
    task.wait()
    task.clear(None)

    code, usage = task.reap()
    peak = usage.peak_memory_bytes

    assert (code, (tmp_path / "log").read_text()) == (0, "")
    assert peak is not None
    assert wanted_mib - 20 <= peak >> 20 < wanted_mib + 200


def test_a_program_that_is_not_there_raises_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as error:
        process(tmp_path, "/no/such")

    assert error.value.filename == "/no/such"


def test_a_child_of_ours_that_is_no_tasks_is_left_alone(tmp_path: Path) -> None:
    same_session = subprocess.Popen(["sleep", "60"])
    own_session = subprocess.Popen(["sleep", "60"], start_new_session=True)
    task = process(tmp_path, "/bin/sh", "-c", "setsid sleep 60 & sleep 0.05")
    task.wait()
    ended = task.clear(None)
    task.reap()

    assert ended == 1
    assert same_session.poll() is None
    assert own_session.poll() is None

    for other in (same_session, own_session):
        other.kill()
        other.wait()


def test_daemons_are_found_where_the_system_has_no_subreapers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traintrack.runners.process.process_group.become_subreaper", lambda: False)
    task = process(tmp_path, "/bin/sh", "-c", "setsid sleep 60 & echo $! > pid; sleep 0.05")
    task.wait()
    ended = task.clear(None)
    task.reap()

    assert ended == 1
    assert living([claim_of(tmp_path)]) == {}


def test_two_tasks_do_not_end_each_others_daemons(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    script = "setsid sleep 60 & sleep 0.05"
    first = process(tmp_path / "a", "/bin/sh", "-c", script)
    second = process(tmp_path / "b", "/bin/sh", "-c", script)
    first.wait()
    second.wait()
    first.clear(None)
    left = living([claim_of(tmp_path / "a"), claim_of(tmp_path / "b")])
    second.clear(None)
    first.reap()
    second.reap()

    assert set(left) == {str(tmp_path / "b")}


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["true"])
    deadline = time.monotonic() + 5
    while started(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.005)

    assert started(child.pid) is None

    child.wait()


def test_a_process_with_another_start_is_another(tmp_path: Path) -> None:
    own = started(os.getpid())

    assert own is not None
    assert is_alive(ProcessName(os.getpid(), own))
    assert not is_alive(ProcessName(os.getpid(), "1"))
    assert boot_id()


def test_strangers_are_asked_first_and_killed_after_the_grace(tmp_path: Path) -> None:
    script = 'trap "echo asked > asked" TERM; echo > ready; while :; do sleep 0.01; done'
    task = process(tmp_path, "/bin/sh", "-c", script)
    while not (tmp_path / "ready").exists():
        time.sleep(0.005)
    end_strangers(claim_of(tmp_path), task.name, grace_s=0.1)

    assert not is_alive(task.name)
    assert (tmp_path / "asked").exists()


def test_a_task_is_not_taken_for_what_another_one_left(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, two = process(folders[0], "/bin/sleep", "0.1"), process(folders[1], "/bin/sleep", "600")
    one.wait()

    assert one.clear(None) == 0
    one.reap()

    assert not two.wait(0.05)
    two.send(signal.SIGKILL)
    two.wait()
    two.clear(None)
    two.reap()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to one thread")
def test_a_program_that_is_being_started_is_not_taken_for_what_a_task_left(tmp_path: Path) -> None:
    become_subreaper()
    claim, found, stop = claim_of(tmp_path), [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            found.extend(adopted(0, claim))

    looker = threading.Thread(target=look)
    with open(tmp_path / "config", "w", encoding="utf-8"), open("/dev/null", "wb") as sink:
        looker.start()
        pids = [spawn(["/bin/true"], env={}, cwd="/", output=sink.fileno()) for _ in range(300)]
        stop.set()
        looker.join()
    for pid in pids:
        os.waitpid(pid, 0)

    assert set(found) & set(pids) == set()


def test_a_folder_is_stood_in_as_long_as_a_process_has_it_as_its_current_one(tmp_path: Path) -> None:
    here, link, other = tmp_path / "here", tmp_path / "link", tmp_path / "other"
    (here / "below").mkdir(parents=True)
    other.mkdir()
    link.symlink_to(here)
    asked = {str(folder) for folder in (here, here / "below", link, other, tmp_path / "nowhere")}
    with subprocess.Popen(["cat"], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL):
        during = standing_in(asked)
    after = standing_in(asked)

    assert during == {str(here), str(link)}
    assert after == set()
