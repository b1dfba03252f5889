import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.label import (
    Label,
    LabelError,
    Pattern,
    Reference,
    is_package,
    is_segment,
    looks_like_reference,
    parse_label,
    parse_pattern,
    parse_reference,
    same_coordinate,
)

LETTERS = "ABZabz019_.+-"
SEGMENTS = st.text(LETTERS, min_size=1, max_size=6).filter(lambda s: s not in (".", ".."))
PACKAGES = st.lists(SEGMENTS, max_size=3).map("/".join)
LABELS = st.builds(Label, PACKAGES, SEGMENTS)
HOSTILE = st.text(st.sampled_from(":/@#.,*=-+ab \n\0é\\$"), max_size=16) | st.text(max_size=12)


@given(LABELS)
def test_a_printed_label_is_read_back_as_the_same(label: Label) -> None:
    assert parse_label(str(label)) == label


@given(LABELS)
def test_a_printed_label_is_a_reference_and_a_pattern_for_itself_from_everywhere(label: Label) -> None:
    assert parse_reference(str(label), "some/where") == Reference(label)
    assert parse_pattern(str(label), "some/where") == Pattern(label.package, label.name)


@given(st.builds(Pattern, PACKAGES, st.none(), st.booleans(), st.booleans()))
def test_a_printed_pattern_is_read_back_as_the_same(pattern: Pattern) -> None:
    assert parse_pattern(str(pattern), "some/where") == pattern


@settings(max_examples=300)
@given(HOSTILE)
def test_any_text_is_read_or_refused_with_one_printable_line(text: str) -> None:
    messages = []
    for read in (parse_label, lambda t: parse_reference(t, "a/b"), lambda t: parse_pattern(t, "a/b")):
        try:
            read(text)
        except LabelError as error:
            messages.append(str(error))

    assert all(message.isprintable() and 0 < len(message) < 200 for message in messages)


@given(HOSTILE)
def test_what_is_read_names_no_folder_above_or_aside(text: str) -> None:
    try:
        reference = parse_reference(text, "a")
    except LabelError:
        return
    if reference.label is not None:
        assert is_package(reference.label.package)
        assert is_segment(reference.label.name)
    assert not {"", ".", ".."} & set((reference.path or "x").split("/"))


def test_a_folder_alone_names_the_target_called_like_it() -> None:
    assert parse_label("//a/b") == Label("a/b", "b")
    assert parse_reference("//a/b", "x") == Reference(Label("a/b", "b"))


def test_a_label_at_the_root_has_an_empty_package() -> None:
    assert parse_label("//:t") == Label("", "t")
    assert str(Label("", "t")) == "//:t"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":t",
        "a:b",
        "//",
        "//a:",
        "//a:b:c",
        "//a//b:c",
        "///a",
        "//a/",
        "//./a:b",
        "//../a",
        "//a:..",
        "//a b:c",
        "//é:t",
        "//a:t\n",
    ],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(LabelError):
        parse_label(text)


@pytest.mark.parametrize("name", ["...", "..a", ".hidden", "a.", "-x", "+", "_"])
def test_dots_and_signs_may_stand_in_a_name(name: str) -> None:
    assert parse_label(f"//a:{name}") == Label("a", name)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        (":t", Reference(Label("p", "t"))),
        (":t/a/b c.txt", Reference(Label("p", "t"), path="a/b c.txt")),
        (":t#model", Reference(Label("p", "t"), output="model")),
        ("//a/b:t#m", Reference(Label("a/b", "t"), output="m")),
        (":t@lr=0.1,d=18", Reference(Label("p", "t"), member="lr=0.1,d=18")),
        (":t@*", Reference(Label("p", "t"), member="*")),
        (":t@./w.bin", Reference(Label("p", "t"), member=".", path="w.bin")),
        ("@main//a:t", Reference(Label("a", "t"), ref="main")),
        ("@feature/x//a:t/w", Reference(Label("a", "t"), ref="feature/x", path="w")),
        ("@lp_ocr:production", Reference(None, alias="lp_ocr:production")),
        ("@lp_ocr:production/w/x", Reference(None, alias="lp_ocr:production", path="w/x")),
        ("@lp_ocr:production#m", Reference(None, alias="lp_ocr:production", output="m")),
    ],
)
def test_references_are_read_with_their_parts(text: str, reference: Reference) -> None:
    assert parse_reference(text, "p") == reference
    assert looks_like_reference(text)


