"""The checksums that the standard library lacks are those of the catalogue, however the bytes are handed in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.testing.s3_server.crc import ROW_BYTES, Crc32c, Crc64Nvme

POLYNOMIALS = {Crc32c: (0x82F63B78, 32), Crc64Nvme: (0x9A6C9329AC4BC9B5, 64)}


@pytest.mark.parametrize(("kind", "check"), [(Crc32c, "e3069283"), (Crc64Nvme, "ae8b14860a799888")])
def test_the_check_values_of_the_catalogue_come_out(kind: type[Crc32c | Crc64Nvme], check: str) -> None:
    crc = kind()
    crc.update(b"123456789")

    assert crc.digest().hex() == check


@pytest.mark.parametrize("kind", [Crc32c, Crc64Nvme])
@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 4 * ROW_BYTES), max_size=3))
def test_many_bytes_give_what_one_bit_after_the_other_gives(
    kind: type[Crc32c | Crc64Nvme], random: object, sizes: list[int]
) -> None:
    crc, whole = kind(), b""
    for size in sizes:
        data = random.randbytes(size)
        crc.update(data)
        whole += data

    assert crc.digest() == _bit_by_bit(whole, *POLYNOMIALS[kind])


def _bit_by_bit(data: bytes, polynomial: int, bits: int) -> bytes:
    ones = (1 << bits) - 1
    value = ones
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return (value ^ ones).to_bytes(bits // 8, "big")
