"""`add`: a template that ships with traintrack, copied into the workspace, where it belongs to the team from then on."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from msgspec import Struct

from traintrack.app.insert_template import holds, with_template
from traintrack.app.shipped_templates import ShippedTemplate, shipped_template
from traintrack.errors import HostError, UsageError
from traintrack.label import Label, is_package
from traintrack.workspace.load import find_workspace
from traintrack.workspace.packages import CONFIG, foreign
from traintrack.workspace.workspace_file import read_file
from traintrack.workspace.yaml_source import parse_yaml


class Added(Struct, frozen=True):
    """Where a template is now: `path` from the root, `label` for `use`. `use` are the lines of YAML that use it."""

    name: str
    label: str
    path: str
    is_new: bool
    use: tuple[str, ...]


def add_template(start: Path, name: str, folder: str) -> Added:
    """Copy a template into the TTCONFIG.yaml of a folder, which is made if it is not there; what is there stays as it is.

    Args:
        start: a folder of the workspace.
        name: of the template.
        folder: `//lib`, or relative to `start`.

    Raises:
        UsageError: there is no such template, or the folder cannot be one.
        InputError: there is no workspace, the file is wrong, has another template of the name, or takes none.
        HostError: the file cannot be read or written.
    """
    template = shipped_template(name)
    root = find_workspace(start)
    package = _package(root, start, folder)
    path = f"{package}/{CONFIG}" if package else CONFIG
    label = str(Label(package, name))
    is_new = _copy(root, path, template)
    return Added(name, label, path, is_new, template.use(label))


def _package(root: Path, start: Path, folder: str) -> str:
    current = start.resolve().relative_to(root.resolve()).as_posix()
    inside = folder.removeprefix("//") if folder.startswith("//") else f"{current}/{folder}"
    package = "/".join(part for part in inside.split("/") if part not in ("", "."))
    if not is_package(package) or (folder.startswith("/") and not folder.startswith("//")):
        raise UsageError(f"`{folder}` is no folder of the workspace", code="bad-folder", hint="write `--to //lib`")
    why = foreign(str(root), package)
    if why is not None:
        message = f"`{folder}` can hold no experiment: {why}"
        raise UsageError(message, code="bad-folder", hint="name a folder inside the workspace")
    return package


def _copy(root: Path, path: str, template: ShippedTemplate) -> bool:
    """Put the template into a file; False if it is there already."""
    if not os.path.lexists(root / path):
        _write(root / path, template.text)
        return True
    data = read_file(root, path)
    document = parse_yaml(data, path)
    if holds(document, template):
        return False
    _write(root / path, with_template(data.decode("utf-8"), document, template))
    return True


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, so that a reader never sees half of it; its mode is kept."""
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        with open(temporary, "x", encoding="utf-8", newline="") as file:
            file.write(text)
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"`{path.name}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise HostError(message, code="cannot-write", hint="check the rights of its folder") from error
