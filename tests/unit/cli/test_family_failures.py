from typing import Any

from traintrack.action.plan import Outcome, Reason, ReasonCode
from traintrack.app.answers import RanTarget, RunReport
from traintrack.app.except_edit import ExceptEdit, LeftOut
from traintrack.cli.asked import Asked
from traintrack.cli.family_failures import except_yaml, family_failure_lines
from traintrack.cli.line import plain
from traintrack.digest import TargetId
from traintrack.workspace.yaml_source import parse_yaml

NEVER = Reason(ReasonCode.NEVER_BUILT)


def ran(label: str, outcome: Outcome, message: str = "") -> RanTarget:
    return RanTarget(label, TargetId("1" * 64), outcome, NEVER, "never built", message=message)


def grid(lrs: int, folds: int, failed: set[tuple[int, int]], message: str = "exit 3") -> tuple[RanTarget, ...]:
    return tuple(
        ran(f"//a:eval@lr=0.{lr},fold={fold}", Outcome.FAILED if (lr, fold) in failed else Outcome.EXECUTED, message)
        for lr in range(lrs)
        for fold in range(folds)
    )


def told(targets: tuple[RanTarget, ...], *edits: ExceptEdit, profile: str | None = None) -> list[str]:
    report = RunReport("r-1", "local", "/s", targets, ("//a:best",), 1.0, excepts=edits)
    return [plain(line) for line in family_failure_lines(report, Asked(profile=profile))]


def test_failed_members_are_one_block_with_what_repeats_them_and_what_goes_on_without() -> None:
    edit = ExceptEdit(
        "runs/a/TTCONFIG.yaml",
        "best",
        (LeftOut({}, {"evals": ({"lr": 0.3, "fold": 1}, {"lr": 0.3, "fold": 4})}),),
        ("//a:eval@*",),
    )

    assert told(grid(4, 5, {(3, 1), (3, 4)}), edit) == [
        "2 of 20 of //a:eval failed: lr=0.3,fold=1 · lr=0.3,fold=4",
        "  exit 3",
        "  run them again    traintrack run '//a:eval@lr=0.3,fold=1' '//a:eval@lr=0.3,fold=4'",
        "  go on without them: in runs/a/TTCONFIG.yaml, in target `best`, add",
        "      except: {evals: [{lr: 0.3, fold: 1}, {lr: 0.3, fold: 4}]}",
    ]


def test_nothing_is_told_where_no_member_failed() -> None:
    assert told((*grid(2, 2, set()), ran("//a:alone", Outcome.FAILED))) == []


def test_of_many_the_first_are_named_and_the_command_that_shows_the_rest() -> None:
    few = told(grid(1, 20, {(0, fold) for fold in range(20)}))
    many = told(grid(1, 10_000, {(0, fold) for fold in range(9_000)}))

    assert few[0].endswith("lr=0.0,fold=9 and 10 more")
    assert not any("--members" in line for line in few)
    assert many[0].startswith("9000 of 10000 of //a:eval failed: lr=0.0,fold=0 · ")
    assert many[0].endswith("lr=0.0,fold=9 and 8990 more")
    assert many[2].count("//a:eval@") == 20
    assert many[3] == "  see the rest      traintrack status --members '//a:eval@*'"
    assert len(many) == 4


def test_the_commands_name_the_profile() -> None:
    lines = told(grid(1, 30, {(0, fold) for fold in range(21)}), profile="smoke")

    assert lines[2].startswith("  run them again    traintrack run --profile smoke '//a:eval@")
    assert lines[3].endswith("traintrack status --profile smoke --members '//a:eval@*'")


def test_an_edit_is_told_once_with_the_first_family_and_what_no_family_caused_at_the_end() -> None:
    both = ExceptEdit("a/TTCONFIG.yaml", "best", (LeftOut({}, {"x": ({"n": 1},)}),), ("//a:eval@*", "//a:test@*"))
    alone = ExceptEdit("a/TTCONFIG.yaml", "mean", (LeftOut({}, {"x": ({"n": 2},)}),), ("//a:data",))
    targets = (*grid(1, 2, {(0, 1)}), ran("//a:test@n=1", Outcome.FAILED), ran("//a:data", Outcome.FAILED))
    lines = told(targets, both, alone)

    assert [line for line in lines if "failed:" in line or "in target" in line] == [
        "1 of 2 of //a:eval failed: lr=0.0,fold=1",
        "  go on without them: in a/TTCONFIG.yaml, in target `best`, add",
        "1 of 1 of //a:test failed: n=1",
        "  go on without them: in a/TTCONFIG.yaml, in target `mean`, add",
    ]


def pasted(*parts: LeftOut) -> dict[str, Any]:
    text = "\n".join(f"      {line}" for line in except_yaml(parts))
    fields: dict[str, Any] = parse_yaml(f"targets:\n  best:\n{text}\n".encode(), "TTCONFIG.yaml").value["targets"][
        "best"
    ]
    return fields


def test_the_lines_are_yaml_that_is_read_back_as_the_same() -> None:
    odd = {"name": "no", "lr": 1e-5, "date": "2026-04-16", "text": 'a "b": [c], {d} #e', "π": "π\u2028", "on": None}
    few = {"evals": (odd,), "in.0.x": ({"k": 1},)}
    many = {"evals": tuple({"lr": n / 7, "name": f"n{n}"} for n in range(50))}
    for arguments in (few, many):
        assert pasted(LeftOut({}, arguments)) == {"except": {name: list(some) for name, some in arguments.items()}}
    assert except_yaml([LeftOut({}, {"evals": ({"k": 1},)})]) == ["except: {evals: [{k: 1}]}"]


def test_single_members_are_matched_by_their_coordinates() -> None:
    one = LeftOut({"lr": "1e-05", "model": "no", "day": "2026-04-16", "k": "007"}, {"evals": ({"fold": 2},)})
    lines = [
        'overrides: [{match: {lr: 1e-05, model: "no", day: "2026-04-16", k: "007"}, except: {evals: [{fold: 2}]}}]'
    ]
    match = {"lr": 1e-05, "model": "no", "day": "2026-04-16", "k": "007"}

    assert except_yaml([one]) == lines
    for count in (1, 30):
        entry = {"match": match, "except": {"evals": [{"fold": 2}]}}
        assert pasted(*[one] * count) == {"overrides": [entry] * count}


def test_what_is_there_already_is_to_be_replaced() -> None:
    edit = ExceptEdit("a/TTCONFIG.yaml", "best", (LeftOut({}, {"x": ({"k": 1},)}),), ("//a:eval@*",), is_there=True)

    assert told(grid(1, 2, {(0, 1)}), edit)[-2:] == [
        "  go on without them: in a/TTCONFIG.yaml, in target `best`, let `except` be",
        "      except: {x: [{k: 1}]}",
    ]
