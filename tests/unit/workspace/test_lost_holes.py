import pytest

from traintrack.workspace.findings import Findings
from traintrack.workspace.lost_holes import refuse_holes_in_keys, refuse_maps_for_holes
from traintrack.workspace.yaml_source import parse_yaml


def told(text: str) -> list[str]:
    document = parse_yaml(f"args: {text}\n".encode(), "f.yaml")
    findings = Findings(document.places, [])
    refuse_maps_for_holes(document.value, {"lr", "depth"}, (), findings)
    refuse_holes_in_keys(document.value, (), findings)
    return [f"{error.location}: {error.hint}" for error in findings.errors]


@pytest.mark.parametrize(
    "text", ["{lr: null}", "{lr: ~}", "{x}", "{lr, depth}", "{a: {lr: 1}}", "{lr: ''}", "{lr: {}}"]
)
def test_maps_that_are_meant_are_left_alone(text: str) -> None:
    assert told(f"{{a: {text}}}") == []


def test_a_name_in_braces_without_the_dollar_is_told_at_the_map_with_both_ways_out() -> None:
    hint = 'write `"${lr}"`, or `lr: null` if the map is meant'

    assert told("{a: {lr}, b: [1, {lr}]}") == [f"f.yaml:1:11: {hint}", f"f.yaml:1:24: {hint}"]
    assert told("\n  a:\n    lr:") == [f"f.yaml:3:5: {hint}"]


def test_a_hole_in_a_key_is_told_at_the_key_at_any_depth() -> None:
    hint = "write a plain key, and the hole into its value"

    assert told('{"${lr}": 1, b: [{"x-$${lr}": 1}]}') == [f"f.yaml:1:8: {hint}", f"f.yaml:1:25: {hint}"]
