"""Rows in, table out: columns, groups with their mean and deviation, order."""

import math
from typing import Any

import pytest

from traintrack.app.argument_values import argument_values, only_differing
from traintrack.app.metrics_groups import Mixed, Spread, spread
from traintrack.app.metrics_table import Kept, Shown, Table, View, make_table
from traintrack.app.result_row import ResultRow, State
from traintrack.digest import TargetId
from traintrack.errors import UsageError
from traintrack.workspace.model import Literal


def row(label: str, metrics: dict[str, Any] | None = None, /, state: State | None = None, **args: Any) -> ResultRow:
    """A row whose coordinates are those of its label, numbers as numbers."""
    pairs = (one.partition("=") for one in label.partition("@")[2].split(",") if one)
    point = {axis: float(text) if text[:1].isdigit() else text for axis, _, text in pairs}
    standing = state or (State.CACHED if metrics is not None else State.MISSING)
    return ResultRow(label, TargetId("0" * 64), standing, point, args, metrics or {})


def titles(table: Table) -> list[str]:
    return [column.title for column in table.columns]


def cells(table: Table, title: str) -> list[Any]:
    at = titles(table).index(title)
    return [one.cells[at] for one in table.rows]


def same(table: Table) -> dict[str, Any]:
    return {one.column.title: one.value for one in table.same}


FOLDS = [
    row("//a:cv@lr=1,fold=0", {"acc": 2.0}),
    row("//a:cv@lr=1,fold=1", {"acc": 4.0}),
    row("//a:cv@lr=1,fold=2", {"acc": 9.0}),
    row("//a:cv@lr=2,fold=0", {"acc": 1.0}),
    row("//a:cv@lr=2,fold=1", {"acc": 3.0}),
    row("//a:cv@lr=2,fold=2"),
]


def test_axes_come_first_then_arguments_then_metrics() -> None:
    rows = [row("//a:t@lr=1", {"acc": 1}, n=1), row("//a:t@lr=2", {"acc": 2, "loss": 0.5}, n=2)]

    assert titles(make_table(rows, View())) == ["lr", "args.n", "acc", "loss"]


def test_what_is_the_same_in_all_rows_is_told_once() -> None:
    rows = [row(f"//a:t@lr={n},depth=18", {"acc": n, "epochs": 20, "kind": "x"}) for n in (1, 2)]

    table = make_table(rows, View())
    assert (titles(table), same(table)) == (["lr", "acc"], {"depth": 18.0, "epochs": 20, "kind": "x"})
    whole = make_table(rows, View(shown=Shown.ALL))
    assert (titles(whole), same(whole)) == (["lr", "depth", "acc", "epochs", "kind"], {})


def test_rows_without_metrics_do_not_keep_a_metric_from_being_the_same_but_one_row_is_no_all() -> None:
    a, b, missing = row("//a:t@n=1", {"e": 20}), row("//a:t@n=2", {"e": 20}), row("//a:t@n=3")

    assert same(make_table([a, b, missing], View())) == {"e": 20}
    assert same(make_table([a, missing], View())) == {}
    assert same(make_table([a, row("//a:t@n=2", {"other": 1})], View())) == {}


def test_a_truth_is_not_the_number_that_python_takes_it_for_and_nan_is_itself() -> None:
    rows = [row("//a:t@n=1", {"x": True, "y": math.nan}), row("//a:t@n=2", {"x": 1, "y": math.nan})]

    table = make_table(rows, View())
    assert titles(table) == ["n", "x"]
    assert list(same(table)) == ["y"]


def test_names_that_are_there_twice_get_their_kind() -> None:
    rows = [row("//a:t@lr=1", {"lr": 1, "id": 1}, lr=1), row("//a:t@lr=2", {"lr": 2, "id": 2}, lr=2)]

    table = make_table(rows, View(sort="-metrics.lr"))
    assert titles(table) == ["lr", "args.lr", "metrics.lr", "metrics.id"]
    assert cells(table, "metrics.lr") == [2, 1]


