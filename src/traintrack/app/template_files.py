"""The files of the templates that ship with traintrack, by name; apart from what reads them, since a key press asks."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

SUFFIX: Final = ".yaml"


def template_files() -> dict[str, Traversable]:
    """Return them by the names of their templates, sorted."""
    folder = resources.files("traintrack") / "templates"
    found = {item.name.removesuffix(SUFFIX): item for item in folder.iterdir() if item.name.endswith(SUFFIX)}
    return dict(sorted(found.items()))
