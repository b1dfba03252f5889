import io

from traintrack.action.action import ActionGraph
from traintrack.action.event import (
    AttemptFailed,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.plan import Decision, Outcome, Plan, Reason, ReasonCode, Step
from traintrack.cli.progress import HEARTBEAT_S, Progress
from traintrack.cli.terminal import Terminal, Verbosity
from traintrack.digest import TargetId
from traintrack.testing.builders import build_action, build_graph

NEVER = Reason(ReasonCode.NEVER_BUILT)
A, B, C = (TargetId(letter * 64) for letter in "abc")


class Utf8(io.StringIO):
    encoding = "utf-8"


class Watched:
    """A progress with a clock to turn by hand, and what it wrote."""

    def __init__(self, verbosity: Verbosity = Verbosity.NORMAL) -> None:
        self.now_s = 100.0
        self.err, self.out = Utf8(), Utf8()
        terminal = Terminal(self.out, self.err, verbosity=verbosity)
        self.progress = Progress(terminal, lambda reason: reason.code.value, lambda: self.now_s)

    def tell(self, *events: Event) -> list[str]:
        for event in events:
            self.progress.emit(event)
        return self.read()

    def read(self) -> list[str]:
        lines = [line.rstrip() for line in self.err.getvalue().splitlines()]
        self.err.seek(0)
        self.err.truncate()
        assert self.out.getvalue() == ""
        return lines


def plan(**decisions: Decision) -> Plan:
    ids = {"a": A, "b": B, "c": C}
    steps = {ids[name]: Step(ids[name], decision, NEVER) for name, decision in decisions.items()}
    labels = {f"//x:{name}": ids[name] for name in decisions}
    return Plan(ActionGraph({}, labels, (), ()), steps)


def ended(id_: TargetId, label: str, outcome: Outcome, **fields: object) -> TargetFinished:
    return TargetFinished(id_, label, outcome, NEVER, **fields)  # type: ignore[arg-type]


START = RunStarted("r-1", plan(a=Decision.REUSE, b=Decision.EXECUTE, c=Decision.WAIT), "local")


def test_a_run_begins_with_its_name_and_plan() -> None:
    assert Watched().tell(START) == [
        "run r-1 · env local",
        "Plan  3 targets: 1 cached · 1 to run · 1 waiting for another run",
    ]


def test_a_run_with_nothing_to_do_says_nothing() -> None:
    events = (RunStarted("r-1", plan(a=Decision.REUSE)), ended(A, "//x:a", Outcome.REUSED), RunFinished("r-1", 0.1))

    assert Watched().tell(*events) == []


def test_starting_and_ending_are_a_line_each() -> None:
    watched = Watched()
    watched.tell(START)
    lines = watched.tell(
        TargetStarted(B, "//x:b", 1, NEVER), ended(B, "//x:b", Outcome.EXECUTED, duration_s=2.1, attempts=1)
    )

    assert [line.split() for line in lines] == [
        ["●", "//x:b", "started", "never-built"],
        ["✓", "//x:b", "executed", "2.1s"],
    ]


def test_reused_targets_get_a_line_only_if_asked_for() -> None:
    reused = ended(A, "//x:a", Outcome.REUSED)
    quiet, verbose = Watched(), Watched(Verbosity.VERBOSE)
    quiet.tell(START)
    verbose.tell(START)

    assert quiet.tell(reused) == []
    assert [line.split() for line in verbose.tell(reused)] == [["✓", "//x:a", "cached"]]


def test_a_wait_names_who_is_waited_for() -> None:
    watched = Watched()
    watched.tell(START)
    [line] = watched.tell(TargetWaiting(C, "//x:c", "ann", "gpu\x1b-3", "r-9", "2026-04-16T12:04:31.5Z", "running"))

    assert line.split(" waiting ")[1] == (r"for ann@gpu\x1b-3 (run r-9, since 2026-04-16 12:04:31 UTC, running)")


def test_early_cut_off_retries_and_notices_have_their_words() -> None:
    watched = Watched()
    watched.tell(START)
    lines = watched.tell(
        ended(B, "//x:b", Outcome.SAME_INPUTS),
        AttemptFailed(C, "//x:c", 1, "lost-machine", "it vanished", 12.0),
        AttemptFailed(C, "//x:c", 2, "task", "no more", None),
        Notice("//x:a is damaged and will be made again", A, "warning"),
    )

    assert [" ".join(line.split()) for line in lines] == [
        "= //x:b same inputs as before",
        "◌ //x:c attempt 1 failed, again in 12s the machine or process was lost: it vanished",
        "warning: //x:a is damaged and will be made again",
    ]


def test_a_failure_is_told_in_full_at_the_very_end_even_if_quiet() -> None:
    for verbosity in (Verbosity.NORMAL, Verbosity.QUIET):
        watched = Watched(verbosity)
        failed = ended(B, "//x:b", Outcome.FAILED, exit_code=3, duration_s=1.0, log_tail=("boom",))
        watched.tell(START, TargetStarted(B, "//x:b", 1, NEVER), failed)
        blocked = ended(C, "//x:c", Outcome.BLOCKED, because=("//x:b",))
        lines = watched.tell(blocked, RunFinished("r-1", 2.0))

        assert lines[:2] == ["", "✗ FAILED //x:b   exit 3 · 1.0s"]
        assert "  blocks  1 target: //x:c" in lines
        assert "  boom" in lines


def test_a_sign_of_life_comes_only_after_a_silence() -> None:
    watched = Watched()
    watched.tell(START, TargetStarted(B, "//x:b", 1, NEVER))
    watched.now_s += HEARTBEAT_S - 1
    watched.progress.beat()

    assert watched.read() == []
    watched.now_s += 1
    watched.progress.beat()
    assert watched.read() == ["… 0 of 3 done · 1 running: //x:b 1m 00s · 1m 00s"]
    watched.progress.beat()
    assert watched.read() == []


def test_the_sign_of_life_ends_with_the_context() -> None:
    watched = Watched()
    with watched.progress as progress:
        progress.emit(START)

    assert not watched.progress._thread.is_alive()


def test_a_run_is_running_from_its_start_to_its_end() -> None:
    watched = Watched()
    states = [watched.progress.is_running]
    for event in (START, RunFinished("r-1", 0.1)):
        watched.progress.emit(event)
        states.append(watched.progress.is_running)

    assert states == [False, True, False]


def family(count: int, reused: int = 0, other: Decision = Decision.EXECUTE) -> RunStarted:
    """A run of `//x:t@n=0`, `n=1`…, of which the first stand."""
    graph = build_graph([build_action(f"t@n={n}") for n in range(count)])
    decisions = [Decision.REUSE] * reused + [other] * (count - reused)
    steps = {id_: Step(id_, decision, NEVER) for id_, decision in zip(graph.order, decisions, strict=True)}
    return RunStarted("r-1", Plan(graph, steps))


def member(start: RunStarted, number: int, outcome: Outcome, **fields: object) -> TargetFinished:
    label = f"//:t@n={number}"
    return ended(start.plan.graph.labels[label], label, outcome, **fields)


def words(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_a_run_begins_with_a_row_for_each_family_that_has_something_to_do() -> None:
    assert Watched().tell(family(6, reused=2))[1:] == [
        "Plan  6 targets: 2 cached · 4 to run",
        "      //:t@*  4 to run: never-built · 2 cached",
    ]
    assert len(Watched(Verbosity.VERBOSE).tell(family(6, reused=6))) == 2
    assert len(Watched().tell(family(1))) == 2, "a single member is no family"


def test_of_many_families_the_first_have_a_row() -> None:
    graph = build_graph([build_action(f"t{k}@n={n}") for k in range(13) for n in range(2)])
    steps = {id_: Step(id_, Decision.EXECUTE, NEVER) for id_ in graph.order}
    lines = Watched().tell(RunStarted("r-1", Plan(graph, steps)))

    assert len(lines) == 2 + 10 + 1
    assert lines[-1] == "      and 3 more"


def test_what_was_reused_of_a_family_is_one_line_and_what_was_executed_one_each() -> None:
    start, watched = family(6, reused=2), Watched()
    watched.tell(start, *(member(start, n, Outcome.REUSED) for n in (0, 1)))
    lines = watched.tell(
        member(start, 2, Outcome.SAME_INPUTS),
        member(start, 3, Outcome.SHARED, because=("ann",)),
        TargetStarted(start.plan.graph.labels["//:t@n=4"], "//:t@n=4", 1, NEVER),
        member(start, 4, Outcome.EXECUTED, duration_s=2.0),
        member(start, 5, Outcome.SAME_INPUTS),
    )

    assert words(lines) == [
        "● //:t@n=4 started never-built",
        "✓ //:t@n=4 executed 2.0s",
        "✓ //:t@* 2 cached · 2 same inputs as before · 1 made by another run",
    ]
    assert watched.tell(RunFinished("r-1", 1.0)) == []


def test_ten_thousand_reused_members_are_one_line_if_asked_for_and_none_if_not() -> None:
    start = family(10_000, reused=10_000)
    events = [start, *(member(start, n, Outcome.REUSED) for n in range(10_000)), RunFinished("r-1", 1.0)]

    assert Watched().tell(*events) == []
    assert words(Watched(Verbosity.VERBOSE).tell(*events))[2:] == ["✓ //:t@* 10000 cached"]


def test_a_family_that_did_not_come_to_its_end_is_summed_at_the_end_of_the_run() -> None:
    start, watched = family(4, reused=2), Watched()
    watched.tell(start, *(member(start, n, Outcome.REUSED) for n in (0, 1)))

    assert words(watched.tell(member(start, 2, Outcome.SAME_INPUTS))) == []
    assert words(watched.tell(RunFinished("r-1", 1.0, {}, interrupted=True))) == [
        "✓ //:t@* 2 cached · 1 same inputs as before"
    ]


def test_a_member_that_is_made_again_counts_once() -> None:
    start, watched = family(2, reused=1), Watched()
    watched.tell(start, member(start, 0, Outcome.REUSED))
    again = TargetStarted(start.plan.graph.labels["//:t@n=0"], "//:t@n=0", 1, NEVER)
    watched.tell(again, member(start, 0, Outcome.EXECUTED))

    assert words(watched.tell(member(start, 1, Outcome.SAME_INPUTS))) == ["✓ //:t@* 1 same inputs as before"]


def test_the_first_failure_of_a_family_is_told_in_full_and_the_others_with_it() -> None:
    start, watched = family(5), Watched(Verbosity.QUIET)
    failed = [member(start, n, Outcome.FAILED, exit_code=3, log_tail=(f"boom {n}",)) for n in range(5)]
    lines = watched.tell(start, *failed, RunFinished("r-1", 2.0))

    assert [line for line in lines if "FAILED" in line] == ["✗ FAILED //:t@n=0   task t@n=0 · exit 3 · 0.0s"]
    assert [line for line in lines if "boom" in line] == ["  boom 0"]
    assert "  others  4 more members failed: n=1, n=2, n=3 and 1 more" in lines