def test_folds_are_taken_together_with_mean_and_sample_deviation() -> None:
    table = make_table(FOLDS, View())

    # (2, 4, 9): mean 5, squares 9 + 1 + 16 = 26, over 2; (1, 3): mean 2, squares 1 + 1 = 2, over 1.
    assert (table.over, titles(table)) == (("fold",), ["lr", "acc"])
    assert cells(table, "acc") == [
        Spread(5.0, pytest.approx(math.sqrt(13)), 3, 3),  # type: ignore[arg-type]
        Spread(2.0, pytest.approx(math.sqrt(2)), 2, 3),  # type: ignore[arg-type]
    ]


def test_each_member_stands_alone_where_nothing_is_grouped() -> None:
    table = make_table(FOLDS, View(over=()))

    assert (table.over, titles(table)) == ((), ["lr", "fold", "acc"])
    assert cells(table, "acc") == [2.0, 4.0, 9.0, 1.0, 3.0, None]


def test_grouping_over_several_axes_leaves_one_row() -> None:
    table = make_table(FOLDS, View(over=("fold", "lr")))

    # 2 4 9 1 3: mean 3.8, squares 3.24 + 0.04 + 27.04 + 7.84 + 0.64 = 38.8, over 4.
    assert cells(table, "acc") == [Spread(3.8, pytest.approx(math.sqrt(9.7)), 5, 6)]  # type: ignore[arg-type]


def test_an_axis_with_one_value_is_not_grouped_over_unasked() -> None:
    table = make_table([one for one in FOLDS if one.coordinates["fold"] == 0], View())

    assert (table.over, same(table), cells(table, "acc")) == ((), {"fold": 0.0}, [2.0, 1.0])


def test_targets_without_the_axis_stay_as_they_are_among_groups() -> None:
    table = make_table([*FOLDS[:3], row("//a:base", {"acc": 7.0}), row("//a:other", {"acc": 8.0})], View())

    assert [one.group.target for one in table.rows] == ["//a:cv", "//a:base", "//a:other"]
    assert cells(table, "acc")[1:] == [7.0, 8.0]


def test_members_of_two_families_are_not_taken_together() -> None:
    rows = [row(f"//a:{name}@seed={seed}", {"acc": seed}) for name in ("x", "y") for seed in (1, 2)]

    table = make_table(rows, View())
    assert [(one.group.target, len(one.group.rows)) for one in table.rows] == [("//a:x", 2), ("//a:y", 2)]


def test_members_whose_values_are_equal_for_python_are_not_taken_together() -> None:
    rows = [row(f"//a:x@lr={lr},seed={seed}", {"acc": seed}) for lr in ("1", "1.0") for seed in (1, 2)]

    assert [len(one.group.rows) for one in make_table(rows, View()).rows] == [2, 2]


def test_what_has_no_mean_is_told_where_all_agree_and_no_column_where_none_do() -> None:
    rows = [
        row(f"//a:t@lr={lr},fold={fold}", {"acc": fold, "kind": f"k{lr}", "host": f"h{fold}"}, fold=fold)
        for lr in (1, 2)
        for fold in (1, 2)
    ]

    table = make_table(rows, View())
    assert titles(table) == ["lr", "acc", "kind"]
    assert cells(table, "kind") == ["k1", "k2"]
    rows[3] = row("//a:t@lr=2,fold=2", {"acc": 1, "kind": "k1"})
    assert cells(make_table(rows, View()), "kind") == ["k1", Mixed()]


@pytest.mark.parametrize(
    ("numbers", "mean", "sd"),
    [
        ([3.0], 3.0, None),
        ([2.0, 2.0], 2.0, 0.0),
        ([1e308, 1.5e308], 1.25e308, 0.5e308 / math.sqrt(2)),
        ([1e16, 1.0, -1e16], 1 / 3, 1e16),
        ([0.1] * 10, 0.1, 0.0),
    ],
)
def test_mean_and_deviation_are_those_of_the_numbers(numbers: list[float], mean: float, sd: float | None) -> None:
    found = spread(numbers, 10)

    assert (found.mean, found.n, found.of) == (pytest.approx(mean), len(numbers), 10)
    assert found.sd == (None if sd is None else pytest.approx(sd))


