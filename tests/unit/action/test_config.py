import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.action.action import Action, Input
from traintrack.action.config import MAX_KEY_LENGTH, render_config
from traintrack.action.image import ContainerImage
from traintrack.digest import TargetId

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["yes", "no", "on", "~", "null", "1e3", "0x1f", "012", "1:30", "2020-01-01", "<<", "=", "- a", "a: b", "#", "&a", "*a",
     "!x", "%", "@", "`", "\x00", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff", "\U0001f600", "\t", "\n", " "]
)  # fmt: skip
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


def rendered(config: Any, *inputs: Input, paths: Any = None) -> bytes:
    action = Action(TargetId("00" * 32), b"{}", "t", ContainerImage("", ""), config=config, inputs=inputs)
    return render_config(action, paths or {})


def marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return (type(value).__name__, value)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_yaml_1_1_and_json_read_the_same_values(config: dict[str, Any]) -> None:
    text = rendered(config)

    assert marked(json.loads(text)) == marked(config)
    assert marked(yaml.safe_load(text)) == marked(config)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_the_text_is_utf_8_without_characters_that_readers_stumble_over(config: dict[str, Any]) -> None:
    text = rendered(config).decode("utf-8")

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", text)
    assert text.endswith("\n")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_stays_a_float_in_yaml_1_1(value: float) -> None:
    text = rendered({"x": value})

    assert marked(yaml.safe_load(text)) == marked({"x": value})
    assert re.search(rb": -?[0-9]+\.[0-9]+(?:e[+-][0-9]+)?\n", text)


def test_the_layout_is_sorted_and_indented() -> None:
    assert rendered({"b": [1, {}], "a": {"d": [], "c": 1e-05}}) == (
        b'{\n  "a": {\n    "c": 1.0e-05,\n    "d": []\n  },\n  "b": [\n    1,\n    {}\n  ]\n}\n'
    )


def test_paths_are_filled_in_and_the_action_stays_as_it_was() -> None:
    config = {"data": {"x": [None, "keep"]}}
    item = Input(TargetId("aa" * 32), ("data", "x", 0))

    text = rendered(config, item, paths={("data", "x", 0): "/tt/in/data/x/0"})

    assert json.loads(text) == {"data": {"x": ["/tt/in/data/x/0", "keep"]}}
    assert config == {"data": {"x": [None, "keep"]}}


def test_a_path_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        rendered({"data": None}, Input(TargetId("aa" * 32), ("data",)))


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f600", '"'])
def test_the_longest_key_is_read_by_yaml(letter: str) -> None:
    config = {letter * MAX_KEY_LENGTH: 1}

    assert yaml.safe_load(rendered(config)) == config


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_the_same_values() -> None:
    config = {
        "text": '\u2028\u2029\x85\x7f\ufeff\U0001f600 é e\u0301 " \\ \n\t\x00',
        "numbers": [0, -1, 2**53 - 1, 0.1, 1e-05, 1e16, 5e-324, 1.7976931348623157e308, 100.0],
        "rest": [None, True, False, [], {}, {"": {"yes": "no"}}],
    }
    program = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0,'utf8'))))"
    done = subprocess.run(["node", "-e", program], input=rendered(config), capture_output=True, check=True, timeout=60)

    assert json.loads(done.stdout) == config
