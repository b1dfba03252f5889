"""TTCONFIG.yaml: from a document to the targets and images of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from traintrack.errors import InputError, raise_all
from traintrack.workspace.declarations import Declarations, Declared
from traintrack.workspace.document import Document
from traintrack.workspace.findings import Findings
from traintrack.workspace.images import read_images
from traintrack.workspace.lost_holes import refuse_holes_in_keys
from traintrack.workspace.model import Experiment, ImageSpec, Layer, Workspace
from traintrack.workspace.profiles import read_experiment_profiles
from traintrack.workspace.stack import Changes, Stack
from traintrack.workspace.target_fields import CHECKS, SHAPE, check_declared

if TYPE_CHECKING:
    from traintrack.workspace.templates import Templates

FILE: Final = "TTCONFIG.yaml"
SECTIONS: Final = ("defaults", "images", "targets", "templates", "profiles")

_REFUSED_IN_DEFAULTS: Final = {
    **dict.fromkeys((*sorted(SHAPE), "except"), "write it in a target: defaults lie below it"),
    "source": "write `source` in a target",
}


def read_experiment(
    document: Document,
    package: str,
    workspace: Workspace,
    templates: Callable[[], Templates],
    changes: Changes,
    elsewhere: Callable[[str], Experiment],
) -> tuple[dict[str, Declared], dict[str, ImageSpec]]:
    """Return the targets and families by name in file order, and the images that they may name.

    `elsewhere` returns another experiment, for families that take over its axes.

    Raises:
        InputError: all that is wrong with the file.
    """
    reader = _Reader(document, package, workspace, templates, changes, elsewhere)
    declared = reader.declared()
    raise_all(reader.errors)
    return declared, reader.images


class _Reader:
    def __init__(
        self,
        document: Document,
        package: str,
        workspace: Workspace,
        templates: Callable[[], Templates],
        changes: Changes,
        elsewhere: Callable[[str], Experiment],
    ) -> None:
        self.errors: list[InputError] = []
        self.images: dict[str, ImageSpec] = dict(workspace.images)
        self._document = document
        self._package = package
        self._workspace = workspace
        self._templates = templates
        self._changes = changes
        self._elsewhere = elsewhere
        self._findings = Findings(document.places, self.errors)

    def declared(self) -> dict[str, Declared]:
        """Read all sections; what is wrong is in `errors`."""
        sections = self._sections()
        self.images.update(read_images(sections.get("images"), ("images",), self._findings))
        before = len(self.errors)
        defaults = self._defaults(sections.get("defaults"))
        targets = self._findings.section(sections.get("targets"), ("targets",))
        shared_is_wrong = len(self.errors) != before
        profiles = read_experiment_profiles(sections.get("profiles"), self._findings, targets)
        if self._changes.profile is not None and len(self.errors) != before:
            shared_is_wrong = True
        for name in self._findings.section(sections.get("templates"), ("templates",)):
            self.errors += self._templates().check(self._package, name)
        self._findings.refuse_long_keys(self._document.long_keys)
        stack = Stack(self._workspace, defaults, profiles, self._changes)
        declarations = Declarations(
            *(self._document, self._package, targets, self._templates),
            *(stack, self.images, self._findings, self._elsewhere),
        )
        # A target over wrong defaults would only repeat their errors.
        return declarations.check() if shared_is_wrong else declarations.all()

    def _sections(self) -> Mapping[str, Any]:
        value = self._findings.section(self._document.value, ())
        self._findings.refuse_marks(self._document.marks, ("defaults", "targets", "templates", "profiles"))
        for section in SECTIONS if self._document.has_holes else ():
            refuse_holes_in_keys(value.get(section) or {}, (section,), self._findings)
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

    def _defaults(self, section: Any) -> Layer:
        fields = self._findings.section(section, ("defaults",))
        kept = check_declared(fields, ("defaults",), self._findings, "`defaults`", _REFUSED_IN_DEFAULTS)
        return Layer("defaults", kept, ("defaults",), self._document.places)
