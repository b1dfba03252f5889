from hypothesis import given
from hypothesis import strategies as st

from traintrack.app.flow_yaml import flow_value
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal
from traintrack.workspace.yaml_source import parse_yaml

FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text(st.characters(exclude_categories=["Cs"]))


def read(text: str) -> object:
    return parse_yaml(f"x: [{text}]\n".encode(), "TTCONFIG.yaml").value["x"][0]


@given(SCALARS)
def test_every_scalar_is_read_back_as_itself(value: object) -> None:
    assert repr(read(flow_value(value))) == repr(0.0 if value == 0.0 and isinstance(value, float) else value)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), SCALARS, max_size=4))
def test_every_map_is_read_back_as_itself(value: dict[str, object]) -> None:
    assert read(flow_value(value)) == value


def test_texts_that_would_be_other_values_are_quoted() -> None:
    for text in ("1e-4", "0.1", "18", "no", "null", "True", "~", "2026-04-16", ".5", "a: b", "a,b", "${lr}", "@x", ""):
        assert flow_value(text) == f'"{text}"'
    assert flow_value({"lr": 0.0001, "fold": 3, "model": "resnet-18", "on": [True, None]}) == (
        '{lr: 0.0001, fold: 3, model: resnet-18, "on": [true, null]}'
    )


def test_marks_keep_what_they_mean() -> None:
    written = flow_value({"text": Literal(":x"), "hole": Literal("${a}\u2028"), "gone": REMOVE, "list": [Literal("a")]})

    assert read(written) == {
        "text": Literal(":x"),
        "hole": Literal("${a}\u2028"),
        "gone": REMOVE,
        "list": [Literal("a")],
    }
    assert read(flow_value({"gone": REMOVE})) == {"gone": REMOVE}


def test_paths_and_words_stay_plain() -> None:
    assert flow_value(["src/t.sh", "two words", "a/"]) == "[src/t.sh, two words, a/]"
