"""Which families a request wants to see member by member."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec import Struct

from traintrack.label import Label, LabelError, Pattern, parse_label, parse_pattern


class _Named(Struct, frozen=True):
    """A pattern without its coordinates; `coordinates` are as written, empty without."""

    pattern: Pattern
    coordinates: str

    @property
    def is_single(self) -> bool:
        return bool(self.coordinates) and "*" not in self.coordinates.split(",")


def named(texts: Sequence[str], current_package: str) -> frozenset[str]:
    """Return the families, as labels, that patterns name themselves: `:train`, a slice or a member of it."""
    return frozenset(_family(one.pattern) for one in _read(texts, current_package) if one.pattern.name is not None)


def named_by_member(texts: Sequence[str], current_package: str) -> frozenset[str]:
    """Return the families of which patterns name single members only, `:train@lr=0.1`, and which no wider one reaches."""
    read = list(_read(texts, current_package))
    wide = [one.pattern for one in read if not one.is_single]
    single = (_family(one.pattern) for one in read if one.is_single)
    return frozenset(family for family in single if not any(one.matches(parse_label(family)) for one in wide))


def _read(texts: Sequence[str], current_package: str) -> Iterator[_Named]:
    for text in texts:
        if text.startswith("-"):
            continue
        base, _, coordinates = text.partition("@")
        # What is no pattern has been refused before anything is shown.
        with suppress(LabelError):
            yield _Named(parse_pattern(base, current_package), coordinates)


def _family(pattern: Pattern) -> str:
    return str(Label(pattern.package, pattern.name or ""))
