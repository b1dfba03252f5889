"""The templates that ship with traintrack: files in the language of the workspace, copied into it by `add`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any, Final

from msgspec import Struct

from traintrack.app.template_files import SUFFIX, template_files
from traintrack.errors import UsageError, raise_all
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.template import Template, read_template
from traintrack.workspace.template_params import UNSET, Parameter
from traintrack.workspace.yaml_source import parse_yaml

_SECTION: Final = "templates:\n"


class ShippedTemplate(Struct, frozen=True):
    """A template as it ships: `text` is a whole TTCONFIG.yaml that declares nothing else, `value` what stands below its name."""

    name: str
    description: str
    text: str
    value: Mapping[str, Any]
    parameters: Mapping[str, Parameter]

    @property
    def block(self) -> str:
        """What stands below `templates:`, with the comments before it."""
        return self.text.removeprefix(_SECTION)

    def use(self, label: str) -> tuple[str, ...]:
        """Return the lines of YAML that use it: the parameters without a default are named."""
        passed = [f"{one.name}: {_example(one)}" for one in self.parameters.values() if one.default is UNSET]
        return ("targets:", f"  {self.name}:", f"    use: {label}", f"    with: {{{', '.join(passed)}}}")


def shipped_templates() -> tuple[ShippedTemplate, ...]:
    """Return all of them, sorted by name."""
    return tuple(_read(item) for item in template_files().values())


def shipped_template(name: str) -> ShippedTemplate:
    """Return one by its name.

    Raises:
        UsageError: there is none.
    """
    files = template_files()
    if name in files:
        return _read(files[name])
    hint = did_you_mean(name, files, one_of(sorted(files)))
    raise UsageError(f"no template `{name}` ships with traintrack", code="unknown-template", hint=hint)


def _read(item: Traversable) -> ShippedTemplate:
    name = item.name.removesuffix(SUFFIX)
    text = item.read_text(encoding="utf-8")
    document = parse_yaml(text.encode(), item.name)
    template, errors = read_template(document, "", name)
    raise_all(errors)
    assert isinstance(template, Template)
    value = document.value["templates"][name]
    return ShippedTemplate(name, value["description"], text, value, template.parameters)


def _example(parameter: Parameter) -> str:
    """What may be passed, by the name of the parameter."""
    return f'":{parameter.name}"' if parameter.kind == "label" else parameter.name
