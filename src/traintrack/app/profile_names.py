"""The profiles that the files of a workspace declare, by name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from traintrack.errors import InputError, TraintrackError, UsageError
from traintrack.workspace.findings import shown
from traintrack.workspace.model import Workspace
from traintrack.workspace.packages import CONFIG, find_packages
from traintrack.workspace.parse_cache import load_document
from traintrack.workspace.profiles import SECTION
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.workspace_file import read_file


def demand_profile(workspace: Workspace, package: str, name: str) -> None:
    """Make sure that a profile is declared: by the workspace, the experiment `package`, or any other.

    Raises:
        UsageError: no file declares it.
    """
    found = set(workspace.profiles)
    for names in chain([found], _of_experiments(workspace.root, package)):
        if name in names:
            return
        found |= names
    hint = did_you_mean(name, found, one_of(found) if found else "declare it below `profiles` in TTWORKSPACE.yaml")
    raise UsageError(f"no file declares the profile `{shown(name)}`", code="unknown-profile", hint=hint)


def _of_experiments(root: Path, first: str) -> Iterator[set[str]]:
    """The names in each experiment; those of `first` come first, since most know what they name."""
    yield _names(root, first)
    try:
        packages = find_packages(str(root), "")
    except InputError:
        return
    for package in packages:
        if package != first:
            yield _names(root, package)


def _names(root: Path, package: str) -> set[str]:
    """The names in one file; none where it is wrong or not there, which who asks for its targets is told."""
    path = f"{package}/{CONFIG}" if package else CONFIG
    try:
        value = load_document(read_file(root, path), path).value
    except TraintrackError:
        return set()
    section = value.get(SECTION) if isinstance(value, dict) else None
    return set(section) if isinstance(section, dict) else set()
