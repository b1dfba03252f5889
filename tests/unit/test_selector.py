import pytest

from traintrack.label import LabelError
from traintrack.selector import Selector, parse_selector


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("lr=0.1", Selector((("lr", "0.1"),))),
        ("depth=18,lr=1e-4", Selector((("depth", "18"), ("lr", "1e-4")))),
        ("*", Selector(rest=True)),
        (".", Selector(here=True)),
        ("lr=-0.1,*", Selector((("lr", "-0.1"),), rest=True)),
        ("*,.,model.size=x.y", Selector((("model.size", "x.y"),), here=True, rest=True)),
    ],
)
def test_a_selector_names_coordinates_the_rest_and_what_is_shared(text: str, selector: Selector) -> None:
    assert parse_selector(text) == selector


@pytest.mark.parametrize(
    "text", ["", ",", "lr", "lr=", "=1", "lr=0.1,", "lr=*", "lr=.,x", "**", "lr=0.1,lr=0.1", "a b=1", "a==1"]
)
def test_other_text_is_none(text: str) -> None:
    with pytest.raises(LabelError):
        parse_selector(text)