@pytest.mark.parametrize(
    "text",
    [":", "@", "@main", "@main:", "@main//", ":t/", ":t//x", ":t/../x", ":t/./x", ":t#", ":t#a/b", ":t/x\n", "@x/y:z"],
)
def test_what_looks_like_a_reference_and_is_none_is_refused(text: str) -> None:
    with pytest.raises(LabelError):
        parse_reference(text, "p")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("//...", Pattern("", recursive=True)),
        ("...", Pattern("p/q", recursive=True)),
        ("a/...", Pattern("p/q/a", recursive=True)),
        ("//a/...", Pattern("a", recursive=True)),
        ("//a:*", Pattern("a")),
        (":*", Pattern("p/q")),
        (":all", Pattern("p/q")),
        (":t", Pattern("p/q", "t")),
        ("a:t", Pattern("p/q/a", "t")),
        ("a", Pattern("p/q/a", "a")),
        ("-//a:slow", Pattern("a", "slow", exclude=True)),
    ],
)
def test_patterns_are_relative_to_the_current_folder_without_slashes(text: str, pattern: Pattern) -> None:
    assert parse_pattern(text, "p/q") == pattern


def test_a_recursive_pattern_matches_folders_below_and_not_those_that_begin_alike() -> None:
    pattern = parse_pattern("//a/b/...", "")

    assert pattern.matches(Label("a/b", "t"))
    assert pattern.matches(Label("a/b/c", "t"))
    assert not pattern.matches(Label("a/bc", "t"))
    assert not pattern.matches(Label("a", "t"))


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        (":t@lr=0.1", ["t@lr=0.1,d=18", "t@lr=0.1,d=34"]),
        (":t@lr=0.1,*", ["t@lr=0.1,d=18", "t@lr=0.1,d=34"]),
        (":t@d=18,lr=1e-1", ["t@lr=0.1,d=18"]),
        (":t@d=18.0,lr=.2", ["t@lr=0.2,d=18"]),
        (":t@*", ["t@lr=0.1,d=18", "t@lr=0.1,d=34", "t@lr=0.2,d=18", "t"]),
        (":t@lr=0.10000000000000001", ["t@lr=0.1,d=18", "t@lr=0.1,d=34"]),
        (":t@lr=1", []),
        (":t@x=1", []),
        (":u@lr=0.1", []),
    ],
)
def test_coordinates_match_the_members_that_have_them_in_any_order_and_spelling(
    pattern: str, matched: list[str]
) -> None:
    found = parse_pattern(pattern, "a")
    names = ["t@lr=0.1,d=18", "t@lr=0.1,d=34", "t@lr=0.2,d=18", "t", "t2@lr=0.1"]

    assert [name for name in names if found.matches(Label("a", name))] == matched
    assert not any(found.matches(Label("b", name)) for name in names)


@pytest.mark.parametrize(
    ("text", "name", "same"),
    [
        *(("1e-4", "0.0001", True), ("1", "1.0", True), ("+1", "1", True), ("1.", "1", True), ("007", "7", True)),
        *(("9007199254740993", "9007199254740992", False), ("9007199254740993", "9007199254740993", True)),
        *(("1_0", "10", False), ("inf", "infinity", False), ("nan", "nan", True), ("1e999", "1e998", False)),
        *(("a", "A", False), ("1" * 5000, "1" * 5001, False), ("true", "1", False), ("", "0", False)),
    ],
)
def test_a_coordinate_is_the_same_if_it_is_the_same_number(text: str, name: str, same: bool) -> None:
    assert same_coordinate(text, name) is same
    assert same_coordinate(name, text) is same


def test_a_name_matches_itself_and_its_members() -> None:
    pattern = parse_pattern("//a:t", "")

    assert pattern.matches(Label("a", "t"))
    assert pattern.matches(Label("a", "t@lr=0.1"))
    assert not pattern.matches(Label("a", "t2"))
    assert not pattern.matches(Label("a/t", "t"))
