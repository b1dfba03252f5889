"""What the files of a workspace say, checked and typed; every value knows its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from traintrack.errors import Location
from traintrack.label import Label

if TYPE_CHECKING:
    from traintrack.workspace.axes import Coordinate

KeyPath = tuple[str | int, ...]
"""Where a value stands in a document: map keys and list indices from the top."""


class Places(Protocol):
    """Tells where in a file a value, or the key before it, stands."""

    def value(self, path: KeyPath) -> Location:
        """The place of the value at `path`, or of the nearest thing above it that has one."""

    def key(self, path: KeyPath) -> Location:
        """The place of the key that `path` ends in."""


class Literal(Struct, frozen=True):
    """A string marked `!literal`: text, though it looks like a reference."""

    text: str


class Layer(Struct, frozen=True):
    """One source of a target's fields in merge order.

    `origin` says which (`defaults`, `tasks.train_model`, `target`, `--set`), `base` is where its fields stand
    in the document of `places`. `fields` is the map as written.
    """

    origin: str
    fields: Mapping[str, Any]
    base: KeyPath
    places: Places


class Profile(Struct, frozen=True):
    """An entry of `profiles` in one file: layers over targets, laid there by `--profile NAME`.

    `defaults` is for every target that is a task, `tasks` by task, `targets` by the name of a target of the file.
    """

    name: str
    place: Location
    description: str | None = None
    defaults: Layer | None = None
    tasks: Mapping[str, Layer] = field(default_factory=dict)
    targets: Mapping[str, Layer] = field(default_factory=dict)


class ImageSpec(Struct, frozen=True):
    """An entry of `images`, or an image written out in a target. Exactly one of `ref`, `build`, `python` is set."""

    name: str
    place: Location
    ref: str | None = None
    build: Mapping[str, Any] | None = None
    python: str | None = None
    lock: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    platform: str | None = None
    isolation: Mapping[str, str] = field(default_factory=dict)


class TargetSpec(Struct, frozen=True):
    """The merged, checked fields of a target (DESIGN 3.2); `Literal` marks stand in `args` where they were written."""

    task: str | None = None
    image: str | Mapping[str, Any] | None = None
    commit: str | None = None
    paths: tuple[str, ...] | None = None
    code: str | None = None
    args: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    cache_version: int = 0
    unhashed: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    retries: int | Mapping[str, int] = 0
    timeout: str | int | float | None = None
    network: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    except_: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    pin: str | None = None
    import_: bool | None = None
    max_age: str | int | float | None = None
    deliver: str | Mapping[str, str] | None = None
    keep: str | int | float | None = None
    layout: str | None = None
    max_parallel: int | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    args_schema: str | None = None


class Target(Struct, frozen=True):
    """One declared target. `layers` are in merge order, the last wins; the target's own layer is among them.

    A member of a family has a coordinate for each of `axes`; its layers are as they were written, with holes.
    """

    label: Label
    spec: TargetSpec
    layers: tuple[Layer, ...]
    place: Location
    axes: tuple[str, ...] = ()
    point: tuple[Coordinate, ...] = ()

    def place_of(self, *path: str | int) -> Location:
        """Where the value of a merged field was written: in the last layer that has it."""
        return place_in(self.layers, path) or self.place

    def origin_of(self, *path: str | int) -> str:
        """Which layer a merged field comes from, in words."""
        for layer in reversed(self.layers):
            if _has(layer.fields, path):
                return layer.origin
        return "default"


class FamilyOfTargets(Protocol):
    """Targets that differ in their coordinates; `label` is the name that they share, before the `@`."""

    label: Label
    place: Location

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes, in the order of the members' names."""

    def __len__(self) -> int:
        """How many members there are; none is made."""

    def find(self, coordinates: Mapping[str, str]) -> Target | None:
        """Return the member with a coordinate for each axis, by name, None if there is none.

        Raises:
            InputError: the member is wrong.
        """

    def names(self, coordinates: Mapping[str, str]) -> list[str]:
        """Return the names of the members with these coordinates, in order; makes no target."""

    def points_at(self, coordinates: Mapping[str, str]) -> Iterator[tuple[Coordinate, ...]]:
        """Return the points with these coordinates in order, all for none; makes no target."""

    def matching(self, coordinates: Mapping[str, str]) -> Iterator[Target]:
        """Return the members with these coordinates in order; all of them for none.

        Raises:
            InputError: a member is wrong.
        """


