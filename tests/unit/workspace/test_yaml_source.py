"""The dialect: text in, values, places or errors out."""

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.errors import InputError, InputErrors
from traintrack.workspace import yaml_source
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal
from traintrack.workspace.yaml_source import parse_yaml


def value_of(text: str) -> object:
    return parse_yaml(text.encode(), "f.yaml").value


def errors_of(data: bytes | str) -> list[InputError]:
    with pytest.raises(InputError) as caught:
        parse_yaml(data.encode() if isinstance(data, str) else data, "f.yaml")
    error = caught.value
    return list(error.errors) if isinstance(error, InputErrors) else [error]


def test_maps_lists_and_scalars_become_plain_values() -> None:
    text = "a: {b: [1, 2.5, x, true, null]}\nc:\n  - d: |\n      two\n      lines\n  - 'q'\n"

    assert value_of(text) == {"a": {"b": [1, 2.5, "x", True, None]}, "c": [{"d": "two\nlines\n"}, "q"]}


def test_an_empty_file_is_null() -> None:
    assert value_of("") is None
    assert value_of("# only a comment\n") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: {x: 2, y: [3]}\n", {"a": 1, "b": {"x": 2, "y": [3]}}),
        ("b: {y: [3], x: 2}\r\n# comment\r\na: 1\r\n", {"a": 1, "b": {"x": 2, "y": [3]}}),
        ('---\n"b":\n  y:\n  - 3\n  x: 2\n\n"a": 1\n...\n', {"a": 1, "b": {"x": 2, "y": [3]}}),
    ],
)
def test_line_ends_comments_styles_and_key_order_do_not_change_values(text: str, value: object) -> None:
    assert value_of(text) == value


def test_multi_line_text_has_the_same_value_with_crlf() -> None:
    text = "a: |\n  one\n  two\nb: >\n  three\n  four\n"

    assert value_of(text) == value_of(text.replace("\n", "\r\n"))


def test_marks_stand_as_values() -> None:
    text = 'a: !literal ":x"\nb: !remove\nc: {d: !remove , e: [!literal 5]}\n'

    assert value_of(text) == {"a": Literal(":x"), "b": REMOVE, "c": {"d": REMOVE, "e": [Literal("5")]}}


def test_aliases_stand_for_their_anchor_also_when_it_is_marked() -> None:
    text = "a: &a {x: 1}\nb: *a\nc: &c !literal ':x'\nd: [*c]\n"

    assert value_of(text) == {"a": {"x": 1}, "b": {"x": 1}, "c": Literal(":x"), "d": [Literal(":x")]}


def test_quoted_text_is_never_a_number() -> None:
    assert value_of("a: \"1\"\nb: 'null'\nc: '.nan'\n") == {"a": "1", "b": "null", "c": ".nan"}


@pytest.mark.parametrize(
    ("text", "path", "line", "column"),
    [
        ("a: 1\n", ("a",), 1, 4),
        ("a:\n  b: 1\n", ("a", "b"), 2, 6),
        ("a: {b: 1, c: [x, {d: 2}]}\n", ("a", "c", 1, "d"), 1, 22),
        ("a:\n- x\n-  y\n", ("a", 1), 3, 4),
        ("ä: {ö€😀: 1, z: 2}\n", ("ä", "z"), 1, 16),
        ("a: 1\r\nb:\r\n  c: 2\r\n", ("b", "c"), 3, 6),
        ("a: &x {k: 1}\nb: *x\n", ("b",), 2, 4),
        ("a: &x {k: 1}\nb: *x\n", ("b", "k"), 1, 11),
        ("a: {b: 1}\n", ("a", "gone", "deeper"), 1, 4),
        ("a: {b: 1}\n", (), 1, 1),
    ],
)
def test_every_value_knows_its_place(text: str, path: tuple[str | int, ...], line: int, column: int) -> None:
    place = parse_yaml(text.encode(), "f.yaml").places.value(path)

    assert (place.path, place.line, place.column) == ("f.yaml", line, column)


@pytest.mark.parametrize(
    ("text", "path", "line", "column"),
    [
        ("a:\n  b: 1\n", ("a", "b"), 2, 3),
        ("a: {b: 1, c: {d: 2}}\n", ("a", "c", "d"), 1, 15),
        ("x: 1\r\nä: {ö: 1}\r\n", ("ä", "ö"), 2, 5),
        ("a: [1, 2]\n", ("a", 1), 1, 8),
    ],
)
def test_every_key_knows_its_place(text: str, path: tuple[str | int, ...], line: int, column: int) -> None:
    place = parse_yaml(text.encode(), "f.yaml").places.key(path)

    assert (place.line, place.column) == (line, column)


