"""The edits of YAML files that keep what `--set` said: worked out from the layers of the targets that it changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.app.flow_yaml import flow_text, flow_value
from traintrack.app.one_target import declared
from traintrack.app.project import Project, parse_patterns
from traintrack.errors import Location
from traintrack.label import Label, Pattern, parse_label
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import KeyPath, Layer, Literal, Target
from traintrack.workspace.profiles import SECTION as PROFILES
from traintrack.workspace.sets import CommandLinePlaces, SetOption, parse_set
from traintrack.workspace.workspace_file import FILE as WORKSPACE_FILE

Path = tuple[str, ...]

_MISSING: Final = object()


class GivenSet(Struct, frozen=True):
    """A `--set`, with the text that it was written as."""

    text: str
    option: SetOption


class SharedLine(Struct, frozen=True):
    """Where a value stands that others have too: `targets` of the experiments that were read, or `everyone`."""

    place: Location
    text: str
    targets: int
    everyone: bool


class KeptEdit(Struct, frozen=True):
    """One edit: the line `old` becomes `new`, or `new` is added to what stands at `place`, where `old` is None.

    `into` are the keys below which a new line belongs. `shared` is the line that holds the value for others too.
    """

    set: str
    label: Label
    place: Location
    old: str | None
    new: str
    into: Path = ()
    shared: SharedLine | None = None


def keep_sets(
    project: Project, sets: Sequence[str], requested: Sequence[str], labels: Iterable[str]
) -> tuple[KeptEdit, ...]:
    """Return the edits that keep the sets of a run.

    Args:
        project: was opened with these sets.
        sets: texts of `--set`.
        requested: the patterns of the command.
        labels: the targets that the run was about.
    """
    if not sets:
        return ()
    given = [GivenSet(text, parse_set(text, project.current_package)) for text in sets]
    named = [parse_label(label) for label in labels]
    targets = [target for target in (declared(project, label) for label in named) if target is not None]
    packages = dict.fromkeys(label.package for label in named)
    known = [one for package in packages for one in project.loader.experiment(package).targets.values()]
    return edits_of(given, parse_patterns(project, requested), targets, known)


def edits_of(
    sets: Sequence[GivenSet], requested: Sequence[Pattern], targets: Sequence[Target], known: Sequence[Target]
) -> tuple[KeptEdit, ...]:
    """Return an edit for each set and each target that it changed, in this order, each line once.

    Args:
        sets: what was given; where two say the same field, the last counts.
        requested: what sets without a pattern of their own apply to.
        targets: those that a run was about.
        known: all targets that may share a layer with these.
    """
    found: dict[tuple[Label, Path], _Change] = {}
    for given in sets:
        meant = frozenset(target.label for target in known if given.option.applies_to(target.label, requested))
        for target in targets:
            if target.label in meant:
                for path, value in _leaves(given.option.path, given.option.value):
                    found.pop((target.label, path), None)
                    found[target.label, path] = _Change(given, target, path, value, known, meant)
    edits: dict[tuple[str, Location, Path, str], KeptEdit] = {}
    for edit in (change.edit() for change in found.values()):
        if edit is not None:
            edits.setdefault((edit.set, edit.place, edit.into, edit.new), edit)
    return tuple(edits.values())


class _Change(Struct, frozen=True):
    """One field of one target that a set changes; it is `meant` for some of the targets that are `known`."""

    given: GivenSet
    target: Target
    path: Path
    value: Any
    known: Sequence[Target]
    meant: frozenset[Label]

    def edit(self) -> KeptEdit | None:
        """Return what is to be edited; None if the files say so already, or nothing of the target can be."""
        layers = [layer for layer in self.target.layers if not isinstance(layer.places, CommandLinePlaces)]
        writer = next((layer for layer in reversed(layers) if _reach(layer.fields, self.path)), None)
        if writer is not None and _same(_value(writer.fields, self.path), self.value):
            return None
        if writer is not None and _is_own(writer):
            return self._replaced(writer)
        own = next((layer for layer in reversed(layers) if _is_own(layer)), None)
        if own is not None and (writer is None or layers.index(writer) < layers.index(own)):
            return self._added(own, writer)
        return self._added_to_profile(writer) if writer is not None and writer.base[:1] == (PROFILES,) else None

    def _replaced(self, layer: Layer) -> KeptEdit:
        others = sum(_has(target, layer) for target in self.known if target.label not in self.meant)
        line = self._line(layer)
        new = self._spelled_from(_reach(layer.fields, self.path) - 1)
        shared = line if others else None
        return KeptEdit(self.given.text, self.target.label, line.place, line.text, new, (), shared)

    def _added(self, own: Layer, writer: Layer | None) -> KeptEdit:
        depth = _depth(own.fields, self.path)
        place = own.places.key((*own.base, *self.path[:depth]))
        into = (*_names(own.base), *self.path[:depth])
        return self._new(place, self._spelled_from(depth), into, writer)

    def _added_to_profile(self, writer: Layer) -> KeptEdit:
        """Where a profile for many lies over what the target says itself, only the profile can say otherwise."""
        into = _names(writer.base[:2])
        path = ("targets", self.target.label.name, *self.path)
        source = self._source()
        if writer.places.key(writer.base).path == self.target.place.path:
            return self._new(writer.places.key(writer.base[:2]), _field(path, self.value, source), into, writer)
        top = Location(self.target.place.path, 1, 1)
        return self._new(top, _field((*into, *path), self.value, source), (), writer)

    def _new(self, place: Location, text: str, into: Path, writer: Layer | None) -> KeptEdit:
        shared = self._line(writer) if writer is not None else None
        return KeptEdit(self.given.text, self.target.label, place, None, text, into, shared)

    def _line(self, layer: Layer) -> SharedLine:
        """The line of a layer that says the field, and who has it."""
        path = self.path[: _reach(layer.fields, self.path)]
        place = layer.places.key((*layer.base, *path))
        text = _field(path[-1:], _value(layer.fields, path), _text(layer, path))
        count = sum(_has(target, layer) for target in self.known)
        return SharedLine(place, text, count, place.path == WORKSPACE_FILE)

    def _spelled_from(self, depth: int) -> str:
        return _field(self.path[depth:], self.value, self._source())

    def _source(self) -> str | None:
        return self.given.option.source if self.path == self.given.option.path else None


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """The fields that a set writes: maps are merged, so that each key of one is a field of its own."""
    if type(value) is dict and value:
        for key, item in value.items():
            yield from _leaves((*path, key), item)
        return
    yield path, value


def _is_own(layer: Layer) -> bool:
    """Tell if a layer is written for its target alone."""
    base = layer.base
    return base[:1] == ("targets",) or (base[:1] == (PROFILES,) and base[2:3] == ("targets",))


def _has(target: Target, layer: Layer) -> bool:
    return any(one.places is layer.places and one.base == layer.base for one in target.layers)


def _reach(fields: Mapping[str, Any], path: Path) -> int:
    """How many parts of a path lead to the value that a layer says for it; 0 if it says nothing about it."""
    depth = _depth(fields, path)
    if depth == len(path):
        return depth
    return depth if depth and type(_value(fields, path[:depth])) is not dict else 0


def _depth(fields: Mapping[str, Any], path: Path) -> int:
    """How many parts of a path are there as keys."""
    current: Any = fields
    for depth, part in enumerate(path):
        if type(current) is not dict or part not in current:
            return depth
        current = current[part]
    return len(path)


def _value(fields: Mapping[str, Any], path: Path) -> Any:
    current: Any = fields
    for part in path:
        if type(current) is not dict or part not in current:
            return _MISSING
        current = current[part]
    return current


def _same(old: Any, new: Any) -> bool:
    """Tell if two values are the same in a file; `1` and `1.0` are not."""
    return type(old) is type(new) and _spelled(old) == _spelled(new)


def _text(layer: Layer, path: Path) -> str | None:
    """The source text of a number, a boolean or null, where a file has it."""
    text = getattr(layer.places, "text", None)
    found = text((*layer.base, *path)) if text is not None else None
    return found if isinstance(found, str) else None


def _field(path: Path, value: Any, source: str | None) -> str:
    """A field as flow YAML, `args: {lr: 0.01}`; a number is spelled as it was written."""
    is_number = type(value) in (int, float, bool) and source is not None
    text = source if is_number and source is not None else _spelled(value)
    for part in reversed(path[1:]):
        text = f"{{{flow_text(part)}: {text}{' ' if text == '!remove' else ''}}}"
    return f"{flow_text(path[0])}: {text}"


def _spelled(value: Any) -> str:
    if value is _MISSING:
        return ""
    if value is REMOVE:
        return "!remove"
    if isinstance(value, Literal):
        return f"!literal {flow_value(value.text)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow_text(str(key))}: {_spelled(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_spelled(item) for item in value)}]"
    return flow_value(value)


def _names(base: KeyPath) -> Path:
    return tuple(str(part) for part in base)
