"""How a sample draws its values: the same on every machine, and written down in docs/reference/families.md.

```
bits  = first 53 bits of SHA-256("traintrack/sample/1" 00 seed 00 axis 00 index)         u = bits / 2^53
```
Values between bounds are computed with decimal numbers of 30 digits, each operation correctly rounded, half to even.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import Final, Protocol

from msgspec import Struct

from traintrack.workspace.axes import Coordinate, Point

MOST_DIGITS: Final = 17
"""Significant digits that tell every float from every other."""

_PREFIX: Final = b"traintrack/sample/1\0"
_BITS: Final = 53
_ALL: Final = Decimal(1 << _BITS)
_EXACT: Final = Context(prec=30, rounding=ROUND_HALF_EVEN)
_TO_DIGITS: Final = tuple(Context(prec=max(1, digits), rounding=ROUND_HALF_EVEN) for digits in range(MOST_DIGITS + 1))


class Draw(Protocol):
    """Says which coordinate of an axis a draw stands for."""

    def at(self, bits: int) -> Coordinate:
        """Return the coordinate for a draw of 53 bits."""

    def most(self) -> int | None:
        """Return a number that the different coordinates do not exceed, None if nothing is known."""


class Choice(Struct, frozen=True):
    """One of the values of an axis, each as likely as another."""

    rows: Sequence[Point]

    def at(self, bits: int) -> Coordinate:
        """Return the value at `floor(u * number of values)`."""
        return self.rows[(bits * len(self.rows)) >> _BITS][0]

    def most(self) -> int | None:
        """As many as there are values."""
        return len(self.rows)


class Integer(Struct, frozen=True):
    """An integer from `low` to `high`, both included."""

    low: int
    high: int

    def at(self, bits: int) -> Coordinate:
        """Return `low + floor(u * (high - low + 1))`."""
        return _integer(self.low + ((bits * (self.high - self.low + 1)) >> _BITS))

    def most(self) -> int | None:
        """As many as there are integers."""
        return self.high - self.low + 1


class LogInteger(Struct, frozen=True):
    """An integer from `low`, at least 1, to `high`, both included; each doubling is as likely as another."""

    low: int
    high: int

    def at(self, bits: int) -> Coordinate:
        """Return the floor of what a draw between `low` and `high + 1` is, never beyond `low` and `high`."""
        value = _between_logs(Decimal(self.low), Decimal(self.high + 1), bits)
        return _integer(min(max(int(value), self.low), self.high))

    def most(self) -> int | None:
        """As many as there are integers."""
        return self.high - self.low + 1


class Uniform(Struct, frozen=True):
    """A float from `low` to `high`, rounded to `digits` significant digits."""

    low: Decimal
    high: Decimal
    digits: int

    def at(self, bits: int) -> Coordinate:
        """Return `low + u * (high - low)`, rounded."""
        width = _EXACT.subtract(self.high, self.low)
        value = _EXACT.add(self.low, _EXACT.multiply(_share(bits), width))
        return _rounded(value, self.low, self.high, self.digits)

    def most(self) -> int | None:
        """As many as there are numbers of so many digits, if 0 is not among them."""
        return _numbers_between(self.low, self.high, self.digits) if self.low > 0 else None


class Log(Struct, frozen=True):
    """A float from `low`, above 0, to `high`, rounded; each doubling is as likely as another."""

    low: Decimal
    high: Decimal
    digits: int

    def at(self, bits: int) -> Coordinate:
        """Return `exp(ln low + u * (ln high - ln low))`, rounded."""
        return _rounded(_between_logs(self.low, self.high, bits), self.low, self.high, self.digits)

    def most(self) -> int | None:
        """As many as there are numbers of so many digits."""
        return _numbers_between(self.low, self.high, self.digits)


def bits_of(seed: int, axis: str) -> Callable[[int], int]:
    """Return what draws the 53 bits of each index for one axis; other axes do not matter."""
    base = hashlib.sha256(_PREFIX + f"{seed}\0{axis}\0".encode())

    def draw(index: int) -> int:
        digest = base.copy()
        digest.update(str(index).encode())
        return int.from_bytes(digest.digest()[:8]) >> (64 - _BITS)

    return draw


def _share(bits: int) -> Decimal:
    return _EXACT.divide(Decimal(bits), _ALL)


def _between_logs(low: Decimal, high: Decimal, bits: int) -> Decimal:
    first, width = _logs(low, high)
    return _EXACT.exp(_EXACT.add(first, _EXACT.multiply(_share(bits), width)))


@lru_cache(maxsize=64)
def _logs(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    first = _EXACT.ln(low)
    return first, _EXACT.subtract(_EXACT.ln(high), first)


def _integer(value: int) -> Coordinate:
    return Coordinate(str(value), value, value)


def _rounded(value: Decimal, low: Decimal, high: Decimal, digits: int) -> Coordinate:
    """Round to significant digits, but never beyond the bounds: they may have more digits."""
    short = _TO_DIGITS[digits].plus(value)
    number = float(min(max(short, low), high)) + 0.0
    return Coordinate(repr(number), number, number)


def _numbers_between(low: Decimal, high: Decimal, digits: int) -> int:
    """How many numbers of so many digits stand from `low` to `high`, above 0, and the bounds themselves."""
    return _rank(high, digits) - _rank(low, digits) + 2


def _rank(number: Decimal, digits: int) -> int:
    exponent = number.adjusted()
    of_exponent: int = 9 * 10 ** (digits - 1)
    return exponent * of_exponent + int(number.scaleb(digits - 1 - exponent, _EXACT))
