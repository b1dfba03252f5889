from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_memory import experiment

from traintrack.graph.references import read_references
from traintrack.label import Label
from traintrack.workspace.model import Literal, Target


def target_with(**fields: Any) -> Target:
    return experiment("runs/a", {"t": fields}).targets["t"]


def test_references_are_found_at_any_depth_with_their_argument_path() -> None:
    target = target_with(args={"model": ":m", "data": {"parts": ["text", {"x": "//b:c/train/x.csv"}]}, "n": 3})

    found = read_references(target)

    assert [(r.arg_path, str(r.reference.label), r.reference.path) for r in found.args] == [
        (("model",), "//runs/a:m", None),
        (("data", "parts", 1, "x"), "//b:c", "train/x.csv"),
    ]
    assert not found.errors


def test_marked_and_ordinary_text_is_no_reference() -> None:
    target = target_with(args={"a": Literal(":x"), "b": "a:b", "c": "", "d": "/x", "e": "a@b", "f": None})

    assert read_references(target).args == ()


def test_keys_are_no_references() -> None:
    assert read_references(target_with(args={":x": 1})).args == ()


@pytest.mark.parametrize("text", [":", ":a b", "//", "//a//b:c", "@main", "::a", ":a/../b", "//a/./b:c", "@x:y:z"])
def test_text_that_looks_like_a_reference_and_is_none_is_an_error_at_its_place(text: str) -> None:
    target = target_with(args={"ok": 1, "bad": {"x": text}})

    (error,) = read_references(target).errors

    assert error.code == "bad-reference"
    assert error.location == target.place_of("args", "bad", "x")
    assert error.hint is not None
    assert "!literal" in error.hint


def test_all_bad_references_come_out_at_once() -> None:
    target = target_with(args={"a": ":a b", "b": [":c d", ":fine"]}, needs=["not a label", ":x@y=1"])

    found = read_references(target)

    assert [e.code for e in found.errors] == ["bad-reference", "bad-reference", "bad-reference"]
    assert (len(found.args), len(found.needs)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "member"),
    [(":train@lr=0.1", "lr=0.1"), (":eval@*/x/y", "*"), (":train@.#model", "."), ("//a:b@x=1,*", "x=1,*")],
)
def test_a_reference_keeps_what_selects_members_of_a_family(text: str, member: str) -> None:
    found = read_references(target_with(args={"x": text}, needs=[text.partition("/x")[0].partition("#")[0]]))

    assert not found.errors
    assert (found.args[0].reference.member, found.needs[0].reference.member) == (member, member)
    assert found.args[0].base_text == text.removesuffix("/x/y").removesuffix("#model")


def test_a_reference_in_unhashed_is_an_error_at_its_place() -> None:
    target = target_with(unhashed={"log": {"to": ":x"}, "ok": Literal(":y")})

    (error,) = read_references(target).errors

    assert error.code == "unhashed-reference"
    assert error.location == target.place_of("unhashed", "log", "to")


def test_needs_are_labels_relative_to_the_experiment() -> None:
    found = read_references(target_with(needs=[":smoke", "//b", "//c:d"]))

    assert [need.reference.label for need in found.needs] == [
        *(Label("runs/a", "smoke"), Label("b", "b"), Label("c", "d"))
    ]
    assert [need.index for need in found.needs] == [0, 1, 2]


@pytest.mark.parametrize("text", [":a/file", ":a#model", "@main//a:b", "@lp_ocr:production", "a", ""])
def test_needs_take_neither_parts_nor_revisions_nor_aliases(text: str) -> None:
    target = target_with(needs=[":ok", text])

    (error,) = read_references(target).errors

    assert error.location == target.place_of("needs", 1)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("@main//a/b:t/x/y.bin", "@main//a/b:t"),
        ("@lp_ocr:production#model", "@lp_ocr:production"),
        ("@v1//a/b", "@v1//a/b"),
    ],
)
def test_the_base_text_of_a_reference_leaves_the_part_of_the_artifact_out(text: str, base: str) -> None:
    (found,) = read_references(target_with(args={"x": text})).args

    assert found.base_text == base


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20).map(lambda tail: tail), st.sampled_from([":", "//", "@", ":a@", "//a:b/", "@r//", ""]))
def test_any_text_gives_a_reference_or_an_error_and_never_a_traceback(tail: str, head: str) -> None:
    found = read_references(target_with(args={"x": head + tail}, needs=[head + tail]))

    assert all(e.message and e.hint and e.location and "\n" not in e.message for e in found.errors)
