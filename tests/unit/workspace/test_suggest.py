"""Did you mean."""

import pytest

from traintrack.workspace.suggest import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "found"),
    [
        *(
            ("exportd_model", "exported_model"),
            ("comit", "commit"),
            ("taks", "task"),
            ("TASK", "task"),
            ("task", "task"),
        ),
        *(("zzz", None), ("x", None), ("", None)),
    ],
)
def test_the_nearest_word_is_found_and_none_that_is_far(word: str, found: str | None) -> None:
    assert closest(word, ["exported_model", "commit", "task", "args"]) == found


def test_equal_distance_is_settled_by_the_order_of_text() -> None:
    assert closest("bat", ["cat", "aat"]) == "aat"


def test_a_hint_falls_back_to_the_other_text() -> None:
    assert did_you_mean("tsak", ["task"], "no") == "did you mean `task`?"
    assert did_you_mean("other", ["task"], "look here") == "look here"
