"""What provides a task's programs: a pinned container image, a Dockerfile folder, or a Python environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from traintrack.digest import JsonValue, canonical_json, sha256_hex


class ContainerImage(Struct, frozen=True):
    """A container image of a registry, pinned: `digest` is `sha256:…` of the multi-platform index."""

    ref: str
    digest: str


class BuiltImage(Struct, frozen=True):
    """A container image built from a Dockerfile.

    `tree` maps each of its paths to a git tree id or `<mode>:<blob id>`; `bases` maps each `FROM` and
    `COPY --from` to `sha256:…`; `context` and `dockerfile` are relative to the workspace root.
    """

    context: str
    dockerfile: str
    tree: Mapping[str, str]
    bases: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)


class PythonImage(Struct, frozen=True):
    """A locked Python environment, made by uv; no container.

    `lock_sha256` is of the lock file at the target's commit. With a `uv.lock`, `project_sha256` is of the
    `pyproject.toml` beside it and `groups` and `extras` say what of it is installed; else it is None.
    """

    python: str
    lock_path: str
    lock_sha256: str
    project_sha256: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


def recipe_digest(image: BuiltImage, platform: str) -> str:
    """Return the SHA-256 of all that a build is made from; equal recipes are built once."""
    recipe: JsonValue = {
        "format": "traintrack/image/1",
        "platform": platform,
        "context": image.context,
        "dockerfile": image.dockerfile,
        "tree": dict(image.tree),
        "from": dict(image.bases),
        "args": dict(image.args),
    }
    return sha256_hex(canonical_json(recipe))


Image: TypeAlias = ContainerImage | BuiltImage | PythonImage
