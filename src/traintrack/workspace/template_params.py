"""Parameters of templates: their types, their defaults, and what a target passes for them.

```
params: {dataset: label, k: {int: 5}, metric: {type: text, default: accuracy, description: the column to compare}}
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from traintrack.label import is_segment, looks_like_reference
from traintrack.workspace import checks
from traintrack.workspace.document import REMOVE
from traintrack.workspace.findings import Findings, described, shown
from traintrack.workspace.interpolate import has_holes
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.suggest import did_you_mean, one_of

UNSET: Final = REMOVE
"""The default of a parameter that must be passed."""

_LONG: Final = ("type", "default", "description")


class Parameter(Struct, frozen=True):
    """A parameter: `kind` is one of `KINDS`; `default` is `UNSET` where it must be passed."""

    name: str
    kind: str
    default: Any = UNSET
    description: str = ""


def _is_text(value: Any) -> bool:
    return type(value) is str or isinstance(value, Literal)


def _is_label(value: Any) -> bool:
    return type(value) is str and (looks_like_reference(value) or value.startswith("."))


KINDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "label": (_is_label, 'a label, such as `":dataset"`'),
    "template": (lambda value: type(value) is str and bool(value), "the name of a template"),
    "int": (lambda value: type(value) is int, "a whole number"),
    "float": (lambda value: type(value) in (int, float), "a number"),
    "text": (_is_text, "text"),
    "bool": (lambda value: type(value) is bool, "`true` or `false`"),
    "list": (lambda value: type(value) is list, "a list"),
    "map": (lambda value: type(value) is dict, "a map"),
    "any": (lambda value: value is not REMOVE, "a value"),
}
"""What a parameter may be: how to tell, and the words for it."""


def read_parameters(section: Any, base: KeyPath, findings: Findings) -> dict[str, Parameter]:
    """Return the parameters below `params` by name; what is wrong is noted."""
    found: dict[str, Parameter] = {}
    for name, spec in findings.section(section, base).items():
        path = (*base, name)
        if not is_segment(name):
            findings.at_key(path, f"`{shown(name)}` cannot be a name", "bad-name", "use `A-Z a-z 0-9 _ . + -`")
            continue
        parameter = _parameter(name, spec, path, findings)
        if parameter is not None:
            found[name] = parameter
    return found


def misfit(parameter: Parameter, value: Any) -> str | None:
    """Return what is wrong with a value for a parameter, None if nothing is or it will be known later."""
    if type(value) is str and has_holes(value) and parameter.kind != "template":
        return None
    is_one, words = KINDS[parameter.kind]
    if is_one(value):
        return None
    return f"`{parameter.name}` must be {words}, got {described(value)}"


def bind(
    parameters: Mapping[str, Parameter], passed: Mapping[str, Any], template: str, path: KeyPath, findings: Findings
) -> dict[str, Any]:
    """Return what each parameter stands for: what is passed `with` the template, else its default.

    `path` is where `use` stands, in the document of `findings`. What is missing or of another type is noted there.
    """
    bound: dict[str, Any] = {}
    for name, parameter in parameters.items():
        value = passed.get(name, parameter.default)
        if value is UNSET:
            hint = f"add `with: {{{name}: …}}`, {KINDS[parameter.kind][1]}"
            findings.at_value(path, f"template `{template}` needs `{name}`", "missing-parameter", hint)
            continue
        wrong = misfit(parameter, value)
        if wrong is not None:
            hint = f"pass {KINDS[parameter.kind][1]}"
            findings.at_value(path, f"template `{template}`: {wrong}", "parameter-type", hint)
            continue
        bound[name] = value
    return bound


def refuse_unknown(passed: Mapping[str, Any], known: Iterable[str], base: KeyPath, findings: Findings) -> None:
    """Note what is passed to no parameter; `base` is where `with` stands."""
    names = list(known)
    for name in passed:
        if name not in names:
            otherwise = one_of(names) if names else "take it out: the template has no `params`"
            message = f"no template used here has a parameter `{shown(name)}`"
            findings.at_key((*base, name), message, "unknown-parameter", did_you_mean(name, names, otherwise))


def _parameter(name: str, spec: Any, path: KeyPath, findings: Findings) -> Parameter | None:
    kind, default, description = spec, UNSET, ""
    if type(spec) is dict and "type" in spec:
        for key in spec:
            if key not in _LONG:
                findings.unknown((*path, key), _LONG, f"parameter `{name}`")
        kind, default = spec["type"], spec.get("default", UNSET)
        description = checks.text(spec.get("description", ""), (*path, "description"), findings)
    elif type(spec) is dict and len(spec) == 1:
        ((kind, default),) = spec.items()
    if type(kind) is not str or kind not in KINDS:
        hint = f"write one of {', '.join(KINDS)}, or `{{int: 5}}` for a default"
        findings.at_value(path, f"`{name}` has no type that is known, got {described(kind)}", "field-value", hint)
        return None
    parameter = Parameter(name, kind, default, description if type(description) is str else "")
    wrong = None if default is UNSET else misfit(parameter, default)
    if wrong is not None:
        findings.at_value(path, f"the default of {wrong}", "parameter-type", f"write {KINDS[kind][1]}")
        return None
    return parameter
