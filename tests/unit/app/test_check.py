from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.answers import CheckReport
from traintrack.app.check import check
from traintrack.errors import NotFoundError

HEADER = "defaults: {image: py, commit: HEAD}\ntargets:\n"


def checked(small: Small, *texts: str) -> CheckReport:
    return check(small.project(), texts)


def codes(report: CheckReport) -> list[tuple[str, str]]:
    return [(error.location.path if error.location else "", error.code) for error in report.errors]


def test_a_good_workspace_has_no_errors_and_is_counted(tmp_path: Path) -> None:
    assert checked(Small(tmp_path)) == CheckReport(experiments=1, targets=2)


def test_errors_of_all_kinds_and_experiments_come_out_at_once(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("b/TTCONFIG.yaml", "targets: [broken\n")
    small.write("c/TTCONFIG.yaml", f'{HEADER}  x: {{task: t, args: {{a: ":y"}}}}\n')
    small.write("d/TTCONFIG.yaml", f"{HEADER}  x: {{task: t, paths: [absent]}}\n")
    small.write(
        "e/TTCONFIG.yaml", f'{HEADER}  x: {{task: t, args: {{a: ":y"}}}}\n  y: {{task: t, args: {{a: ":x"}}}}\n'
    )
    small.write("f/TTCONFIG.yaml", f"{HEADER}  x: {{tsk: t}}\n")

    report = checked(small)

    found = codes(report)
    assert {path for path, _ in found} == {f"{name}/TTCONFIG.yaml" for name in "bcdef"}
    assert ("c/TTCONFIG.yaml", "unknown-target") in found
    assert ("d/TTCONFIG.yaml", "missing-path") in found
    assert found == sorted(found, key=lambda row: row[0])


def test_a_cycle_hides_nothing_in_another_experiment(tmp_path: Path) -> None:
    small = Small(tmp_path)
    (tmp_path / "src" / "link").symlink_to("../../outside")
    small.commit("A link")
    small.write("d/TTCONFIG.yaml", f"{HEADER}  x: {{task: t, paths: [absent]}}\n")
    small.write(
        "e/TTCONFIG.yaml", f'{HEADER}  x: {{task: t, args: {{a: ":y"}}}}\n  y: {{task: t, args: {{a: ":x"}}}}\n'
    )

    found = codes(checked(small))

    assert [path for path, _ in found] == ["d/TTCONFIG.yaml", "e/TTCONFIG.yaml", ""]


def test_patterns_limit_what_is_looked_at(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("b/TTCONFIG.yaml", "targets: [broken\n")

    assert checked(small, "//a:train").errors == ()
    assert checked(small, "//a:data").targets == 1
    with pytest.raises(NotFoundError):
        checked(small, "//a:absent")


def test_excludes_hold_in_a_broken_workspace_too(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("b/TTCONFIG.yaml", "targets: [broken\n")

    report = checked(small, "//...", "-//a:train")

    assert report.targets == 1
    assert len(report.errors) == 1


def test_a_missing_pin_is_a_warning(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("b/TTCONFIG.yaml", f'{HEADER}  x: {{task: t, image: {{ref: "reg/a:1"}}}}\n')

    report = checked(small)

    assert report.errors == ()
    assert [warning.code for warning in report.warnings] == ["missing-pin"]


def test_arguments_are_held_against_their_schema_at_the_commit(tmp_path: Path) -> None:
    schema = '{"properties": {"rows": {"type": "integer", "maximum": 5}}}'
    small = Small(tmp_path, {"schemas/data.json": schema})
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    args_schema: schemas/data.json")
    small.write("schemas/data.json", "{}")

    report = checked(small)

    [error] = report.errors
    assert (error.code, str(error.location)) == ("args-schema", "a/TTCONFIG.yaml:6:18")


def test_a_schema_that_is_not_there_is_told(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    args_schema: schemas/data.json")

    [error] = checked(small).errors

    assert error.code == "missing-schema"


def test_code_that_cannot_be_delivered_is_told_once(tmp_path: Path) -> None:
    small = Small(tmp_path)
    (tmp_path / "src" / "link").symlink_to("../../outside")
    small.commit("A link")

    [error] = checked(small).errors

    assert "src/link" in error.message


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("0123", "ambiguous-scalar"),
        ("no", "ambiguous-scalar"),
        ("On", "ambiguous-scalar"),
        ("1_000", "ambiguous-scalar"),
        ("1:30", "ambiguous-scalar"),
        ("0b11", "ambiguous-scalar"),
        ("/tmp/data", "volatile-value"),
        ('"/var/tmp/x"', "volatile-value"),
    ],
)
def test_doubtful_values_are_warned_of_with_their_place(tmp_path: Path, written: str, code: str) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "rows: 10", f"rows: {written}")

    report = checked(small)

    [warning] = report.warnings
    assert (warning.code, str(warning.location)) == (code, "a/TTCONFIG.yaml:5:18")
    assert report.errors == ()


@pytest.mark.parametrize("written", ["10", "0", "-0.5", '"no"', "'0123'", "2026-04-16", "nothing", "tmp/x", "[1, 20]"])
def test_ordinary_values_are_not_warned_of(tmp_path: Path, written: str) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "rows: 10", f"rows: {written}")

    assert checked(small).warnings == ()
