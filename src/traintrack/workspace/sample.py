"""`sample`: points drawn at random from axes that vary together, the same ones on every machine.

```
sample = {n: 20, seed: 1, digits: 4, AXIS: draw, …}
draw   = {log: [low, high]} | {uniform: [low, high]} | {int: [low, high]} | {log_int: [low, high]} | values of an axis
```
A larger `n` keeps the points that were there, and a further axis the values of the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from traintrack.workspace.axes import Factor, Point
from traintrack.workspace.draws import MOST_DIGITS, Choice, Draw, Integer, Log, LogInteger, Uniform, bits_of
from traintrack.workspace.findings import Findings, described, shown
from traintrack.workspace.model import KeyPath
from traintrack.workspace.read_axis import RESERVED, check_axis_name, read_axis
from traintrack.workspace.suggest import did_you_mean, one_of

MAX_DRAWN: Final = 100_000
"""Points of a sample: they are drawn one by one, unlike the numbers of a range."""

_SETTINGS: Final = ("n", "seed", "digits")
_HINT: Final = "write `sample: {n: 20, lr: {log: [1e-5, 1e-2]}, depth: [18, 34]}`"


def read_sample(value: Any, path: KeyPath, findings: Findings) -> Factor | None:
    """Read what stands behind `sample`, and draw its points; what is wrong is noted."""
    if type(value) is not dict:
        findings.wrong_type(value, path, "a map", _HINT)
        return None
    before = len(findings.errors)
    if "n" not in value:
        findings.at_value(path, "a sample has no `n`, the number of its points", "bad-sample", _HINT)
    n = _whole(value.get("n", 1), (*path, "n"), findings, 1, MAX_DRAWN)
    digits = _whole(value.get("digits", 4), (*path, "digits"), findings, 1, MOST_DIGITS)
    seed = value.get("seed", 0)
    if type(seed) is not int:
        findings.wrong_type(seed, (*path, "seed"), "an integer", "write a whole number, such as `1`")
    draws: dict[str, Draw | None] = {}
    for axis, written in value.items():
        if axis not in _SETTINGS:
            check_axis_name((*path, axis), findings)
            draws[axis] = _draw(written, (*path, axis), findings, digits)
    if not draws:
        findings.at_value(path, "a sample has no axis", "no-axis", _HINT)
    known = {axis: draw for axis, draw in draws.items() if draw is not None}
    return None if len(findings.errors) > before else _drawn(known, n, seed, path, findings)


def _drawn(draws: Mapping[str, Draw], n: int, seed: int, path: KeyPath, findings: Findings) -> Factor | None:
    """Draw `n` different points; a point that was drawn before is passed over."""
    bounds = [draw.most() for draw in draws.values()]
    most = None if None in bounds else math.prod(bound for bound in bounds if bound is not None)
    if most is not None and most < n:
        _too_few(n, most, path, findings)
        return None
    sources = [(draw.at, bits_of(seed, axis)) for axis, draw in draws.items()]
    found: dict[tuple[str, ...], Point] = {}
    for index in range(100 * n + 1000):
        point = tuple(at(bits(index)) for at, bits in sources)
        found.setdefault(tuple(coordinate.name for coordinate in point), point)
        if len(found) == n:
            return Factor(tuple(draws), tuple(found.values()))
    _too_few(n, len(found), path, findings)
    return None


def _too_few(n: int, most: int, path: KeyPath, findings: Findings) -> None:
    message = f"a sample of {n:,} has only {most:,} different points"
    findings.at_value((*path, "n"), message, "few-points", f"write `n: {most}`, or widen its axes")


def _draw(value: Any, path: KeyPath, findings: Findings, digits: int) -> Draw | None:
    if type(value) is dict and len(value) == 1:
        ((kind, bounds),) = value.items()
        if kind in _BOUNDS:
            return _between(kind, bounds, (*path, kind), findings, digits)
        if kind not in RESERVED:
            hint = did_you_mean(kind, _BOUNDS, one_of((*_BOUNDS, "range", "dates")))
            findings.at_key((*path, kind), f"a sample cannot draw by `{shown(kind)}`", "bad-sample", hint)
            return None
    rows = read_axis(value, path, findings)
    return None if rows is None else Choice(rows)


def _between(kind: str, value: Any, path: KeyPath, findings: Findings, digits: int) -> Draw | None:
    bounds = _bounds(kind, value, path, findings)
    if bounds is None:
        return None
    low, high = bounds
    if kind == "int":
        return Integer(low, high)
    if kind == "log_int":
        return LogInteger(low, high)
    return (Log if kind == "log" else Uniform)(_decimal(low), _decimal(high), digits)


def _bounds(kind: str, value: Any, path: KeyPath, findings: Findings) -> tuple[Any, Any] | None:
    """Return two numbers of the type that a draw wants, the lower one first."""
    is_bound, what, example = _BOUNDS[kind]
    hint = f"write `{{{kind}: {example}}}`"
    if type(value) is not list or len(value) != 2:
        findings.wrong_type(value, path, "a list of two numbers", hint)
        return None
    for i, bound in enumerate(value):
        if not is_bound(bound):
            findings.at_value((*path, i), f"{described(bound)} is not {what}", "bad-bounds", hint)
            return None
    low, high = value
    if not low < high:
        findings.at_value(path, f"{described(low)} is not below {described(high)}", "bad-bounds", hint)
        return None
    if kind in {"log", "log_int"} and low <= 0:
        message = f"`{kind}` draws above 0, and {described(low)} is not"
        findings.at_value((*path, 0), message, "bad-bounds", hint)
        return None
    return low, high


def _is_integer(value: Any) -> bool:
    return type(value) is int and abs(value) <= 10**15


def _is_number(value: Any) -> bool:
    """What a float can hold."""
    return type(value) is float or (type(value) is int and abs(value) <= 10**300)


_WHOLE: Final = (_is_integer, "an integer up to 10^15", "[16, 256]")
_REAL: Final = (_is_number, "a number up to 10^300", "[0.001, 0.1]")
_BOUNDS: Final = {"log": _REAL, "uniform": _REAL, "int": _WHOLE, "log_int": _WHOLE}


def _decimal(value: float) -> Decimal:
    """The number as it is written in the shortest way, exactly: 0.1 is a tenth."""
    return Decimal(repr(value))


def _whole(value: Any, path: KeyPath, findings: Findings, low: int, high: int) -> int:
    """Return an integer of a range, its lower end with a finding where it is none."""
    if type(value) is int and low <= value <= high:
        return value
    hint = f"write a whole number from {low} to {high}"
    findings.wrong_type(value, path, f"an integer from {low} to {high:,}", hint)
    return low
