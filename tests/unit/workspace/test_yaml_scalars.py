"""The core schema of YAML 1.2."""

import math

import pytest

from traintrack.workspace.yaml_scalars import ScalarError, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-4", 0.0001), ("1E5", 100000.0), (".5", 0.5), ("1.", 1.0), ("+1.5", 1.5), ("-2.5e+3", -2500.0)),
        *(
            ("0", 0),
            ("-0", 0),
            ("+7", 7),
            ("010", 10),
            ("0o17", 15),
            ("0x1F", 31),
            ("123456789012345678901", 123456789012345678901),
        ),
        *(("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None)),
        *(("true", True), ("True", True), ("FALSE", False)),
    ],
)
def test_numbers_words_and_null_of_the_core_schema(text: str, value: object) -> None:
    found = resolve_plain(text)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "yes", "on", "off", "y", "N", "2026-04-16", "2026-04-16 12:00:00", "12:30:45", "1:30", "1_000", "0b11"),
        *("nULL", "tRUE", "1e", "e5", ".", "..", "-", "+", "--1", "0x", "0o8", "1.2.3", "inf", "nan", "1 ", "٣", "1\n"),
    ],
)
def test_everything_else_is_text(text: str) -> None:
    assert resolve_plain(text) == text


def test_minus_zero_is_zero() -> None:
    found = resolve_plain("-0.0")

    assert isinstance(found, float)
    assert math.copysign(1, found) == 1.0


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e999", "1e-999", "9" * 1001, "0." + "1" * 1000]
)
def test_numbers_that_cannot_be_used_are_refused(text: str) -> None:
    with pytest.raises(ScalarError) as caught:
        resolve_plain(text)

    assert caught.value.hint
