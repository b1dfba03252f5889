"""`expand`: targets as they stand when all is merged, filled in and written out, each value with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from traintrack.app.project import Project, select_labels
from traintrack.app.references_in_full import in_full
from traintrack.app.written import origin_words, own_fields, written
from traintrack.errors import InputError, Location, NotFoundError
from traintrack.family_name import family_of
from traintrack.label import Label, LabelError, parse_pattern
from traintrack.workspace.model import FamilyOfTargets, Target

MOST_SHOWN: Final = 20
"""A family with more members is shown in part, unless its members are asked for."""

SHOWN: Final = 3
"""Members shown of a larger family."""

_WITH_REFERENCES: Final = frozenset({"args", "needs"})


class ExpandedField(Struct, frozen=True):
    """A value behind the keys of `path`, and the layer that it comes from. Maps are told key by key, lists whole."""

    path: tuple[str, ...]
    value: Any
    place: Location
    origin: str


class ExpandedTarget(Struct, frozen=True):
    """A target written out; `place` is where it is declared."""

    label: str
    place: Location
    fields: tuple[ExpandedField, ...]


class Folded(Struct, frozen=True):
    """A family that is shown in part: `shown` of its `members`."""

    label: str
    shown: int
    members: int


class Expansion(Struct, frozen=True):
    """What a request declares, in its order."""

    targets: tuple[ExpandedTarget, ...]
    folded: tuple[Folded, ...] = ()


def expand(project: Project, texts: Sequence[str], *, most: int = MOST_SHOWN) -> Expansion:
    """Return the targets that patterns select as they are written out; computes no ID and asks no storage.

    Args:
        project: the workspace.
        texts: patterns; none means all of the current experiment.
        most: of a family with more members only the first `SHOWN` are made, unless a pattern says which it wants.

    Raises:
        InputError: an experiment cannot be read, or a member is wrong.
        NotFoundError: nothing matched, or what matched is frozen and declared no more.
    """
    families: dict[str, list[Label]] = {}
    for label in select_labels(project, texts):
        families.setdefault(family_of(str(label)) or str(label), []).append(label)
    chosen = _with_selector(texts, project.current_package)
    targets: list[ExpandedTarget] = []
    folded: list[Folded] = []
    for name, labels in families.items():
        is_part = len(labels) > most and name not in chosen
        if is_part:
            folded.append(Folded(name, SHOWN, len(labels)))
        targets += [_expanded(project, label) for label in islice(labels, SHOWN if is_part else None)]
    return Expansion(tuple(targets), tuple(folded))


def _with_selector(texts: Sequence[str], package: str) -> frozenset[str]:
    """The families of which a pattern says which members it wants."""
    found = set()
    for text in texts:
        base, at, _ = text.partition("@")
        try:
            pattern = parse_pattern(base, package) if at else None
        except LabelError:
            continue
        if pattern is not None and pattern.name is not None and not pattern.exclude:
            found.add(str(Label(pattern.package, pattern.name)))
    return frozenset(found)


def _expanded(project: Project, label: Label) -> ExpandedTarget:
    experiment = project.loader.experiment(label.package)
    target = experiment.targets.get(label.name)
    if target is None:
        raise NotFoundError(
            f"`{label}` is frozen and declared no more",
            code="not-declared",
            hint=f"read what stands for it in `{experiment.lock_path}`",
        )

    def family_at(found: Label) -> FamilyOfTargets | None:
        try:
            return project.loader.experiment(found.package).families.get(found.name)
        except InputError:
            return None  # told by what builds the graph

    fields = [
        field
        for name, value in own_fields(target)
        for field in _leaves(target, (name,), in_full(value, target, family_at) if name in _WITH_REFERENCES else value)
    ]
    return ExpandedTarget(str(label), target.place, tuple(fields))


def _leaves(target: Target, path: tuple[str, ...], value: Any) -> Iterator[ExpandedField]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(target, (*path, key), item)
        return
    source = written(target, path)
    assert source is not None, "a field that is there was written"
    shown = list(value) if isinstance(value, tuple) else value
    yield ExpandedField(path, shown, source.place, origin_words(source.layer))
