"""Families: targets that differ in their coordinates, made one at a time as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traintrack.errors import InputError, Location
from traintrack.label import Label
from traintrack.workspace.axes import Coordinate, Grid
from traintrack.workspace.members import MemberMaker
from traintrack.workspace.model import Target

Point = tuple[Coordinate, ...]


class Family:
    """The members that `each` declares. `label` is the name that they share; `inner` the grid within an instance, if any."""

    def __init__(self, label: Label, grid: Grid, inner: Grid | None, maker: MemberMaker, place: Location) -> None:
        self.label = label
        self.grid = grid
        self.inner = inner
        self.place = place
        self._maker = maker
        self._made: dict[str, Target | InputError] = {}
        self._points: dict[str, Point] = {}

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes, in the order of the members' names."""
        return self.grid.axes

    def __len__(self) -> int:
        return self.grid.count()

    def find(self, coordinates: Mapping[str, str]) -> Target | None:
        """Return the member with a coordinate for each axis, by name; None if there is none.

        Raises:
            InputError: the member is wrong.
        """
        point = self.grid.find(coordinates) if coordinates.keys() == set(self.axes) else None
        return None if point is None else self.at(point)

    def matching(self, coordinates: Mapping[str, str]) -> Iterator[Target]:
        """Return the members with these coordinates, in order.

        Raises:
            InputError: a member is wrong.
        """
        return map(self.at, self.points_at(coordinates))

    def named(self, name: str) -> Target | None:
        """Return the member with just this name, `train@lr=0.1,depth=18`, or one that means the same; None without one.

        Raises:
            InputError: the member is wrong.
        """
        made = self._made.get(name)
        if isinstance(made, Target):
            return made
        point = self._points.get(name)
        if point is not None:
            return self._at(name, point)
        coordinates = name.partition("@")[2].split(",")
        return self.find(dict(item.partition("=")[::2] for item in coordinates))

    def names(self, coordinates: Mapping[str, str]) -> list[str]:
        """Return the names of the members with these coordinates, in order; makes no target."""
        found = {self.name_at(point): point for point in self.points_at(coordinates)}
        self._points.update(found)
        return list(found)

    def points_at(self, coordinates: Mapping[str, str]) -> Iterator[Point]:
        """Return the points with these coordinates, in order; makes no target."""
        return self.grid.matching(coordinates) if coordinates else self.grid.points()

    def at(self, point: Point) -> Target:
        """Return the member at a point of the grid; the same object each time.

        Raises:
            InputError: it is wrong.
        """
        return self._at(self.name_at(point), point)

    def _at(self, name: str, point: Point) -> Target:
        known = self._made.get(name)
        if known is None:
            try:
                known = self._maker.make(Label(self.label.package, name), point)
            except InputError as error:
                known = error
            self._made[name] = known
        if isinstance(known, InputError):
            raise known
        return known

    def name_at(self, point: Point) -> str:
        """The name of the member at a point: `train@lr=0.1,depth=18`."""
        pairs = zip(self.grid.axes, point, strict=True)
        return f"{self.label.name}@{','.join([f'{axis}={one.name}' for axis, one in pairs])}"


class TargetMap(Mapping[str, Target]):
    """Targets by name in the order of the file, the members of families among them, each made when it is asked for."""

    def __init__(self, declared: Mapping[str, Target | Family]) -> None:
        self._declared = declared

    def __getitem__(self, name: str) -> Target:
        """Return a target, or the member with just these coordinates.

        Raises:
            KeyError: there is none.
            InputError: it is wrong.
        """
        base, at, _ = name.partition("@")
        found = self._declared[base]
        if not at and isinstance(found, Target):
            return found
        if not at or isinstance(found, Target):
            raise KeyError(name)
        target = found.named(name)
        if target is None:
            raise KeyError(name)
        return target

    def declared_names(self) -> list[str]:
        """The names of targets and families, in order; makes no member."""
        return list(self._declared)

    def __iter__(self) -> Iterator[str]:
        return (target.label.name for target in self.values())

    def __len__(self) -> int:
        return sum(len(one) if isinstance(one, Family) else 1 for one in self._declared.values())

    def values(self) -> Any:
        """Every target, made anew where it was not asked for yet.

        Raises:
            InputError: a member is wrong.
        """
        return self._all()

    def items(self) -> Any:
        """Names and targets, as `values`."""
        return ((target.label.name, target) for target in self._all())

    def _all(self) -> Iterator[Target]:
        for one in self._declared.values():
            if isinstance(one, Family):
                yield from one.matching({})
            else:
                yield one
