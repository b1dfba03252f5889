"""A file of metrics: a JSON object whose numbers, texts and truths are told by dotted names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from traintrack.action.stored import is_too_deep

MOST_METRICS_BYTES: Final = 16 << 20
"""A file that is longer holds more than metrics, and is not brought from afar."""

Value: TypeAlias = bool | int | float | str
"""A metric, or what else stands in a column."""


class MetricsError(ValueError):
    """A file is no file of metrics; the message says why."""


def read_metrics(data: bytes) -> dict[str, Value]:
    """Return the metrics of a file by dotted names, in its order; `NaN` and infinities are read as Python writes them.

    Raises:
        MetricsError: it is not JSON, or no object, or nested too deep.
    """
    try:
        found = json.loads(data)
    except RecursionError as error:
        raise MetricsError("it is nested too deep") from error
    except UnicodeDecodeError as error:
        raise MetricsError("it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MetricsError(f"line {error.lineno}: {error.msg[:1].lower()}{error.msg[1:]}") from error
    except ValueError as error:
        raise MetricsError("it has a number that is too long") from error
    if not isinstance(found, dict):
        raise MetricsError("it is no JSON object")
    if is_too_deep(found):
        raise MetricsError("it is nested too deep")
    return flat_metrics(found)


def flat_metrics(found: Mapping[str, Any]) -> dict[str, Value]:
    """Return what stands in nested maps by dotted names; lists and nulls are left out, of two equal names the first stays."""
    flat: dict[str, Value] = {}
    for name, value in _leaves(found, ""):
        if isinstance(value, bool | int | float | str):
            flat.setdefault(name, value)
    return flat


def has_null(found: Mapping[str, Any]) -> bool:
    """Tell if a null stands in nested maps: in a record that may be what JSON has no word for, such as NaN."""
    return any(value is None for _, value in _leaves(found, ""))


def _leaves(found: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
