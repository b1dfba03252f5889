"""The states of jobs, told to who asks and to who listens."""

from __future__ import annotations

import threading

from traintrack.action.job import Handle, JobPhase, JobState
from traintrack.runners.contract.ending import Ending
from traintrack.runners.contract.job_table import JobTable

HANDLE = Handle("h")
STAGING, RUNNING, STORING, FINISHED = (
    JobState(phase) for phase in (JobPhase.STAGING, JobPhase.RUNNING, JobPhase.STORING, JobPhase.FINISHED)
)


class Still:
    """An attempt that says nothing."""

    def end(self, ending: Ending, grace_s: float) -> None:
        """Nothing runs."""

    def log(self, offset: int) -> bytes:
        """No log."""
        return b""

    def progress(self) -> str | None:
        """No progress."""
        return None


def table() -> JobTable:
    found = JobTable()
    found.add(HANDLE, Still(), STAGING)
    return found


def test_who_listens_hears_each_state_once_and_in_order() -> None:
    jobs, heard = table(), []
    jobs.set(HANDLE, RUNNING)

    assert jobs.watch(HANDLE, lambda _, state: heard.append(state.phase))
    jobs.set(HANDLE, STORING)
    jobs.set(HANDLE, FINISHED)

    assert heard == [JobPhase.RUNNING, JobPhase.STORING, JobPhase.FINISHED]
    assert jobs.poll([HANDLE], 0.0, lambda _: None) == {}


def test_what_ended_before_it_was_listened_to_is_heard() -> None:
    jobs, heard = table(), []
    jobs.set(HANDLE, FINISHED)

    assert jobs.watch(HANDLE, lambda _, state: heard.append(state.phase))

    assert heard == [JobPhase.FINISHED]
    assert not jobs.watch(HANDLE, lambda _, state: heard.append(state.phase)), "it was told, and is over"


def test_the_first_state_of_a_job_is_no_news() -> None:
    heard: list[JobState] = []

    table().watch(HANDLE, lambda _, state: heard.append(state))

    assert heard == []


def test_a_job_of_another_process_cannot_be_listened_to() -> None:
    assert not table().watch(Handle("another"), lambda _handle, _state: None)


def test_who_awaits_the_end_is_woken_though_somebody_listens() -> None:
    jobs = table()
    jobs.watch(HANDLE, lambda _handle, _state: None)
    threading.Timer(0.05, lambda: jobs.set(HANDLE, FINISHED)).start()

    jobs.await_end([HANDLE], 5.0, "hint")
