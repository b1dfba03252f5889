import json
import os
import sys
import threading
from pathlib import Path

import jsonschema
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
from traintrack.action.plan import Decision, Outcome, Plan, Reason, ReasonCode, Step
from traintrack.cli import events_file
from traintrack.cli.events_file import EventsFile, open_file
from traintrack.cli.schemas import EVENTS, event_schema
from traintrack.digest import TargetId
from traintrack.errors import HostError, InputError, TraintrackError, UsageError
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)
A = TargetId("a" * 64)
GRAPH = build_graph([first := build_action("data"), build_action("train", [first])])
EVERY: tuple[Event, ...] = (
    RunStarted("r-1", Plan(GRAPH, {i: Step(i, Decision.EXECUTE, NEVER, expected_s=2.5) for i in GRAPH.order}), "local"),
    TargetStarted(A, "//x:a", 1, NEVER),
    TargetProgress(A, "//x:a", "running", "7/20 \x1b데"),
    TargetWaiting(A, "//x:a", "ann", "gpu", "r-9", "2026-04-16T12:00:00Z", "running"),
    AttemptFailed(A, "//x:a", 1, "task", "exit 3", 0.5),
    Notice("something", A, "warning"),
    TargetFinished(A, "//x:a", Outcome.FAILED, NEVER, exit_code=3, because=("//x:b",)),
    RunFinished("r-1", 2.0, {"failed": 1}),
)


class Warned(list[str]):
    def __call__(self, fact: str) -> None:
        self.append(fact)


@pytest.fixture
def warned() -> Warned:
    return Warned()


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_each_event_is_a_line_of_the_schema_and_only_the_last_says_so(tmp_path: Path, warned: Warned) -> None:
    path = tmp_path / "events.jsonl"
    with EventsFile(open_file(str(path)), warned) as events:
        for event in EVERY:
            events.emit(event)
    lines = read(path)

    for line in lines:
        jsonschema.validate(line, event_schema())
    assert [line["kind"] for line in lines] == [kind for kind in EVENTS if kind != "error"]
    assert [line["seq"] for line in lines] == list(range(1, len(EVERY) + 1))
    assert [line.get("last") for line in lines] == [None] * (len(EVERY) - 1) + [True]
    assert warned == []


def test_a_run_that_cannot_begin_ends_with_its_error(tmp_path: Path, warned: Warned) -> None:
    path = tmp_path / "events.jsonl"
    with (
        pytest.raises(InputError),
        EventsFile(open_file(str(path)), warned),
    ):
        raise InputError("a wrong field", code="wrong", hint="right it")
    [line] = read(path)
    jsonschema.validate(line, event_schema())

    assert (line["kind"], line["last"], line["error"]["code"]) == ("error", True, "wrong")


def test_an_interrupt_is_told_as_the_last_line(tmp_path: Path, warned: Warned) -> None:
    path = tmp_path / "events.jsonl"
    with pytest.raises(KeyboardInterrupt), EventsFile(open_file(str(path)), warned):
        raise KeyboardInterrupt

    assert read(path)[-1]["error"]["code"] == "interrupted"


def test_lines_are_there_while_the_run_goes_on(warned: Warned) -> None:
    reader, writer = os.pipe()
    with EventsFile(open_file(f"fd:{writer}"), warned) as events, os.fdopen(reader, "rb") as pipe:
        os.close(writer)
        events.emit(EVERY[1])

        assert json.loads(pipe.readline())["kind"] == "target-started"
        events.emit(EVERY[-1])


@pytest.mark.parametrize("where", ["nowhere/events", "fd:987654", "fd:x", "fd:", "."])
def test_what_cannot_be_written_is_an_error_with_a_hint(where: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TraintrackError) as raised:
        open_file(where)

    assert isinstance(raised.value, UsageError if where.startswith("fd") else HostError)
    assert raised.value.hint


def test_a_descriptor_for_reading_is_refused() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(UsageError):
            open_file(f"fd:{reader}")
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("where", ["-", "fd:1"])
def test_stdout_cannot_hold_a_document_and_events(where: str) -> None:
    with pytest.raises(UsageError, match="both want stdout"):
        open_file(where, json=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
def test_a_full_disk_is_one_warning(warned: Warned) -> None:
    with EventsFile(open_file("/dev/full"), warned) as events:
        for event in EVERY:
            events.emit(event)

    assert warned == ["no more events go to `/dev/full`: no space left on device"]


def test_a_disk_that_fills_up_in_a_line_leaves_whole_lines(tmp_path: Path, warned: Warned, monkeypatch) -> None:
    path = tmp_path / "events.jsonl"
    left, write = [1500], os.write

    def little_room(descriptor: int, data: bytes) -> int:
        size = min(len(data), left[0])
        if not size:
            raise OSError(28, "No space left on device")
        left[0] -= size
        return write(descriptor, data[:size])

    monkeypatch.setattr(events_file.os, "write", little_room)
    with EventsFile(open_file(str(path)), warned) as events:
        for event in EVERY:
            events.emit(event)
    monkeypatch.undo()

    assert len(warned) == 1
    assert 1 <= len(read(path)) < len(EVERY)
    assert path.read_bytes().endswith(b"\n")


def test_a_reader_who_has_gone_is_one_warning(warned: Warned) -> None:
    reader, writer = os.pipe()
    file = open_file(f"fd:{writer}")
    os.close(reader)
    os.close(writer)
    with EventsFile(file, warned) as events:
        for event in EVERY:
            events.emit(event)

    assert warned == [f"no more events go to `fd:{writer}`: broken pipe"]


def test_a_reader_who_does_not_read_never_holds_the_run(warned: Warned, monkeypatch) -> None:
    monkeypatch.setattr(events_file, "DRAIN_S", 0.2)
    reader, writer = os.pipe()
    ended = threading.Event()

    def run() -> None:
        with EventsFile(open_file(f"fd:{writer}"), warned) as events:
            for _ in range(200):
                events.emit(EVERY[0])
        ended.set()

    threading.Thread(target=run, daemon=True).start()

    assert ended.wait(20)
    assert "does not keep up" in warned[0]
    os.close(reader)
    os.close(writer)
