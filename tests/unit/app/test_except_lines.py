"""What may be left out: fan-ins as the graph has them, edits out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph, Input, Provenance
from traintrack.action.plan import Outcome
from traintrack.app.except_edit import ExceptEdit, LeftOut
from traintrack.app.except_lines import except_edits, left_out
from traintrack.testing.builders import build_action, build_graph

Members = Sequence[tuple[Action, Mapping[str, Any]]]
FILE = "runs/a/TTCONFIG.yaml"


def action(name: str, inputs: Sequence[Action] = (), *, place: str = f"{FILE}:7:3", **fan_ins: Members) -> Action:
    """An action `//runs/a:name`; each fan-in is an argument with a row for every member."""
    plain = build_action(name, inputs)
    config: dict[str, Any] = dict(plain.config)  # type: ignore[arg-type, call-overload]
    rows: list[Input] = []
    for argument, members in fan_ins.items():
        config[argument] = [{"at": dict(at), "path": None} for _, at in members]
        rows += [Input(member.id, (argument, n, "path")) for n, (member, _) in enumerate(members)]
    return replace(
        plain,
        config=config,
        inputs=(*plain.inputs, *rows),
        provenance=Provenance("w", f"//runs/a:{name}", place),
    )


def family(name: str, axes: Mapping[str, Sequence[Any]], inputs: Sequence[Action] = ()) -> Members:
    points: list[dict[str, Any]] = [{}]
    for axis, values in axes.items():
        points = [{**point, axis: value} for point in points for value in values]
    return [(action(f"{name}@{','.join(f'{k}={v}' for k, v in at.items())}", inputs), at) for at in points]


def edits(
    graph: ActionGraph, *failed: str, blocked: Sequence[str] = ("best",), there: Mapping[str, Any] | None = None
) -> tuple[ExceptEdit, ...]:
    outcomes = dict.fromkeys(graph.actions, Outcome.EXECUTED)
    outcomes |= {graph.labels[f"//runs/a:{name}"]: Outcome.BLOCKED for name in blocked}
    outcomes |= {graph.labels[f"//runs/a:{name}"]: Outcome.FAILED for name in failed}
    return except_edits(graph, outcomes, lambda label: (there or {}).get(label, {}))


def of_target(edit: ExceptEdit) -> Mapping[str, Any]:
    """What a target leaves out, where that is no matter of single members."""
    [part] = edit.parts
    assert part.match == {}
    return part.arguments


EVAL = family("eval", {"lr": [0.1, 0.3], "fold": [0, 1, 2]})


def test_a_fan_in_held_back_by_members_may_leave_these_out() -> None:
    graph = build_graph([*(one for one, _ in EVAL), action("best", evals=EVAL)])

    assert edits(graph, "eval@lr=0.3,fold=1", "eval@lr=0.1,fold=2") == (
        ExceptEdit(
            FILE,
            "best",
            (LeftOut({}, {"evals": ({"lr": 0.1, "fold": 2}, {"lr": 0.3, "fold": 1})}),),
            ("//runs/a:eval@*",),
        ),
    )


def test_nothing_is_to_be_left_out_where_nothing_failed() -> None:
    graph = build_graph([*(one for one, _ in EVAL), action("best", evals=EVAL)])

    assert edits(graph, blocked=()) == ()
    assert edits(graph) == (), "it was cancelled or waits, and no member is missing"


def test_a_member_that_another_failure_holds_back_is_left_out_too() -> None:
    train = family("train", {"lr": [0.1, 0.3]})
    evals = [(action(f"eval@lr={at['lr']}", [one]), at) for one, at in train]
    graph = build_graph([*(one for one, _ in train), *(one for one, _ in evals), action("best", evals=evals)])

    [edit] = edits(graph, "train@lr=0.3", blocked=["eval@lr=0.3", "best"])

    assert of_target(edit) == {"evals": ({"lr": 0.3},)}
    assert edit.because == ("//runs/a:train@*",)


def test_what_follows_on_a_fan_in_that_could_go_on_needs_no_edit() -> None:
    best = action("best", evals=EVAL)
    report = action("report", [best])
    graph = build_graph([*(one for one, _ in EVAL), best, report])

    assert [edit.target for edit in edits(graph, "eval@lr=0.3,fold=1", blocked=["best", "report"])] == ["best"]


def test_no_edit_is_offered_where_it_would_not_help() -> None:
    data = action("data")
    also_data = action("best", [data], evals=EVAL)
    of_none = action("none", evals=EVAL[3:])
    graph = build_graph([data, *(one for one, _ in EVAL), also_data, of_none, action("after", [of_none])])
    failed = ["data", *(f"eval@lr=0.3,fold={n}" for n in range(3))]

    assert edits(graph, *failed, blocked=["best", "none", "after"]) == ()


def test_what_stands_or_was_made_needs_no_edit() -> None:
    graph = build_graph([*(one for one, _ in EVAL), action("best", evals=EVAL)])

    assert edits(graph, "eval@lr=0.3,fold=1", blocked=()) == ()


def test_two_fan_ins_of_a_target_are_one_edit_and_only_those_with_failures_are_named() -> None:
    train = family("train", {"lr": [0.1, 0.3]})
    best = action("best", evals=EVAL, trains=train, others=family("other", {"n": [1]}))
    others = [build_action("filler")]
    graph = build_graph([*others, *(one for one, _ in (*EVAL, *train, *family("other", {"n": [1]}))), best])

    [edit] = edits(graph, "eval@lr=0.3,fold=1", "train@lr=0.3")

    assert of_target(edit) == {"evals": ({"lr": 0.3, "fold": 1},), "trains": ({"lr": 0.3},)}
    assert set(edit.because) == {"//runs/a:eval@*", "//runs/a:train@*"}


def test_members_that_all_leave_out_the_same_share_the_edit_of_their_target() -> None:
    two = [action(f"best@seed={n}", evals=EVAL) for n in range(2)]
    graph = build_graph([*(one for one, _ in EVAL), *two])

    [edit] = edits(graph, "eval@lr=0.1,fold=0", blocked=["best@seed=0", "best@seed=1"])

    assert (edit.path, edit.target) == (FILE, "best")
    assert of_target(edit) == {"evals": ({"lr": 0.1, "fold": 0},)}


def test_members_with_lists_of_their_own_have_edits_of_their_own() -> None:
    folds = [[(member, {"fold": at["fold"]}) for member, at in EVAL if at["lr"] == lr] for lr in (0.1, 0.3)]
    low, high = (action(f"best@lr={lr}", evals=rows) for lr, rows in zip((0.1, 0.3), folds, strict=True))
    graph = build_graph([*(one for one, _ in EVAL), low, high])

    [one] = edits(graph, "eval@lr=0.3,fold=2", blocked=["best@lr=0.3"])
    [both] = edits(graph, "eval@lr=0.1,fold=0", "eval@lr=0.3,fold=2", blocked=["best@lr=0.1", "best@lr=0.3"])

    assert one.target == both.target == "best"
    assert one.parts == (LeftOut({"lr": "0.3"}, {"evals": ({"fold": 2},)}),)
    assert both.parts == (LeftOut({"lr": "0.1"}, {"evals": ({"fold": 0},)}), *one.parts)


def test_a_member_that_is_alone_in_the_run_speaks_for_itself_only() -> None:
    graph = build_graph([*(one for one, _ in EVAL), action("best@seed=0", evals=EVAL)])

    [edit] = edits(graph, "eval@lr=0.1,fold=0", blocked=["best@seed=0"])

    assert [part.match for part in edit.parts] == [{"seed": "0"}]


def test_what_is_left_out_already_stays_in_the_edit() -> None:
    graph = build_graph([*(one for one, _ in EVAL), action("best", evals=EVAL)])
    there = {"//runs/a:best": {"evals": ({"lr": 0.9},), "trains": ({"lr": 0.8},)}}

    [edit] = edits(graph, "eval@lr=0.1,fold=0", there=there)

    assert edit.is_there
    assert of_target(edit) == {"evals": ({"lr": 0.9}, {"lr": 0.1, "fold": 0}), "trains": ({"lr": 0.8},)}


def test_a_part_of_a_template_has_no_edit_and_what_lists_it_leaves_it_out() -> None:
    """A cell of a grid whose own list lacks a member: the cell is left out, as its list is the template's to say."""
    folds = [[(member, {"fold": at["fold"]}) for member, at in EVAL if at["lr"] == lr] for lr in (0.1, 0.3)]
    cells = [(action(f"cv@lr={lr}", evals=rows), {"lr": lr}) for lr, rows in zip((0.1, 0.3), folds, strict=True)]
    graph = build_graph([*(one for one, _ in EVAL), *(one for one, _ in cells), action("best", cells=cells)])

    [edit] = edits(graph, "eval@lr=0.3,fold=1", blocked=["cv@lr=0.3", "best"], there={"//runs/a:cv@lr=0.3": None})

    assert edit.target == "best"
    assert of_target(edit) == {"cells": ({"lr": 0.3},)}