def test_equal_numbers_have_just_their_mean_and_no_deviation() -> None:
    assert spread([0.1, 0.1, 0.1], 3) == Spread(0.1, 0.0, 3, 3)


def test_no_number_among_numbers_makes_mean_and_deviation_none() -> None:
    for odd in (math.nan, math.inf, 10**400):
        found = spread([1.0, odd], 2)
        assert math.isnan(found.mean)
        assert found.sd is not None
        assert math.isnan(found.sd)


def test_rows_sort_by_a_metric_as_numbers_missing_last_both_ways() -> None:
    rows = [row(f"//a:t@n={n}", m) for n, m in enumerate([{"x": 10}, None, {"x": 9.5}, {"x": math.nan}, {"x": -2}])]

    def order(sort: str) -> list[str]:
        return [one.group.rows[0].label[-1] for one in make_table(rows, View(sort=sort)).rows]

    assert order("x") == ["4", "2", "0", "3", "1"]
    assert order("-x") == ["0", "2", "4", "3", "1"]


def test_groups_sort_by_their_mean_and_what_is_equal_keeps_its_order() -> None:
    table = make_table(FOLDS, View(sort="acc"))
    assert [one.group.rows[0].coordinates["lr"] for one in table.rows] == [2.0, 1.0]

    level = [row(f"//a:t@n={n}", {"x": 1, "y": n}) for n in range(3)]
    assert cells(make_table(level, View(sort="-x")), "n") == [0.0, 1.0, 2.0]


def test_what_is_sorted_by_is_shown_though_it_is_the_same() -> None:
    rows = [row(f"//a:t@n={n}", {"x": 1, "y": 2}) for n in range(3)]

    assert titles(make_table(rows, View(sort="x"))) == ["n", "x"]


def test_chosen_columns_stand_behind_the_axes_in_the_order_asked_for_same_or_not() -> None:
    rows = [row(f"//a:t@n={n}", {"x": n, "y": 2, "z": n}) for n in range(2)]

    assert titles(make_table(rows, View(columns=("y", "x")))) == ["n", "y", "x"]


def test_what_has_no_result_is_left_out_where_asked_and_still_counts_in_its_group() -> None:
    table = make_table([*FOLDS, row("//a:cv@lr=3,fold=0")], View(kept=Kept.WITH_RESULT))

    assert [cell.of for cell in cells(table, "acc")] == [3, 3]
    assert len(make_table(FOLDS, View(over=(), kept=Kept.WITH_RESULT)).rows) == 5


def test_an_unknown_column_or_axis_is_wrong_usage_with_the_one_that_was_meant() -> None:
    for view, code, hint in (
        (View(sort="-ac"), "unknown-column", "did you mean `acc`?"),
        (View(columns=("acd",)), "unknown-column", "did you mean `acc`?"),
        (View(over=("flod",)), "unknown-axis", "did you mean `fold`?"),
    ):
        with pytest.raises(UsageError) as error:
            make_table(FOLDS, view)
        assert (error.value.code, error.value.hint) == (code, hint)


def test_arguments_are_dotted_and_references_are_left_out() -> None:
    args = {
        "opt": {"name": "adam", "steps": [1, 2]},
        "data": ":data",
        "many": [{"x": "//a:b"}],
        "word": Literal(":x"),
        "none": None,
        "empty": {},
    }

    assert argument_values(args) == {
        "opt.name": "adam",
        "opt.steps": "[1,2]",
        "word": ":x",
        "none": "null",
        "empty": "{}",
    }


def test_only_arguments_that_differ_are_told() -> None:
    assert only_differing([{"a": 1, "b": 1}, {"a": 1, "b": True, "c": 0}]) == [{"b": 1}, {"b": True, "c": 0}]
    assert only_differing([{"a": 1}]) == [{}]