def test_numbers_keep_their_source_text() -> None:
    places = parse_yaml(b'a: 0123456\nb: 1234567e8\nc: [3.10]\nd: "1"\ne: x\n', "f.yaml").places

    assert [places.text(path) for path in [("a",), ("b",), ("c", 0), ("d",), ("e",), ("gone",)]] == [
        *("0123456", "1234567e8", "3.10"),
        *(None, None, None),
    ]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate-key", 3, 1),
        ("x: {a: 1, 'a': 2}\n", "duplicate-key", 1, 11),
        ("a: !!str 1\n", "yaml-tag", 1, 4),
        ("a: !!python/object:os.system x\n", "yaml-tag", 1, 4),
        ("a: !foo x\n", "yaml-tag", 1, 4),
        ("a: ! x\n", "yaml-tag", 1, 4),
        ("a: !literal [x]\n", "yaml-tag", 1, 4),
        ("a: !remove x\n", "yaml-tag", 1, 4),
        ("a: [!remove ]\n", "yaml-tag", 1, 5),
        ("a: &r !remove\nb: [*r]\n", "yaml-tag", 2, 5),
        ("!literal k: 1\n", "yaml-tag", 1, 1),
        ("!literal x\n", "yaml-tag", 1, 1),
        ("a: &x 1\n<<: *x\n", "yaml-merge-key", 2, 1),
        ("1: a\n", "yaml-key", 1, 1),
        ("true: a\n", "yaml-key", 1, 1),
        ("? [a]\n: 1\n", "yaml-key", 1, 3),
        ("{{ x }}: 1\n", "yaml-key", 1, 1),
        ("a: .nan\n", "yaml-number", 1, 4),
        ("a: [-.inf]\n", "yaml-number", 1, 5),
        ("a: 1e999\n", "yaml-number", 1, 4),
        ("a: 1e-999\n", "yaml-number", 1, 4),
        (f"a: {'9' * 5000}\n", "yaml-number", 1, 4),
        ("a: *b\n", "yaml-alias", 1, 4),
        ("a: &b [*b]\n", "yaml-alias", 1, 8),
        ("a: 1\n---\nb: 2\n", "yaml-document", 2, 1),
        ("%YAML 1.1\n---\na: 1\n", "yaml-directive", 1, 1),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", "yaml-directive", 1, 1),
        ('a: "\\ud800"\n', "yaml-syntax", 1, 7),
        ('a: "\\ud83d\\ude00"\n', "yaml-syntax", 1, 7),
        ("a:\n\t- 1\n", "yaml-syntax", 2, 1),
        ("a: b: c\n", "yaml-syntax", 1, 5),
        ("a: 'x\n", "yaml-syntax", 1, 4),
        ("a: [1, 2\n", "yaml-syntax", 1, 4),
        ("a: x\x00y\n", "yaml-character", 1, 5),
        ("a: 1\nb: \u2028\n", "yaml-character", 2, 4),
        ("a: 1\nb: \u0085\n", "yaml-character", 2, 4),
    ],
)
def test_what_the_dialect_leaves_out_is_an_error_at_its_place(text: str, code: str, line: int, column: int) -> None:
    (error,) = errors_of(text)

    assert error.location is not None
    assert (error.code, error.location.line, error.location.column) == (code, line, column)
    assert error.hint


@pytest.mark.parametrize(
    ("data", "code", "column"),
    [
        (b"a: \xff\n", "yaml-encoding", 4),
        ("ä: x".encode() + b"\xc3\n", "yaml-encoding", 5),
        (b"\xef\xbb\xbfa: 1\n", "yaml-encoding", 1),
        ("a: 1\n".encode("utf-16"), "yaml-encoding", 1),
        (b"a: \xed\xa0\x80\n", "yaml-encoding", 4),
    ],
)
def test_what_is_not_plain_utf8_is_an_error(data: bytes, code: str, column: int) -> None:
    (error,) = errors_of(data)

    assert error.location is not None
    assert (error.code, error.location.column) == (code, column)


@pytest.mark.parametrize(
    "text",
    ["a: [:x]", "a: {b: :x}", "a: {lr: ${lr}}", "a: {a: @x}", "a: @main//b:c", "a: *.txt", "a: `x`", "a: %x"],
)
def test_text_that_yaml_takes_for_syntax_gets_the_hint_to_quote(text: str) -> None:
    (error,) = errors_of(text)

    assert error.hint is not None
    assert "quote it" in error.hint


