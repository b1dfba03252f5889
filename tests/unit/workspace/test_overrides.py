from typing import Any

import pytest
from each_reader import grid_of

from traintrack.workspace.findings import Findings
from traintrack.workspace.overrides import Override, read_overrides
from traintrack.workspace.yaml_source import parse_yaml


def read(each: str, overrides: str) -> tuple[tuple[Override, ...], list[str]]:
    document = parse_yaml(f"overrides: {overrides}\n".encode(), "f.yaml")
    findings = Findings(document.places, [])
    base = ("overrides",)
    found = read_overrides(document.value["overrides"], base, document.places, grid_of(each), findings)
    return found, [f"{error.location}: {error.message}" for error in findings.errors]


def matched(each: str, match: str) -> list[tuple[Any, ...]]:
    """The members that an override is for."""
    (found,), errors = read(each, f"[{{match: {match}, args: {{x: 1}}}}]")
    assert errors == []
    grid = grid_of(each)
    names = [tuple(coordinate.name for coordinate in point) for point in grid.points()]
    return [name for name in names if found.matches(grid.axes, name)]


def test_an_override_is_for_the_members_with_all_its_coordinates() -> None:
    each = "{lr: [0.1, 1e-4], depth: [18, 34]}"

    assert matched(each, "{depth: 18}") == [("0.1", "18"), ("0.0001", "18")]
    assert matched(each, "{depth: 18, lr: 1e-4}") == [("0.0001", "18")]
    assert matched(each, "{depth: [18, 34], lr: [0.1]}") == [("0.1", "18"), ("0.1", "34")]


@pytest.mark.parametrize("match", ["0.0001", "1e-4", "1.0e-4", "'0.0001'", "'1e-4'"])
def test_a_number_is_matched_however_it_is_spelled(match: str) -> None:
    assert matched("{lr: [0.1, 1e-4]}", f"{{lr: {match}}}") == [("0.0001",)]


def test_a_value_that_is_spelled_in_the_same_way_goes_before_an_equal_number() -> None:
    assert matched("{x: [1, 1.0]}", "{x: 1}") == [("1",)]
    assert matched("{x: [1, 1.0]}", "{x: 1.0}") == [("1.0",)]
    assert matched("{x: [9007199254740993, 9007199254740992]}", "{x: 9007199254740993}") == [("9007199254740993",)]


def test_bundles_and_labels_are_matched_by_their_names() -> None:
    assert matched("{model: {s: {d: 1}, l: {d: 2}}}", "{model: l}") == [("l",)]
    assert matched("{data: ['//a:one', '//a:two']}", "{data: '//a:two'}") == [("two",)]
    assert matched("{on: [true, false], none: [null]}", "{on: false, none: null}") == [("false", "null")]


def test_what_matches_no_member_is_told_at_its_value() -> None:
    each = "[{a: 1, b: 1}, {a: 2, b: [2, 3]}]"

    assert read(each, "[{match: {c: 1}}, {match: {a: [1, 7]}}, {match: {a: 1, b: [2, 3]}}, {match: {a: [[]]}}]")[1] == [
        "f.yaml:1:22: the family has no axis `c`",
        "f.yaml:1:46: no member has `a=7`",
        "f.yaml:1:60: no member has `a=1, b=2|3` together",
        "f.yaml:1:93: a list names no value of axis `a`",
    ]


def test_the_others_are_kept_with_their_fields_and_places() -> None:
    found, _ = read("{a: [1]}", "[{match: {a: 9}}, {match: {a: 1}, args: {x: 1}, cache_version: 2}]")

    assert [one.layer.fields for one in found] == [{"args": {"x": 1}, "cache_version": 2}]
    assert str(found[0].layer.places.value((*found[0].layer.base, "args", "x"))) == "f.yaml:1:56"
    assert found[0].layer.origin == "overrides[1]"
