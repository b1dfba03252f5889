"""Reads `each` from the text of a file, as targets have it."""

from collections.abc import Callable

from traintrack.errors import InputError
from traintrack.workspace.axes import Grid, member_name
from traintrack.workspace.findings import Findings
from traintrack.workspace.model import KeyPath
from traintrack.workspace.read_each import read_each
from traintrack.workspace.yaml_source import parse_yaml

FamilyOf = Callable[[str, KeyPath], Grid | None]


def no_family(text: str, path: KeyPath) -> Grid | None:
    raise AssertionError(f"{text} at {path} was asked for")


def read(text: str, family_of: FamilyOf = no_family) -> tuple[Grid | None, list[InputError]]:
    """Read `each: TEXT`, or a block of lines that begins with a line end."""
    document = parse_yaml(f"each: {text}\n".encode(), "f.yaml")
    findings = Findings(document.places, [])
    return read_each(document.value["each"], ("each",), findings, family_of), findings.errors


def grid_of(text: str, family_of: FamilyOf = no_family) -> Grid:
    """Return the grid of what is right."""
    grid, errors = read(text, family_of)
    assert errors == []
    assert grid is not None
    return grid


def members(text: str) -> list[str]:
    """Return the names of all members."""
    grid = grid_of(text)
    return [member_name(grid.axes, point) for point in grid.points()]


def told(text: str, family_of: FamilyOf = no_family) -> list[tuple[str, str]]:
    """Return place and code of what is wrong; each error has a hint, and there is no grid."""
    grid, errors = read(text, family_of)
    assert grid is None
    assert errors
    assert all(error.hint for error in errors)
    return [(f"{e.location.line}:{e.location.column}" if e.location else "", e.code) for e in errors]


def message(text: str) -> str:
    """Return the only error in words."""
    _, errors = read(text)
    assert len(errors) == 1
    return f"{errors[0].message}; {errors[0].hint}"
