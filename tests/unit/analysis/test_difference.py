from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from traintrack.analysis.difference import ChangeKind, explain_difference
from traintrack.analysis.preimage import hashed_value
from traintrack.digest import canonical_json

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.floats(0, 2) | st.text("ab$.", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab$.[", max_size=3), inner, max_size=3),
)


def changes(old: Any, new: Any) -> list[tuple[str, str, Any, Any]]:
    found = explain_difference({"args": old}, {"args": new})
    return [(c.field, c.kind.value, c.old, c.new) for c in found]


def test_a_changed_argument_is_named_with_both_values() -> None:
    assert changes({"epochs": 1, "lr": 0.1}, {"epochs": 2, "lr": 0.1}) == [("args.epochs", "changed", 1, 2)]


def test_added_and_removed_arguments_are_told_apart_from_null() -> None:
    assert changes({"a": None}, {"b": None}) == [("args.a", "removed", None, None), ("args.b", "added", None, None)]


def test_values_that_python_holds_for_equal_differ() -> None:
    assert [c[0] for c in changes({"a": 1, "b": 1, "c": 0}, {"a": 1.0, "b": True, "c": False})] == [
        "args.a",
        "args.b",
        "args.c",
    ]


def test_lists_of_one_length_are_compared_item_by_item_and_others_whole() -> None:
    assert changes({"x": [1, {"y": 2}]}, {"x": [1, {"y": 3}]}) == [("args.x[1].y", "changed", 2, 3)]
    assert changes({"x": [1]}, {"x": [1, 2]}) == [("args.x", "changed", [1], [1, 2])]


def test_another_id_of_an_input_is_of_its_own_kind() -> None:
    old, new = {"data": {"$artifact": "aa", "path": "w"}}, {"data": {"$artifact": "bb", "path": "w"}}

    (change,) = explain_difference({"args": old}, {"args": new})

    assert (change.kind, change.old, change.new) == (ChangeKind.INPUT, "aa", "bb")
    assert (change.field, change.path) == ("args.data", ("args", "data"))


def test_another_part_of_the_same_input_is_a_change_of_the_path() -> None:
    old, new = {"data": {"$artifact": "aa"}}, {"data": {"$artifact": "aa", "path": "w"}}

    assert changes(old, new) == [("args.data.path", "added", None, "w")]


def test_an_input_that_became_a_value_is_a_change() -> None:
    assert changes({"x": {"$artifact": "aa"}}, {"x": 1}) == [("args.x", "changed", {"$artifact": "aa"}, 1)]


def test_members_of_a_family_are_compared_by_their_coordinates() -> None:
    def family(**ids: str) -> dict[str, Any]:
        return {"evals": {"$family": [{"at": {"fold": int(k[1:]), "lr": 0.1}, "$artifact": v} for k, v in ids.items()]}}

    assert changes(family(f0="aa", f1="bb", f2="cc"), family(f1="xx", f2="cc", f3="dd")) == [
        ("args.evals[fold=0,lr=0.1]", "removed", "aa", None),
        ("args.evals[fold=1,lr=0.1]", "input", "bb", "xx"),
        ("args.evals[fold=3,lr=0.1]", "added", None, "dd"),
    ]


def test_keys_are_shown_as_their_author_wrote_them() -> None:
    assert changes({"$$x": 1, "a.b": {"c d": 1}}, {"$$x": {"$$y": 1}, "a.b": {"c d": 2}}) == [
        ("args.$x", "changed", 1, {"$y": 1}),
        ('args."a.b"."c d"', "changed", 1, 2),
    ]


def test_code_and_images_are_named_by_path_and_part() -> None:
    old = {"code": {"src": "1", "lib": "2"}, "image": {"python": "3.11", "lock": "a"}, "task": "t"}
    new = {"code": {"src": "3", "lib": "2"}, "image": {"python": "3.11", "lock": "b"}, "task": "t"}

    assert [c.field for c in explain_difference(old, new)] == ["code.src", "image.lock"]


@given(VALUES, VALUES)
def test_there_is_a_change_exactly_if_the_bytes_differ(old: Any, new: Any) -> None:
    before, after = {"args": hashed_value(old)}, {"args": hashed_value(new)}

    found = explain_difference(before, after)

    assert bool(found) == (canonical_json(before) != canonical_json(after))
    assert len({change.path for change in found}) == len(found)
