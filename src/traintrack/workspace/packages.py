"""Which folders of a workspace are experiments, and whether a folder belongs to it."""

from __future__ import annotations

import os

from traintrack.errors import InputError, Location, raise_all
from traintrack.label import is_package
from traintrack.workspace.findings import shown
from traintrack.workspace.folders import CONFIG, WORKSPACE, above_and_self, config_folders

__all__ = ["CONFIG", "WORKSPACE", "find_packages", "foreign"]


def find_packages(root: str, under: str = "") -> list[str]:
    """Return the packages at and below the folder `under`, sorted.

    Left out are folders that begin with a dot, folders with a TTWORKSPACE.yaml of their own, and links to
    folders: every package has one name.

    Raises:
        InputError: a folder has a TTCONFIG.yaml and a name that cannot stand in a label.
    """
    if not is_package(under) or foreign(root, under) is not None:
        return []
    folders = config_folders(root, under)
    raise_all([_bad_folder(package) for package in folders if not is_package(package)])
    return folders


def foreign(root: str, package: str) -> str | None:
    """Return why a folder is no place for a package of this workspace, None if it may be one.

    A folder that is not there may be one.
    """
    for inside in above_and_self(package):
        folder, part, name = f"{root}/{inside}", inside.rpartition("/")[2], shown(inside)
        if part.startswith(".") and part != ".":
            return f"`{name}` begins with a dot"
        if os.path.islink(folder):
            return f"`{name}` is a symbolic link"
        if os.path.lexists(f"{folder}/{WORKSPACE}"):
            return f"`{name}` is a workspace of its own"
    return None


def _bad_folder(package: str) -> InputError:
    printable = package.encode("utf-8", "backslashreplace").decode("utf-8")
    return InputError(
        f"folder `{shown(printable)}` cannot stand in a label",
        code="bad-name",
        location=Location(f"{printable}/{CONFIG}", 1, 1),
        hint="rename it: names are of `A-Z a-z 0-9 _ . + -`",
    )
