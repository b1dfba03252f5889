from pathlib import Path

from msgspec.structs import replace

from traintrack.action.plan import Decision, Outcome, Reason, ReasonCode
from traintrack.app.answers import RanTarget, RunReport
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.line import plain
from traintrack.cli.run_answer import exit_code
from traintrack.cli.summary import next_command, plan_line, summary_lines
from traintrack.digest import TargetId, sha256_hex

CACHED = Reason(ReasonCode.CACHED)


def id_of(label: str) -> TargetId:
    """Labels that are the same up to a `~` have one recipe."""
    return TargetId(sha256_hex(label.partition("~")[0].encode()))


def report(*rows: tuple[str, Outcome], requested: tuple[str, ...] = ("//a:t",), **fields: object) -> RunReport:
    ran = tuple(RanTarget(label, id_of(label), outcome, CACHED, "cached") for label, outcome in rows)
    return RunReport("r-1", "local", "/s", ran, requested, **{"duration_s": 0.3, **fields})  # type: ignore[arg-type]


def text_of(one: RunReport, asked: Asked = AS_IT_IS) -> list[str]:
    return [plain(line) for line in summary_lines(one, asked)]


def test_the_plan_is_one_line_of_counts() -> None:
    decisions = [Decision.REUSE] * 14 + [Decision.EXECUTE] * 8 + [Decision.WAIT]

    assert plain(plan_line(decisions)) == "Plan  23 targets: 14 cached · 8 to run · 1 waiting for another run"


def test_all_cached_is_one_line_with_the_path() -> None:
    one = report(("//a:t", Outcome.REUSED), ("//a:u", Outcome.REUSED), path_of={"//a:t": Path("/s/artifact/1")}.get)

    assert text_of(one) == ["✓ //a:t is up to date (2 targets cached) in 0.3s → /s/artifact/1"]


def test_all_cached_of_several_is_one_line() -> None:
    one = report(("//a:t", Outcome.REUSED), ("//a:u", Outcome.REUSED), requested=("//a:t", "//a:u"))

    assert text_of(one) == ["✓ 2 targets are up to date (2 targets cached) in 0.3s"]


def test_a_success_ends_with_the_command_that_fetches_it() -> None:
    one = report(
        ("//a:d", Outcome.REUSED),
        ("//a:s", Outcome.SAME_INPUTS),
        ("//a:t", Outcome.EXECUTED),
        duration_s=362.0,
        saved_s=11400.0,
        new_pins=("a/TTLOCK.yaml: tree src",),
    )

    assert text_of(one) == [
        "✓ 1 ran · 1 cached · 1 same inputs as before   in 6m 02s",
        "  saved by cache ≈ 3h 10m",
        "  added 1 pin: a/TTLOCK.yaml: tree src",
        "  next  traintrack pull //a:t",
    ]


def test_labels_of_one_recipe_are_one_target_that_ran_once() -> None:
    one = report(("//a:d", Outcome.EXECUTED), ("//a:d~again", Outcome.EXECUTED), ("//a:t", Outcome.EXECUTED))

    assert text_of(one)[0] == "✓ 2 ran   in 0.3s"


def test_a_failure_ends_with_the_command_that_shows_its_log() -> None:
    one = report(("//a:d", Outcome.FAILED), ("//a:t", Outcome.BLOCKED))
    logged = replace(one, targets=(replace(one.targets[0], log="f.1"), *one.targets[1:]))

    assert text_of(logged) == ["✗ 1 failed · 1 blocked   in 0.3s", "  next  traintrack log //a:d"]
    assert text_of(one)[-1] == "  next  traintrack run //a:d", "there is no log where nothing ran"


def test_an_interrupted_run_ends_with_the_command_that_goes_on() -> None:
    one = report(("//a:d", Outcome.EXECUTED), ("//a:t", Outcome.CANCELLED), interrupted=True)

    assert text_of(one) == ["◌ 1 ran · 1 cancelled (interrupted)   in 0.3s", "  next  traintrack run //a:t"]


def test_many_requested_labels_are_named_by_a_pattern() -> None:
    labels = tuple(f"//a:t{n}" for n in range(4))
    rows = tuple((label, Outcome.EXECUTED) for label in labels)

    assert next_command(report(*rows, requested=labels)) == "traintrack pull //a:*"
    more = (*labels, "//b:t")
    assert next_command(report(*rows, ("//b:t", Outcome.EXECUTED), requested=more)) == "traintrack pull //..."


def test_the_exit_code_ranks_signal_failure_cancellation() -> None:
    failed = report(("//a:t", Outcome.FAILED))
    blocked = report(("//a:t", Outcome.BLOCKED))
    cancelled = report(("//a:t", Outcome.CANCELLED))
    fine = report(("//a:t", Outcome.SHARED), ("//a:u", Outcome.SAME_INPUTS))

    assert exit_code(failed, 130) == 130
    assert [exit_code(one, None) for one in (failed, blocked, cancelled, fine)] == [1, 1, 7, 0]


def test_members_are_quoted_and_a_family_is_named_as_one() -> None:
    labels = tuple(f"//a:train@lr=0.{n}" for n in range(6))
    fine = report(*((label, Outcome.EXECUTED) for label in labels), ("//b:t", Outcome.EXECUTED), requested=labels)
    failed = report((labels[0], Outcome.FAILED), ("//a:t", Outcome.BLOCKED))

    assert next_command(fine) == "traintrack pull '//a:train@*'"
    assert next_command(replace(fine, requested=(*labels, "//b:t"))) == "traintrack pull '//a:train@*' //b:t"
    assert next_command(replace(fine, requested=labels[:1])) == "traintrack pull '//a:train@lr=0.0'"
    assert next_command(failed) == "traintrack run '//a:train@lr=0.0'"


def test_the_next_command_repeats_what_was_asked() -> None:
    asked = Asked("gpu", "smoke", ("args.lr=0.1",))
    stopped = report(("//a:t", Outcome.CANCELLED), interrupted=True)

    assert text_of(stopped, asked)[-1] == "  next  traintrack run --env gpu --profile smoke --set args.lr=0.1 //a:t"
    assert text_of(report(("//a:t", Outcome.EXECUTED)), Asked("gpu"))[-1] == "  next  traintrack pull --env gpu //a:t"


def test_where_the_result_lies_is_told_if_no_other_command_can_speak_of_it() -> None:
    one = report(("//a:t", Outcome.EXECUTED), path_of={"//a:t": Path("/s/artifact/1")}.get)
    two = report(("//a:t", Outcome.EXECUTED), ("//a:u", Outcome.EXECUTED), requested=("//a:t", "//a:u"))

    assert text_of(one, Asked(sets=("args.lr=0.1",)))[-1] == "  result  /s/artifact/1"
    assert len(text_of(two, Asked(worktree=True))) == 1
