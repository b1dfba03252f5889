"""Which folders of a tree are packages, as the disk has it: names are not judged here, and nothing is imported."""

from __future__ import annotations

import os

CONFIG = "TTCONFIG.yaml"
WORKSPACE = "TTWORKSPACE.yaml"


def config_folders(root: str, under: str) -> list[str]:
    """Return the folders at and below `under` that have a TTCONFIG.yaml, as paths from the root, sorted.

    Left out are folders that begin with a dot, folders with a TTWORKSPACE.yaml of their own, and links.
    """
    found: list[str] = []
    waiting = [under]
    while waiting:
        package = waiting.pop()
        names, folders = _listing(f"{root}/{package}" if package else root)
        if package and WORKSPACE in names:
            continue
        if CONFIG in names:
            found.append(package)
        waiting += [f"{package}/{name}" if package else name for name in folders if not name.startswith(".")]
    found.sort()
    return found


def above_and_self(package: str) -> list[str]:
    """Return the folders from below the root down to a package; empty for the root."""
    parts = package.split("/") if package else []
    return ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


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
