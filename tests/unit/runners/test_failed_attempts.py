"""What failed attempts leave, kept by real runs of the process runner and by hand."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_stored_job import JOB

from traintrack.action.action import Secret
from traintrack.action.failure import FailureClass
from traintrack.action.job import Job, JobState, Output
from traintrack.digest import TargetId
from traintrack.runners.contract import failed_attempts
from traintrack.runners.contract.failed_attempts import FailedAttempt, FailedAttempts
from traintrack.testing.runner_bench import Bench, make_job

BROKEN = 'echo partial > "$2/half"; echo it said; exit 3'


@pytest.fixture
def kept(tmp_path: Path) -> FailedAttempts:
    return FailedAttempts(tmp_path / "runner" / "attempts")


def stages(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "store" / "stage").glob("*.out~*"))


def run(bench: Bench, job: Job) -> JobState:
    state = bench.run(job)
    bench.runner.stop([], 0)
    return state


def test_what_a_failed_task_had_written_is_kept_with_its_job(
    bench: Bench, kept: FailedAttempts, tmp_path: Path
) -> None:
    job = make_job(bench.script(BROKEN), run="r-1")

    state = run(bench, job)

    [attempt] = kept.all()
    assert (attempt.flight, attempt.number, attempt.failure, attempt.message) == (job.flight, 1, "task", "exit 3")
    assert (attempt.exit_code, attempt.log, attempt.run) == (3, state.log, "r-1")
    assert (kept.output(attempt) / "half").read_text() == "partial\n"
    assert kept.job(attempt) == job
    assert stages(tmp_path) == []


def test_a_success_leaves_nothing_and_makes_no_folder(bench: Bench, kept: FailedAttempts) -> None:
    state = run(bench, make_job(bench.script('echo whole > "$2/x"')))

    assert state.failure is None
    assert kept.all() == []
    assert not kept.root.exists()


def test_an_attempt_whose_task_never_began_is_not_kept(bench: Bench, kept: FailedAttempts, tmp_path: Path) -> None:
    state = run(bench, make_job(bench.script("", entrypoint=("no-such-program",))))

    assert state.failure is FailureClass.IMAGE
    assert kept.all() == []
    assert stages(tmp_path) == []


def test_a_task_that_was_stopped_is_kept_too(bench: Bench, kept: FailedAttempts) -> None:
    (handle,) = bench.runner.start([make_job(bench.script('echo 1 > "$2/half"; echo begun; sleep 600'))])
    bench.await_log(handle, b"begun")
    bench.runner.stop([handle], 1)

    [attempt] = kept.all()
    assert attempt.failure == "cancelled"
    assert os.listdir(kept.output(attempt)) == ["half"]


def test_an_output_that_is_refused_is_kept(bench: Bench, kept: FailedAttempts) -> None:
    run(bench, make_job(bench.script('mkfifo "$2/pipe"')))

    [attempt] = kept.all()
    assert os.listdir(kept.output(attempt)) == ["pipe"]


def test_an_attempt_that_removed_its_output_folder_is_known_all_the_same(
    bench: Bench, kept: FailedAttempts, tmp_path: Path
) -> None:
    state = run(bench, make_job(bench.script('rmdir "$2"; ln -s / "$2"; exit 1')))

    [attempt] = kept.all()
    assert os.listdir(kept.output(attempt)) == []
    assert "tidied" not in state.message
    assert stages(tmp_path) == []


def test_files_with_a_secret_are_not_kept(bench: Bench, kept: FailedAttempts) -> None:
    script = """