@pytest.mark.parametrize("text", ["a: {b: !remove}", "a: [!literal]", "a: {b: !remove]}"])
def test_a_tag_that_runs_into_a_bracket_gets_the_hint_of_a_blank(text: str) -> None:
    assert "put a blank after" in (errors_of(text)[0].hint or "")


def test_the_hint_for_a_merge_key_names_the_way_of_the_house() -> None:
    (error,) = errors_of("<<: {a: 1}\n")

    assert error.hint is not None
    assert "`defaults`" in error.hint
    assert "`use`" in error.hint


def test_a_duplicate_key_names_the_first_place_and_a_file_tells_all_errors_at_once() -> None:
    errors = errors_of("a: 1\nb: .nan\n  \na: 2\nc: !foo x\n2: 3\nd: [*gone]\ne: {a\n")

    assert [(e.location.line if e.location else 0, e.code) for e in errors] == [
        *((2, "yaml-number"), (4, "duplicate-key"), (5, "yaml-tag")),
        *((6, "yaml-key"), (7, "yaml-alias"), (8, "yaml-syntax")),
    ]
    assert "first at 1:1" in errors[1].message


def test_a_broken_file_is_told_in_a_hundred_errors() -> None:
    assert len(errors_of("a: 1\n" * 5_000)) == 100


def nested(depth: int) -> str:
    return "a: " + "[" * depth + "]" * depth


def test_depth_is_limited_and_its_limit_is_exact() -> None:
    assert value_of(nested(63))
    assert [e.code for e in errors_of(nested(64))] == ["yaml-limit"]


def test_depth_counts_through_aliases() -> None:
    text = f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 30}*a{']' * 30}\n"

    assert [e.code for e in errors_of(text)] == ["yaml-limit"]


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)),
        "a: [" + "1," * 250_000 + "]",
        "a: " + "[" * 100_000,
        "a: " + "{a: " * 100_000,
        "- " * 100_000,
        "\n".join(f"k{i}: 1" for i in range(150_000)),
        "x" * (2 * 1024 * 1024 + 1),
    ],
    ids=["laughs", "list", "depth", "maps", "dashes", "keys", "bytes"],
)
def test_bombs_end_fast_with_one_clear_error(text: str) -> None:
    started = time.process_time()
    errors = errors_of(text)

    assert [e.code for e in errors] == ["yaml-limit"]
    assert time.process_time() - started < 20


def test_long_keys_are_remembered_with_their_path() -> None:
    key = "k" * 257

    assert parse_yaml(f"a: {{{key}: 1, {'k' * 256}: 2}}\n".encode(), "f").long_keys == (("a", key),)


def test_the_parser_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'\xc3\xa4: {b: [1e-4, ":x"]}\r\nc: !literal ":x"\r\nd: {e: !remove }\r\n'
    fast = parse_yaml(text, "f")
    monkeypatch.setitem(__import__("sys").modules, "yaml.cyaml", None)
    slow = parse_yaml(text, "f")

    assert slow.value == fast.value
    assert slow.places.key(("c",)) == fast.places.key(("c",))
    assert slow.places.value(("ä", "b", 1)) == fast.places.value(("ä", "b", 1))


_PIECES = st.sampled_from(
    [
        *(
            "a",
            "b",
            ": ",
            ":",
            "- ",
            "\n",
            "\n  ",
            "\r\n",
            "{",
            "}",
            "[",
            "]",
            ", ",
            '"',
            "'",
            "&x ",
            "*x",
            "!literal ",
        ),
        *("!remove", "!!str ", "? ", "| ", "> ", "#", "@", "`", "%", "---\n", "...\n", "<<: ", "\t", "1e-4", ".nan"),
        *("\\", "\u2028", "😀", "\x00", "null", "0x", "~", "$", "=", " "),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(_PIECES, max_size=30).map("".join), st.text(max_size=60)))
def test_any_text_gives_values_or_input_errors_with_a_place_inside_the_file(text: str) -> None:
    try:
        parse_yaml(text.encode("utf-8", "surrogatepass"), "f.yaml")
    except InputError as error:
        for each in error.errors if isinstance(error, InputErrors) else (error,):
            assert each.location is not None
            assert each.hint
            assert 1 <= each.location.line <= text.count("\n") + text.count("\r") + 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_give_values_or_input_errors(data: bytes) -> None:
    try:
        yaml_source.parse_yaml(data, "f.yaml")
    except InputError:
        return


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.text(alphabet=string.printable.replace("\x0b", "").replace("\x0c", "").replace("\r", ""), max_size=12),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abcd", min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_json_is_read_as_the_values_that_were_written(value: object) -> None:
    import json

    assert value_of(json.dumps({"v": value})) == {"v": value}
