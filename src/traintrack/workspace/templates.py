"""Templates: fields of a target that others `use`. Those with `params`, `targets` or `result` come later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from traintrack.errors import InputError, raise_all
from traintrack.label import LabelError, is_segment, parse_label
from traintrack.workspace.document import Document
from traintrack.workspace.findings import Findings, dotted, shown
from traintrack.workspace.model import KeyPath, Layer
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.target_fields import check_fields

MAX_LAYERS: Final = 1_000
"""Layers of one target: templates that use others twice would else stand for 2 to the power of their number."""

MAX_USES: Final = 64
"""Templates that use one another in a row."""

_NOTHING_REFUSED: Final[Mapping[str, str]] = {}


class Templates:
    """The templates of all experiments, each checked once. `read` returns the document of a package.

    `read` raises InputError where there is no such package or its file is wrong.
    """

    def __init__(self, read: Callable[[str], Document]) -> None:
        self._read = read
        self._known: dict[tuple[str, str], tuple[Layer | None, list[InputError]]] = {}

    def layers(
        self, use: Any, package: str, path: KeyPath, findings: Findings, inside: tuple[str, ...] = ()
    ) -> list[Layer]:
        """Return the layers that a field `use` at `path` stands for, left to right; what is wrong is noted.

        `inside` are the templates that lead here, as labels.
        """
        found: list[Layer] = []
        entries = use if isinstance(use, list) else [use]
        for i, entry in enumerate(entries):
            if not isinstance(entry, str):
                continue
            place = (*path, i) if isinstance(use, list) else path
            where = _parsed(entry, package)
            if where is None:
                message = f"`{shown(entry)}` is not a template"
                findings.at_value(place, message, "bad-label", 'write `name`, or `"//path:name"`')
                continue
            if len(found) > MAX_LAYERS or len(inside) > MAX_USES:
                _too_many(place, findings)
            found += self._of(where, place, findings, inside)
        return found

    def check(self, package: str, name: str) -> list[InputError]:
        """Return what is wrong with one template of a package that is known to have it."""
        return self._get(package, name)[1]

    def _of(self, where: tuple[str, str], place: KeyPath, findings: Findings, inside: tuple[str, ...]) -> list[Layer]:
        label = f"//{where[0]}:{where[1]}"
        if label in inside:
            message = f"template `{label}` uses itself"
            findings.at_value(place, message, "template-cycle", f"remove `use` from one of {', '.join(inside)}")
            return []
        try:
            names = self._names(where[0])
        except InputError as error:
            message = f"`{label}` cannot be used: {error.message}"
            findings.at_value(place, message, "unknown-template", error.hint or "name a template that exists")
            return []
        if where[1] not in names:
            otherwise = one_of(names) if names else f"declare it below `templates` in `//{where[0]}`"
            message = f"no template `{where[1]}` in `//{where[0]}`"
            findings.at_value(place, message, "unknown-template", did_you_mean(where[1], names, otherwise))
            return []
        layer, errors = self._get(*where)
        findings.errors += errors
        if layer is None:
            return []
        if "use" not in layer.fields:
            return [layer]
        document = self._read(where[0])
        below = Findings(document.places, findings.errors)
        return [*self.layers(layer.fields["use"], where[0], (*layer.base, "use"), below, (*inside, label)), layer]

    def _names(self, package: str) -> Mapping[str, Any]:
        value = self._read(package).value
        section = value.get("templates") if isinstance(value, dict) else None
        return section if isinstance(section, dict) else {}

    def _get(self, package: str, name: str) -> tuple[Layer | None, list[InputError]]:
        known = self._known.get((package, name))
        if known is None:
            known = self._known[package, name] = self._checked(package, name)
        return known

    def _checked(self, package: str, name: str) -> tuple[Layer | None, list[InputError]]:
        document = self._read(package)
        fields = document.value["templates"][name]
        base = ("templates", name)
        findings = Findings(document.places, [])
        if not is_segment(name):
            findings.at_key(base, f"`{shown(name)}` cannot be a name", "bad-name", "use `A-Z a-z 0-9 _ . + -`")
        if not isinstance(fields, dict):
            findings.wrong_type(fields, base, "a map", f"write the fields of a target below `{dotted(base)}`")
            return None, findings.errors
        findings.refuse_long_keys(path for path in document.long_keys if path[:2] == base)
        kept = check_fields(fields, base, findings, f"template `{shown(name)}`", _NOTHING_REFUSED)
        layer = Layer(f"template //{package}:{name}", kept, base, document.places)
        return (None if findings.errors else layer), findings.errors


def _too_many(place: KeyPath, findings: Findings) -> None:
    message = f"more than {MAX_LAYERS:,} templates come together here, or {MAX_USES} in a row"
    findings.at_value(place, message, "template-limit", "use fewer templates, each once")
    raise_all(findings.errors)


def _parsed(text: str, package: str) -> tuple[str, str] | None:
    """Read `name`, `:name` or `//package:name`."""
    if not text.startswith("//"):
        name = text.removeprefix(":")
        return (package, name) if is_segment(name) else None
    try:
        label = parse_label(text)
    except LabelError:
        return None
    return (label.package, label.name)
