"""Merging of layers."""

from hypothesis import given
from hypothesis import strategies as st

from traintrack.workspace.document import REMOVE
from traintrack.workspace.merge import overlay, without_removes

_MAPS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3), st.just(REMOVE), st.just([1]))),
    lambda inner: st.dictionaries(st.sampled_from("abc"), st.one_of(inner, st.integers(0, 3))),
    max_leaves=8,
)


def test_maps_merge_and_all_else_replaces() -> None:
    base = {"m": {"a": 1, "b": {"x": 1}}, "l": [1, 2], "s": 1, "n": 1}

    assert overlay(base, {"m": {"b": {"y": 2}}, "l": [3], "s": {"k": 1}, "n": None}) == {
        "m": {"a": 1, "b": {"x": 1, "y": 2}},
        "l": [3],
        "s": {"k": 1},
        "n": None,
    }


def test_remove_takes_away_at_any_depth() -> None:
    assert overlay({"a": 1, "m": {"x": 1, "y": 2}}, {"a": REMOVE, "m": {"x": REMOVE}}) == {"m": {"y": 2}}


def test_a_key_may_come_back_after_its_removal() -> None:
    assert overlay(overlay({"m": {"a": 1}}, {"m": REMOVE}), {"m": {"b": 2}}) == {"m": {"b": 2}}


@given(_MAPS, _MAPS)
def test_merging_changes_neither_side_and_leaves_no_mark_at_the_end(base: dict, over: dict) -> None:
    before = repr((base, over))
    merged = without_removes(overlay(base, over))

    assert repr((base, over)) == before
    assert "REMOVE" not in repr(merged)
    assert without_removes(overlay(merged, {})) == merged
