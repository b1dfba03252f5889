from typing import Any

import pytest

from traintrack.workspace.findings import Findings
from traintrack.workspace.model import Literal
from traintrack.workspace.template_params import UNSET, Parameter, bind, misfit, read_parameters, refuse_unknown
from traintrack.workspace.yaml_source import parse_yaml


def read(text: str) -> tuple[dict[str, Parameter], list[tuple[str, int]]]:
    document = parse_yaml(f"params: {text}\n".encode(), "f.yaml")
    findings = Findings(document.places, [])
    found = read_parameters(document.value["params"], ("params",), findings)
    assert all(error.hint for error in findings.errors)
    return found, [(error.code, error.location.column if error.location else 0) for error in findings.errors]


def test_a_parameter_is_a_type_a_type_with_a_default_or_written_out() -> None:
    text = "{a: label, b: {int: 5}, c: {type: text, default: x, description: why}, d: {type: any}, e: {any: null}}"

    assert read(text) == (
        {
            "a": Parameter("a", "label"),
            "b": Parameter("b", "int", 5),
            "c": Parameter("c", "text", "x", "why"),
            "d": Parameter("d", "any"),
            "e": Parameter("e", "any", None),
        },
        [],
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5", [("field-type", 9)]),
        ("[a]", [("field-type", 9)]),
        ("{a: foo}", [("field-value", 13)]),
        ("{a: null}", [("field-value", 13)]),
        ("{a: {}}", [("field-value", 13)]),
        ("{a: {int: 1, text: x}}", [("field-value", 13)]),
        ("{a: {int: x}}", [("parameter-type", 13)]),
        ("{a: {type: int, default: 0.5}}", [("parameter-type", 13)]),
        ("{a: {type: int, dfault: 1}}", [("unknown-field", 25)]),
        ("{'a b': int, b: foo}", [("bad-name", 10), ("field-value", 25)]),
        ("{a: {type: int, description: [x]}}", [("field-type", 38)]),
    ],
)
def test_what_is_no_parameter_is_told_at_its_place(text: str, told: list[tuple[str, int]]) -> None:
    assert read(text)[1] == told


FITS: dict[str, tuple[list[Any], list[Any]]] = {
    "label": ([":a", "//b:c", "@lp:production", ".sibling", "${x}"], ["a", 5, None, Literal(":a"), [":a"]]),
    "template": (["kfold", "//lib:kfold"], ["", 5, None, ["kfold"]]),
    "int": ([0, -3, 10**30, "${n}"], [0.5, "3", True, None]),
    "float": ([0, 0.5, "${n}"], ["0.5", True, None]),
    "text": (["", "x", ":a", Literal(":a"), "${n}"], [5, None, True, ["x"]]),
    "bool": ([True, False, "${n}"], [0, "true", None]),
    "list": ([[], [1], "${n}"], [{}, None, "x"]),
    "map": ([{}, {"a": 1}, "${n}"], [[], None, "x"]),
    "any": ([0, None, [], {}, "x", "${n}"], [UNSET]),
}


@pytest.mark.parametrize("kind", FITS)
def test_a_value_fits_its_type_and_one_with_a_hole_is_judged_when_that_is_filled(kind: str) -> None:
    fits, misfits = FITS[kind]

    assert [misfit(Parameter("p", kind), value) for value in fits] == [None] * len(fits)
    assert None not in [misfit(Parameter("p", kind), value) for value in misfits]


def test_a_template_is_named_before_members_are_made() -> None:
    assert misfit(Parameter("p", "template"), "${x}") is None
    assert misfit(Parameter("p", "template"), "x${y") is None, "it is told where it is looked up"


def findings() -> Findings:
    return Findings(parse_yaml(b"use: k\nwith: {a: 1, zz: 2}\n", "f.yaml").places, [])


def test_what_is_passed_goes_before_the_default() -> None:
    found = findings()
    parameters = {"a": Parameter("a", "int", 1), "b": Parameter("b", "any", None), "c": Parameter("c", "any")}

    assert bind(parameters, {"a": 2, "c": None}, "//a:k", ("use",), found) == {"a": 2, "b": None, "c": None}
    assert found.errors == []


def test_all_that_is_missing_or_of_another_type_is_told_at_the_use() -> None:
    found = findings()
    parameters = {name: Parameter(name, "int") for name in "abc"}

    assert bind(parameters, {"a": 2, "b": "x"}, "//a:k", ("use",), found) == {"a": 2}
    assert [(error.code, error.message) for error in found.errors] == [
        ("parameter-type", "template `//a:k`: `b` must be a whole number, got `x`"),
        ("missing-parameter", "template `//a:k` needs `c`"),
    ]


def test_what_no_template_asks_for_is_told_at_its_key() -> None:
    found = findings()
    refuse_unknown({"a": 1, "zz": 2}, ["a", "z"], ("with",), found)

    assert [(str(error.location), error.hint) for error in found.errors] == [("f.yaml:2:14", "did you mean `z`?")]
