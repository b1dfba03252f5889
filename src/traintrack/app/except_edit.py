"""What a person may write so that a fan-in goes on without members that failed, as values."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from traintrack.digest import JsonValue


class LeftOut(Struct, frozen=True):
    """What fan-ins leave out: `arguments` maps the dotted path of an argument to coordinates, or to some of their axes.

    `match` has the coordinates of the one member that it is for; empty where it is for the target as it is declared.
    """

    match: Mapping[str, str]
    arguments: Mapping[str, tuple[Mapping[str, JsonValue], ...]]


class ExceptEdit(Struct, frozen=True):
    """How a target goes on without members that failed: its field `except`, or `overrides` with that for some members.

    `path` is the file of the target. `because` names what failed: families as `//a:train@*`, other targets by label.
    With `is_there` the target leaves something out already, and `parts` have that too.
    """

    path: str
    target: str
    parts: tuple[LeftOut, ...]
    because: tuple[str, ...]
    is_there: bool = False