printf '%s' "$TOKEN" > "$2/leak"; echo fine > "$2/fine"
mkdir "$2/deep"; head -c 1048570 /dev/zero > "$2/deep/split"; printf '%s' "$TOKEN" >> "$2/deep/split"; chmod 0 "$2/deep"
exit 1
"""
    action = bench.script(script, secrets=(Secret("TOKEN", "TOKEN"),))

    run(bench, make_job(action, secrets={"TOKEN": "hush-hush"}))

    [attempt] = kept.all()
    files = [p for p in kept.output(attempt).rglob("*") if p.is_file()]
    assert [p.name for p in files] == ["fine"]
    assert not [p for p in kept.root.rglob("*") if p.is_file() and b"hush-hush" in p.read_bytes()]


def test_an_output_that_its_task_made_read_only_is_kept(bench: Bench, kept: FailedAttempts) -> None:
    run(bench, make_job(bench.script('echo 1 > "$2/half"; chmod 0500 "$2"; exit 1')))

    [attempt] = kept.all()
    assert os.listdir(kept.output(attempt)) == ["half"]


def test_attempts_of_one_flight_stand_beside_each_other_the_newest_first(bench: Bench, kept: FailedAttempts) -> None:
    job = make_job(bench.script(BROKEN))
    run(bench, job)
    run(bench, replace(job, attempt=2))

    assert [attempt.number for attempt in kept.all()] == [2, 1]


def by_hand(kept: FailedAttempts, tmp_path: Path, flight: str, size: int = 4096, age_s: float = 0) -> FailedAttempt:
    out = tmp_path / "out"
    out.mkdir()
    (out / "half").write_bytes(os.urandom(size))
    attempt = FailedAttempt("//a:t", "w", TargetId("0" * 64), "r", flight, 1, "task", "exit 1", "2026-04-16T10:00:00Z")
    kept.keep(attempt, replace(JOB, secrets={}), str(out))
    folder = kept.root / attempt.name
    then = time.time() - age_s
    if folder.exists():
        os.utime(folder, (then, then))
    return attempt


def flights(kept: FailedAttempts) -> list[str]:
    return [attempt.flight for attempt in kept.all()]


def test_old_attempts_are_removed(kept: FailedAttempts, tmp_path: Path) -> None:
    by_hand(kept, tmp_path, "old", age_s=15 * 24 * 3600)
    by_hand(kept, tmp_path, "young", age_s=13 * 24 * 3600)

    kept.trim()

    assert flights(kept) == ["young"]


def test_beyond_the_limit_the_oldest_go_first(tmp_path: Path) -> None:
    kept = FailedAttempts(tmp_path / "attempts", limit_bytes=100_000)
    for number in range(5):
        by_hand(kept, tmp_path, f"f{number}", size=40_000, age_s=100 - number)

    kept.trim()

    assert flights(kept) == ["f4", "f3"]


def test_the_limit_holds_within_a_run(tmp_path: Path) -> None:
    kept = FailedAttempts(tmp_path / "attempts", limit_bytes=100_000)
    for number in range(9):
        by_hand(kept, tmp_path, f"f{number}", size=40_000, age_s=100 - number)

    assert len(flights(kept)) <= 3


def test_an_output_larger_than_all_may_be_is_removed_at_once(tmp_path: Path) -> None:
    kept = FailedAttempts(tmp_path / "attempts", limit_bytes=10_000)
    by_hand(kept, tmp_path, "large", size=40_000)

    assert flights(kept) == []
    assert not (tmp_path / "out").exists()


def test_a_disk_without_room_gets_it_back(
    kept: FailedAttempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_attempts, "MUST_STAY_FREE_BYTES", 1 << 62)
    by_hand(kept, tmp_path, "f")

    assert flights(kept) == []
    assert not (tmp_path / "out").exists()


def test_what_is_half_written_or_damaged_is_passed_over_and_goes_with_age(kept: FailedAttempts, tmp_path: Path) -> None:
    attempt = by_hand(kept, tmp_path, "f", age_s=15 * 24 * 3600)
    (kept.root / attempt.name / "about.json").write_text('{"flight": [')
    os.utime(kept.root / attempt.name, (0, 0))

    assert kept.all() == []
    kept.trim()
    assert os.listdir(kept.root) == []


def test_a_task_without_secrets_is_not_searched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_attempts, "remove_with_secrets", lambda *_: pytest.fail("nothing to look for"))

    state = run(bench, make_job(bench.script(BROKEN)))

    assert isinstance(state.output, Output | None)
    assert "tidied" not in state.message
