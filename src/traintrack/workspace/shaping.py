"""Targets with axes, templates or holes: each becomes a family, the parts of an instance, or one target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from traintrack.errors import InputError
from traintrack.label import Label
from traintrack.workspace.axes import Grid
from traintrack.workspace.declarations import Declared
from traintrack.workspace.family import Family
from traintrack.workspace.findings import Findings, NotedError
from traintrack.workspace.instances import Instance, part_layer
from traintrack.workspace.interpolate import is_internal, names_in
from traintrack.workspace.lost_holes import refuse_maps_for_holes
from traintrack.workspace.members import Declaration, MemberMaker
from traintrack.workspace.model import ImageSpec, Layer
from traintrack.workspace.overrides import Override, read_overrides
from traintrack.workspace.own_axes import Find, OwnAxes
from traintrack.workspace.site import Site
from traintrack.workspace.stack import Stack
from traintrack.workspace.target_fields import OF_INSTANCES, SHAPE
from traintrack.workspace.template import Template
from traintrack.workspace.template_params import refuse_unknown
from traintrack.workspace.templates import Templates, Use

_PASSED: Final = "pass it `with` the template, which says what it is for"
_NOT_SHARED: Final = {
    **dict.fromkeys(("args", "unhashed", "task", "source", "needs", "outputs", "deliver", "except"), _PASSED),
    "overrides": "give `each` a bundle: an axis with a map of names to values",
}


class _Shape(Struct, frozen=True):
    """What a site comes to: the layers of its members, those that say which there are, and the axes.

    `inner` are its own axes, `grid` all of them. `use` has what is passed.
    """

    use: Use
    own: tuple[Layer, ...]
    shaping: tuple[Layer, ...]
    inner: Grid | None
    grid: Grid | None
    limit: int | None


class Shaping:
    """Declares the targets of one package that are not plain; what is wrong is noted in `errors`."""

    def __init__(
        self,
        package: str,
        templates: Templates,
        stack: Stack,
        images: Mapping[str, ImageSpec],
        errors: list[InputError],
        find: Find,
    ) -> None:
        self._package = package
        self._templates = templates
        self._stack = stack
        self._images = images
        self._errors = errors
        self._axes = OwnAxes(package, stack, errors, find)

    def declared(self, site: Site) -> Iterator[tuple[str, Declared]]:
        """Return what a site comes to, by name; nothing more after what is wrong."""
        try:
            over = [] if site.is_result else self._stack.shape_over(Label(self._package, site.name))
            use, graph = self._use(site, over)
            shape = self._shape(site, use, graph, over)
            if graph is not None:
                yield from self._instance(graph, site, shape)
            else:
                yield site.name, self._family(site, shape)
        except NotedError:
            return
        except InputError as error:
            self._errors.append(error)

    def _use(self, site: Site, over: Sequence[Layer]) -> tuple[Use, Template | None]:
        """What is passed to which templates, and the one that is a graph of targets."""
        before = len(self._errors)
        passed = self._stack.shape("with", [site.layer, *over]) or {}
        use = replace(site.use, passed=passed)
        named = self._templates.named(use) if use.value is not None else []
        path = (*use.path[:-1], "with")
        if use.value is None and (passed or "with" in site.layer.fields):
            message = "`with` passes values to a template, and none is used here"
            use.findings.at_key(path, message, "misplaced-field", "add `use: NAME`, or remove it")
        graph = next((template for template in named if template.targets is not None), None)
        if graph is not None and len(named) > 1:
            message = f"`{graph.label}` is a graph of targets, which is used alone"
            use.findings.at_value(use.path, message, "misplaced-template", "use it in a target of its own")
        self._demand_nothing_since(before)
        if use.value is not None and len(named) < len(use.entries()):
            raise NotedError
        refuse_unknown(passed, [name for template in named for name in template.parameters], path, use.findings)
        self._demand_nothing_since(before)
        return use, graph

    def _shape(self, site: Site, use: Use, graph: Template | None, over: Sequence[Layer]) -> _Shape:
        before = len(self._errors)
        below = self._templates.layers(use) if use.value is not None and graph is None else []
        self._demand_nothing_since(before)
        shaping = (*below, site.layer, *over)
        inner = self._axes.grid(shaping, site)
        grid = self._axes.together(site, inner)
        limit = self._stack.shape("max_members", shaping) or site.limit
        if grid is not None:
            self._axes.demand_few(grid, limit, site)
        return _Shape(use, (*site.below, *below, site.layer), shaping, inner, grid, limit)

    def _family(self, site: Site, shape: _Shape) -> Declared:
        """A family, of which one member is made to see what is wrong with all; one target where there are no axes.

        Raises:
            InputError: that member is wrong.
        """
        label = Label(self._package, site.name)
        grid = shape.grid
        axes = () if grid is None else grid.axes
        overrides = self._overrides(site, shape)
        before = len(self._errors)
        for layer in shape.own if axes else ():
            refuse_maps_for_holes(layer.fields, axes, layer.base, Findings(layer.places, self._errors))  # type: ignore[arg-type]
        self._demand_nothing_since(before)
        counts, later = _counts(shape.own), tuple(shape.use.later)
        declaration = Declaration(label, shape.own, site.place, axes, overrides, counts, later, site.inside)
        maker = MemberMaker(declaration, self._stack, self._images)
        if grid is None:
            return maker.make(label, ())
        family = Family(label, grid, shape.inner, maker, site.place)
        family.at(next(grid.points()))
        return family

    def _overrides(self, site: Site, shape: _Shape) -> tuple[Override, ...]:
        where = next((layer for layer in reversed(shape.shaping) if "overrides" in layer.fields), None)
        if shape.grid is None:
            misplaced = [(where, "overrides", "`overrides` are for the members of a family")] if where else []
            if "max_members" in site.layer.fields:
                misplaced.append((site.layer, "max_members", "`max_members` is for a family"))
            for layer, key, message in misplaced:
                self._misplaced(layer, key, message, "add `each`, or remove it")
            if misplaced:
                raise NotedError
        if where is None or shape.grid is None:
            return ()
        before = len(self._errors)
        base = (*where.base, "overrides")
        # Of a smaller grid, as under a profile, some overrides refine nothing.
        noted = [] if self._stack.changes_members else self._errors
        findings = Findings(where.places, noted)  # type: ignore[arg-type]
        found = read_overrides(where.fields["overrides"], base, where.places, shape.grid, findings)
        self._demand_nothing_since(before)
        return found

    def _instance(self, template: Template, site: Site, shape: _Shape) -> Iterator[tuple[str, Declared]]:
        """Every part of a template in use, its result under the name of the target that uses it."""
        before = len(self._errors)
        for key in site.layer.fields:
            if key in _NOT_SHARED:
                message = f"`{key}` cannot stand beside `use` of a graph of targets"
                self._misplaced(site.layer, key, message, _NOT_SHARED[key])
        raw = self._templates.bound(template, shape.use, shape.use.path)
        self._demand_nothing_since(before)
        instance = Instance(template, site.name, site.prefix, 0 if shape.grid is None else len(shape.grid.axes), raw)
        siblings: dict[str, Grid] = {}
        for part in template.targets or ():
            name = instance.name_of(part)
            part_site = self._part(instance, part, site, shape, siblings)
            self._demand_nothing_since(before)
            for label, declared in self.declared(part_site):
                if label == name and isinstance(declared, Family) and declared.inner is not None:
                    siblings[part] = declared.inner
                yield label, declared

    def _part(self, instance: Instance, part: str, site: Site, shape: _Shape, siblings: Mapping[str, Grid]) -> Site:
        template, own = instance.template, site.layer
        findings = Findings(template.places, self._errors)  # type: ignore[arg-type]
        layer = part_layer(instance, part, findings)
        # Which members a part has is for itself to say; the rest of the layer tells where the instance is written.
        shared = {key: value for key, value in own.fields.items() if key in SHAPE or key not in OF_INSTANCES}
        use = Use(
            layer.fields.get("use"),
            {},
            template.package,
            (*layer.base, "use"),
            findings,
            list(shape.use.later),
            (*shape.use.inside, template.label),
        )
        return Site(
            name=instance.name_of(part),
            prefix=f"{site.prefix}.{part}",
            layer=layer,
            use=use,
            place=site.place,
            inside=(*site.inside, site.name),
            below=(*site.below, Layer(own.origin, shared, own.base, own.places)),
            outer=shape.grid,
            limit=shape.limit,
            siblings=dict(siblings),
        )

    def _misplaced(self, layer: Layer, key: str, message: str, hint: str) -> None:
        place = layer.places.key((*layer.base, key))
        self._errors.append(InputError(message, code="misplaced-field", location=place, hint=hint))

    def _demand_nothing_since(self, before: int) -> None:
        if len(self._errors) != before:
            raise NotedError


def _counts(layers: Sequence[Layer]) -> tuple[int, ...]:
    """How many first coordinates the references to siblings ask for, over all of them."""
    names = {name for layer in layers for name in names_in(dict(layer.fields)) if is_internal(name)}
    return tuple(sorted(int(name[1:-1]) for name in names))
