"""The table of `results` as lines and as CSV: rows in, text out."""

import csv
import io
import math
from typing import Any

from traintrack.app.metrics_table import View, make_table
from traintrack.app.result_row import ResultRow, State
from traintrack.cli.line import Painted, Tone, plain
from traintrack.cli.results_csv import csv_bytes, group_fields, row_fields
from traintrack.cli.results_table import results_lines
from traintrack.digest import TargetId

ID = TargetId("1" * 64)


def row(label: str, metrics: dict[str, Any] | None = None, problem: str = "", **args: Any) -> ResultRow:
    pairs = (one.partition("=") for one in label.partition("@")[2].split(",") if one)
    point = {axis: float(text) if "." in text or "e" in text else int(text) for axis, _, text in pairs}
    state = State.CACHED if metrics is not None or problem else State.MISSING
    return ResultRow(label, ID, state, point, args, metrics or {}, problem)


def lines(rows: list[ResultRow], view: View | None = None, columns: int | None = None) -> list[str]:
    return [plain(line) for line in results_lines(make_table(rows, view or View()), columns)]


def test_numbers_stand_below_each_other_at_the_point_and_nothing_is_a_dash() -> None:
    rows = [
        row("//a:t@lr=0.1,n=8", {"auc": 0.91239, "rows": 1437, "kind": "a"}),
        row("//a:t@lr=1e-05,n=16", {"auc": 0.5, "rows": 20, "kind": "long"}),
        row("//a:t@lr=1.0,n=16"),
    ]

    assert lines(rows) == [
        "   lr   n  state       auc  rows  kind",
        "0.1     8           0.9124  1437  a",
        "1e-05  16           0.5       20  long",
        "1.0    16  missing  –          –  –",
    ]


def test_what_is_the_same_in_all_rows_stands_above() -> None:
    rows = [row(f"//a:t@lr=0.1,n={n}", {"auc": n / 4, "epochs": 20, "ok": True, "kind": "x"}) for n in (1, 2)]

    assert lines(rows)[:2] == ["all: lr=0.1 · epochs=20 · ok=true · kind=x", ""]


def test_groups_show_mean_deviation_and_how_many() -> None:
    rows = [row(f"//a:cv@lr={lr},fold={fold}", {"acc": 0.9 + fold / 100}) for lr in (1, 2) for fold in range(3)]
    rows[4] = row("//a:cv@lr=2,fold=1")
    rows[5] = row("//a:cv@lr=2,fold=2")

    assert lines(rows) == [
        "mean ± sd over fold (how many); --each shows them one by one",
        "",
        "lr  state      acc",
        " 1             0.910 ± 0.010 (3)",
        " 2  2 missing  0.9           (1 of 3)",
    ]


def test_the_first_row_is_strong_where_a_metric_sorts() -> None:
    rows = [row(f"//a:t@n={n}", {"auc": n / 4}) for n in (1, 2)]

    by_metric = results_lines(make_table(rows, View(sort="-auc")), None)
    assert by_metric[1] == (Painted("2  0.5", Tone.STRONG),)
    assert by_metric[2] == ("1  0.25",)
    by_axis = results_lines(make_table(rows, View(sort="-n")), None)
    assert by_axis[1] == ("2  0.5",)


def test_several_targets_are_named_and_a_single_one_too() -> None:
    several = [row("//a:t@n=1", {"x": 1}), row("//a:p", {"x": 2}), row("//b:p", {"x": 3})]
    assert [line.split()[0] for line in lines(several)] == ["target", "//a:t", "//a:p", "//b:p"]

    assert lines([row("//a:t@n=1", {"x": 1})]) == ["n  x", "1  1"]
    assert lines([row("//a:p", {"x": 1})]) == ["target  x", "//a:p   1"]


def test_a_problem_stands_where_the_state_does() -> None:
    rows = [row("//a:t@n=1", {"x": 1}), row("//a:t@n=2", problem="unreadable metrics.json")]

    assert lines(rows)[2].split("  ") == ["2", "unreadable metrics.json", "–"]


def test_texts_are_shown_as_one_line_and_cut() -> None:
    found = lines([row("//a:p", {"x": "a\nb\x1b[31m" + "y" * 60})])[1]

    assert "\\n" in found
    assert "\x1b" not in found
    assert found.endswith("…")
    assert len(found) == len("//a:p   ") + 40


def test_a_narrow_terminal_loses_columns_from_the_right_but_no_axis_and_not_what_sorts() -> None:
    rows = [row(f"//a:t@lr={n},n={n}", {"first": n, "second": n, "third": n, "fourth": n}) for n in (1, 2)]

    assert lines(rows, View(), 22) == [
        "lr  n  first  second",
        " 1  1      1       1",
        " 2  2      2       2",
        "",
        "left out, as the terminal is narrow: third, fourth; --columns third shows one of them, --csv all",
    ]
    assert lines(rows, View(sort="fourth"), 22)[0] == "lr  n  first  fourth"
    assert lines(rows, View(), 3)[0] == "lr  n"
    assert lines(rows, View(), None)[0] == lines(rows, View(), 35)[0]
    assert len(lines(rows, View(), 34)) == 5


def test_csv_is_quoted_and_in_full() -> None:
    rows = [
        row("//a:t@n=1", {"x": 0.1 + 0.2, "ok": True, "why": 'a "b",\nc', "y": math.nan}, args_=1),
        row("//a:t@n=2"),
    ]
    data = csv_bytes(make_table(rows, View(over=()))).decode()

    assert data.count("\r\n") == 3
    head, first, second = csv.reader(io.StringIO(data, newline=""))
    assert head == ["label", "id", "state", "n", "args.args_", "x", "ok", "why", "y"]
    assert first == ["//a:t@n=1", ID, "cached", "1", "1", "0.30000000000000004", "true", 'a "b",\nc', "nan"]
    assert second == ["//a:t@n=2", ID, "missing", "2", "", "", "", "", ""]


def test_csv_of_groups_has_three_columns_for_a_metric() -> None:
    rows = [row(f"//a:t@n={n},seed={seed}", {"x": seed}) for n in (1, 2) for seed in (1, 3)]
    rows[3] = row("//a:t@n=2,seed=3")
    found = list(csv.reader(io.StringIO(csv_bytes(make_table(rows, View())).decode())))

    assert found[0] == ["target", "members", "results", "n", "x.mean", "x.sd", "x.n"]
    assert found[1] == ["//a:t", "2", "2", "1", "2.0", repr(math.sqrt(2)), "2"]
    assert found[2] == ["//a:t", "2", "1", "2", "1.0", "", "1"]


def test_json_has_words_for_what_is_no_number_there() -> None:
    found = row_fields(row("//a:t@n=1", {"x": math.nan, "y": -math.inf, "z": 1}))
    assert found["metrics"] == {"x": "nan", "y": "-inf", "z": 1}

    groups = list(group_fields(make_table([row(f"//a:t@seed={n}", {"x": n, "k": "a"}) for n in (1, 3)], View())))
    assert groups == [
        {
            "target": "//a:t",
            "coordinates": {},
            "members": 2,
            "results": 2,
            "metrics": {"x": {"mean": 2.0, "sd": math.sqrt(2), "n": 2}},
        }
    ]
