"""`{range: …}`: integers that are counted, not written.

```
range = stop | "[" start "," stop "]" | {from: start, to: stop, step: step}      stop itself is left out
```
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from traintrack.workspace.axes import ComputedRows, Coordinate, Point
from traintrack.workspace.coordinate_numbers import number_of
from traintrack.workspace.findings import Findings
from traintrack.workspace.model import KeyPath

_FIELDS: Final = ("from", "to", "step")
_FARTHEST: Final = 10**18
_HINT: Final = "write `{range: 5}`, `{range: [1, 6]}` or `{range: {from: 1, to: 9, step: 2}}`"


class RangeRows(ComputedRows):
    """The rows of an axis of integers."""

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers

    def row(self, index: int) -> Point:
        """Return the row at an index."""
        number = self.numbers[index]
        return (Coordinate(str(number), number, number),)

    def named(self, text: str) -> Point | None:
        """Return the row of a number, however it is spelled."""
        number = number_of(text)
        if number is None or number != int(number) or int(number) not in self.numbers:
            return None
        return self.row(self.numbers.index(int(number)))

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeRows) and self.numbers == other.numbers

    def __hash__(self) -> int:
        return hash(self.numbers)


def read_range(value: Any, path: KeyPath, findings: Findings) -> RangeRows | None:
    """Read what stands behind `range`; what is wrong is noted."""
    bounds = _bounds(value, path, findings)
    if bounds is None:
        return None
    if any(type(bound) is not int for bound in bounds):
        findings.at_value(path, "a range has a bound that is not an integer", "bad-bounds", _HINT)
        return None
    if any(abs(bound) > _FARTHEST for bound in bounds):
        findings.at_value(path, "a range has a bound beyond 10^18", "bad-bounds", "write smaller numbers")
        return None
    start, stop, step = bounds
    if step == 0:
        findings.at_value((*path, "step"), "a range cannot have the step 0", "bad-bounds", "write `step: 1`")
        return None
    numbers = range(start, stop, step)
    if not numbers:
        findings.at_value(path, _nothing(start, stop, step), "bad-bounds", "`to` itself is left out: move it")
        return None
    return RangeRows(numbers)


def _bounds(value: Any, path: KeyPath, findings: Findings) -> Sequence[Any] | None:
    """Return start, stop and step, of any type."""
    if type(value) is int:
        return (0, value, 1)
    if type(value) is list and len(value) == 2:
        return (*value, 1)
    if type(value) is not dict:
        findings.wrong_type(value, path, "an integer, a list of two, or a map", _HINT)
        return None
    unknown = [key for key in value if key not in _FIELDS]
    for key in unknown:
        findings.unknown((*path, key), _FIELDS, "`range`")
    if "to" not in value:
        findings.at_value(path, "a range has no `to`", "bad-bounds", _HINT)
    if unknown or "to" not in value:
        return None
    return (value.get("from", 0), value["to"], value.get("step", 1))


def _nothing(start: int, stop: int, step: int) -> str:
    by = f" by steps of {step}" if step != 1 else ""
    return f"a range from {start} to {stop}{by} has no number"
