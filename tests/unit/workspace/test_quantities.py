"""Sizes and durations."""

import pytest

from traintrack.workspace.quantities import QuantityError, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *((512, 512), ("512", 512), ("1KB", 1000), ("1KiB", 1024), ("16GiB", 16 * 2**30), ("2 MB", 2_000_000)),
        *(("1.5GB", 1_500_000_000), ("3MiB", 3 * 2**20), ("9GB", 9 * 10**9)),
    ],
)
def test_sizes_are_bytes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "16G", "16gib", "1.5", "-1", "0", "GiB", "1 2KB", "1e3", "٣KB", "1KB\n", "9" * 400]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1h30m", 5400.0),
        ("0.5s", 0.5),
        (90, 90.0),
        (1.5, 1.5),
    ],
)
def test_durations_are_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "1w", "-1s", "1 h", "0s", 0, -1, 10**400, "1.2.3s", "1h\n"])
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    with pytest.raises(QuantityError):
        parse_duration(text)
