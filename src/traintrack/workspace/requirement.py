"""`requires`: which versions of traintrack may read a workspace."""

from __future__ import annotations

import re
from typing import Final

from traintrack.workspace.findings import shown

_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|>|<)\s*([0-9]+(?:\.[0-9]+){0,3})\Z", re.ASCII)
_PARTS: Final = 4


class RequirementError(ValueError):
    """A text is not a requirement."""


def satisfies(version: str, requirement: str) -> bool:
    """Tell if a version meets a requirement: clauses such as `>=0.1`, `<2`, `~=1.4`, joined by commas.

    Source: PEP 440, version specifiers, for release numbers only; what follows them in `version` is left out.

    Raises:
        RequirementError: the requirement cannot be read.
    """
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    have = _padded(release[0] if release else "0")
    clauses = [_CLAUSE.match(clause.strip()) for clause in requirement.split(",")]
    if not all(clauses):
        raise RequirementError(f"`{shown(requirement)}` is not a requirement such as `>=0.1` or `>=0.1,<2`")
    return all(_holds(have, clause[1], clause[2]) for clause in clauses if clause)


def _holds(have: tuple[int, ...], operator: str, text: str) -> bool:
    want = _padded(text)
    if operator == "~=":
        parts = [int(part) for part in text.split(".")]
        ceiling = (*parts[:-2], parts[-2] + 1) if len(parts) > 1 else (parts[0] + 1,)
        return want <= have < ceiling
    return {
        ">=": have >= want,
        "<=": have <= want,
        "==": have == want,
        "!=": have != want,
        ">": have > want,
        "<": have < want,
    }[operator]


def _padded(text: str) -> tuple[int, ...]:
    parts = [int(part[:9]) for part in text.split(".")][:_PARTS]
    return tuple(parts + [0] * (_PARTS - len(parts)))
