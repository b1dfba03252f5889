"""TTCONFIG.yaml: from a document to the targets and images of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import InputError, raise_all
from traintrack.label import Label, Pattern, is_segment
from traintrack.workspace.document import Document
from traintrack.workspace.findings import MAX_FINDINGS, Findings, shown
from traintrack.workspace.images import read_images
from traintrack.workspace.merge import overlay, without_removes
from traintrack.workspace.model import ImageSpec, Layer, Target, Workspace
from traintrack.workspace.sets import CommandLinePlaces, SetOption, is_requested
from traintrack.workspace.source_control import WORKTREE
from traintrack.workspace.target_fields import CHECKS, check_fields
from traintrack.workspace.targets import spec_of, wrong_as_a_whole
from traintrack.workspace.templates import Templates

FILE: Final = "TTCONFIG.yaml"
SECTIONS: Final = ("defaults", "images", "targets", "templates")

_NOTHING_REFUSED: Final[Mapping[str, str]] = {}
_REFUSED_IN_DEFAULTS: Final = {
    "use": "write `use` in a target: defaults lie below it",
    "source": "write `source` in a target",
}


class Changes(Struct, frozen=True):
    """What the command line changes: layers of `--set`, and whether working trees are asked for.

    `requested` are the patterns of the command line; without any, all targets are meant.
    """

    sets: tuple[tuple[SetOption, Layer], ...] = ()
    worktree: bool = False
    requested: tuple[Pattern, ...] = ()

    @property
    def nothing(self) -> bool:
        """Tell if every target stays as it is declared."""
        return not self.sets and not self.worktree


def read_experiment(
    document: Document, package: str, workspace: Workspace, templates: Templates, changes: Changes
) -> tuple[dict[str, Target], dict[str, ImageSpec]]:
    """Return the targets by name in file order, and the images that they may name.

    Raises:
        InputError: all that is wrong with the file.
    """
    reader = _Reader(document, package, workspace, templates, changes)
    targets = reader.targets()
    raise_all(reader.errors)
    return targets, reader.images


class _Reader:
    def __init__(
        self, document: Document, package: str, workspace: Workspace, templates: Templates, changes: Changes
    ) -> None:
        self.errors: list[InputError] = []
        self.images: dict[str, ImageSpec] = dict(workspace.images)
        self._document = document
        self._package = package
        self._workspace = workspace
        self._templates = templates
        self._changes = changes
        self._findings = Findings(document.places, self.errors)
        self._bases: dict[str | None, tuple[dict[str, Any], tuple[Layer, ...]]] = {}
        self._defaults: Layer | None = None
        self._shared_is_wrong = False

    def targets(self) -> dict[str, Target]:
        """Read all sections; what is wrong is in `errors`."""
        sections = self._sections()
        self.images.update(read_images(sections.get("images"), ("images",), self._findings))
        self._read_defaults(sections.get("defaults"))
        for name in self._findings.section(sections.get("templates"), ("templates",)):
            self.errors += self._templates.check(self._package, name)
        self._findings.refuse_long_keys(self._document.long_keys)
        found: dict[str, Target] = {}
        for name, fields in self._findings.section(sections.get("targets"), ("targets",)).items():
            if len(self.errors) >= MAX_FINDINGS:
                break
            target = self._target(name, fields)
            if target is not None:
                found[name] = target
        return found

    def _sections(self) -> Mapping[str, Any]:
        value = self._findings.section(self._document.value, ())
        self._findings.refuse_marks(self._document.marks, ("defaults", "targets", "templates"))
        for key in value:
            if key not in SECTIONS:
                choices = SECTIONS if key not in CHECKS else ()
                self._unknown_section(key, choices)
        return value

    def _unknown_section(self, key: str, choices: Sequence[str]) -> None:
        if choices:
            self._findings.unknown((key,), choices, FILE)
            return
        hint = f"write `{key}` below `defaults`, or in a target below `targets`"
        self._findings.at_key((key,), f"`{key}` is a field of targets", "misplaced-field", hint)

    def _read_defaults(self, section: Any) -> None:
        fields = self._findings.section(section, ("defaults",))
        before = len(self.errors)
        kept = check_fields(fields, ("defaults",), self._findings, "`defaults`", _REFUSED_IN_DEFAULTS)
        self._shared_is_wrong = len(self.errors) != before
        self._defaults = Layer("defaults", kept, ("defaults",), self._document.places)

    def _target(self, name: str, fields: Any) -> Target | None:
        path = ("targets", name)
        if not is_segment(name):
            hint = "names are of `A-Z a-z 0-9 _ . + -`, and not `.` or `..`"
            self._findings.at_key(path, f"`{shown(name)}` cannot be the name of a target", "bad-name", hint)
            return None
        if type(fields) is not dict:
            self._findings.wrong_type(fields, path, "a map", "write `task` and `args` below it")
            return None
        before = len(self.errors)
        kept = check_fields(fields, path, self._findings, f"target `{name}`", _NOTHING_REFUSED)
        places = self._document.places
        label = Label(self._package, name)
        own: list[Layer] = []
        if "use" in fields:
            own += self._templates.layers(fields["use"], self._package, (*path, "use"), self._findings)
        own.append(Layer("target", kept, path, places))
        if self._changes.sets:
            requested = self._changes.requested
            own += [layer for option, layer in self._changes.sets if option.applies_to(label, requested)]
        if len(self.errors) != before or self._shared_is_wrong:
            return None  # a target over wrong defaults would only repeat their errors
        merged, layers = self._merged(own)
        if self._changes.worktree:
            merged, layers = self._at_worktree(label, merged, layers)
        target = Target(label, spec_of(merged), layers, places.key(path))
        wrong = wrong_as_a_whole(target, self.images)
        if wrong:
            self.errors += wrong
            return None
        return target

    def _merged(self, own: list[Layer]) -> tuple[dict[str, Any], tuple[Layer, ...]]:
        """Merge a target's own layers over those it shares with others of the same task."""
        task = next((layer.fields["task"] for layer in reversed(own) if "task" in layer.fields), None)
        if task is None and self._defaults is not None:
            task = self._defaults.fields.get("task")
        merged, shared = self._base(task if type(task) is str else None)
        for layer in own:
            merged = overlay(merged, layer.fields)
        if self._document.marks or len(own) > 1:
            merged = without_removes(merged)
        return merged, (*shared, *own)

    def _base(self, task: str | None) -> tuple[dict[str, Any], tuple[Layer, ...]]:
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

    def _at_worktree(
        self, label: Label, merged: dict[str, Any], layers: tuple[Layer, ...]
    ) -> tuple[dict[str, Any], tuple[Layer, ...]]:
        """Put `commit: worktree` on top of a requested target that has a commit."""
        if merged.get("commit") is None or merged.get("code") or not is_requested(label, self._changes.requested):
            return merged, layers
        layer = Layer("--worktree", {"commit": WORKTREE}, (), CommandLinePlaces("--worktree"))
        return overlay(merged, layer.fields), (*layers, layer)
