"""What one more job costs in those calls of the system that are dear; a timed test would tell of the machine."""

from __future__ import annotations

import gc
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from traintrack.runners.process import process_group
from traintrack.testing.runner_bench import Bench, Wanted, make_job

JOBS = 8


@pytest.fixture
def calls(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Counter[str]]:
    """Runs some jobs to warm up, then counts calls over `JOBS` further ones."""

    def count(script: str) -> Counter[str]:
        data = bench.artifact({"x": "x"})
        action = bench.script(script)
        inputs = {"data": Wanted(data), "part": Wanted(data, "x")}
        for _ in range(2):
            assert bench.run(make_job(action, inputs)).failure is None
        found: Counter[str] = Counter()
        gc.collect()  # runners of other tests remove their stages when they go
        with monkeypatch.context() as patch:
            for owner, name in (
                *(
                    (os, name)
                    for name in ("mkdir", "makedirs", "rmdir", "rename", "unlink", "symlink", "chmod", "open")
                ),
                (shutil, "rmtree"),
                (process_group, "spawn"),
                (threading.Thread, "start"),
            ):
                patch.setattr(owner, name, counting(found, name, getattr(owner, name)))
            for _ in range(JOBS):
                bench.run(make_job(action, inputs))
        return found

    return count


def counting(found: Counter[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    children = [file.read_text().split() for file in Path("/proc/self/task").glob("*/children")]
    strangers = {pid for pids in children for pid in pids}

    def call(*args: Any, **fields: Any) -> Any:
        # What servers and watchers of other tests do in the same process, and looks at their processes, are not counted.
        path = str(args[0]) if args else ""
        stranger = path.startswith("/proc/") and path.split("/")[2] in strangers
        if threading.current_thread().name in ("MainThread", "job", "exits") and not stranger:
            found[name] += 1
        return real(*args, **fields)

    return call


def test_a_further_job_makes_one_folder_and_deletes_only_its_links_and_its_file(calls) -> None:
    found = calls('cat "$1" > "$2/x"')

    assert found["mkdir"] == JOBS  # OUTPUT_DIRECTORY, which becomes the artifact
    assert found["rmdir"] == found["rmtree"] == found["makedirs"] == found["chmod"] == 0
    assert found["rename"] == 3 * JOBS  # the stage, and the folder for checkpoints there and back
    assert found["symlink"] == 2 * JOBS
    assert found["unlink"] == 3 * JOBS  # two links, and the job's file


def test_a_further_job_starts_one_process_and_no_thread(calls) -> None:
    found = calls('echo > "$2/x"')

    assert found["spawn"] == JOBS
    assert found["start"] == 0


def test_a_further_job_opens_few_files(calls) -> None:
    # The job's file twice, /proc four times, the output and its file, the log.
    assert calls('echo > "$2/x"')["open"] <= 12 * JOBS


def test_a_log_costs_a_rename_and_no_copy(calls) -> None:
    found = calls('echo words; echo > "$2/x"')

    assert found["rename"] == 4 * JOBS
    assert found["unlink"] == 3 * JOBS
