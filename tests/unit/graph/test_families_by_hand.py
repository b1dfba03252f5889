"""A member of a family has the ID that the same target written by hand would have, whatever the family is made of.

The targets by hand are expanded here, from the random structure and without any code of the package.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from family_workspace import FamilyWorkspace
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from traintrack.digest import target_id

slow = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True, scope="module")
def no_cache() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINTRACK_NO_CACHE", "1")
        yield


@dataclass(frozen=True)
class Axis:
    """An axis: values by the names of their coordinates; a bundle's values are maps."""

    name: str
    values: Mapping[str, Any]
    is_bundle: bool

    def each(self, names: Sequence[str]) -> Any:
        if self.is_bundle:
            return {name: self.values[name] for name in names}
        return [self.values[name] for name in names]


Point = Mapping[str, str]
"""The name of the coordinate on each axis."""


@dataclass(frozen=True)
class Grid:
    """A union of products: `entries` hold names of coordinates by axis."""

    axes: tuple[Axis, ...]
    entries: tuple[Mapping[str, tuple[str, ...]], ...]

    def each(self) -> Any:
        written = [{axis.name: axis.each(entry[axis.name]) for axis in self.axes} for entry in self.entries]
        return written[0] if len(written) == 1 else written

    def points(self) -> list[Point]:
        return [
            dict(zip((axis.name for axis in self.axes), names, strict=True))
            for entry in self.entries
            for names in itertools.product(*(entry[axis.name] for axis in self.axes))
        ]

    def values(self, point: Point) -> dict[str, Any]:
        return {axis.name: axis.values[point[axis.name]] for axis in self.axes}


def name_of(value: Any) -> str:
    """As docs/reference says: numbers by their digits, `true` and `false`, text as it is."""
    return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)


def text_of(value: Any) -> str:
    return name_of(value)


def label(family: str, grid: Grid, point: Point) -> str:
    return f"{family}@{','.join(f'{axis.name}={point[axis.name]}' for axis in grid.axes)}"


SCALARS = st.one_of(
    st.integers(-5, 50),
    st.sampled_from([0.1, 0.25, 1e-05, 3.0, -0.5, 1e22, 1e16, 0.0001]),
    st.sampled_from(["adam", "sgd", "a-b", "x1", "v2.0", "1e3x", "no", "null_"]),
    st.booleans(),
)
AXIS_NAMES = ("lr", "depth", "model.size", "opt", "fold")


@st.composite
def axes(draw: st.DrawFn, names: Sequence[str] = AXIS_NAMES, most: int = 3) -> tuple[Axis, ...]:
    found = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True)):
        if draw(st.booleans()):
            values = draw(st.lists(SCALARS, min_size=1, max_size=3, unique_by=name_of))
            found.append(Axis(name, {name_of(value): value for value in values}, is_bundle=False))
        else:
            keys = draw(st.lists(st.sampled_from(["s", "m", "1", "x.y"]), min_size=1, max_size=2, unique=True))
            found.append(Axis(name, {key: {"d": draw(SCALARS), "w": [draw(SCALARS)]} for key in keys}, is_bundle=True))
    return tuple(found)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    over = draw(axes())
    whole = {axis.name: tuple(axis.values) for axis in over}
    if draw(st.booleans()):
        return Grid(over, (whole,))
    entry = st.fixed_dictionaries(
        {axis: st.lists(st.sampled_from(names), min_size=1, unique=True).map(tuple) for axis, names in whole.items()}
    )
    grid = Grid(over, tuple(draw(st.lists(entry, min_size=2, max_size=3))))
    points = [tuple(point.values()) for point in grid.points()]
    assume(len(points) == len(set(points)))
    return grid


@st.composite
def forms(draw: st.DrawFn, over: Sequence[Axis]) -> dict[str, tuple[str, Any]]:
    """How each axis stands in the arguments: a form, and the hole in it."""
    found = {}
    for axis in over:
        options = ["whole", "field", "field text"] if axis.is_bundle else ["alone", "text", "deep", "label"]
        found[axis.name] = draw(st.sampled_from(options))
    return {name: (form, name) for name, form in found.items()}


def with_holes(form: str, hole: str) -> Any:
    return {
        "alone": f"${{{hole}}}",
        "text": f"a-${{{hole}}}$${{x}}-${{{hole}}}",
        "deep": {"in": [1, {"x": f"${{{hole}}}"}]},
        "label": f":base/p-${{{hole}}}/q",
        "whole": f"${{{hole}}}",
        "field": f"${{{hole}.d}}",
        "field text": f"d=${{{hole}.d}}",
    }[form]


