"""`--set`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.errors import InputError, UsageError
from traintrack.label import Label, Pattern, parse_pattern
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal
from traintrack.workspace.sets import is_requested, parse_set, set_layer


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("args.lr=1e-4", ("args", "lr"), 0.0001),
        ("args.on=no", ("args", "on"), "no"),
        ("args.x=", ("args", "x"), None),
        ("args.data=:b", ("args", "data"), ":b"),
        ("args.data=@main//a:b", ("args", "data"), "@main//a:b"),
        ("args.q=a=b: c #d", ("args", "q"), "a=b: c #d"),
        ("args.layers=[64, 128]", ("args", "layers"), [64, 128]),
        ('args.s="1"', ("args", "s"), "1"),
        ("args.m={a: 1}", ("args", "m"), {"a": 1}),
        ("args.l=!literal :x", ("args", "l"), Literal(":x")),
        ("paths=!remove", ("paths",), REMOVE),
        ('args."a.b"."c=d".e=1', ("args", "a.b", "c"), None),
    ],
)
def test_the_value_is_read_as_in_a_file(text: str, path: tuple[str, ...], value: object) -> None:
    if '"c=d"' in text:
        with pytest.raises(UsageError):
            parse_set(text)
        return
    option = parse_set(text)

    assert (option.pattern, option.path, option.value) == (None, path, value)


def test_quotes_keep_a_dot_inside_of_a_key() -> None:
    assert parse_set('args."LP OCR v1.2".x=1').path == ("args", "LP OCR v1.2", "x")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("//a/b:t#args.x=1", Pattern("a/b", "t")),
        ("//a/...#args.x=1", Pattern("a", recursive=True)),
        (":t#args.x=1", Pattern("here", "t")),
    ],
)
def test_a_pattern_stands_before_a_hash_sign(text: str, pattern: Pattern) -> None:
    assert parse_set(text, "here").pattern == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=1",
        "args.lr",
        "args..lr=1",
        ".lr=1",
        "args.=1",
        "//a:t=1",
        "//a b#x=1",
        "x=[1",
        "x=.nan",
        "a b=1",
        "//a:t@lr=1#each.lr=[2]",
    ],
)
def test_what_is_no_set_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_set(text)

    assert caught.value.hint


@given(st.text(max_size=30))
def test_any_text_is_a_set_or_wrong_usage(text: str) -> None:
    try:
        option = parse_set(text)
    except UsageError:
        return
    assert option.path


def test_the_field_is_checked_and_numbers_keep_their_text() -> None:
    assert set_layer(parse_set("description=1.10")).fields == {"description": "1.10"}

    with pytest.raises(InputError, match="unknown field"):
        set_layer(parse_set("agrs.lr=1"))


def test_the_last_pattern_that_matches_decides_what_is_requested() -> None:
    patterns = [parse_pattern(text, "") for text in ("//a/...", "-//a:slow")]

    assert is_requested(Label("a/b", "x"), patterns)
    assert not is_requested(Label("a", "slow"), patterns)
    assert not is_requested(Label("c", "x"), patterns)
    assert is_requested(Label("c", "x"), [])
    assert is_requested(Label("c", "x"), patterns[1:])
    assert not is_requested(Label("a", "slow"), patterns[1:])