def test_the_argument_is_named_by_its_path_in_the_arguments() -> None:
    best = action("best", evals=EVAL)
    deep = replace(
        best,
        config={"in": [{"x": best.config["evals"]}]},  # type: ignore[index, call-overload]
        inputs=tuple(replace(one, arg_path=("in", 0, "x", *one.arg_path[1:])) for one in best.inputs),
    )
    graph = build_graph([*(one for one, _ in EVAL), deep])

    assert list(of_target(edits(graph, "eval@lr=0.3,fold=1")[0])) == ["in.0.x"]


def test_a_second_label_of_the_same_recipe_has_an_edit_in_its_own_file() -> None:
    best = action("best", evals=EVAL)
    graph = build_graph([*(one for one, _ in EVAL), best])
    twice = replace(graph, labels={**graph.labels, "//runs/b:choose": best.id})

    found = edits(twice, "eval@lr=0.3,fold=1")

    assert [(edit.path, edit.target) for edit in found] == [(FILE, "best"), ("runs/b/TTCONFIG.yaml", "choose")]


def test_a_value_of_which_all_members_go_stands_for_them_where_many_go() -> None:
    rows = [({"lr": lr, "fold": fold}, lr == 0.3 or fold == 7) for lr in (0.1, 0.2, 0.3) for fold in range(30)]

    assert left_out(rows) == ({"lr": 0.3}, {"fold": 7})
    rows[4] = ({"lr": 0.1, "fold": 4}, True)
    assert left_out(rows) == ({"lr": 0.3}, {"fold": 7}, {"lr": 0.1, "fold": 4})


