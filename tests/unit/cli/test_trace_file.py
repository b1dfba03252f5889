import json
import os
from pathlib import Path
from typing import Any

import pytest

from traintrack.action.event import (
    AttemptFailed,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetProgress,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.plan import Outcome, Plan, Reason, ReasonCode
from traintrack.action.record import Timings
from traintrack.cli.trace_file import Trace, TraceFile
from traintrack.digest import ContentDigest, TargetId
from traintrack.errors import HostError
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)
A, B = TargetId("a" * 64), TargetId("b" * 64)
RECORD = ContentDigest("r" * 64)
START = RunStarted("r-1", Plan(build_graph([build_action("x")]), {}), "local")


class Traced:
    def __init__(self, timings: Timings | None = None) -> None:
        self.now_s = 50.0
        self.trace = Trace(lambda digest: timings, lambda: self.now_s)

    def at(self, second: float, event: Event) -> None:
        self.now_s = 100.0 + second
        self.trace.take(event)

    def spans(self, kind: str) -> list[tuple[str, int, float, float]]:
        found = [e for e in self.trace.document()["traceEvents"] if e.get("cat") == kind]
        return [(e["name"], e["tid"], e["ts"] / 1e6, e["dur"] / 1e6) for e in found]


def ended(id_: TargetId, label: str, outcome: Outcome = Outcome.EXECUTED) -> TargetFinished:
    return TargetFinished(id_, label, outcome, NEVER, record=RECORD)


def test_attempts_take_the_lowest_free_slot_and_the_run_has_a_row() -> None:
    traced = Traced()
    traced.at(0, START)
    traced.at(1, TargetStarted(A, "//x:a", 1, NEVER))
    traced.at(2, TargetStarted(B, "//x:b", 1, NEVER))
    traced.at(3, ended(A, "//x:a"))
    traced.at(4, TargetStarted(A, "//x:c", 1, NEVER))
    traced.at(6, ended(A, "//x:c"))
    traced.at(7, ended(B, "//x:b"))
    traced.at(8, RunFinished("r-1", 8.0))

    assert traced.spans("attempt") == [("//x:a", 1, 1, 2), ("//x:c", 1, 4, 2), ("//x:b", 2, 2, 5)]
    assert traced.spans("run") == [("run r-1", 0, 0, 8)]


def test_phases_come_from_the_record_where_there_is_one() -> None:
    traced = Traced(Timings(staging_s=1.0, task_s=5.0, publishing_s=9.0))
    traced.at(0, START)
    traced.at(1, TargetStarted(A, "//x:a", 1, NEVER))
    traced.at(9, ended(A, "//x:a"))

    assert traced.spans("phase") == [("staging", 1, 1, 1), ("task", 1, 2, 5), ("publishing", 1, 7, 2)]


def test_phases_of_a_failed_attempt_come_from_what_was_heard() -> None:
    traced = Traced()
    traced.at(0, START)
    traced.at(1, TargetStarted(A, "//x:a", 1, NEVER))
    traced.at(1, TargetProgress(A, "//x:a", "staging"))
    traced.at(3, TargetProgress(A, "//x:a", "running"))
    traced.at(4, TargetProgress(A, "//x:a", "running", "7/20"))
    traced.at(6, AttemptFailed(A, "//x:a", 1, "task", "exit 3", 1.0))
    traced.at(7, TargetStarted(A, "//x:a", 2, NEVER))
    traced.at(8, ended(A, "//x:a", Outcome.FAILED))

    assert traced.spans("phase") == [("staging", 1, 1, 2), ("task", 1, 3, 3), ("staging", 1, 7, 1)]
    assert [span[2:] for span in traced.spans("attempt")] == [(1, 5), (7, 1)]


def test_waits_have_rows_of_their_own_and_say_for_whom() -> None:
    traced = Traced()
    traced.at(0, START)
    traced.at(1, TargetWaiting(A, "//x:a", "ann", "gpu", "r-9", "", "running"))
    traced.at(4, ended(A, "//x:a", Outcome.SHARED))
    document = traced.trace.document()
    [wait] = [event for event in document["traceEvents"] if event.get("cat") == "wait"]

    assert (wait["ts"], wait["dur"], wait["args"]["user"]) == (1_000_000, 3_000_000, "ann")
    assert wait["tid"] >= 10_000


def test_rows_have_names_and_every_event_is_one_that_viewers_know() -> None:
    traced = Traced()
    traced.at(0, START)
    traced.at(1, TargetStarted(A, "//x:a", 1, NEVER))
    traced.at(2, Notice("something"))
    events: list[dict[str, Any]] = traced.trace.document()["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}

    assert {e["ph"] for e in events} == {"M", "X", "i"}
    assert {e["tid"] for e in events} == set(names) == {0, 1}
    assert all(isinstance(e["ts"], int) and e["pid"] == 1 for e in events if e["ph"] != "M")
    assert all(isinstance(e["dur"], int) and e["dur"] >= 0 for e in events if e["ph"] == "X")


def test_a_trace_is_written_at_the_end_all_at_once_also_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("old")
    traced = Traced()
    file = TraceFile(str(path), traced.trace, pytest.fail)
    file.emit(START)
    file.emit(TargetStarted(A, "//x:a", 1, NEVER))
    assert path.read_text() == "old"
    with pytest.raises(ZeroDivisionError), file:
        raise ZeroDivisionError
    kinds = {event.get("cat") for event in json.loads(path.read_text())["traceEvents"]}

    assert kinds == {None, "run", "attempt", "phase"}
    assert os.listdir(tmp_path) == ["trace.json"]


@pytest.mark.parametrize("where", ["nowhere/trace.json", ".", "/dev/null"])
def test_what_cannot_be_written_is_an_error_before_the_run(where: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HostError) as raised:
        TraceFile(where, Traced().trace, pytest.fail)

    assert raised.value.hint
    assert os.listdir(tmp_path) == []
    assert not os.path.isfile("/dev/null")


def test_a_folder_that_goes_away_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    warned: list[str] = []
    with TraceFile(str(folder / "trace.json"), Traced().trace, warned.append):
        for name in os.listdir(folder):
            os.unlink(folder / name)
        folder.rmdir()

    assert len(warned) == 1