class Frozen(Struct, frozen=True):
    """A frozen target: a leaf whose ID is read. `at` is the commit from which it can be rebuilt."""

    id: str
    artifact: str | None = None
    at: str | None = None


class SourcePin(Struct, frozen=True):
    """What a source is pinned to: `content` (an artifact digest) or `listing` (SHA-256 of the store's listing).

    A `listing` beside a `content` is what was seen when the content was read. `at` is when, in ISO 8601 (UTC).
    """

    content: str | None = None
    listing: str | None = None
    at: str | None = None


class Lock(Struct, frozen=True):
    """TTLOCK.yaml of an experiment: what an ID needs that is not in git, and what would be slow or lost.

    `images`: image ref → `sha256:…`. `bases`: `FROM` ref → `sha256:…`. `sources`: URI → pin. `trees`: full commit
    hash → path → tree id or `<mode>:<blob id>`. `locks`: full commit hash → lock-file path → SHA-256.
    `refs`: reference as written (`@main//a/b:t`, `@lp_ocr:production`) → what it stands for. `frozen`: target name → what stands.
    """

    images: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, SourcePin] = field(default_factory=dict)
    trees: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    locks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refs: Mapping[str, Frozen] = field(default_factory=dict)
    frozen: Mapping[str, Frozen] = field(default_factory=dict)


class Experiment(Struct, frozen=True):
    """A folder with a TTCONFIG.yaml. `targets` by name in file order, `images` by name.

    The members of `families` are among the targets, each made when it is asked for by its name or gone through.
    """

    package: str
    path: str
    targets: Mapping[str, Target]
    images: Mapping[str, ImageSpec]
    lock: Lock
    lock_path: str
    families: Mapping[str, FamilyOfTargets] = field(default_factory=dict)


class EnvironmentSpec(Struct, frozen=True):
    """An entry of `environments`; `options` are the fields that its runner understands."""

    name: str
    runner: str
    storage: str
    place: Location
    reads: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Workspace(Struct, frozen=True):
    """TTWORKSPACE.yaml. `root` is its folder; `prefix` is that folder inside the git repository, empty at its top.

    `defaults` and `tasks` are layers that targets are merged over, `profiles` by name what may lie over these.
    `digest` is of the file's bytes.
    """

    name: str
    root: Path
    prefix: str
    images: Mapping[str, ImageSpec]
    environments: Mapping[str, EnvironmentSpec]
    default_env: str
    platform: str = "linux/amd64"
    requires: str | None = None
    defaults: Layer | None = None
    tasks: Mapping[str, Layer] = field(default_factory=dict)
    digest: bytes = b""
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def place_in(layers: Sequence[Layer], path: KeyPath) -> Location | None:
    """Where a merged value, or the nearest thing above it, was written last; None if no layer has any of it."""
    for depth in range(len(path), 0, -1):
        for layer in reversed(layers):
            if _has(layer.fields, path[:depth]):
                return layer.places.value((*layer.base, *path[:depth]))
    return None


def _has(fields: Any, path: tuple[str | int, ...]) -> bool:
    for part in path:
        if isinstance(fields, Mapping):
            if part not in fields:
                return False
        elif isinstance(fields, list | tuple):
            if not isinstance(part, int) or not 0 <= part < len(fields):
                return False
        else:
            return False
        fields = fields[part]
    return True