def test_a_value_that_would_stand_for_one_row_is_not_taken_in_its_place() -> None:
    rows = [({"lr": lr, "fold": fold}, lr == 0.3 or fold == 7) for lr in (0.1, 0.3) for fold in range(30)]

    assert left_out(rows) == ({"lr": 0.3}, {"lr": 0.1, "fold": 7})


def test_few_are_named_one_by_one_and_equal_numbers_of_other_kinds_are_two_values() -> None:
    assert left_out([({"lr": 0.3, "fold": n}, True) for n in range(20)]) == tuple(
        {"lr": 0.3, "fold": n} for n in range(20)
    )
    mixed = [({"n": one, "k": k}, one is whole) for whole in [1] for one in (1, 1.0) for k in range(25)]
    assert left_out(mixed) == ({"n": 1},)


def test_a_family_of_ten_thousand_is_judged_in_one_pass() -> None:
    many = family("eval", {"lr": [n / 100 for n in range(100)], "fold": list(range(100))})
    graph = build_graph([*(one for one, _ in many), action("best", evals=many)])

    [edit] = edits(graph, *(f"eval@lr=0.5,fold={n}" for n in range(100)), "eval@lr=0.1,fold=3")

    assert of_target(edit) == {"evals": ({"lr": 0.5}, {"lr": 0.1, "fold": 3})}
