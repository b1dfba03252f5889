"""One template as it is declared: the fields of a target, or a graph of targets with a result."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import InputError
from traintrack.label import is_segment
from traintrack.workspace import checks
from traintrack.workspace.document import Document
from traintrack.workspace.findings import Findings, dotted, shown
from traintrack.workspace.interpolate import Hole, HoleError, has_holes, parts_of, texts_in
from traintrack.workspace.lost_holes import refuse_maps_for_holes
from traintrack.workspace.model import KeyPath, Places
from traintrack.workspace.suggest import closest, did_you_mean, one_of
from traintrack.workspace.target_fields import check_declared
from traintrack.workspace.template_params import Parameter, read_parameters

OF_GRAPHS: Final = ("description", "params", "targets", "result")


class Template(Struct, frozen=True):
    """A template, checked by itself. Exactly one of `fields` and `targets` says what it stands for.

    `base` is where it stands in the document of `places`. `targets` maps the names of parts to their fields, and
    `result` is the part that the template as a whole stands for.
    """

    package: str
    name: str
    base: KeyPath
    places: Places
    parameters: Mapping[str, Parameter]
    fields: Mapping[str, Any] | None = None
    targets: Mapping[str, Mapping[str, Any]] | None = None
    result: str = ""

    @property
    def label(self) -> str:
        """Where it is declared, as `use` names it."""
        return f"//{self.package}:{self.name}"


class Everything(Container[str]):
    """Contains every name: for holes whose axes are known later."""

    def __contains__(self, name: object) -> bool:
        """Tell if it is a text."""
        return isinstance(name, str)


def axes_named(each: Any) -> frozenset[str] | Everything:
    """The axes that a field `each` declares, as far as it says so itself."""
    if type(each) is list and each:
        each = each[0]
    if type(each) is not dict:
        return frozenset() if each is None else Everything()
    sample = each.get("sample")
    drawn = sample if type(sample) is dict else {}
    return frozenset((*(axis for axis in each if axis != "sample"), *drawn))


def read_template(document: Document, package: str, name: str) -> tuple[Template | None, list[InputError]]:
    """Return a template of a document that has it, None if it is wrong, and what is wrong."""
    declared = document.value["templates"][name]
    base = ("templates", name)
    findings = Findings(document.places, [])
    if not is_segment(name):
        findings.at_key(base, f"`{shown(name)}` cannot be a name", "bad-name", "use `A-Z a-z 0-9 _ . + -`")
    if not isinstance(declared, dict):
        findings.wrong_type(declared, base, "a map", f"write the fields of a target below `{dotted(base)}`")
        return None, findings.errors
    findings.refuse_long_keys(path for path in document.long_keys if path[:2] == base)
    template = _read(declared, package, name, document, findings)
    return (None if findings.errors else template), findings.errors


def _read(declared: dict[str, Any], package: str, name: str, document: Document, findings: Findings) -> Template:
    base = ("templates", name)
    parameters = read_parameters(declared.get("params"), (*base, "params"), findings)
    if "targets" in declared or "result" in declared:
        targets = _parts(declared, base, name, parameters, findings)
        result = _result(declared, base, targets, findings)
        return Template(package, name, base, document.places, parameters, None, targets, result)
    fields = {key: value for key, value in declared.items() if key != "params"}
    kept = check_declared(fields, base, findings, f"template `{shown(name)}`", {})
    _check_names(kept, base, parameters, findings)
    return Template(package, name, base, document.places, parameters, kept)


def _parts(
    declared: dict[str, Any], base: KeyPath, name: str, parameters: Mapping[str, Parameter], findings: Findings
) -> dict[str, Mapping[str, Any]]:
    for key in declared:
        if key not in OF_GRAPHS:
            hint = "write it in a target below `targets`, where it belongs to one of them"
            findings.at_key((*base, key), f"`{shown(str(key))}` cannot stand beside `targets`", "misplaced-field", hint)
    checks.text(declared.get("description") or "", (*base, "description"), findings)
    found: dict[str, Mapping[str, Any]] = {}
    for part, fields in findings.section(declared.get("targets"), (*base, "targets")).items():
        path = (*base, "targets", part)
        if not is_segment(part):
            findings.at_key(path, f"`{shown(part)}` cannot be a name", "bad-name", "use `A-Z a-z 0-9 _ . + -`")
        elif type(fields) is not dict:
            findings.wrong_type(fields, path, "a map", "write `task` and `args` below it")
        else:
            found[part] = check_declared(fields, path, findings, f"target `{part}` of template `{shown(name)}`", {})
            _check_names(found[part], path, parameters, findings)
    return found


def _result(declared: dict[str, Any], base: KeyPath, parts: Mapping[str, Any], findings: Findings) -> str:
    result = declared.get("result")
    if type(result) is str and result.removeprefix(".") in parts:
        return result.removeprefix(".")
    known = list(parts)
    if result is None:
        hint = f"add `result: {known[-1]}`" if known else "add `targets` and `result`"
        findings.at_key(base, "a template with `targets` needs a `result`", "missing-field", hint)
        return ""
    message = f"`{shown(str(result))}` is none of the template's targets"
    findings.at_value(
        (*base, "result"),
        message,
        "unknown-target",
        did_you_mean(str(result), known, one_of(known) if known else "add it"),
    )
    return ""


def _check_names(
    fields: Mapping[str, Any], path: KeyPath, parameters: Mapping[str, Parameter], findings: Findings
) -> None:
    """Note holes that neither a parameter nor an axis of the fields themselves can fill."""
    axes = axes_named(fields.get("each"))
    if isinstance(axes, Everything):
        return
    for axis in sorted(axes & parameters.keys()):
        message = f"`{axis}` is both a parameter of the template and an axis here"
        findings.at_value((*path, "each"), message, "same-name", f"rename the parameter, to `{axis}s` if it is a list")
    names = {*parameters, *axes}
    refuse_maps_for_holes(fields, names, path, findings)
    for key, value in fields.items():
        for where, text in texts_in(value, (*path, key)) if has_holes(value) else ():
            _check_holes(text, names, where, findings)


def _check_holes(text: str, names: Collection[str], path: KeyPath, findings: Findings) -> None:
    try:
        parts = parts_of(text, names)
    except HoleError as error:
        findings.at_value(path, str(error), "interpolation", error.hint)
        return
    for hole in parts:
        if isinstance(hole, Hole) and hole.name not in names:
            near = closest(hole.name, names)
            hint = f"add `params: {{{hole.name}: any}}`, and pass it `with` the template"
            hint = f"did you mean `{Hole(near, hole.fields)}`?" if near is not None else hint
            findings.at_value(path, f"template has no parameter `{hole.name}`", "interpolation", hint)
