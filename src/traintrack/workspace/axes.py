"""The points of a family: axes that vary apart from one another or together, and unions of such grids.

A point is a tuple of coordinates, one per axis, in the order of the grid's axes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeAlias, overload

from msgspec import Struct

from traintrack.workspace.coordinate_numbers import number_of


class Coordinate(Struct, frozen=True):
    """A value of an axis with the name that it has in labels.

    `value` is what `${axis}` stands for: a scalar, a text, a `Literal`, or the map or list of a bundle. `shown` is what
    a task sees in the list of a fan-in: the scalar or text itself, the name of a bundle or of a label.
    """

    name: str
    value: Any
    shown: Any


Point: TypeAlias = tuple[Coordinate, ...]


class ComputedRows(Sequence[Point], ABC):
    """The rows of one axis, computed when they are asked for, so that 10^9 of them cost nothing."""

    @abstractmethod
    def row(self, index: int) -> Point:
        """Return the row at an index from 0 up to the length."""

    @abstractmethod
    def named(self, text: str) -> Point | None:
        """Return the row with the coordinate of this name, or of the same number; None if there is none."""

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        chosen = range(len(self))[index]
        return self.row(chosen) if isinstance(chosen, int) else tuple(map(self.row, chosen))

    def __iter__(self) -> Iterator[Point]:
        return map(self.row, range(len(self)))


class _AxisIndex(Struct, frozen=True):
    """The rows of an axis by the name of their coordinate; `numbers` maps a number to its name."""

    rows: dict[str, list[int]]
    numbers: dict[int | float, str]

    def resolved(self, text: str) -> str | None:
        if text in self.rows:
            return text
        number = number_of(text)
        return None if number is None else self.numbers.get(number)


class Factor(Struct, frozen=True, dict=True):
    """Axes that vary together: each row has a coordinate per axis. An ordinary axis is a factor of one."""

    axes: tuple[str, ...]
    rows: Sequence[Point]

    def find(self, names: Mapping[str, str]) -> Point | None:
        """Return the row with these coordinates for all axes; it is not searched for."""
        if isinstance(self.rows, ComputedRows):
            return self.rows.named(names[self.axes[0]])
        at = self._by_names.get(tuple([names[axis] for axis in self.axes]))
        if at is None:
            at = self._by_names.get(tuple([self._index[axis].resolved(names[axis]) for axis in self.axes]))
        return None if at is None else self.rows[at]

    def matching(self, names: Mapping[str, str]) -> Sequence[Point]:
        """Return the rows with these coordinates, in order; axes of other factors do not matter."""
        wanted = [(i, axis) for i, axis in enumerate(self.axes) if axis in names]
        if not wanted:
            return self.rows
        if len(wanted) == len(self.axes):
            found = self.find(names)
            return () if found is None else (found,)
        resolved = [(i, self._index[axis].resolved(names[axis])) for i, axis in wanted]
        narrowest = min((self._index[self.axes[i]].rows.get(name or "", []) for i, name in resolved), key=len)
        rows = map(self.rows.__getitem__, narrowest)
        return tuple(row for row in rows if all(row[i].name == name for i, name in resolved))

    @cached_property
    def _by_names(self) -> Mapping[tuple[str | None, ...], int]:
        return {tuple(coordinate.name for coordinate in row): at for at, row in enumerate(self.rows)}

    @cached_property
    def _index(self) -> Mapping[str, _AxisIndex]:
        return {axis: _index_of(row[i] for row in self.rows) for i, axis in enumerate(self.axes)}


class Product(Struct, frozen=True):
    """Each row of each factor with each of the others, the last factor fastest."""

    factors: tuple[Factor, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes in the order of the factors."""
        return tuple(axis for factor in self.factors for axis in factor.axes)

    def count(self) -> int:
        """Return how many points there are, without making one."""
        return math.prod(len(factor.rows) for factor in self.factors)


class Grid(Struct, frozen=True):
    """A union of products over the same axes; `axes` are in the order of the first product."""

    axes: tuple[str, ...]
    products: tuple[Product, ...]

    def count(self) -> int:
        """Return how many points there are, without making one."""
        return sum(product.count() for product in self.products)

    def points(self) -> Iterator[Point]:
        """Yield the points in the order of declaration, the last axis of each product fastest."""
        for product in self.products:
            yield from self._in_order(product, [factor.rows for factor in product.factors])

    def matching(self, names: Mapping[str, str]) -> Iterator[Point]:
        """Yield the points with these coordinates, in order; none if one names no axis. Only they are walked."""
        if names.keys() <= set(self.axes):
            for product in self.products:
                yield from self._in_order(product, [factor.matching(names) for factor in product.factors])

    def find(self, names: Mapping[str, str]) -> Point | None:
        """Return the point with these coordinates for all axes, None if there is none.

        A number finds its equal (`1e-4` finds `0.0001`, `1` finds `1.0`) where none is spelled in the same way.
        """
        if names.keys() != set(self.axes):
            return None
        near: Point | None = None
        for product in self.products:
            rows = [factor.find(names) for factor in product.factors]
            if None in rows:
                continue
            found = next(self._in_order(product, [(row,) for row in rows if row is not None]))
            if len(self.products) == 1 or self._spelled(found) == names:
                return found
            near = near or found
        return near

    def _spelled(self, point: Point) -> Mapping[str, str]:
        return {axis: coordinate.name for axis, coordinate in zip(self.axes, point, strict=True)}

    def _in_order(self, product: Product, rows: Sequence[Sequence[Point]]) -> Iterator[Point]:
        points = _combined(rows)
        if product.axes == self.axes:
            return points
        return map(itemgetter(*map(product.axes.index, self.axes)), points)


def joined(outer: Grid, inner: Grid) -> Grid:
    """Return each point of `outer` with each of `inner`, those of `inner` fastest; they share no axis."""
    products = tuple(Product(o.factors + i.factors) for o in outer.products for i in inner.products)
    return Grid(outer.axes + inner.axes, products)


def member_name(grid_axes: Sequence[str], point: Iterable[Coordinate]) -> str:
    """Return what a member is called behind the `@`: `lr=0.1,depth=18`."""
    return ",".join(f"{axis}={coordinate.name}" for axis, coordinate in zip(grid_axes, point, strict=True))


def _combined(rows: Sequence[Sequence[Point]]) -> Iterator[Point]:
    """Return the product of rows, lazily: each may be long beyond memory."""
    if len(rows) < 2:
        return iter(rows[0] if rows else [()])
    return (first + rest for first in rows[0] for rest in _combined(rows[1:]))


def _index_of(coordinates: Iterable[Coordinate]) -> _AxisIndex:
    index = _AxisIndex({}, {})
    for at, coordinate in enumerate(coordinates):
        index.rows.setdefault(coordinate.name, []).append(at)
        if type(coordinate.value) is float or type(coordinate.value) is int:
            number = number_of(coordinate.name)
            if number is not None:
                index.numbers.setdefault(number, coordinate.name)
    return index
