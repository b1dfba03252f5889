"""Families in the live block: events in, rows out."""

import sys
from collections.abc import Callable, Sequence

import pytest

from traintrack.action.event import AttemptFailed, RunStarted, TargetFinished, TargetStarted, TargetWaiting
from traintrack.action.plan import Decision, Outcome, Plan, Reason, ReasonCode, Step
from traintrack.cli.line import plain
from traintrack.cli.live_board import LiveBoard
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)


class Played:
    """A run of `//:train@n=0`, `n=1`… and of targets alone."""

    def __init__(self, count: int, alone: Sequence[str] = (), reused: int = 0) -> None:
        graph = build_graph([build_action(name) for name in (*(f"train@n={n}" for n in range(count)), *alone)])
        self.ids = dict(graph.labels)
        self.board = LiveBoard()
        decisions = [Decision.REUSE] * reused + [Decision.EXECUTE] * (count + len(alone) - reused)
        steps = {id_: Step(id_, decision, NEVER) for id_, decision in zip(graph.order, decisions, strict=True)}
        self.board.take(RunStarted("r-1", Plan(graph, steps)), 100.0)

    def start(self, *numbers: int) -> None:
        for number in numbers:
            label = f"//:train@n={number}"
            self.board.take(TargetStarted(self.ids[label], label, 1, NEVER), 110.0 + number)

    def wait(self, *numbers: int) -> None:
        for number in numbers:
            label = f"//:train@n={number}"
            waits = TargetWaiting(self.ids[label], label, "ann", "gpu-3", "r-9", "", "running")
            self.board.take(waits, 110.0 + number)

    def end(self, *numbers: int, outcome: Outcome = Outcome.EXECUTED) -> None:
        for number in numbers:
            label = f"//:train@n={number}"
            self.board.take(TargetFinished(self.ids[label], label, outcome, NEVER), 130.0)

    def rows(self, most: int = 20) -> list[str]:
        return [plain(row) for row in self.board.rows(160.0, 100, most)]


def test_running_members_are_named_without_their_folder() -> None:
    played = Played(3)
    played.start(0)
    played.wait(1)

    assert [row.split()[:2] for row in played.rows()[:2]] == [["●", "train@n=0"], ["◌", "train@n=1"]]


def test_a_family_of_more_than_eight_has_a_row_with_what_is_done() -> None:
    small, large = Played(8), Played(9)
    for played in (small, large):
        played.start(0, 1, 2)
        played.end(0)
        played.end(1, outcome=Outcome.FAILED)

    assert not [row for row in small.rows() if row.startswith("  ")]
    assert large.rows()[1] == "  //:train@*  2/9 · 1 failed"


def test_the_row_of_a_family_goes_with_its_last_member_under_way() -> None:
    played = Played(9)

    assert not [row for row in played.rows() if row.startswith("  ")], "nothing of it is under way"
    played.start(0)
    played.wait(1)
    played.end(0)
    assert played.rows()[1] == "  //:train@*  1/9"
    played.end(1)
    assert not [row for row in played.rows() if row.startswith("  ")]


def test_reused_members_are_done_and_what_is_made_again_is_not_counted_twice() -> None:
    played = Played(10, reused=4)
    played.end(0, 1, 2, 3, outcome=Outcome.REUSED)
    played.start(5)

    assert played.rows()[1] == "  //:train@*  4/10"
    played.start(0)
    assert "  //:train@*  3/10" in played.rows()


def test_queued_members_are_counted_in_one_name() -> None:
    played = Played(4, ["a", "b", "c"])
    played.start(0)

    assert "… 6 queued: //:train@* (3), //:a and 2 more" in played.rows()
    played.start(1, 2, 3)
    assert "… 3 queued: //:a, //:b and 1 more" in played.rows()


def test_a_single_member_is_queued_as_itself() -> None:
    assert "… 2 queued: //:train@n=0, //:a" in Played(1, ["a"]).rows()


def test_rows_stay_within_their_number_with_families_too() -> None:
    played = Played(40)
    played.start(*range(20))

    for most in range(1, 30):
        assert len(played.rows(most)) == min(most, 23)
    assert played.rows(8)[4:] == [
        "● train@n=4      46s",
        "  //:train@*  0/40",
        "… 15 more under way, 20 queued",
        "[....................] 0/40 · 20 running · 20 queued · 1m 00s",
    ]


def test_a_retry_stays_under_way() -> None:
    played = Played(9)
    played.start(3)
    label = "//:train@n=3"
    played.board.take(AttemptFailed(played.ids[label], label, 1, "lost-machine", "gone", 30.0), 150.0)

    assert played.rows()[1] == "  //:train@*  0/9"


@pytest.mark.parametrize("step", ["under way", "waiting", "ended"])
def test_a_frame_does_not_cost_more_where_the_family_is_larger(step: str) -> None:
    def calls(count: int) -> int:
        played = Played(count)
        played.start(*range(6))
        if step == "waiting":
            played.wait(*range(6, count))
        if step == "ended":
            played.end(*range(6, count), outcome=Outcome.FAILED)
        return _calls_of(lambda: played.board.rows(160.0, 100, 12))

    assert calls(5_000) <= calls(50) + 5


def _calls_of(act: Callable[[], object]) -> int:
    """Count the calls, of functions in Python and in C, that something comes to."""
    seen = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal seen
        seen += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(before)
    return seen
