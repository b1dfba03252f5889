"""The layers of a target in merge order, and their fields merged (DESIGN 3.2).

Workspace `defaults` < `tasks.<task>` < file `defaults` < `use` from left to right < the target < `overrides` < profile <
`--set` < `--worktree`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.label import Label, Pattern
from traintrack.workspace.interpolate import has_holes
from traintrack.workspace.merge import overlay, without_removes
from traintrack.workspace.model import Layer, Profile, Workspace
from traintrack.workspace.profiles import profile_layers
from traintrack.workspace.sets import CommandLinePlaces, SetOption, is_requested
from traintrack.workspace.source_control import WORKTREE
from traintrack.workspace.target_fields import SHAPE

_WORKTREE_LAYER: Final = Layer("--worktree", {"commit": WORKTREE}, (), CommandLinePlaces("--worktree"))

Merged = tuple[dict[str, Any], tuple[Layer, ...]]
"""Fields as they came out, and the layers that they came from."""


class Changes(Struct, frozen=True):
    """What the command line changes: layers of `--set`, and whether working trees are asked for.

    `requested` are the patterns of the command line; without any, all targets are meant. `profile` lies over all.
    """

    sets: tuple[tuple[SetOption, Layer], ...] = ()
    worktree: bool = False
    requested: tuple[Pattern, ...] = ()
    profile: str | None = None

    @property
    def nothing(self) -> bool:
        """Tell if every target stays as it is declared."""
        return not self.sets and not self.worktree and self.profile is None


class Over(Struct, frozen=True):
    """What the command line lays over one target: numbers of sets, and whether its working tree is asked for."""

    sets: tuple[int, ...] = ()
    worktree: bool = False


NOTHING_OVER: Final = Over()


class Stack:
    """Merges the layers of the targets of one experiment. `profiles` are those that its file declares.

    `changes_nothing` tells that the command line lays the same over all targets, `changes_members` that families may
    have other members than their file says. `is_plain` tells that no layer below a target's own has holes, and that no
    profile lies over it.
    """

    def __init__(
        self, workspace: Workspace, defaults: Layer, profiles: Mapping[str, Profile], changes: Changes
    ) -> None:
        self._workspace = workspace
        self._defaults = defaults
        self._profiles = profiles
        self._changes = changes
        self._bases: dict[str | None, Merged] = {}
        shared = [one.fields for one in (workspace.defaults, *workspace.tasks.values(), defaults) if one is not None]
        shared += [layer.fields for _, layer in changes.sets]
        shaped = any(not SHAPE.isdisjoint(layer.fields) for _, layer in changes.sets)
        self.changes_members = changes.profile is not None or shaped
        self.changes_nothing = not changes.sets and not changes.worktree
        self.is_plain = changes.profile is None and not shaped and not any(has_holes(dict(one)) for one in shared)

    def over(self, label: Label) -> Over:
        """Return what the command line lays over a target."""
        changes = self._changes
        if not changes.sets and not changes.worktree:
            return NOTHING_OVER
        sets = tuple(i for i, (option, _) in enumerate(changes.sets) if option.applies_to(label, changes.requested))
        return Over(sets, changes.worktree and is_requested(label, changes.requested))

    def shape_over(self, label: Label) -> list[Layer]:
        """Return the layers of a profile and of sets that may change which members a target has.

        The result of an instance bears its label: what is meant for the instance is laid over that, not over its result.
        """
        found: list[Layer] = []
        changes = self._changes
        profile = self._profiles.get(changes.profile) if changes.profile is not None else None
        if profile is not None and label.name in profile.targets:
            found.append(profile.targets[label.name])
        return [*found, *(changes.sets[i][1] for i in self.over(label).sets)]

    def shape(self, field: str, layers: Sequence[Layer]) -> Any:
        """Merge one field over some layers, None where none has it."""
        merged: dict[str, Any] = {}
        for layer in layers:
            if field in layer.fields:
                merged = overlay(merged, {field: layer.fields[field]})
        return without_removes(merged).get(field)

    def task_of(self, own: Sequence[Layer], over: Over) -> Any:
        """What `task` is, as it is written, for a target with these layers of its own."""
        for layer in reversed((self._defaults, *own, *(self._changes.sets[i][1] for i in over.sets))):
            if "task" in layer.fields:
                return layer.fields["task"]
        return None

    def merged(self, names: Sequence[str], task: Any, own: Sequence[Layer], over: Over, *, clean: bool) -> Merged:
        """Merge a target's own layers over those it shares with others of its task.

        `names` are those of the instances that it is a part of, from the outside, then that of the target or its
        family. `clean` tells that no layer holds a `!remove` that may be left.
        """
        fields, shared = self._base(task if type(task) is str else None)
        profile = self._changes.profile
        if profile is not None:
            here, there = self._profiles.get(profile), self._workspace.profiles.get(profile)
            own = [*own, *profile_layers(there, here, names, task if type(task) is str else None)]
        if over.sets:
            own = [*own, *(self._changes.sets[i][1] for i in over.sets)]
        for layer in own:
            fields = overlay(fields, layer.fields)
        if not clean or len(own) > 1:
            fields = without_removes(fields)
        if over.worktree and fields.get("commit") is not None and not fields.get("code"):
            fields = overlay(fields, _WORKTREE_LAYER.fields)
            own = [*own, _WORKTREE_LAYER]
        return fields, (*shared, *own)

    def _base(self, task: str | None) -> Merged:
        """The layers below every target of a task, and their fields merged."""
        known = self._bases.get(task)
        if known is not None:
            return known
        below = (self._workspace.defaults, self._workspace.tasks.get(task or ""), self._defaults)
        layers = tuple(layer for layer in below if layer is not None and layer.fields)
        merged: dict[str, Any] = {}
        for layer in layers:
            merged = overlay(merged, layer.fields)
        self._bases[task] = (without_removes(merged), layers)
        return self._bases[task]
