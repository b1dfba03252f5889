"""`{dates: …}`: the days from one to another, such as the partitions of a backfill.

```
dates = {from: "2026-01-01", to: "2026-02-01", every: every}        `to` belongs to it
every = day | week | month | year | 3d | 2w
```
Months and years keep the day of `from` where the month has it, else its last: 31 January, 28 February, 31 March.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Any, Final

from msgspec import Struct

from traintrack.workspace.axes import ComputedRows, Coordinate, Point
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath
from traintrack.workspace.suggest import did_you_mean

_FIELDS: Final = ("from", "to", "every")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_EVERY = re.compile(r"([1-9][0-9]{0,5})([dw])\Z", re.ASCII)
_HINT: Final = 'write `{dates: {from: "2026-01-01", to: "2026-02-01", every: week}}`'


class Every(Struct, frozen=True):
    """A step in time: so many days, or so many months; one of them is 0."""

    days: int = 0
    months: int = 0


_WORDS: Final = {"day": Every(days=1), "week": Every(days=7), "month": Every(months=1), "year": Every(months=12)}


class DateRows(ComputedRows):
    """The rows of an axis of dates; `last` itself is among them if a step meets it."""

    def __init__(self, first: date, last: date, every: Every) -> None:
        self.first = first
        self.every = every
        self._count = self._steps_to(last) + 1
        if self._at(self._count - 1) > last:
            self._count -= 1

    def row(self, index: int) -> Point:
        """Return the row at an index."""
        text = self._at(index).isoformat()
        return (Coordinate(text, text, text),)

    def named(self, text: str) -> Point | None:
        """Return the row of a date."""
        found = _date_of(text)
        if found is None or found < self.first:
            return None
        index = self._steps_to(found)
        return self.row(index) if index < self._count and self._at(index) == found else None

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DateRows) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[date, Every, int]:
        return (self.first, self.every, self._count)

    def _steps_to(self, day: date) -> int:
        if self.every.days:
            return (day - self.first).days // self.every.days
        return ((day.year - self.first.year) * 12 + day.month - self.first.month) // self.every.months

    def _at(self, index: int) -> date:
        if self.every.days:
            return self.first + timedelta(days=index * self.every.days)
        years, month = divmod(self.first.month - 1 + index * self.every.months, 12)
        year = self.first.year + years
        return date(year, month + 1, min(self.first.day, monthrange(year, month + 1)[1]))


def read_dates(value: Any, path: KeyPath, findings: Findings) -> DateRows | None:
    """Read what stands behind `dates`; what is wrong is noted."""
    if type(value) is not dict:
        findings.wrong_type(value, path, "a map", _HINT)
        return None
    before = len(findings.errors)
    for key in value:
        if key not in _FIELDS:
            findings.unknown((*path, key), _FIELDS, "`dates`")
    first = _bound(value, "from", path, findings)
    last = _bound(value, "to", path, findings)
    every = _every(value.get("every", "day"), (*path, "every"), findings)
    if first is None or last is None or every is None or len(findings.errors) > before:
        return None
    if last < first:
        message = f"the last date, {last}, is before the first, {first}"
        findings.at_value((*path, "to"), message, "bad-bounds", "exchange `from` and `to`")
        return None
    return DateRows(first, last, every)


def _bound(value: dict[str, Any], key: str, path: KeyPath, findings: Findings) -> date | None:
    if key not in value:
        findings.at_value(path, f"`dates` has no `{shown(str(key))}`", "bad-bounds", _HINT)
        return None
    text = value[key]
    if type(text) is not str:
        findings.wrong_type(text, (*path, key), "a date", 'write it as `"2026-01-31"`')
        return None
    found = _date_of(text)
    if found is None:
        message = f"`{shown(text)}` is not a date"
        findings.at_value((*path, key), message, "bad-bounds", 'write it as `"2026-01-31"`')
    return found


def _every(value: Any, path: KeyPath, findings: Findings) -> Every | None:
    if type(value) is not str:
        findings.wrong_type(value, path, "a step", "write `day`, `week`, `month`, `year`, or such as `3d` or `2w`")
        return None
    if value in _WORDS:
        return _WORDS[value]
    found = _EVERY.match(value)
    if found is not None:
        return Every(days=int(found[1]) * (7 if found[2] == "w" else 1))
    hint = did_you_mean(value, _WORDS, "write `day`, `week`, `month`, `year`, or such as `3d` or `2w`")
    findings.at_value(path, f"`{shown(value)}` is not a step of dates", "bad-bounds", hint)
    return None


def _date_of(text: str) -> date | None:
    if not _DATE.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
