"""The templates of all experiments: found by name, each checked once, and put to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import InputError, Location, raise_all
from traintrack.label import LabelError, is_segment, parse_label
from traintrack.workspace.document import Document
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.interpolate import has_holes
from traintrack.workspace.model import KeyPath, Layer
from traintrack.workspace.parameters_put_in import filled_layer
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.template import Template, axes_named, read_template
from traintrack.workspace.template_params import Parameter, bind

MAX_LAYERS: Final = 1_000
"""Layers of one target: templates that use others twice would else stand for 2 to the power of their number."""

_SAME_FOR_ALL: Final = "name the template: all members use the same; `${…}` here is for a parameter of type `template`"

MAX_USES: Final = 64
"""Templates that use one another in a row."""


class Later(Struct, frozen=True):
    """A value for a parameter that depends on axes: `value` as written, `place` of the template's use."""

    parameter: Parameter
    value: Any
    place: Location


class Use(Struct, frozen=True):
    """A field `use` where it stands: `path` is its place in the document of `findings`, `package` that document's.

    `passed` is what stands `with` it, as it is written. `inside` are the templates that lead here, as labels. What is
    passed and depends on axes is added to `later`, for its type can be told of members only.
    """

    value: Any
    passed: Mapping[str, Any]
    package: str
    path: KeyPath
    findings: Findings
    later: list[Later]
    inside: tuple[str, ...] = ()

    def entries(self) -> list[tuple[str, KeyPath]]:
        """The texts that name templates, each with its place."""
        if isinstance(self.value, list):
            return [(entry, (*self.path, i)) for i, entry in enumerate(self.value) if isinstance(entry, str)]
        return [(self.value, self.path)] if isinstance(self.value, str) else []


class Templates:
    """The templates of all experiments, each checked once. `read` returns the document of a package.

    `read` raises InputError where there is no such package or its file is wrong.
    """

    def __init__(self, read: Callable[[str], Document]) -> None:
        self._read = read
        self._known: dict[tuple[str, str], tuple[Template | None, list[InputError]]] = {}

    def named(self, use: Use) -> list[Template]:
        """Return the templates that a field `use` names, left to right; what is wrong is noted."""
        found = []
        for text, place in use.entries():
            template = self._find(text, use, place)
            if template is not None:
                found.append(template)
        return found

    def layers(self, use: Use) -> list[Layer]:
        """Return the layers that a field `use` stands for, left to right, parameters put in; what is wrong is noted."""
        found: list[Layer] = []
        for text, place in use.entries():
            template = self._find(text, use, place)
            if template is None:
                continue
            if len(found) > MAX_LAYERS or len(use.inside) > MAX_USES:
                _too_many(place, use.findings)
            if template.fields is None:
                message = f"`{template.label}` is a graph of targets, which cannot lie under another's fields"
                hint = "let a target `use` it alone, and refer to that target"
                use.findings.at_value(place, message, "misplaced-template", hint)
                continue
            found += self._of(template, use, place)
        return found

    def check(self, package: str, name: str) -> list[InputError]:
        """Return what is wrong with one template of a package that is known to have it."""
        return self._get(package, name)[1]

    def bound(self, template: Template, use: Use, place: KeyPath) -> dict[str, Any]:
        """Return what the parameters of a template stand for; the names of templates are made absolute."""
        raw = bind(template.parameters, use.passed, template.label, place, use.findings)
        for name, parameter in template.parameters.items():
            if name in raw and parameter.kind != "any" and has_holes(raw[name]):
                use.later.append(Later(parameter, raw[name], use.findings.places.value(place)))
            if parameter.kind == "template" and name in raw:
                where = use.package if name in use.passed else template.package
                parsed = _parsed(raw[name], where)
                raw[name] = raw[name] if parsed is None else f"//{parsed[0]}:{parsed[1]}"
        return raw

    def _of(self, template: Template, use: Use, place: KeyPath) -> list[Layer]:
        """The layers of one template of a target's fields: those that it uses itself, then its own."""
        assert template.fields is not None
        layer = Layer(f"template {template.label}", template.fields, template.base, template.places)
        below = Findings(template.places, use.findings.errors)  # type: ignore[arg-type]
        if template.parameters:
            raw = self.bound(template, use, place)
            if len(raw) < len(template.parameters):
                return []
            layer = filled_layer(layer, raw, below, axes_named(template.fields.get("each")))
        fields = layer.fields
        inner: list[Layer] = []
        if "use" in fields:
            passed = fields.get("with", {})
            inner = self.layers(
                Use(
                    fields["use"],
                    passed if isinstance(passed, dict) else {},
                    template.package,
                    (*template.base, "use"),
                    below,
                    use.later,
                    (*use.inside, template.label),
                )
            )
        own = {key: value for key, value in fields.items() if key not in ("use", "with")}
        return [*inner, Layer(layer.origin, own, template.base, template.places)]

    def _find(self, text: str, use: Use, place: KeyPath) -> Template | None:
        where = _parsed(text, use.package)
        if where is None:
            message = f"`{shown(text)}` is not a template"
            hint = _SAME_FOR_ALL if has_holes(text) else 'write `name`, or `"//path:name"`'
            use.findings.at_value(place, message, "bad-label", hint)
            return None
        label = f"//{where[0]}:{where[1]}"
        if label in use.inside:
            message = f"template `{label}` uses itself"
            use.findings.at_value(place, message, "template-cycle", f"remove `use` from one of {', '.join(use.inside)}")
            return None
        try:
            names = self._names(where[0])
        except InputError as error:
            message = f"`{label}` cannot be used: {error.message}"
            use.findings.at_value(place, message, "unknown-template", error.hint or "name a template that exists")
            return None
        if where[1] not in names:
            otherwise = one_of(names) if names else f"declare it below `templates` in `//{where[0]}`"
            message = f"no template `{where[1]}` in `//{where[0]}`"
            use.findings.at_value(place, message, "unknown-template", did_you_mean(where[1], names, otherwise))
            return None
        template, errors = self._get(*where)
        use.findings.errors += [error for error in errors if error not in use.findings.errors]
        return template

    def _names(self, package: str) -> Mapping[str, Any]:
        value = self._read(package).value
        section = value.get("templates") if isinstance(value, dict) else None
        return section if isinstance(section, dict) else {}

    def _get(self, package: str, name: str) -> tuple[Template | None, list[InputError]]:
        known = self._known.get((package, name))
        if known is None:
            known = self._known[package, name] = read_template(self._read(package), package, name)
        return known


def _too_many(place: KeyPath, findings: Findings) -> None:
    message = f"more than {MAX_LAYERS:,} templates come together here, or {MAX_USES} in a row"
    findings.at_value(place, message, "template-limit", "use fewer templates, each once")
    raise_all(findings.errors)


def _parsed(text: Any, package: str) -> tuple[str, str] | None:
    """Read `name`, `:name` or `//package:name`."""
    if not isinstance(text, str):
        return None
    if not text.startswith("//"):
        name = text.removeprefix(":")
        return (package, name) if is_segment(name) else None
    try:
        label = parse_label(text)
    except LabelError:
        return None
    return (label.package, label.name)
