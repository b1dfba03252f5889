"""Checks of single values. Each takes value, path and findings, and returns the value as its field keeps it.

A wrong value is noted in the findings and returned as it is, so that the rest can still be checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from traintrack.label import is_segment
from traintrack.workspace.document import REMOVE
from traintrack.workspace.findings import Findings, dotted, shown
from traintrack.workspace.model import KeyPath
from traintrack.workspace.quantities import QuantityError, parse_duration, parse_size
from traintrack.workspace.suggest import did_you_mean, one_of

Check: TypeAlias = Callable[[Any, KeyPath, Findings], Any]

MAX_LINE: Final = 1_000
"""Characters of a value that names something: a path, a reference, an image."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_QUOTE: Final = "write text; quotes make text of anything"


def text(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Text of any kind; a number stands for its source text."""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        source = findings.places.text(path)
        if source is not None:
            return source
    findings.wrong_type(value, path, "a string", _QUOTE)
    return value


def line(value: Any, path: KeyPath, findings: Findings) -> Any:
    """Text of one line, not empty."""
    value = text(value, path, findings)
    if type(value) is not str:
        return value
    if not value or len(value) > MAX_LINE or _CONTROL.search(value):
        what = f"has more than {MAX_LINE:,} characters" if len(value) > MAX_LINE else "holds a control character"
        findings.at_value(
            path, f"`{dotted(path)}` {what if value else 'is empty'}", "field-value", "write one line of text"
        )
    return value


def boolean(value: Any, path: KeyPath, findings: Findings) -> Any:
    """`true` or `false`."""
    if type(value) is not bool:
        findings.wrong_type(value, path, "`true` or `false`", "YAML 1.2 knows no `yes`, `no`, `on` and `off`")
    return value


def count(value: Any, path: KeyPath, findings: Findings) -> Any:
    """An integer from 0 up."""
    if type(value) is not int:
        findings.wrong_type(value, path, "an integer", "write a whole number, such as `1`")
    elif not 0 <= value < 2**31:
        findings.at_value(
            path, f"`{dotted(path)}` is out of range", "field-value", "write a number from 0 to 2147483647"
        )
    return value


def positive(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A number above 0."""
    if type(value) is not int and type(value) is not float:
        findings.wrong_type(value, path, "a number", "write a number, such as `4` or `0.5`")
    elif not (value > 0 and value < 2**31 and math.isfinite(value)):
        findings.at_value(
            path, f"`{dotted(path)}` must be above 0", "field-value", "write a number, such as `4` or `0.5`"
        )
    return value


def size(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A size in bytes or with a unit."""
    if type(value) is not int and type(value) is not str:
        findings.wrong_type(value, path, "a size", "write bytes, or a size such as `512MiB` or `16GiB`")
        return value
    try:
        parse_size(value)
    except QuantityError as error:
        findings.at_value(path, str(error), "field-value", error.hint)
    return value


def duration(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A duration: text with a unit, or seconds."""
    if type(value) not in {int, float, str}:
        findings.wrong_type(value, path, "a duration", "write `30s`, `10m`, `2h` or `1d`")
        return value
    try:
        parse_duration(value)
    except QuantityError as error:
        findings.at_value(path, str(error), "field-value", error.hint)
    return value


def relative_path(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A path below a folder, spelled in one way: `/` between names, no `.`, `..`, or `/` at an end."""
    value = line(value, path, findings)
    if type(value) is not str or not value:
        return value
    parts = value.split("/")
    if value == ".":
        return value
    if value.startswith(("/", "~")):
        problem, hint = "is absolute", "write it relative to the workspace root"
    elif ".." in parts:
        problem, hint = "leads out with `..`", "write a path inside the workspace"
    elif "\\" in value:
        problem, hint = "holds a backslash", f"write `{shown(value.replace(chr(92), '/'))}`"
    elif "." in parts or "" in parts:
        problem, hint = (
            "has more than one spelling",
            f"write `{shown('/'.join(p for p in parts if p not in ('', '.')))}`",
        )
    else:
        return value
    findings.at_value(path, f"path `{shown(value)}` {problem}", "field-path", hint)
    return value


def anything(value: Any, path: KeyPath, findings: Findings) -> Any:  # noqa: ARG001
    """Whatever was written."""
    return value


def mapping(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A map of anything."""
    if type(value) is not dict:
        findings.wrong_type(value, path, "a map", "write `key: value` below it, or `{}` for an empty one")
    return value


def choice(*words: str) -> Check:
    """One of some words."""

    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        if type(value) is not str:
            findings.wrong_type(value, path, "a word", one_of(words))
        elif value not in words:
            message = f"`{dotted(path)}` cannot be `{shown(value)}`"
            findings.at_value(path, message, "field-value", did_you_mean(value, words, one_of(words)))
        return value

    return check


def list_of(item: Check) -> Check:
    """A list whose items pass a check."""

    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        if type(value) is not list:
            findings.wrong_type(value, path, "a list", "write `[…]`, or items with `- ` below it")
            return value
        return [item(entry, (*path, i), findings) for i, entry in enumerate(value)]

    return check


def map_of(item: Check, name: Check | None = None) -> Check:
    """A map whose values pass `item`, and whose keys pass `name`; `!remove` may stand for a value."""

    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        if type(value) is not dict:
            return mapping(value, path, findings)
        kept = {}
        for key, entry in value.items():
            if name is not None:
                name(key, (*path, key), findings)
            kept[key] = entry if entry is REMOVE else item(entry, (*path, key), findings)
        return kept

    return check


def record_of(fields: dict[str, Check], where: str, required: tuple[str, ...] = ()) -> Check:
    """A map with known fields."""

    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        if type(value) is not dict:
            return mapping(value, path, findings)
        kept = {}
        for key, entry in value.items():
            item = fields.get(key)
            if item is None:
                findings.unknown((*path, key), fields, where)
            elif entry is not REMOVE:
                entry = item(entry, (*path, key), findings)  # noqa: PLW2901
            kept[key] = entry
        for key in required:
            if key not in value:
                findings.at_value(path, f"{where} has no `{key}`", "missing-field", f"add `{key}: …`")
        return kept

    return check


def optional(item: Check) -> Check:
    """Null, or what passes the check."""

    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        return None if value is None else item(value, path, findings)

    return check


def segment_key(value: Any, path: KeyPath, findings: Findings) -> Any:
    """A key that follows the grammar of names in labels."""
    if not is_segment(value):
        message = f"`{shown(value)}` cannot be a name"
        findings.at_key(path, message, "bad-name", "names are of `A-Z a-z 0-9 _ . + -`, and not `.` or `..`")
    return value
