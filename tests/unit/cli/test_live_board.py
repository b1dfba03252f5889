"""The rows of the live block: text in, rows out."""

from traintrack.action.event import (
    AttemptFailed,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetProgress,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.plan import Decision, Outcome, Plan, Reason, ReasonCode, Step
from traintrack.cli.line import plain
from traintrack.cli.live_board import LiveBoard
from traintrack.digest import TargetId
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)


class Watched:
    def __init__(self, count: int = 6, expected_s: float | None = None, decision: Decision = Decision.EXECUTE) -> None:
        graph = build_graph([build_action(f"t{n}") for n in range(count)])
        self.ids = dict(graph.labels)
        self.board = LiveBoard()
        steps = {id_: Step(id_, decision, NEVER, expected_s=expected_s) for id_ in graph.order}
        self.board.take(RunStarted("r-1", Plan(graph, steps)), 100.0)

    def id(self, number: int) -> tuple[TargetId, str]:
        return self.ids[f"//:t{number}"], f"//:t{number}"

    def start(self, number: int, at_s: float, attempt: int = 1) -> None:
        self.board.take(TargetStarted(*self.id(number), attempt, NEVER), at_s)

    def progress(self, number: int, at_s: float, phase: str, text: str = "") -> None:
        self.board.take(TargetProgress(*self.id(number), phase, text), at_s)

    def wait(self, number: int, at_s: float, run: str = "r-9") -> None:
        self.board.take(TargetWaiting(*self.id(number), "ann", "gpu-3", run, "", "running"), at_s)

    def end(self, number: int, outcome: Outcome = Outcome.EXECUTED) -> None:
        self.board.take(TargetFinished(*self.id(number), outcome, NEVER), 130.0)

    def rows(self, now_s: float = 160.0, columns: int = 100, most: int = 20) -> list[str]:
        return [plain(row) for row in self.board.rows(now_s, columns, most)]


def test_running_come_before_waiting_before_queued_the_longest_first() -> None:
    watched = Watched()
    watched.start(4, 150.0)
    watched.wait(0, 101.0)
    watched.start(1, 110.0)
    watched.wait(2, 100.0)

    assert [row.split()[:2] for row in watched.rows()] == [
        ["●", "//:t1"],
        ["●", "//:t4"],
        ["◌", "//:t2"],
        ["◌", "//:t0"],
        ["…", "2"],
        ["[....................]", "0/6"],
    ]


def test_equal_times_are_ordered_by_label() -> None:
    watched = Watched()
    for number in (3, 1, 2):
        watched.start(number, 110.0)

    assert [row.split()[1] for row in watched.rows()[:3]] == ["//:t1", "//:t2", "//:t3"]


def test_a_row_tells_the_time_what_the_task_says_and_when_it_will_end() -> None:
    watched = Watched(expected_s=90.0)
    watched.start(1, 100.0)
    watched.progress(1, 120.0, "running")
    watched.progress(1, 130.0, "running", "epoch 7/20")

    assert watched.rows(150.0)[0].split(maxsplit=2) == ["●", "//:t1", "50s  epoch 7/20 · ETA 1m 00s"]


def test_the_time_that_a_task_took_before_is_told_once_it_is_over() -> None:
    watched = Watched(expected_s=10.0)
    watched.start(1, 100.0, attempt=2)
    watched.progress(1, 100.0, "running")

    assert "attempt 2 · took 10s before" in watched.rows(150.0)[0]


def test_staging_and_storing_are_told_in_words() -> None:
    watched = Watched(expected_s=10.0)
    watched.start(1, 100.0)
    watched.progress(1, 100.0, "staging")

    assert watched.rows(101.0)[0].endswith("preparing · ETA 10s")
    watched.progress(1, 105.0, "storing")
    assert watched.rows(106.0)[0].endswith("storing")


def test_a_wait_names_who_is_waited_for_and_keeps_its_begin() -> None:
    watched = Watched()
    watched.wait(2, 110.0)
    watched.wait(2, 150.0, "r-10")

    assert "50s  waiting for ann@gpu-3 (run r-10, running)" in watched.rows()[0]


def test_a_retry_counts_down() -> None:
    watched = Watched()
    watched.start(2, 110.0)
    watched.board.take(AttemptFailed(*watched.id(2), 1, "lost-machine", "gone", 30.0), 150.0)

    assert "attempt 1 failed, again in 20s" in watched.rows()[0]
    assert "again now" in watched.rows(190.0)[0]
    assert "1 waiting" in watched.rows()[-1]


def test_the_last_row_counts() -> None:
    watched = Watched()
    for number in range(4):
        watched.start(number, 110.0)
    watched.end(0)
    watched.end(1, Outcome.FAILED)

    assert watched.rows()[-1] == "[######..............] 2/6 · 1 failed · 2 running · 2 queued · 1m 00s"
    assert watched.rows(columns=60)[-1].startswith("2/6 · ")


def test_rows_are_never_more_than_asked_and_what_is_hidden_is_counted() -> None:
    watched = Watched(30)
    for number in range(20):
        watched.start(number, 110.0 + number)

    for most in range(1, 25):
        assert len(watched.rows(most=most)) == min(most, 22)
    assert watched.rows(most=5)[3] == "… 17 more under way, 10 queued"
    assert watched.rows(most=5)[0].startswith("● //:t0 ")
    assert watched.rows(most=0) == []


def test_narrow_terminals_leave_the_details_out() -> None:
    watched = Watched(expected_s=5.0)
    watched.start(1, 150.0)

    assert watched.rows(columns=30)[0].split() == ["●", "//:t1", "10s"]


def test_there_is_no_block_before_after_or_without_work() -> None:
    watched = Watched()
    watched.board.take(RunFinished("r-1", 1.0), 130.0)

    assert LiveBoard().rows(1.0, 80, 10) == []
    assert watched.rows() == []
    assert Watched(decision=Decision.REUSE).rows() == []


def test_a_target_that_is_made_again_is_counted_once() -> None:
    watched = Watched(2)
    watched.end(0, Outcome.REUSED)
    watched.start(0, 140.0)

    assert watched.rows()[-1].split("] ")[1].startswith("0/2 · 1 running · 1 queued")
