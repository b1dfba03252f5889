"""CRC-32C and CRC-64/NVME, which the standard library lacks.

Source: the catalogue of parametrised CRC algorithms, CRC-32/ISCSI and CRC-64/NVME; both are reflected.

A byte at a time would be ten MiB a second. So the data is cut into rows of equal length whose checksums advance side by
side, each byte of them a long number of its own, and are put together at the end: a CRC is linear, so a row before
another one counts as if zeros followed it.
"""

from __future__ import annotations

import functools
from typing import Final

ROW_BYTES: Final = 256


class _Crc:
    """A reflected CRC of `size` bytes that begins with ones and is inverted at the end."""

    def __init__(self, polynomial: int, size: int) -> None:
        self._polynomial, self._size = polynomial, size
        self._table = _table(polynomial)
        self._ones = (1 << 8 * size) - 1
        self._value = self._ones

    def update(self, data: bytes, /) -> None:
        """Take bytes in."""
        rows = len(data) // ROW_BYTES
        if rows > 1:
            self._value = self._of_rows(data, rows)
            data = data[rows * ROW_BYTES :]
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ value >> 8
        self._value = value

    def digest(self) -> bytes:
        """Return the checksum, the highest byte first."""
        return (self._value ^ self._ones).to_bytes(self._size, "big")

    def _of_rows(self, data: bytes, rows: int) -> int:
        zeros = _zeros(self._polynomial, self._size)
        value = self._value
        for row in zip(*self._side_by_side(data, rows), strict=True):
            value = _through(zeros, value) ^ int.from_bytes(row, "little")
        return value

    def _side_by_side(self, data: bytes, rows: int) -> list[bytes]:
        """The checksums of all rows, begun with zeros: for each of their bytes, lowest first, those of all rows."""
        planes = _planes(self._polynomial, self._size)
        values = [0] * self._size
        for column in range(ROW_BYTES):
            bytes_of_column = int.from_bytes(data[column : rows * ROW_BYTES : ROW_BYTES], "little")
            index = (values[0] ^ bytes_of_column).to_bytes(rows, "little")
            found = [int.from_bytes(index.translate(plane), "little") for plane in planes]
            values = [above ^ new for above, new in zip((*values[1:], 0), found, strict=True)]
        return [value.to_bytes(rows, "little") for value in values]


class Crc32c(_Crc):
    """CRC-32C (Castagnoli)."""

    def __init__(self) -> None:
        super().__init__(0x82F63B78, 4)


class Crc64Nvme(_Crc):
    """CRC-64/NVME."""

    def __init__(self) -> None:
        super().__init__(0x9A6C9329AC4BC9B5, 8)


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    """What each byte makes of a checksum."""
    rows = []
    for value in range(256):
        rest = value
        for _ in range(8):
            rest = rest >> 1 ^ (polynomial if rest & 1 else 0)
        rows.append(rest)
    return tuple(rows)


@functools.cache
def _planes(polynomial: int, size: int) -> tuple[bytes, ...]:
    """The table by the bytes of its values, the lowest first."""
    return tuple(bytes(value >> 8 * place & 0xFF for value in _table(polynomial)) for place in range(size))


@functools.cache
def _zeros(polynomial: int, size: int) -> tuple[tuple[int, ...], ...]:
    """What a row of zeros makes of each byte of a checksum, by the place of that byte, the lowest first."""
    table = _table(polynomial)
    bits = []
    for bit in range(8 * size):
        value = 1 << bit
        for _ in range(ROW_BYTES):
            value = table[value & 0xFF] ^ value >> 8
        bits.append(value)
    return tuple(_sums(bits[8 * place : 8 * place + 8]) for place in range(size))


def _sums(bits: list[int]) -> tuple[int, ...]:
    """For each number under 256 the sum (without carry) of those that its bits name."""
    found = [0]
    for bit in bits:
        found += [bit ^ before for before in found]
    return tuple(found)


def _through(zeros: tuple[tuple[int, ...], ...], value: int) -> int:
    found = 0
    for place, sums in enumerate(zeros):
        found ^= sums[value >> 8 * place & 0xFF]
    return found
