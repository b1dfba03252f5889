"""The targets that a file declares: alone, as families, and as instances of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from traintrack.errors import InputError, Location
from traintrack.label import Label, is_segment
from traintrack.workspace.document import Document
from traintrack.workspace.findings import MAX_FINDINGS, Findings, NotedError, shown
from traintrack.workspace.model import Experiment, FamilyOfTargets, ImageSpec, Layer, Target
from traintrack.workspace.stack import Stack
from traintrack.workspace.target_fields import SHAPE, check_declared, check_fields
from traintrack.workspace.targets import spec_of, wrong_as_a_whole

if TYPE_CHECKING:
    from traintrack.workspace.family import Family
    from traintrack.workspace.shaping import Shaping
    from traintrack.workspace.templates import Templates

Declared: TypeAlias = "Target | Family"

_NOTHING_REFUSED: Final[Mapping[str, str]] = {}


class Declarations:
    """Declares the targets of one file, each once, in the order of the file.

    `elsewhere` returns another experiment; it raises InputError where there is none. `templates` returns those of all
    experiments: most files need none.
    """

    def __init__(
        self,
        document: Document,
        package: str,
        section: Mapping[str, Any],
        templates: Callable[[], Templates],
        stack: Stack,
        images: Mapping[str, ImageSpec],
        findings: Findings,
        elsewhere: Callable[[str], Experiment],
    ) -> None:
        self._document = document
        self._package = package
        self._section = section
        self._templates = templates
        self._stack = stack
        self._images = images
        self._findings = findings
        self._elsewhere = elsewhere
        self._shaper: Shaping | None = None
        self._done: dict[str, dict[str, Declared]] = {}
        self._open: list[str] = []

    def all(self) -> dict[str, Declared]:
        """Return everything that is declared, by name; what is wrong is noted in the findings."""
        found: dict[str, Declared] = {}
        for name in self._section:
            if len(self._findings.errors) >= MAX_FINDINGS:
                break
            for label, declared in self._declared(name).items():
                if label in found:
                    message = f"`{shown(label)}` is declared twice: by itself, and as a part of a template in use"
                    self._findings.at_key(("targets", name), message, "duplicate-target", "rename one of them")
                found[label] = declared
        return found

    def check(self) -> dict[str, Declared]:
        """Note what is wrong with each target by itself, where what they share is wrong; declare none."""
        for name, fields in self._section.items():
            if len(self._findings.errors) >= MAX_FINDINGS:
                break
            self._checked(name, fields)
        return {}

    def _declared(self, name: str) -> dict[str, Declared]:
        """What one key of `targets` stands for."""
        known = self._done.get(name)
        if known is None:
            self._open.append(name)
            known = self._done[name] = dict(self._read(name, self._section[name]))
            self._open.pop()
        return known

    def _read(self, name: str, fields: Any) -> Iterator[tuple[str, Declared]]:
        layer = self._checked(name, fields)
        if layer is None:
            return
        place = layer.places.key(layer.base)
        if not self._document.has_holes and self._stack.is_plain and SHAPE.isdisjoint(layer.fields):
            yield from self._alone(Label(self._package, name), layer, place)
            return
        from traintrack.workspace.site import Site  # noqa: PLC0415  most files have plain targets only
        from traintrack.workspace.templates import Use  # noqa: PLC0415

        use = Use(layer.fields.get("use"), {}, self._package, (*layer.base, "use"), self._findings, [])
        yield from self._shaping().declared(Site(name, name, layer, use, place))

    def _shaping(self) -> Shaping:
        """What declares all that is not plain; made, and imported, when the first such target is met."""
        from traintrack.workspace.shaping import Shaping  # noqa: PLC0415  most files have plain targets only

        if self._shaper is None:
            errors = self._findings.errors
            self._shaper = Shaping(self._package, self._templates(), self._stack, self._images, errors, self._find)
        return self._shaper

    def _checked(self, name: str, fields: Any) -> Layer | None:
        """A target's own layer, None if something is wrong with it."""
        path = ("targets", name)
        if not is_segment(name):
            hint = "names are of `A-Z a-z 0-9 _ . + -`, and not `.` or `..`"
            self._findings.at_key(path, f"`{shown(name)}` cannot be the name of a target", "bad-name", hint)
            return None
        if type(fields) is not dict:
            self._findings.wrong_type(fields, path, "a map", "write `task` and `args` below it")
            return None
        before = len(self._findings.errors)
        # Most files have no holes, and need not be searched for any target by target.
        check = check_declared if self._document.has_holes else check_fields
        kept = check(fields, path, self._findings, f"target `{name}`", _NOTHING_REFUSED)
        return Layer("target", kept, path, self._document.places) if len(self._findings.errors) == before else None

    def _alone(self, label: Label, layer: Layer, place: Location) -> Iterator[tuple[str, Declared]]:
        """A target as most are: no template, no family, no holes."""
        own = (layer,)
        over = self._stack.over(label)
        clean = not self._document.marks
        merged, layers = self._stack.merged((label.name,), self._stack.task_of(own, over), own, over, clean=clean)
        target = Target(label, spec_of(merged), layers, place)
        wrong = wrong_as_a_whole(target, self._images)
        self._findings.errors += wrong
        if not wrong:
            yield label.name, target

    def _find(self, label: Label) -> tuple[Declared | FamilyOfTargets | None, Sequence[str]]:
        """What a label names, and the families that there are where it is not declared."""
        if label.package != self._package:
            experiment = self._elsewhere(label.package)
            found = experiment.families.get(label.name) or experiment.targets.get(label.name)
            return found, list(experiment.families)
        pieces = label.name.split(".")
        for count in range(len(pieces), 0, -1):
            name = ".".join(pieces[:count])
            if name in self._open:
                raise InputError(f"`each` of `:{name}` leads back to itself", code="cycle", hint="write the axes out")
            if name in self._section:
                declared = self._declared(name)
                if not declared:
                    raise NotedError
                return declared.get(label.name), list(declared)
        return None, list(self._section)
