"""Whole runs on processes and a storage on disk: bounds of families, and a fan-in over many inputs."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, Provenance
from traintrack.action.event import Event
from traintrack.action.job import JobState
from traintrack.action.parallel import Parallel
from traintrack.action.plan import Outcome
from traintrack.action.record import Who
from traintrack.app.clock import SystemClock
from traintrack.digest import canonical_json, target_id
from traintrack.execute import own_thread
from traintrack.execute.control import RunControl
from traintrack.execute.flight import Ports
from traintrack.execute.run import Run
from traintrack.execute.settings import RunResult, RunSettings
from traintrack.execute.slots import Capacity
from traintrack.plan.planner import Planner
from traintrack.runners.contract.exits import CAN_WATCH
from traintrack.runners.process import attempt
from traintrack.runners.process.attempt import Attempt
from traintrack.storages.local.store import LocalStorage, open_local
from traintrack.testing.builders import build_graph
from traintrack.testing.runner_bench import Bench

COUNTS_THOSE_WHO_RUN = """
folder=$(sed -n 's/.*"folder": "\\(.*\\)".*/\\1/p' "$1")
mkdir "$folder/$TRAINTRACK_ID"
for _ in 1 2 3 4 5 6; do ls "$folder" | wc -l >> "$2/at_once"; sleep 0.05; done
rmdir "$folder/$TRAINTRACK_ID"
"""


class CodeIsThere:
    """The bench keeps the code of its scripts when it makes them."""

    def provide(self, action: Action) -> None: ...

    def secrets(self, action: Action) -> Mapping[str, str]:
        return {}

    def explain(self, action: Action, state: JobState) -> str | None:
        return None


class Unheard:
    def emit(self, event: Event) -> None: ...


def run(bench: Bench, storage: LocalStorage, actions: list[Action], jobs: int) -> RunResult:
    graph = build_graph(actions, actions)
    planner = Planner(graph, storage)
    with storage.present("r-1") as owner:
        ports = Ports(storage, bench.runner, SystemClock(), CodeIsThere(), Who("ann", "here", "r-1"))
        return Run(
            plan=planner.plan(), ports=ports, planner=planner, owner=owner,
            settings=RunSettings("r-1", Capacity(jobs=jobs)), sink=Unheard(), control=RunControl(),
        ).execute()  # fmt: skip


def labelled(action: Action, label: str, config: Mapping[str, str], parallel: Parallel | None) -> Action:
    preimage = canonical_json({"format": "traintrack/target/1", "task": label, "args": dict(config), "code": {}})
    provenance = Provenance("test", label, "TTCONFIG.yaml:1:1")
    return replace(
        action,
        id=target_id(preimage), preimage=preimage, config=config, provenance=provenance, parallel=parallel,
    )  # fmt: skip


def at_once(storage: LocalStorage, result: RunResult) -> int:
    results = [f.artifact for f in result.finished.values() if f.artifact is not None]
    texts = [(storage.artifacts.path(a) / "at_once").read_text(encoding="utf-8") for a in results]
    return max(int(count) for text in texts for count in text.split())


@pytest.mark.parametrize(("bound", "expected"), [(3, 3), (None, 6)])
def test_twelve_members_of_a_family_run_as_many_at_once_as_they_may(
    bench: Bench, tmp_path: Path, bound: int | None, expected: int
) -> None:
    (running := tmp_path / "running").mkdir()
    parallel = Parallel("//:train", bound) if bound else None
    script = bench.script(COUNTS_THOSE_WHO_RUN)
    actions = [
        labelled(script, f"//:train@fold={n}", {"folder": str(running), "fold": str(n)}, parallel) for n in range(12)
    ]
    storage = open_local(tmp_path / "store")

    result = run(bench, storage, actions, jobs=6)

    assert [f.outcome for f in result.finished.values()] == [Outcome.EXECUTED] * 12
    assert at_once(storage, result) == expected


@pytest.mark.skipif(not CAN_WATCH, reason="no pidfd or epoll on this system")
def test_a_run_looks_after_the_ends_of_short_tasks_in_its_own_thread(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    finish = Attempt.finish

    def watched(self: Attempt, **how: bool) -> None:
        threads.append(threading.current_thread().name)
        finish(self, **how)

    monkeypatch.setattr(Attempt, "finish", watched)
    # However busy this machine is.
    monkeypatch.setattr(attempt, "SHORT_S", math.inf)
    monkeypatch.setattr(own_thread, "LONG_S", math.inf)
    script = bench.script('cat "$1" > "$2/x"')
    actions = [labelled(script, f"//:t{n}", {"n": str(n)}, None) for n in range(12)]

    result = run(bench, open_local(tmp_path / "store"), actions, jobs=2)

    assert [f.outcome for f in result.finished.values()] == [Outcome.EXECUTED] * 12
    # The first ones wait for their environment in threads of their own.
    assert threads.count(threading.current_thread().name) >= 8
