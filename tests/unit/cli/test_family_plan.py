from traintrack.action.plan import Decision, Reason, ReasonCode
from traintrack.app.answers import PlannedTarget
from traintrack.cli.family_plan import WOULD, decisions_text
from traintrack.cli.line import plain
from traintrack.cli.run_answer import member_plan_lines, plan_lines
from traintrack.digest import TargetId

NEVER = Reason(ReasonCode.NEVER_BUILT)
RUN, WAIT, REUSE = Decision.EXECUTE, Decision.WAIT, Decision.REUSE


def planned(
    label: str, decision: Decision = RUN, why: str = "never built", took_s: float | None = None
) -> PlannedTarget:
    return PlannedTarget(label, TargetId("1" * 64), decision, NEVER, why, took_s)


def lines(*rows: PlannedTarget) -> list[str]:
    return [plain(line) for line in plan_lines(rows)]


def test_a_family_is_one_row_with_its_one_reason() -> None:
    rows = [planned(f"//a:train@lr={n}") for n in range(6)]

    assert lines(planned("//a:data", REUSE, "it stands already"), *rows) == [
        "✓ cached  //a:data     it stands already",
        "● run     //a:train@*  6 would run: never built",
    ]


def test_several_reasons_are_counted_those_of_most_first() -> None:
    why = ["changed: args.lr", *["never built"] * 3, "forced", "forced", "x", "y"]
    rows = [(RUN, one) for one in why] + [(WAIT, "ann makes it")] + [(REUSE, "it stands already")] * 2

    assert decisions_text(rows, WOULD) == (
        "8 would run: 3 never built, 2 forced, 1 changed: args.lr and 2 for other reasons"
        " · 1 would wait: ann makes it · 2 cached"
    )


def test_a_family_that_stands_says_so_once() -> None:
    rows = [planned(f"//a:train@lr={n}", REUSE, "it stands already") for n in range(10_000)]

    assert lines(*rows) == ["✓ cached  //a:train@*  10000 cached: it stands already"]


def test_a_single_member_is_told_as_itself() -> None:
    assert lines(planned("//a:train@lr=1", took_s=60.0)) == [
        "● run     //a:train@lr=1  never built · took 1m 00s before"
    ]


def test_the_time_of_a_family_is_told_where_it_is_known_of_all_that_would_run() -> None:
    known = [planned(f"//a:t@n={n}", took_s=60.0) for n in range(3)]
    cached = planned("//a:t@n=8", REUSE, "it stands already")

    assert lines(*known, cached)[0].endswith("3 would run: never built · 1 cached · took 3m 00s before")
    assert lines(*known, planned("//a:t@n=9"))[0].endswith("4 would run: never built")


def test_each_member_has_its_row_where_that_is_asked_for() -> None:
    rows = [planned(f"//a:t@n={n}") for n in range(3)]

    assert [plain(line).split()[2] for line in member_plan_lines(rows)] == ["//a:t@n=0", "//a:t@n=1", "//a:t@n=2"]
