"""Workspaces without files: targets as maps, with a line for every key, and a git that is a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from traintrack.errors import InputError, Location
from traintrack.label import Label
from traintrack.workspace.model import Experiment, ImageSpec, KeyPath, Layer, Lock, Target, TargetSpec, Workspace
from traintrack.workspace.source_control import Change, TreeEntry

COMMIT = "9b12726ba3825d72ccdba5bd93505873a32eb769"
OTHER_COMMIT = "1f3ae0c54bd8d1c3e5cbb6a3e0a4a4a4f2f0a1b2"
TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
DIGEST = "sha256:" + "5f" * 32


class Lines:
    """Places as they would be if every key and list item had a line of its own, two blanks deeper than its parent."""

    def __init__(self, path: str, document: Mapping[str, Any]) -> None:
        self._path = path
        self._lines: dict[KeyPath, int] = {}
        self._number(document, ())

    def value(self, path: KeyPath) -> Location:
        while path and path not in self._lines:
            path = path[:-1]
        return Location(self._path, self._lines.get(path, 1), 2 * len(path) + 1)

    def key(self, path: KeyPath) -> Location:
        return self.value(path)

    def _number(self, value: Any, path: KeyPath) -> None:
        items: Any = ()
        if isinstance(value, Mapping):
            items = value.items()
        elif isinstance(value, list | tuple):
            items = enumerate(value)
        for key, item in items:
            self._lines[(*path, key)] = len(self._lines) + 1
            self._number(item, (*path, key))


def experiment(
    package: str,
    targets: Mapping[str, Mapping[str, Any]],
    *,
    lock: Lock | None = None,
    images: Mapping[str, ImageSpec] | None = None,
) -> Experiment:
    """An experiment whose targets are written as in YAML; a task, an image, a commit and paths need not be said."""
    path = f"{package}/TTCONFIG.yaml" if package else "TTCONFIG.yaml"
    places = Lines(path, {"targets": targets})
    made = {name: _target(package, name, fields, places) for name, fields in targets.items()}
    return Experiment(package, path, made, images or {}, lock or Lock(), f"{package}/TTLOCK.yaml")


def _target(package: str, name: str, fields: Mapping[str, Any], places: Lines) -> Target:
    base: KeyPath = ("targets", name)
    spec: dict[str, Any] = dict(fields)
    if "source" not in spec:
        spec = {"task": name, "image": "trainer", "commit": COMMIT, "paths": ("src",), **spec}
    if "import" in spec:
        spec["import_"] = spec.pop("import")
    for key in ("paths", "needs", "tags"):
        if spec.get(key) is not None:
            spec[key] = tuple(spec[key])
    label = Label(package, name)
    return Target(label, TargetSpec(**spec), (Layer("target", fields, base, places),), places.value(base))


class MemoryCatalog:
    """Experiments by package; `read` notes which were asked for."""

    is_plain = True

    def __init__(self, *experiments: Experiment, broken: Mapping[str, InputError] | None = None) -> None:
        self._experiments = {e.package: e for e in experiments}
        self._broken = dict(broken or {})
        self.read: list[str] = []

    def experiment(self, package: str) -> Experiment:
        self.read.append(package)
        if package in self._broken:
            raise self._broken[package]
        return self._experiments[package]

    def packages(self, under: str) -> list[str]:
        every = sorted({*self._experiments, *self._broken})
        return [p for p in every if not under or p == under or p.startswith(f"{under}/")]

    def exists(self, package: str) -> bool:
        return package in self._experiments or package in self._broken

    def all_labels(self) -> list[Label]:
        return [target.label for e in self._experiments.values() for target in e.targets.values()]


@dataclass
class MemoryGit:
    """A repository as a map from (revision, path) to an object id, and to the bytes of files."""

    objects: dict[tuple[str, str], str] = field(default_factory=dict)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    trees: dict[str, tuple[TreeEntry, ...]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    commits: tuple[str, ...] = (COMMIT, "HEAD", "worktree")
    asked: list[tuple[str, str]] = field(default_factory=list)

    def has_commit(self, commit: str) -> bool:
        return commit in self.commits

    def object_at(self, revision: str, path: str) -> str | None:
        self.asked.append((revision, path))
        if revision not in self.commits:
            raise InputError(
                f"`{revision[:12]}` is not a commit of this repository", code="unknown-commit", hint="git fetch"
            )
        return self.objects.get((revision, path))

    def read(self, revision: str, path: str) -> bytes | None:
        if revision not in self.commits:
            raise InputError(
                f"`{revision[:12]}` is not a commit of this repository", code="unknown-commit", hint="git fetch"
            )
        return self.files.get((revision, path))

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        return self.trees.get(object_id, ())

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        return iter([self.contents[oid] for oid in oids])

    def head(self) -> str | None:
        return COMMIT

    def resolve(self, revision: str) -> str | None:
        return revision

    def is_dirty(self, paths: Sequence[str]) -> bool:
        return False

    def last_change(self, path: str, line: int) -> Change | None:
        return None


def git(**paths: str) -> MemoryGit:
    """A repository with `src` and the given paths at the commit, at HEAD and in the working tree."""
    every = {"src": TREE, **paths}
    return MemoryGit({(revision, path): o for revision in (COMMIT, "HEAD", "worktree") for path, o in every.items()})


def workspace(**images: ImageSpec) -> Workspace:
    """A workspace with one image that needs no pin, `trainer`, and those given."""
    place = Location("TTWORKSPACE.yaml", 3, 3)
    trainer = ImageSpec("trainer", place, ref=f"registry.example/trainer@{DIGEST}")
    return Workspace("plates", Path("/nowhere"), "", {"trainer": trainer, **images}, {}, "local")


def image(name: str, **fields: Any) -> ImageSpec:
    """An image declared in line 9 of TTWORKSPACE.yaml."""
    return ImageSpec(name, Location("TTWORKSPACE.yaml", 9, 3), **fields)
