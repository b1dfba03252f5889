"""The targets that a file declares: alone, as families, and as instances of templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Struct

from traintrack.errors import InputError, Location
from traintrack.label import Label, LabelError, is_segment, parse_reference
from traintrack.workspace.axes import Grid, joined
from traintrack.workspace.document import Document
from traintrack.workspace.family import Family
from traintrack.workspace.findings import MAX_FINDINGS, Findings, shown
from traintrack.workspace.instances import Instance, part_layer
from traintrack.workspace.interpolate import compiled, first_coordinates, has_holes, is_internal, names_in
from traintrack.workspace.lost_holes import refuse_maps_for_holes
from traintrack.workspace.members import Declaration, MemberMaker
from traintrack.workspace.merged_places import MergedPlaces
from traintrack.workspace.model import Experiment, FamilyOfTargets, ImageSpec, KeyPath, Layer, Target
from traintrack.workspace.overrides import Override, read_overrides
from traintrack.workspace.read_each import read_each
from traintrack.workspace.stack import Stack
from traintrack.workspace.suggest import did_you_mean
from traintrack.workspace.target_fields import OF_INSTANCES, SHAPE, check_declared
from traintrack.workspace.targets import spec_of, wrong_as_a_whole
from traintrack.workspace.template import Template
from traintrack.workspace.template_params import refuse_unknown
from traintrack.workspace.templates import Later, Templates, Use

MOST_MEMBERS: Final = 256
"""More members of a family need `max_members`, so that nobody is surprised by 40,000 jobs."""

HARD_LIMIT: Final = 100_000
"""No family has more, whatever `max_members` says: a plan of them takes minutes and gigabytes."""

Declared: TypeAlias = "Target | Family"

_NOTHING_REFUSED: Final[Mapping[str, str]] = {}
_PASSED: Final = "pass it `with` the template, which says what it is for"
_NOT_SHARED: Final = {
    **dict.fromkeys(("args", "unhashed", "task", "source", "needs", "outputs", "deliver", "except"), _PASSED),
    "overrides": "give `each` a bundle: an axis with a map of names to values",
}


class _Site(Struct, frozen=True):
    """A target to be declared: `name` as in its label, `prefix` begins the names of what it may be made of.

    `layer` is its own, `below` are layers under that of the template (what an instance shares with its parts). `use`
    says where templates are looked up. `inside` are the names of the instances that it is a part of. `outer` is the grid of the instance that it is a part of, `siblings` the inner
    grids of the parts declared so far.
    """

    name: str
    prefix: str
    layer: Layer
    use: Use
    place: Location
    below: tuple[Layer, ...] = ()
    outer: Grid | None = None
    siblings: Mapping[str, Grid] = {}
    limit: int | None = None
    inside: tuple[str, ...] = ()


class _WrongFamilyError(Exception):
    """The family whose axes are wanted is wrong itself, which is told there."""


class Declarations:
    """Declares the targets of one file, each once, in the order of the file.

    `elsewhere` returns another experiment; it raises InputError where there is none.
    """

    def __init__(
        self,
        document: Document,
        package: str,
        section: Mapping[str, Any],
        templates: Templates,
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
        use = Use(layer.fields.get("use"), {}, self._package, (*layer.base, "use"), self._findings, [])
        yield from self._shaped(_Site(name, name, layer, use, place))

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
        kept = check_declared(fields, path, self._findings, f"target `{name}`", _NOTHING_REFUSED)
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

    def _shaped(self, site: _Site) -> Iterator[tuple[str, Declared]]:
        """A target with templates, axes or holes."""
        errors = self._findings.errors
        before = len(errors)
        # What is meant for an instance is not meant once more for its result, which bears the same label.
        own_name = not site.inside or site.inside[-1] != site.name
        over = self._stack.shape_over(Label(self._package, site.name)) if own_name else []
        passed = self._stack.shape("with", [site.layer, *over]) or {}
        use = Use(
            *(site.use.value, passed, site.use.package, site.use.path, site.use.findings),
            *(site.use.later, site.use.inside),
        )
        named = self._templates.named(use) if use.value is not None else []
        is_found = use.value is None or len(named) == len(use.entries())
        if use.value is None and (passed or "with" in site.layer.fields):
            message = "`with` passes values to a template, and none is used here"
            path = (*site.use.path[:-1], "with")
            use.findings.at_key(path, message, "misplaced-field", "add `use: NAME`, or remove it")
        elif "with" in site.layer.fields or passed:
            known = [name for template in named for name in template.parameters]
            if is_found and len(errors) == before:
                refuse_unknown(passed, known, (*site.use.path[:-1], "with"), site.use.findings)
        graph = next((template for template in named if template.targets is not None), None)
        if graph is not None and len(named) > 1:
            message = f"`{graph.label}` is a graph of targets, which is used alone"
            site.use.findings.at_value(site.use.path, message, "misplaced-template", "use it in a target of its own")
        if len(errors) != before or not is_found:
            return
        below = self._templates.layers(use) if use.value is not None and graph is None else []
        own = (*site.below, *below, site.layer)
        shaping = [*below, site.layer, *over]
        try:
            inner = self._grid(shaping, site)
        except _WrongFamilyError:
            return
        if len(errors) != before:
            return
        grid = self._together(site, inner)
        if len(errors) != before:
            return
        limit = self._stack.shape("max_members", shaping) or site.limit
        if grid is not None and not self._is_allowed(grid, limit, site):
            return
        if graph is not None:
            yield from self._instance(graph, use, site, grid, limit)
        else:
            yield from self._family(site, own, shaping, grid, inner, use.later)

    def _family(
        self,
        site: _Site,
        own: tuple[Layer, ...],
        shaping: Sequence[Layer],
        grid: Grid | None,
        inner: Grid | None,
        later: Sequence[Later],
    ) -> Iterator[tuple[str, Declared]]:
        errors = self._findings.errors
        before = len(errors)
        label = Label(self._package, site.name)
        axes = () if grid is None else grid.axes
        overrides: tuple[Override, ...] = ()
        where = next((layer for layer in reversed(shaping) if "overrides" in layer.fields), None)
        if where is not None and grid is None:
            place = where.places.key((*where.base, "overrides"))
            message = "`overrides` are for the members of a family"
            errors.append(InputError(message, code="misplaced-field", location=place, hint="add `each`, or remove it"))
        elif grid is None and "max_members" in site.layer.fields:
            place = site.layer.places.key((*site.layer.base, "max_members"))
            message = "`max_members` is for a family"
            errors.append(InputError(message, code="misplaced-field", location=place, hint="add `each`, or remove it"))
        elif where is not None and grid is not None:
            base = (*where.base, "overrides")
            # Of a smaller grid, as under a profile, some overrides refine nothing.
            noted = [] if self._stack.changes_members else errors
            findings = Findings(where.places, noted)  # type: ignore[arg-type]
            overrides = read_overrides(where.fields["overrides"], base, where.places, grid, findings)
        if len(errors) != before:
            return
        for layer in own if axes else ():
            refuse_maps_for_holes(layer.fields, axes, layer.base, Findings(layer.places, errors))  # type: ignore[arg-type]
        if len(errors) != before:
            return
        declaration = Declaration(label, own, site.place, axes, overrides, _counts(own), tuple(later), site.inside)
        maker = MemberMaker(declaration, self._stack, self._images)
        try:
            if grid is None:
                yield site.name, maker.make(label, ())
                return
            family = Family(label, grid, inner, maker, site.place)
            family.at(next(grid.points()))
            yield site.name, family
        except InputError as error:
            errors.append(error)

    def _instance(
        self, template: Template, use: Use, site: _Site, grid: Grid | None, limit: int | None
    ) -> Iterator[tuple[str, Declared]]:
        """Every part of a template in use, its result under the name of the target that uses it."""
        errors = self._findings.errors
        before = len(errors)
        for key in site.layer.fields:
            if key in _NOT_SHARED:
                path = (*site.layer.base, key)
                message = f"`{key}` cannot stand beside `use` of a graph of targets"
                errors.append(
                    InputError(
                        message, code="misplaced-field", location=site.layer.places.key(path), hint=_NOT_SHARED[key]
                    )
                )
        raw = self._templates.bound(template, use, use.path)
        if len(errors) != before:
            return
        outer = 0 if grid is None else len(grid.axes)
        instance = Instance(template, site.name, site.prefix, outer, raw)
        # Which members a part has is for itself to say; the rest of the layer tells where the instance is written.
        shared = {key: value for key, value in site.layer.fields.items() if key in SHAPE or key not in OF_INSTANCES}
        below = (*site.below, Layer(site.layer.origin, shared, site.layer.base, site.layer.places))
        siblings: dict[str, Grid] = {}
        findings = Findings(template.places, errors)  # type: ignore[arg-type]
        for part in template.targets or ():
            name = instance.name_of(part)
            layer = part_layer(instance, part, findings)
            inside = (*use.inside, template.label)
            path = (*layer.base, "use")
            part_use = Use(layer.fields.get("use"), {}, template.package, path, findings, list(use.later), inside)
            part_site = _Site(
                *(name, f"{site.prefix}.{part}", layer, part_use, site.place, below, grid, dict(siblings), limit),
                inside=(*site.inside, site.name),
            )
            if len(errors) != before:
                return
            for label, declared in self._shaped(part_site):
                if label == name and isinstance(declared, Family) and declared.inner is not None:
                    siblings[part] = declared.inner
                yield label, declared

    def _grid(self, layers: Sequence[Layer], site: _Site) -> Grid | None:
        """The axes that a target has itself."""
        each = self._stack.shape("each", layers)
        if each is None:
            return None
        findings = Findings(MergedPlaces(layers, {"each": each}), self._findings.errors)
        if not has_holes(each):
            return self._read_each(each, site, findings)
        outer = site.outer
        names = [] if outer is None else [*outer.axes, first_coordinates(len(outer.axes))]
        make = compiled(each, names, ("each",), findings)
        if make is None or outer is None:
            return None if make is None else self._read_each(make({}), site, findings)
        message = "the axes of a part cannot depend on those of the target that uses the template"
        findings.at_value(("each",), message, "dependent-axes", "give every member the same axes")
        return None

    def _read_each(self, each: Any, site: _Site, findings: Findings) -> Grid | None:
        def family_of(text: str, path: KeyPath) -> Grid | None:
            return self._grid_of(text, path, site, findings)

        return read_each(each, ("each",), findings, family_of)

    def _grid_of(self, text: str, path: KeyPath, site: _Site, findings: Findings) -> Grid | None:
        """The grid of another family, for `each: :train`."""
        if text.startswith("."):
            sibling = site.siblings.get(text[1:])
            if sibling is None:
                hint = "name a family that stands above it in the template"
                findings.at_value(path, f"`{shown(text)}` is no family of the template", "unknown-family", hint)
            return sibling
        try:
            reference = parse_reference(text, self._package)
        except LabelError as error:
            findings.at_value(path, str(error), "bad-label", 'write `each: ":family"`')
            return None
        label = reference.label
        if label is None or reference.ref or reference.member or reference.path or reference.output:
            message = f"`{shown(text)}` is more than the label of a family"
            findings.at_value(path, message, "bad-label", 'write `each: ":family"`')
            return None
        try:
            declared, known = self._find(label)
        except InputError as error:
            taken = "" if error.code == "cycle" else f"the axes of `{label}` cannot be taken: "
            findings.at_value(path, f"{taken}{error.message}", error.code, error.hint or "name another family")
            return None
        if isinstance(declared, Family):
            return declared.grid
        what = "is no family" if declared is not None else "is not declared"
        others = [f":{name}" for name in known if declared is None]
        hint = did_you_mean(f":{label.name}", others, "write the axes out, or name a family")
        findings.at_value(path, f"`{label}` {what}", "unknown-family", hint)
        return None

    def _find(self, label: Label) -> tuple[Declared | FamilyOfTargets | None, list[str]]:
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
                    raise _WrongFamilyError
                return declared.get(label.name), list(declared)
        return None, list(self._section)

    def _together(self, site: _Site, inner: Grid | None) -> Grid | None:
        """The axes of a part: those of its instance, then its own."""
        outer = site.outer
        if outer is None or inner is None:
            return outer if inner is None else inner
        for axis in inner.axes:
            if axis in outer.axes:
                message = f"the axis `{axis}` is there twice: in `{shown(site.prefix)}`, and in what uses the template"
                hint = "rename the outer one"
                self._findings.errors.append(InputError(message, code="axis-twice", location=site.place, hint=hint))
        return joined(outer, inner) if not set(inner.axes) & set(outer.axes) else None

    def _is_allowed(self, grid: Grid, limit: int | None, site: _Site) -> bool:
        count = grid.count()
        if count <= min(max(limit or 0, MOST_MEMBERS), HARD_LIMIT):
            return True
        name = shown(site.name)
        if count > HARD_LIMIT:
            message, hint = f"`{name}` would have {count:,} members; {HARD_LIMIT:,} is the limit", "take fewer values"
        elif limit is not None:
            message = f"`{name}` would have {count:,} members, more than `max_members: {limit}`"
            hint = f"write `max_members: {count}` if you mean it"
        else:
            message, hint = f"`{name}` would have {count:,} members", f"add `max_members: {count}` if you mean it"
        self._findings.errors.append(InputError(message, code="too-many-members", location=site.place, hint=hint))
        return False


def _counts(layers: Sequence[Layer]) -> tuple[int, ...]:
    """How many first coordinates the references to siblings ask for, over all of them."""
    names = {name for layer in layers for name in names_in(dict(layer.fields)) if is_internal(name)}
    return tuple(sorted(int(name[1:-1]) for name in names))
