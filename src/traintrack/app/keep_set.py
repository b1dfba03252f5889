"""The edits of YAML files that keep what `--set` said: worked out from the layers of the targets that it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traintrack.app.layer_fields import FieldPath, depth_of, leaves_of, reach, same_value, spelled_field, value_at
from traintrack.app.one_target import declared
from traintrack.app.project import Project, parse_patterns
from traintrack.errors import Location
from traintrack.label import Label, Pattern, parse_label
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import KeyPath, Layer, Target
from traintrack.workspace.profiles import SECTION as PROFILES
from traintrack.workspace.sets import CommandLinePlaces, SetOption, parse_set
from traintrack.workspace.target_fields import SHAPE
from traintrack.workspace.workspace_file import FILE as WORKSPACE_FILE

_LayerKey = tuple[int, KeyPath]


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
    into: FieldPath = ()
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
    found: dict[tuple[Label, FieldPath], _Change] = {}
    everyone = _count_layers(known)
    for given in sets:
        beside = _count_layers(one for one in known if not given.option.applies_to(one.label, requested))
        meant = [one for one in targets if given.option.applies_to(one.label, requested)]
        for path, value in leaves_of(given.option.path, given.option.value):
            for target in meant:
                found.pop((target.label, path), None)
                found[target.label, path] = _Change(given, target, path, value, everyone, beside)
    edits: dict[tuple[str, Location, FieldPath, str], KeptEdit] = {}
    for edit in (change.edit() for change in found.values()):
        if edit is not None:
            edits.setdefault((edit.set, edit.place, edit.into, edit.new), edit)
    return tuple(edits.values())


class _Change(Struct, frozen=True):
    """One field of one target that a set changes.

    `everyone` counts the targets that have a layer, `beside` those of them that the set is not meant for.
    """

    given: GivenSet
    target: Target
    path: FieldPath
    value: Any
    everyone: Counter[_LayerKey]
    beside: Counter[_LayerKey]

    def edit(self) -> KeptEdit | None:
        """Return what is to be edited; None if the files say so already, or nothing of the target can be."""
        layers = [layer for layer in self.target.layers if not isinstance(layer.places, CommandLinePlaces)]
        layers = self._shaping(layers) if self.path[0] in SHAPE else layers
        writer = next((layer for layer in reversed(layers) if reach(layer.fields, self.path)), None)
        if _says_it(value_at(writer.fields, self.path) if writer is not None else REMOVE, self.value):
            return None
        if writer is not None and _is_own(writer):
            return self._replaced(writer)
        own = next((layer for layer in reversed(layers) if _is_own(layer)), None)
        if own is not None and (writer is None or layers.index(writer) < layers.index(own)):
            return self._added(own, writer)
        return self._added_to_profile(writer) if writer is not None and writer.base[:1] == (PROFILES,) else None

    def _shaping(self, layers: list[Layer]) -> list[Layer]:
        """The layers that say how many members there are: of an instance of a template its own, not those of its result."""
        base = ("targets", self.target.label.name.partition("@")[0])
        mine = [i for i, layer in enumerate(layers) if layer.base == base]
        return layers[: mine[0] + 1] if mine else layers

    def _replaced(self, layer: Layer) -> KeptEdit:
        line = self._line(layer)
        new = self._spelled_from(reach(layer.fields, self.path) - 1)
        shared = line if self.beside[_key(layer)] else None
        return KeptEdit(self.given.text, self.target.label, line.place, line.text, new, (), shared)

    def _added(self, own: Layer, writer: Layer | None) -> KeptEdit:
        depth = depth_of(own.fields, self.path)
        place = own.places.key((*own.base, *self.path[:depth]))
        into = (*_names(own.base), *self.path[:depth])
        edit = self._new(place, self._spelled_from(depth), into, writer)
        if writer is None and self.beside[_key(own)]:
            return replace(edit, shared=SharedLine(place, into[-1], self.everyone[_key(own)], everyone=False))
        return edit

    def _added_to_profile(self, writer: Layer) -> KeptEdit:
        """Where a profile for many lies over what the target says itself, only the profile can say otherwise."""
        into = _names(writer.base[:2])
        # Members of a family are named in its label only: the file declares the family.
        path = ("targets", self.target.label.name.partition("@")[0], *self.path)
        source = self._source()
        if writer.places.key(writer.base).path == self.target.place.path:
            return self._new(writer.places.key(writer.base[:2]), spelled_field(path, self.value, source), into, writer)
        top = Location(self.target.place.path, 1, 1)
        return self._new(top, spelled_field((*into, *path), self.value, source), (), writer)

    def _new(self, place: Location, text: str, into: FieldPath, writer: Layer | None) -> KeptEdit:
        shared = self._line(writer) if writer is not None else None
        return KeptEdit(self.given.text, self.target.label, place, None, text, into, shared)

    def _line(self, layer: Layer) -> SharedLine:
        """The line of a layer that says the field, and who has it."""
        path = self.path[: reach(layer.fields, self.path)]
        place = layer.places.key((*layer.base, *path))
        text = spelled_field(path[-1:], value_at(layer.fields, path), _text(layer, path))
        return SharedLine(place, text, self.everyone[_key(layer)], place.path == WORKSPACE_FILE)

    def _spelled_from(self, depth: int) -> str:
        return spelled_field(self.path[depth:], self.value, self._source())

    def _source(self) -> str | None:
        return self.given.option.source if self.path == self.given.option.path else None


def _says_it(old: Any, new: Any) -> bool:
    """Tell if a set of `new` over `old` changes nothing: maps are merged, so an empty one takes nothing away."""
    return same_value(old, new) or (new == {} and isinstance(old, dict))


def _is_own(layer: Layer) -> bool:
    """Tell if a layer is written for one target, or one part of a template."""
    base = layer.base
    return base[:1] == ("targets",) or (base[:1] in ((PROFILES,), ("templates",)) and base[2:3] == ("targets",))


def _count_layers(targets: Iterable[Target]) -> Counter[_LayerKey]:
    """How many targets have a layer."""
    return Counter(_key(layer) for target in targets for layer in target.layers)


def _key(layer: Layer) -> _LayerKey:
    """What is the same for the same layer: its document, and where it stands in there."""
    return id(layer.places), layer.base


def _text(layer: Layer, path: FieldPath) -> str | None:
    """The source text of a number, a boolean or null, where a file has it."""
    text = getattr(layer.places, "text", None)
    found = text((*layer.base, *path)) if text is not None else None
    return found if isinstance(found, str) else None


def _names(base: KeyPath) -> FieldPath:
    return tuple(str(part) for part in base)
