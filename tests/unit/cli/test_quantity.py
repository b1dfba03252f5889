import pytest

from traintrack.cli.quantity import count_text, duration_text, names_text, size_text, time_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.2, "0.0s"),
        (0.04, "0.0s"),
        (2.14, "2.1s"),
        (9.949, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (134, "2m 14s"),
        (3599.7, "1h 00m"),
        (11400, "3h 10m"),
        (187200, "2d 4h"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1258291, "1.20 MiB"),
        (1024 * 1024 - 1, "1.00 MiB"),
        (37 * 2**30, "37.0 GiB"),
        (5 * 2**60, "5120 PiB"),
    ],
)
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert size_text(size) == text


def test_one_thing_has_no_plural() -> None:
    assert [count_text(n, "target") for n in (0, 1, 2)] == ["0 targets", "1 target", "2 targets"]


def test_times_in_utc_lose_their_fraction_and_others_stay() -> None:
    assert time_text("2026-04-16T12:04:31.123Z") == "2026-04-16 12:04:31 UTC"
    assert time_text("2026-04-16T12:04:31+00:00") == "2026-04-16 12:04:31 UTC"
    assert time_text("yesterday") == "yesterday"


def test_many_names_are_cut_with_their_count() -> None:
    assert names_text(["a", "b"]) == "a, b"
    assert names_text(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
