"""One runner for processes and containers: each job goes where its image belongs, and one wait is for all."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import pytest
from bench_maker import make_bench

from traintrack.action.action import Action
from traintrack.action.image import ContainerImage
from traintrack.action.job import Handle, Job, JobPhase, JobState
from traintrack.digest import target_id
from traintrack.ports.runner import Adopted
from traintrack.runners.container.runner import ContainerRunner
from traintrack.runners.contract.ending import Ending
from traintrack.runners.contract.job_table import JobTable
from traintrack.runners.local import LocalRunner
from traintrack.runners.process import ProcessRunner
from traintrack.testing.runner_bench import Bench, make_job

IN_CONTAINER = make_job(Action(target_id(b"{}"), b"{}", "train", ContainerImage("x", "sha256:0")))
HANDLE = Handle('{"attempt":1,"container":"abc","flight":"f","stage":"/s"}')


class Containers:
    """Takes note of what it is asked, without an engine; its job ends when it is told to."""

    def __init__(self, table: JobTable) -> None:
        self.table = table
        self.started: list[str] = []
        self.stopped: list[Handle] = []

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        self.started += [job.action.task for job in jobs]
        self.table.add(HANDLE, self, JobState(JobPhase.STAGING))
        return [HANDLE for _ in jobs]

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        self.stopped += handles

    def find(self, flights: Collection[str]) -> dict[str, Handle]:
        return dict.fromkeys(flights, HANDLE)

    def adopt(self, flight: str) -> Adopted:
        return Adopted(HANDLE, len(flight))

    def end(self, ending: Ending, grace_s: float) -> None:
        raise AssertionError

    def log(self, offset: int) -> bytes:
        return b""

    def progress(self) -> str | None:
        return None


class Local:
    """A local runner over a bench of processes and containers that are played."""

    def __init__(self, folder: Path, env_cache: Path) -> None:
        self.bench: Bench = make_bench(folder, env_cache)
        self.noted = folder / "containers"
        self.table = JobTable()
        processes = self.bench.runner
        assert isinstance(processes, ProcessRunner)
        processes._table = self.table
        self.made: list[Containers] = []
        self.runner = LocalRunner(processes, self.make, self.noted, self.table)

    def make(self) -> ContainerRunner:
        self.made.append(Containers(self.table))
        return cast("ContainerRunner", self.made[-1])


@pytest.fixture
def local(tmp_path: Path, env_cache: Path) -> Local:
    return Local(tmp_path, env_cache)


def test_jobs_go_where_their_images_belong_and_handles_keep_their_order(local: Local) -> None:
    process = make_job(local.bench.script('echo > "$2/x"'))

    handles = local.runner.start([IN_CONTAINER, process])

    assert handles[0] == HANDLE
    assert local.made[0].started == ["train"]
    assert local.runner.find([process.flight])[process.flight] == handles[1]
    local.runner.stop(handles, 1.0)
    assert local.made[0].stopped == [HANDLE]


def test_one_wait_hears_of_both_kinds(local: Local) -> None:
    process = make_job(local.bench.script("sleep 60"))
    handles = local.runner.start([process, IN_CONTAINER])
    while local.runner.poll(handles[:1], 5.0)[handles[0]].phase is not JobPhase.RUNNING:
        pass

    done = JobState(JobPhase.FINISHED)
    threading.Timer(0.05, lambda: local.table.set(HANDLE, done)).start()

    assert local.runner.poll(handles, 10.0) == {HANDLE: done}
    assert local.runner.poll([HANDLE], 0.0) == {}
    local.runner.stop(handles[:1], 1.0)


def test_who_uses_no_container_loads_none(local: Local) -> None:
    process = make_job(local.bench.script('echo > "$2/x"'))
    (handle,) = local.runner.start([process])
    local.runner.find([process.flight])
    assert local.runner.adopt("f") is None
    assert local.runner.abandoned() == {}
    local.runner.stop([handle], 1.0)
    local.runner.close()

    assert local.made == []


def test_a_container_that_a_dead_run_left_is_asked_for(local: Local) -> None:
    local.noted.mkdir()
    (local.noted / "abc").write_text("{}")

    assert local.runner.find(["f"]) == {"f": HANDLE}
    assert local.runner.adopt("ff") == Adopted(HANDLE, 2)
