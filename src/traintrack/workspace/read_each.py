"""`each`: from what is written to the grid of a family.

```
each  = axes | "[" axes *( "," axes ) "]" | label        a product; a union of products; another family's grid
axes  = {AXIS: values, …, sample: {…}}
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from traintrack.workspace.axes import Factor, Grid, Point, Product, member_name
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath
from traintrack.workspace.read_axis import check_axis_name, read_axis, read_value
from traintrack.workspace.sample import read_sample

MAX_UNITED: Final = 100_000
"""Points of a union that are made to find those that are in it twice; a family of more is refused anyhow."""

_HINT: Final = "write axes below it: `each: {lr: [0.1, 0.01], depth: [18, 34]}`"

_Reader: TypeAlias = Callable[[Any, KeyPath, Findings], Sequence[Point] | None]


def read_each(
    value: Any, path: KeyPath, findings: Findings, family_of: Callable[[str, KeyPath], Grid | None]
) -> Grid | None:
    """Return the grid that the field `each` at `path` stands for; None where something is wrong, which is noted.

    `family_of` returns the grid of another family, from its label as written, and notes itself what is wrong with it.
    A union of at most `MAX_UNITED` points comes out as one factor: its points are known by name.
    """
    if type(value) is str:
        return family_of(value, path)
    if type(value) is list:
        return _union(value, path, findings)
    if type(value) is dict:
        product = _product(value, path, findings, read_axis)
        return None if product is None else Grid(product.axes, (product,))
    findings.wrong_type(value, path, "a map of axes, a list of such maps, or a label", _HINT)
    return None


def _product(value: Mapping[str, Any], path: KeyPath, findings: Findings, read: _Reader) -> Product | None:
    if not value:
        findings.at_value(path, "`each` has no axis", "no-axis", _HINT)
        return None
    before = len(findings.errors)
    factors = [_factor(key, inner, (*path, key), findings, read) for key, inner in value.items()]
    product = Product(tuple(factor for factor in factors if factor is not None))
    sampled = value.get("sample")
    for axis in sampled if type(sampled) is dict else ():
        if axis in value and axis in product.axes:
            message = f"axis `{shown(axis)}` is also an axis beside the sample"
            findings.at_key((*path, "sample", axis), message, "same-name", "take one of them out")
    return product if len(findings.errors) == before else None


def _factor(key: str, value: Any, path: KeyPath, findings: Findings, read: _Reader) -> Factor | None:
    if key == "sample":
        return read_sample(value, path, findings)
    before = len(findings.errors)
    check_axis_name(path, findings)
    if len(findings.errors) > before:
        return None
    rows = read(value, path, findings)
    return None if rows is None else Factor((key,), rows)


def _union(entries: Sequence[Any], path: KeyPath, findings: Findings) -> Grid | None:
    if not entries:
        findings.at_value(path, "`each` has no axis", "no-axis", _HINT)
        return None
    before = len(findings.errors)
    products = [_entry(entry, (*path, i), findings) for i, entry in enumerate(entries)]
    axes = products[0].axes if products[0] is not None else ()
    for i, product in enumerate(products):
        if axes and product is not None and set(product.axes) != set(axes):
            _refuse_axes(axes, product.axes, (*path, i), findings)
    if len(findings.errors) > before:
        return None
    grid = Grid(axes, tuple(product for product in products if product is not None))
    return grid if len(products) == 1 or grid.count() > MAX_UNITED else _united(grid, path, findings)


def _entry(value: Any, path: KeyPath, findings: Findings) -> Product | None:
    if type(value) is dict:
        return _product(value, path, findings, read_value)
    if isinstance(value, str) and value.startswith((":", "//", ".")):
        hint = f'write `each: "{shown(value)}"` alone, or the axes of that family here'
    else:
        hint = "write maps: `each: [{lr: 0.1, depth: 18}, {lr: 0.01, depth: 50}]`"
    findings.wrong_type(value, path, "a map of axes", hint)
    return None


def _refuse_axes(first: Sequence[str], axes: Sequence[str], path: KeyPath, findings: Findings) -> None:
    lacking = [axis for axis in first if axis not in axes]
    if lacking:
        message = f"axis `{shown(lacking[0])}` is in the first entry of `each`, and not in this"
    else:
        more = next(axis for axis in axes if axis not in first)
        message = f"axis `{shown(more)}` is not in the first entry of `each`"
    findings.at_value(path, message, "other-axes", f"give each entry the axes {', '.join(f'`{a}`' for a in first[:8])}")


def _united(grid: Grid, path: KeyPath, findings: Findings) -> Grid | None:
    """Return the union as one factor, unless a point is in it twice."""
    entry_of: dict[tuple[str, ...], int] = {}
    points: list[Point] = []
    before = len(findings.errors)
    for i, product in enumerate(grid.products):
        for point in Grid(grid.axes, (product,)).points():
            first = entry_of.setdefault(tuple(coordinate.name for coordinate in point), i)
            if first != i:
                name = shown(member_name(grid.axes, point))
                message = f"`{name}` is in this entry of `each` and in number {first + 1}"
                findings.at_value((*path, i), message, "same-point", "take it out of one of them")
                break
            points.append(point)
    if len(findings.errors) > before:
        return None
    return Grid(grid.axes, (Product((Factor(grid.axes, tuple(points)),)),))
