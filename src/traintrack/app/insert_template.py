"""Puts a template into the text of a TTCONFIG.yaml; no byte of what is there changes."""

from __future__ import annotations

import re
from typing import Any, Final

from traintrack.app.shipped_templates import ShippedTemplate
from traintrack.errors import InputError, Location
from traintrack.workspace.document import Document
from traintrack.workspace.yaml_source import parse_yaml

_SECTION: Final = "templates"
_INDENT: Final = 2
_NOTHING = re.compile(r"\s*(?:#.*)?\Z")


def holds(document: Document, template: ShippedTemplate) -> bool:
    """Tell if a file has the template as it ships.

    Raises:
        InputError: it has another one of the name.
    """
    there = _templates(document)
    if template.name not in there:
        return False
    if there[template.name] == template.value:
        return True
    raise InputError(
        f"`{template.name}` is there already, and differs from the one that ships",
        code="template-exists",
        location=document.places.key((_SECTION, template.name)),
        hint=f"keep yours, rename it, or copy the other elsewhere: `traintrack add {template.name} --to FOLDER`",
    )


def with_template(text: str, document: Document, template: ShippedTemplate) -> str:
    """Return the text of a file with a template in it that it does not have; comments and order stay.

    Raises:
        InputError: the file is written so that nothing can be put in, for instance in flow style.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline
    at, indent = _place(lines, document)
    block = template.text if indent is None else _indented(template.block, indent)
    block = block if _is_empty(lines[:at]) or _opens_section(lines[at - 1]) else f"\n{block}"
    new = "".join([*lines[:at], block.replace("\n", newline), *lines[at:]])
    _demand_the_rest_is_the_same(new, document, template)
    return new


def _place(lines: list[str], document: Document) -> tuple[int, int | None]:
    """Before which line the template goes, and its indent; None where there is no section for it yet."""
    value = document.value if isinstance(document.value, dict) else {}
    if _SECTION not in value:
        return len(lines), None
    begin = document.places.key((_SECTION,)).line
    following = [document.places.key((key,)).line for key in value]
    end = min((line - 1 for line in following if line > begin), default=len(lines))
    while end > begin and _NOTHING.match(lines[end - 1]) and not lines[end - 1].startswith((" ", "\t")):
        end -= 1
    first = next(iter(_templates(document)), None)
    return end, _INDENT if first is None else document.places.key((_SECTION, first)).column - 1


def _indented(block: str, indent: int) -> str:
    pad = " " * indent
    return "".join(f"{pad}{line[_INDENT:]}" for line in block.splitlines(keepends=True))


def _opens_section(line: str) -> bool:
    return line.startswith(f"{_SECTION}:")


def _is_empty(lines: list[str]) -> bool:
    return all(not line.strip() for line in lines)


def _templates(document: Document) -> dict[str, Any]:
    section = document.value.get(_SECTION) if isinstance(document.value, dict) else None
    return section if isinstance(section, dict) else {}


def _demand_the_rest_is_the_same(new: str, document: Document, template: ShippedTemplate) -> None:
    """What is written is read back first: what cannot be put in as a block would change what stands around it."""
    old = document.value if document.value is not None else {}
    try:
        value = parse_yaml(new.encode("utf-8"), document.path).value
        expected = {**old, _SECTION: {**_templates(document), template.name: template.value}}
    except (InputError, TypeError):
        value, expected = None, {}
    if value == expected and _is_section(old):
        return
    place = document.places.key((_SECTION,)) if isinstance(old, dict) and _SECTION in old else None
    raise InputError(
        f"the template cannot be put into `{document.path}` as it is written",
        code="cannot-insert",
        location=place or Location(document.path, 1),
        hint=(
            f"write `{_SECTION}:` with each template on lines of its own below it, "
            f"or copy it elsewhere: `traintrack add {template.name} --to FOLDER`"
        ),
    )


def _is_section(old: Any) -> bool:
    return isinstance(old, dict) and isinstance(old.get(_SECTION), dict | None)
