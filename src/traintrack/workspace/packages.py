"""Which folders of a workspace are experiments, and whether a folder belongs to it."""

from __future__ import annotations

import os
from typing import Final

from traintrack.errors import InputError, Location, raise_all
from traintrack.label import is_package
from traintrack.workspace.findings import shown

CONFIG: Final = "TTCONFIG.yaml"
WORKSPACE: Final = "TTWORKSPACE.yaml"


def find_packages(root: str, under: str = "") -> list[str]:
    """Return the packages at and below the folder `under`, sorted.

    Left out are folders that begin with a dot, folders with a TTWORKSPACE.yaml of their own, and links to
    folders: every package has one name.

    Raises:
        InputError: a folder has a TTCONFIG.yaml and a name that cannot stand in a label.
    """
    found: list[str] = []
    errors: list[InputError] = []
    if not is_package(under) or foreign(root, under) is not None:
        return found
    waiting = [under]
    while waiting:
        package = waiting.pop()
        names, folders = _listing(f"{root}/{package}" if package else root)
        if package and WORKSPACE in names:
            continue
        if CONFIG in names:
            if is_package(package):
                found.append(package)
            else:
                errors.append(_bad_folder(package))
        waiting += [f"{package}/{name}" if package else name for name in folders if not name.startswith(".")]
    raise_all(errors)
    found.sort()
    return found


def foreign(root: str, package: str) -> str | None:
    """Return why a folder is no place for a package of this workspace, None if it may be one.

    A folder that is not there may be one.
    """
    folder = root
    for part in package.split("/") if package else ():
        folder = f"{folder}/{part}"
        name = shown(folder[len(root) + 1 :])
        if part.startswith(".") and part != ".":
            return f"`{name}` begins with a dot"
        if os.path.islink(folder):
            return f"`{name}` is a symbolic link"
        if os.path.lexists(f"{folder}/{WORKSPACE}"):
            return f"`{name}` is a workspace of its own"
    return None


def _listing(folder: str) -> tuple[set[str], list[str]]:
    """The names of the two files that matter, if they are there, and the folders, without links."""
    names: set[str] = set()
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif entry.name in {CONFIG, WORKSPACE}:
                    names.add(entry.name)
    except OSError:
        return set(), []
    return names, folders


def _bad_folder(package: str) -> InputError:
    printable = package.encode("utf-8", "backslashreplace").decode("utf-8")
    return InputError(
        f"folder `{shown(printable)}` cannot stand in a label",
        code="bad-name",
        location=Location(f"{printable}/{CONFIG}", 1, 1),
        hint="rename it: names are of `A-Z a-z 0-9 _ . + -`",
    )
