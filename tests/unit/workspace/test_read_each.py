"""What may be written below `each`, and what is said of all else."""

import time

import pytest
from each_reader import grid_of, members, message, read, told
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.errors import InputErrors
from traintrack.workspace.axes import Grid, member_name
from traintrack.workspace.findings import MAX_FINDINGS, Findings
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.read_each import read_each
from traintrack.workspace.yaml_source import parse_yaml


def test_a_map_of_axes_is_a_product_in_the_order_as_written() -> None:
    assert members("{lr: [0.1, 1e-5], depth: [18, 34]}") == [
        *("lr=0.1,depth=18", "lr=0.1,depth=34", "lr=1e-05,depth=18", "lr=1e-05,depth=34")
    ]


def test_values_keep_their_type_and_are_shown_as_themselves() -> None:
    grid = grid_of('{x: [1, 1.5, true, null, text, ":a", !literal ":b", "s3://c/d"]}')
    points = [point[0] for point in grid.points()]

    assert [one.value for one in points] == [1, 1.5, True, None, "text", ":a", Literal(":b"), "s3://c/d"]
    assert [one.shown for one in points] == [1, 1.5, True, None, "text", "a", ":b", "s3://c/d"]
    assert [one.name for one in points] == ["1", "1.5", "true", "null", "text", "a", "b", "d"]


def test_a_map_of_names_is_a_bundle_that_travels_together() -> None:
    grid = grid_of("{model: {small: {depth: 18, width: 64}, big: [1, 2], ':': 1}}".replace(", ':': 1", ", flat: 5"))
    points = [point[0] for point in grid.points()]

    assert [one.name for one in points] == ["small", "big", "flat"]
    assert [one.value for one in points] == [{"depth": 18, "width": 64}, [1, 2], 5]
    assert [one.shown for one in points] == ["small", "big", 5]


def test_a_bundle_may_have_one_name() -> None:
    assert members("{model: {small: {depth: 18}}, seed: {range: 2}}") == ["model=small,seed=0", "model=small,seed=1"]


def test_a_list_of_maps_is_a_union_where_a_single_value_is_a_list_of_one() -> None:
    text = "\n  - {model: small, lr: [0.3, 0.1]}\n  - {lr: 0.01, model: {large: {depth: 50}}}"

    assert members(text) == ["model=small,lr=0.3", "model=small,lr=0.1", "model=large,lr=0.01"]
    assert members("[{a: 1}]") == ["a=1"]
    assert members("[{a: null, b: ':x'}]") == ["a=null,b=x"]


def test_a_union_finds_its_points_by_name() -> None:
    grid = grid_of("[{a: 1, b: {range: 3}}, {b: 7, a: [1, 2]}]")

    assert [member_name(grid.axes, p) for p in grid.matching({"a": "1"})] == [
        "a=1,b=0",
        "a=1,b=1",
        "a=1,b=2",
        "a=1,b=7",
    ]
    for point in grid.points():
        assert grid.find({"a": point[0].name, "b": point[1].name}) == point


def test_a_label_takes_the_axes_of_another_family() -> None:
    grid = grid_of("{lr: [1, 2]}")
    asked: list[tuple[str, KeyPath]] = []

    def family_of(text: str, path: KeyPath) -> Grid | None:
        asked.append((text, path))
        return grid

    assert grid_of('":train"', family_of) is grid
    assert grid_of(".train", family_of) is grid
    assert asked == [(":train", ("each",)), (".train", ("each",))]


