"""Job files: whole or absent, and found by their flight."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from traintrack.runners.contract.job_file import JobFacts, JobFiles, facts_of
from traintrack.runners.contract.stage import Stage


def facts(flight: str) -> JobFacts:
    return facts_of(flight, 1, Stage("/s", "/o"))


def test_the_jobs_of_a_flight_are_found_without_those_whose_name_begins_alike(tmp_path: Path) -> None:
    jobs = JobFiles(tmp_path / "jobs")
    mine, other = facts("ab"), facts("ab.c")
    jobs.add(mine)
    jobs.add(other)

    assert jobs.of_flight("ab") == [mine]
    assert jobs.of_flight("none") == []


def test_a_job_that_cannot_be_noted_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    jobs = JobFiles(tmp_path / "jobs")
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        jobs.add(facts("ab"))

    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_file_that_could_not_be_removed_is_tried_once_more_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    jobs, noted = JobFiles(tmp_path / "jobs"), facts("ab")
    jobs.add(noted)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Input/output"):
        jobs.remove(noted)
    monkeypatch.undo()
    assert jobs.exists(noted)

    jobs.close()

    assert not jobs.exists(noted)


def test_files_of_a_flight_in_which_nothing_stands_are_dropped(tmp_path: Path) -> None:
    jobs, noted = JobFiles(tmp_path), facts("ab")
    jobs.add(noted)
    for name in ("ab.2.aaaa", "ab.c.1.bbbb"):
        (tmp_path / name).touch()
    (tmp_path / "ab.3.cccc").write_text('{"flight": "a')

    jobs.drop_unwritten("ab")

    assert jobs.exists(noted)
    assert sorted(path.name.split(".")[-1] for path in tmp_path.iterdir()) == sorted(["bbbb", noted.marker[:12]])
    JobFiles(tmp_path / "none").drop_unwritten("ab")