def by_hand(form: str, value: Any) -> Any:
    return {
        "alone": lambda: value,
        "text": lambda: f"a-{text_of(value)}${{x}}-{text_of(value)}",
        "deep": lambda: {"in": [1, {"x": value}]},
        "label": lambda: f":base/p-{text_of(value)}/q",
        "whole": lambda: value,
        "field": lambda: value["d"],
        "field text": lambda: f"d={text_of(value['d'])}",
    }[form]()


def escaped(value: Any) -> Any:
    """Spell what is meant as it is so that it is no hole."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def targets(**fields: Any) -> str:
    """A file of targets; JSON is YAML."""
    return f"targets: {json.dumps({'base': {}, **fields})}\n"


def ids_of(text: str, lock: str | None = None) -> dict[str, str]:
    files = {} if lock is None else {"a/TTLOCK.yaml": lock}
    with tempfile.TemporaryDirectory() as folder:
        return FamilyWorkspace(Path(folder), text, files).ids()


def hand_ids(made: Mapping[str, Mapping[str, Any]], lock: str | None = None) -> dict[str, str]:
    """The IDs of targets by hand, by the label of the member that each stands for."""
    names = {member: f"hand{i}" for i, member in enumerate(made)}
    fields = {names[member]: one for member, one in made.items()}
    ids = ids_of(targets(**fields), lock)
    return {member: ids[name] for member, name in names.items()}


def demand_same(family: Mapping[str, str], hand: Mapping[str, str]) -> None:
    assert {member: family.get(member) for member in hand} == hand


@dataclass(frozen=True)
class Override:
    match: Mapping[str, Any]
    names: Mapping[str, frozenset[str]]
    fields: Mapping[str, Any]


@st.composite
def overrides(draw: st.DrawFn, grid: Grid) -> list[Override]:
    found = []
    for number in range(draw(st.integers(0, 2))):
        point = draw(st.sampled_from(grid.points()))
        chosen = draw(st.lists(st.sampled_from(grid.axes), min_size=1, unique_by=lambda axis: axis.name))
        names = {axis.name: {point[axis.name]} for axis in chosen}
        if draw(st.booleans()):
            names[chosen[0].name] |= {draw(st.sampled_from(grid.points()))[chosen[0].name]}
        match = {
            axis.name: [name if axis.is_bundle else axis.values[name] for name in sorted(names[axis.name])]
            for axis in chosen
        }
        if draw(st.booleans()):
            match = {axis: values[0] if len(values) == 1 else values for axis, values in match.items()}
        fields = draw(
            st.sampled_from(
                [
                    {"cache_version": number + 1},
                    {"args": {f"extra{number}": number}},
                    {"args": {grid.axes[0].name: "other"}},
                    {"task": "another", "env": {"X": "1"}},
                ]
            )
        )
        found.append(Override(match, {axis: frozenset(one) for axis, one in names.items()}, fields))
    return found


def merged(fields: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(fields)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


@slow
@given(st.data())
def test_members_of_random_grids_with_overrides_have_the_ids_of_targets_by_hand(data: st.DataObject) -> None:
    grid = data.draw(grids())
    shape = data.draw(forms(grid.axes))
    changes = data.draw(overrides(grid))
    family = {
        "each": grid.each(),
        "args": {axis: with_holes(form, hole) for axis, (form, hole) in shape.items()},
        "overrides": [{"match": one.match, **one.fields} for one in changes],
    }
    made = {}
    for point in grid.points():
        values = grid.values(point)
        fields: dict[str, Any] = {"args": {axis: by_hand(form, values[axis]) for axis, (form, _) in shape.items()}}
        for one in changes:
            if all(point[axis] in names for axis, names in one.names.items()):
                fields = merged(fields, one.fields)
        made[label("t", grid, point)] = escaped(fields)

    ids = ids_of(targets(t=family))
    demand_same(ids, hand_ids(made))
    assert len(ids) == len(made) + 1


@slow
@given(st.data())
def test_the_order_of_axes_names_members_and_changes_no_id(data: st.DataObject) -> None:
    grid = data.draw(grids())
    args = {axis: with_holes(form, hole) for axis, (form, hole) in data.draw(forms(grid.axes)).items()}
    other = replace(grid, axes=tuple(data.draw(st.permutations(grid.axes))))
    before = ids_of(targets(t={"each": grid.each(), "args": args}))
    after = ids_of(targets(t={"each": other.each(), "args": args}))

    assert {label("t", other, point): before[label("t", grid, point)] for point in grid.points()} == {
        name: id_ for name, id_ in after.items() if name != "base"
    }


@slow
@given(st.data())
def test_a_value_more_leaves_the_other_members_as_they_are(data: st.DataObject) -> None:
    over = data.draw(axes())
    axis = data.draw(st.sampled_from(over))
    assume(len(axis.values) > 1)
    whole = Grid(over, ({one.name: tuple(one.values) for one in over},))
    gone = data.draw(st.sampled_from(list(axis.values)))
    less = Grid(over, ({one.name: tuple(n for n in one.values if one is not axis or n != gone) for one in over},))
    args = {name: with_holes(form, hole) for name, (form, hole) in data.draw(forms(over)).items()}
    before, after = (ids_of(targets(t={"each": grid.each(), "args": args})) for grid in (less, whole))

    assert before.items() <= after.items()
    assert len(after) - 1 == len(whole.points())


@slow
@given(st.data())
def test_members_of_a_template_with_parameters_have_the_ids_of_targets_by_hand(data: st.DataObject) -> None:
    grid = data.draw(grids())
    shape = data.draw(forms(grid.axes))
    fixed = data.draw(SCALARS)
    template = {
        "params": {**{f"p{i}": "any" for i in range(len(grid.axes))}, "fixed": {"any": fixed}, "own": "any"},
        "args": {
            **{axis: with_holes(form, f"p{i}") for i, (axis, (form, _)) in enumerate(shape.items())},
            "f": "${fixed}",
            "g": ["<${fixed}>", "${own}"],
        },
    }
    passed = {**{f"p{i}": f"${{{axis}}}" for i, axis in enumerate(shape)}, "own": {"$x": "$${y}"}}
    family = {"use": "k", "each": grid.each(), "with": passed}
    made = {}
    for point in grid.points():
        values = grid.values(point)
        args = {axis: by_hand(form, values[axis]) for axis, (form, _) in shape.items()}
        made[label("t", grid, point)] = escaped(
            {"args": {**args, "f": fixed, "g": [f"<{text_of(fixed)}>", {"$x": "${y}"}]}}
        )
    text = f"templates: {json.dumps({'k': template})}\n{targets(t=family)}"

    demand_same(ids_of(text), hand_ids(made))


@slow
@given(st.data())
def test_parts_of_a_graph_with_axes_outside_and_inside_have_the_ids_of_targets_by_hand(data: st.DataObject) -> None:
    outer, inner = (
        Grid(over, ({axis.name: tuple(axis.values) for axis in over},))
        for over in (data.draw(axes(AXIS_NAMES[:2], 2)), data.draw(axes(AXIS_NAMES[2:], 2)))
    )
    both = Grid(outer.axes + inner.axes, ())
    shapes = [data.draw(forms(grid.axes)) for grid in (outer, inner)]
    holes = {axis: with_holes(form, f"p{i}") for i, (axis, (form, _)) in enumerate(shapes[0].items())}
    inside = {axis: with_holes(form, axis) for axis, (form, _) in shapes[1].items()}
    template = {
        "params": {f"p{i}": "any" for i in range(len(outer.axes))},
        "targets": {
            "data": {"args": holes},
            "train": {
                "each": inner.each(),
                "args": {**holes, **inside, "data": ".data/x", "n": "${" + inner.axes[0].name + "}"},
            },
            "eval": {"each": ".train", "args": {"model": ".train@.", "also": [".data"]}},
            "sum": {"args": {"evals": ".eval@*"}},
        },
        "result": "sum",
    }
    use = {"use": "k", "each": outer.each(), "with": {f"p{i}": f"${{{axis}}}" for i, axis in enumerate(shapes[0])}}
    made: dict[str, Any] = {}
    hand: dict[str, str] = {}
    for o, around in enumerate(outer.points()):
        values = outer.values(around)
        args = {axis: by_hand(form, values[axis]) for axis, (form, _) in shapes[0].items()}
        made[label("cv.data", outer, around)] = {"args": args}
        hand[label("cv.data", outer, around)] = data_name = f"data{o}"
        for i, within in enumerate(inner.points()):
            values = inner.values(within)
            own = {axis: by_hand(form, values[axis]) for axis, (form, _) in shapes[1].items()}
            point = {**around, **within}
            first = values[inner.axes[0].name]
            made[label("cv.train", both, point)] = {"args": {**args, **own, "data": f":{data_name}/x", "n": first}}
            made[label("cv.eval", both, point)] = {"args": {"model": f":train{o}-{i}", "also": [f":{data_name}"]}}
            hand[label("cv.train", both, point)] = f"train{o}-{i}"
            hand[label("cv.eval", both, point)] = f"eval{o}-{i}"
    ids = ids_of(f"templates: {json.dumps({'k': template})}\n{targets(cv=use)}")
    by_name = ids_of(targets(**{hand[member]: escaped(fields) for member, fields in made.items()}))

    demand_same(ids, {member: by_name[name] for member, name in hand.items()})
    assert len(ids) == 1 + len(made) + len(outer.points())


@slow
@given(st.data())
def test_a_list_of_members_holds_their_ids_by_the_axes_that_are_left_open(data: st.DataObject) -> None:
    grid = data.draw(grids())
    args = {axis: with_holes(form, hole) for axis, (form, hole) in data.draw(forms(grid.axes)).items()}
    point = data.draw(st.sampled_from(grid.points()))
    fixed = data.draw(st.lists(st.sampled_from([axis.name for axis in grid.axes]), unique=True))
    gone = data.draw(st.lists(st.sampled_from(grid.points()), max_size=2))
    pinned = {axis: point[axis] for axis in fixed}
    meant = [one for one in grid.points() if all(one[axis] == name for axis, name in pinned.items())]
    left_out = [one for one in gone if one in meant]
    kept = [one for one in meant if one not in left_out]
    assume(kept)
    selector = ",".join([*(f"{axis}={name}" for axis, name in pinned.items()), "*"])
    exceptions = [
        {axis.name: one[axis.name] if axis.is_bundle else axis.values[one[axis.name]] for axis in grid.axes}
        for one in left_out
    ]
    reader = {"args": {"a": {"b": [f":t@{selector}/x"]}}, "except": {"a.b.0": exceptions} if exceptions else {}}
    with tempfile.TemporaryDirectory() as folder:
        text = targets(t={"each": grid.each(), "args": args}, reader=reader)
        actions = FamilyWorkspace(Path(folder), text).actions()
    action = actions.actions[actions.labels["//a:reader"]]
    rows = []
    for one in kept:
        at = {
            axis.name: one[axis.name] if axis.is_bundle else axis.values[one[axis.name]]
            for axis in grid.axes
            if axis.name not in pinned
        }
        id_ = actions.labels[f"//a:{label('t', grid, one)}"]
        rows.append({"at": at, "$artifact": id_, "path": "x"})

    found = json.loads(action.preimage)["args"]["a"]["b"][0]["$family"]
    assert action.id == target_id(action.preimage)
    assert sorted(json.dumps(row, sort_keys=True) for row in found) == sorted(
        json.dumps(row, sort_keys=True) for row in rows
    )
    seen = [json.dumps(row["at"], sort_keys=True, separators=(",", ":"), ensure_ascii=False) for row in found]
    assert [row["at"] for row in action.config["a"]["b"][0]] == [row["at"] for row in found]
    if "e" not in "".join(seen).replace("adam", ""):
        assert seen == sorted(seen)


def test_members_of_sources_have_the_ids_of_sources_by_hand() -> None:
    days = ["2026-01-30", "2026-01-31", "2026-02-01"]
    pins = "".join(f'  "https://x.example/{day}.csv": {{content: {i:064x}}}\n' for i, day in enumerate(days))
    lock = f"format: traintrack.lock/1\nsources:\n{pins}"
    family = (
        "targets:\n"
        "  day: {each: {d: {dates: {from: 2026-01-30, to: 2026-02-01, every: 1d}}},"
        ' source: "https://x.example/${d}.csv"}\n'
        '  use: {task: t, image: box, code: baked, each: ":day", args: {in: ":day@.", day: "${d}"}}\n'
    )
    hand = "targets:\n" + "".join(
        f'  day{i}: {{source: "https://x.example/{day}.csv"}}\n'
        f'  use{i}: {{task: t, image: box, code: baked, args: {{in: ":day{i}", day: "{day}"}}}}\n'
        for i, day in enumerate(days)
    )
    found = [_ids_below(text, lock) for text in (family, hand)]

    assert found[0] == {
        **{f"day@d={day}": found[1][f"day{i}"] for i, day in enumerate(days)},
        **{f"use@d={day}": found[1][f"use{i}"] for i, day in enumerate(days)},
    }


def _ids_below(text: str, lock: str) -> dict[str, str]:
    """The IDs of an experiment without defaults."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"b/TTCONFIG.yaml": text, "b/TTLOCK.yaml": lock}
        return FamilyWorkspace(Path(folder), "", files).ids("//b:*")
