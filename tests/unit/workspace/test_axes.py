"""Grids: counted, walked, and points found by name."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.workspace.axes import Coordinate, Factor, Grid, Point, Product, joined, member_name
from traintrack.workspace.coordinate_names import name_of, shown_as
from traintrack.workspace.ranges import RangeRows


def coordinate(value: Any) -> Coordinate:
    name = name_of(value)
    assert name is not None
    return Coordinate(name, value, shown_as(value, name))


def axis(name: str, *values: Any) -> Factor:
    return Factor((name,), tuple((coordinate(value),) for value in values))


def together(names: str, *rows: tuple[Any, ...]) -> Factor:
    return Factor(tuple(names.split()), tuple(tuple(map(coordinate, row)) for row in rows))


def grid(*factors: Factor) -> Grid:
    product = Product(factors)
    return Grid(product.axes, (product,))


def names_of(points: Any) -> list[str]:
    return [",".join(one.name for one in point) for point in points]


def names_at(family: Grid, point: Point) -> dict[str, str]:
    return {name: one.name for name, one in zip(family.axes, point, strict=True)}


VALUES = st.lists(
    st.integers(-3, 30) | st.floats(-2, 2).map(lambda x: round(x, 1) + 0.0) | st.sampled_from(["a", "b", ":c"]),
    min_size=1,
    max_size=4,
    unique_by=name_of,
)


@st.composite
def products(draw: st.DrawFn, axes: Sequence[str]) -> Product:
    """Axes in any order, some of them together."""
    left = list(draw(st.permutations(axes)))
    factors = []
    while left:
        size = draw(st.integers(1, min(3, len(left))))
        names, left = left[:size], left[size:]
        if size == 1 and draw(st.booleans()):
            start = draw(st.integers(-5, 5))
            factors.append(Factor(tuple(names), RangeRows(range(start, start + draw(st.integers(1, 4)) * 3, 3))))
            continue
        rows = list(itertools.product(*(draw(VALUES) for _ in names)))
        kept = draw(st.lists(st.sampled_from(rows), min_size=1, unique_by=lambda row: tuple(map(name_of, row))))
        factors.append(together(" ".join(names), *kept))
    return Product(tuple(factors))


@st.composite
def grids(draw: st.DrawFn, names: str = "abcd") -> Grid:
    axes = tuple(names[: draw(st.integers(1, len(names)))])
    return Grid(axes, tuple(draw(st.lists(products(axes), min_size=1, max_size=3))))


def test_the_last_axis_is_the_fastest() -> None:
    found = grid(axis("lr", 0.1, 0.01), axis("depth", 18, 34))

    assert names_of(found.points()) == ["0.1,18", "0.1,34", "0.01,18", "0.01,34"]
    assert found.count() == 4


def test_axes_that_vary_together_are_one_row_each() -> None:
    found = grid(axis("s", 0, 1), together("a b", (1, 2), (3, 4)), axis("t", "x"))

    assert found.axes == ("s", "a", "b", "t")
    assert names_of(found.points()) == ["0,1,2,x", "0,3,4,x", "1,1,2,x", "1,3,4,x"]


def test_products_of_a_union_walk_in_their_own_order_and_answer_in_that_of_the_grid() -> None:
    first, second = Product((axis("a", 1), axis("b", 2))), Product((axis("b", 3, 4), axis("a", 5, 6)))
    found = Grid(("a", "b"), (first, second))

    assert names_of(found.points()) == ["1,2", "5,3", "6,3", "5,4", "6,4"]
    assert names_of([found.find({"a": "6", "b": "3"}) or ()]) == ["6,3"]
    assert names_of(found.matching({"a": "6"})) == ["6,3", "6,4"]


def test_a_member_is_named_by_axis_and_value() -> None:
    found = grid(axis("lr", 1e-4), axis("data", "//a/b:x"))

    assert [member_name(found.axes, point) for point in found.points()] == ["lr=0.0001,data=x"]


def test_a_number_is_found_in_any_spelling() -> None:
    found = grid(axis("lr", 0.0001, 1.0), axis("n", 3))

    assert names_of([found.find({"lr": "1e-4", "n": "3.0"}) or ()]) == ["0.0001,3"]
    assert names_of([found.find({"lr": "1", "n": "3"}) or ()]) == ["1.0,3"]
    assert names_of(found.matching({"lr": "1"})) == ["1.0,3"]
    assert found.find({"lr": "2", "n": "3"}) is None


def test_the_same_spelling_wins_over_the_same_number() -> None:
    one = grid(axis("x", 1.0, 1))
    two = Grid(("x",), (Product((axis("x", 1.0),)), Product((axis("x", 1),))))

    for found in (one, two):
        assert found.find({"x": "1"}) == (coordinate(1),)
        assert found.find({"x": "1.0"}) == (coordinate(1.0),)
        assert found.find({"x": "1e0"}) == (coordinate(1.0),)


def test_texts_and_bundles_are_not_found_as_numbers() -> None:
    found = grid(axis("version", "1.1"), Factor(("size",), ((Coordinate("small", 18, 18),),)))

    assert found.find({"version": "1.10", "size": "small"}) is None
    assert found.find({"version": "1.1", "size": "18"}) is None


@pytest.mark.parametrize("names", [{}, {"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1", "c": "2"}])
def test_a_point_is_found_only_by_all_of_its_axes(names: dict[str, str]) -> None:
    assert grid(axis("a", 1), axis("b", 2)).find(names) is None


def test_an_unknown_axis_matches_nothing() -> None:
    assert list(grid(axis("a", 1)).matching({"b": "1"})) == []


def test_a_billion_points_are_counted_and_found_and_not_built() -> None:
    rows = RangeRows(range(10**9))
    found = grid(Factor(("a",), rows), Factor(("b",), rows))

    assert found.count() == 10**18
    assert names_of([found.find({"a": "999999999", "b": "1e3"}) or ()]) == ["999999999,1000"]
    assert names_of(itertools.islice(found.points(), 2)) == ["0,0", "0,1"]
    assert names_of(itertools.islice(found.matching({"b": "7"}), 2)) == ["0,7", "1,7"]
    assert found.find({"a": "1000000000", "b": "0"}) is None
    assert found.find({"a": "0.5", "b": "0"}) is None


def test_only_rows_that_match_are_walked() -> None:
    found = grid(Factor(("a",), RangeRows(range(10**9))), axis("b", *range(1000)))

    assert names_of(found.matching({"a": "12345678", "b": "9"})) == ["12345678,9"]


def test_rows_of_axes_that_vary_together_match_by_some_of_them() -> None:
    found = grid(together("a b c", (1, 1, 1), (1, 2, 2), (2, 1, 3), (1, 1, 4), (2, 2, 5), (2.0, 1, 6)))

    assert names_of(found.matching({"a": "1", "b": "1.0"})) == ["1,1,1", "1,1,4"]
    assert names_of(found.matching({"a": "2", "b": "1"})) == ["2,1,3"]
    assert names_of(found.matching({"b": "1", "a": "2.0"})) == ["2.0,1,6"]
    assert names_of(found.matching({"a": "3", "b": "1"})) == []


def test_joined_has_each_outer_point_with_each_inner_one() -> None:
    outer = Grid(("a",), (Product((axis("a", 1),)), Product((axis("a", 2),))))
    inner = Grid(("b", "c"), (Product((axis("b", 3), axis("c", 4, 5))), Product((axis("c", 6), axis("b", 7)))))
    found = joined(outer, inner)

    assert found.axes == ("a", "b", "c")
    assert names_of(found.points()) == ["1,3,4", "1,3,5", "1,7,6", "2,3,4", "2,3,5", "2,7,6"]
    assert found.count() == outer.count() * inner.count()


def test_a_grid_without_axes_has_one_point_and_changes_nothing() -> None:
    nothing = grid()
    some = grid(axis("a", 1, 2), axis("b", 3))

    assert list(nothing.points()) == [()]
    assert nothing.count() == 1
    assert nothing.find({}) == ()
    assert joined(nothing, some) == joined(some, nothing) == some


@settings(deadline=None)
@given(grids())
def test_the_count_is_that_of_the_points(found: Grid) -> None:
    assert found.count() == len(list(found.points()))


@settings(deadline=None)
@given(grids())
def test_each_point_is_found_by_its_names(found: Grid) -> None:
    for point in found.points():
        assert names_of([found.find(names_at(found, point)) or ()]) == names_of([point])


@settings(deadline=None)
@given(grids(), st.data())
def test_matching_is_walking_and_leaving_out(found: Grid, data: st.DataObject) -> None:
    points = list(found.points())
    chosen = names_at(found, data.draw(st.sampled_from(points)))
    wanted = data.draw(st.sets(st.sampled_from(found.axes)))
    names = {name: chosen[name] for name in wanted}
    slow = [p for p in points if names.items() <= names_at(found, p).items()]

    exact = [p for p in found.matching(names) if names.items() <= names_at(found, p).items()]
    assert names_of(exact) == names_of(slow)
    if len(found.products) == 1:
        assert names_of(found.matching(names)) == names_of(slow)


@settings(deadline=None)
@given(grids("ab"), grids("xy"))
def test_joining_multiplies_and_keeps_the_order(outer: Grid, inner: Grid) -> None:
    expected = sorted(names_of(o + i for o in outer.points() for i in inner.points()))

    assert sorted(names_of(joined(outer, inner).points())) == expected