def test_a_sample_is_a_part_of_a_product() -> None:
    grid = grid_of("{a: [x, y], sample: {n: 3, lr: {uniform: [0, 1]}, depth: [18, 34]}, s: {range: 2}}")

    assert grid.axes == ("a", "lr", "depth", "s")
    assert grid.count() == 12
    assert [len(factor.rows) for factor in grid.products[0].factors] == [2, 3, 2]


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        *(("5", [("1:7", "field-type")]), ("", [("1:6", "field-type")]), ("true", [("1:7", "field-type")])),
        *(("{}", [("1:7", "no-axis")]), ("[]", [("1:7", "no-axis")]), ("[{}]", [("1:8", "no-axis")])),
        *(("{a: []}", [("1:11", "empty-axis")]), ("{a: {}}", [("1:11", "empty-axis")])),
        *(
            ("{a: 1}", [("1:11", "field-type")]),
            ("{a: ':x'}", [("1:11", "field-type")]),
            ("{a: }", [("1:11", "field-type")]),
        ),
        *(
            ("[1]", [("1:8", "field-type")]),
            ("[[{a: 1}]]", [("1:8", "field-type")]),
            ("[':x']", [("1:8", "field-type")]),
        ),
    ],
)
def test_what_has_no_axes_or_values_is_refused(text: str, errors: list[tuple[str, str]]) -> None:
    place, code = errors[0]
    found = told(text)

    assert [c for _, c in found] == [code]
    if text and text != "{a: }":
        assert found[0][0] == place


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        *(("{a: ['x y']}", [("1:12", "unnamable-value")]), ("{a: [{b: 1}, 1]}", [("1:12", "unnamable-value")])),
        *(("[{a: 'x y'}]", [("1:12", "unnamable-value")]), ("{a: [1, [2]]}", [("1:15", "unnamable-value")])),
        *(("{a: [1, 2, 1]}", [("1:18", "same-name")]), ("{a: [1, '1']}", [("1:15", "same-name")])),
        *(("{a: ['//x:m', '//y:m']}", [("1:21", "same-name")]), ("{a: {'b c': 1}}", [("1:12", "bad-name")])),
        *(("{'a=b': [1]}", [("1:8", "bad-name")]), ("{'a,b': [1]}", [("1:8", "bad-name")]), ("{'': [1]}", [("1:8", "bad-name")])),
        *(("{range: 5}", [("1:8", "bad-name")]), ("{dates: [1]}", [("1:8", "bad-name")]), ("[{range: 1}]", [("1:9", "bad-name")])),
        *(("{a: {range: 5, step: 2}}", [("1:12", "bad-axis")]), ("{a: {sample: {n: 1}}}", [("1:12", "bad-axis")])),
        *(("[{a: 1, b: 2}, {a: 1}]", [("1:22", "other-axes")]), ("[{a: 1}, {a: 1, b: 2}]", [("1:16", "other-axes")])),
        *(("[{a: 1, b: [1, 2]}, {b: 2, a: 1}]", [("1:27", "same-point")]),),
        *(("{lr: [1], sample: {n: 1, lr: [2]}}", [("1:32", "same-name")]),),
        ("{a: ['x y', [], 1, 1], 'b c': [1], c: 2}", [
            *(("1:12", "unnamable-value"), ("1:19", "unnamable-value"), ("1:26", "same-name")),
            *(("1:30", "bad-name"), ("1:45", "field-type")),
        ]),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(text: str, errors: list[tuple[str, str]]) -> None:
    assert told(text) == errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{lr: 0.1}", "`each.lr` must be a list of values, or a map, got `0.1`; write a list: `lr: [0.1]`"),
        ("{a: ['x y']}", '`x y` of axis `a` cannot be named; name it: `a: {NAME: "x y"}`'),
        ("{a: [0.5, 0.5]}", "`0.5` is there twice in axis `a`; remove one of them"),
        (
            "{a: ['//x:m', '//y:m']}",
            '`//x:m` and `//y:m` of axis `a` are both named `m`; name them: `a: {NAME: "//x:m", OTHER: "//y:m"}`',
        ),
        (
            "{a: [1, '1']}",
            '`1` and the text `1` of axis `a` are both named `1`; name them: `a: {NAME: 1, OTHER: "1"}`',
        ),
        (
            "[{a: 1, b: [1, 2]}, {b: 2, a: 1}]",
            "`a=1,b=2` is in this entry of `each` and in number 1; take it out of one of them",
        ),
        (
            "[{a: 1, b: 2}, {a: 1}]",
            "axis `b` is in the first entry of `each`, and not in this; give each entry the axes `a`, `b`",
        ),
        ("{range: 5}", "`range` generates values, it is no axis; name the axis: `each: {NAME: {range: …}}`"),
    ],
)
def test_the_error_says_what_to_write(text: str, words: str) -> None:
    assert message(text) == words


def test_a_family_that_is_none_leaves_no_grid_and_no_second_error() -> None:
    assert read('":nothing"', lambda text, path: None) == (None, [])


def test_a_file_full_of_mistakes_ends_after_a_hundred() -> None:
    with pytest.raises(InputErrors) as caught:
        read("{a: [" + "[], " * 500 + "1]}")

    assert len(caught.value.errors) == MAX_FINDINGS


def test_a_union_of_huge_grids_is_counted_and_not_built() -> None:
    grid = grid_of("[{a: {range: 1000000000}, b: 1}, {a: {range: 1000000000}, b: 2}]")

    assert grid.count() == 2 * 10**9
    assert grid.find({"a": "5", "b": "2"}) is not None


def test_ten_thousand_values_are_read_and_walked_in_time() -> None:
    document = parse_yaml(f"each: {{a: {[i / 7 for i in range(10_000)]}}}\n".encode(), "f.yaml")
    spent = []
    for _ in range(3):
        started = time.process_time()
        grid = read_each(document.value["each"], ("each",), Findings(document.places, []), lambda text, path: None)
        spent.append(time.process_time() - started)

    assert grid is not None
    assert grid.count() == 10_000
    assert min(spent) < 0.1  # It takes a tenth of that; in squares of the number it would take seconds.


AXIS_VALUES: st.SearchStrategy[list[object]] = st.lists(
    st.integers(-9, 9)
    | st.floats(-9, 9).map(lambda x: x + 0.0)
    | st.sampled_from(["x", "//a:y", "s3://b/z", True, None, {"k": 1}, [], "a b"]),
    max_size=4,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "range", "d=e"]), AXIS_VALUES, max_size=3))
def test_what_is_read_has_different_names_and_what_is_not_has_an_error(each: dict[str, list[object]]) -> None:
    document = parse_yaml(b"each: {}\n", "f.yaml")
    findings = Findings(document.places, [])
    grid = read_each(each, ("each",), findings, lambda text, path: None)

    assert (grid is None) == bool(findings.errors)
    if grid is not None:
        names = [member_name(grid.axes, point) for point in grid.points()]
        assert len(set(names)) == len(names) == grid.count()
        assert grid.axes == tuple(each)
        assert [tuple(one.value for one in p) for p in grid.points()][-1] == tuple(v[-1] for v in each.values())
