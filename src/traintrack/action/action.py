"""What is executed: one recipe with everything that decides its result, and how it is asked to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

from msgspec import Struct, field

from traintrack.action.image import Image
from traintrack.action.keep import Keep
from traintrack.action.parallel import Parallel
from traintrack.action.placing import Placing
from traintrack.digest import ArtifactDigest, JsonValue, TargetId


class Deliver(str, Enum):
    """How a task gets an input: an ordinary folder, a read-only mount, or a URL prefix that it may read."""

    COPY = "copy"
    MOUNT = "mount"
    URI = "uri"


class Origin(Struct, frozen=True):
    """Where the bytes of an input stay that never come into the storage, and what they are pinned to.

    Exactly one of `content` (an artifact digest) and `listing` (SHA-256 of the store's list) is set.
    """

    uri: str
    content: ArtifactDigest | None = None
    listing: str | None = None

    @property
    def pinned(self) -> ArtifactDigest:
        """What stands for the bytes where the digest of an artifact is wanted."""
        return self.content or ArtifactDigest(self.listing or "")


class Input(Struct, frozen=True):
    """One reference in the arguments of an action.

    `arg_path` is where the path string goes in the configuration, keys and list indices from the top.
    `subpath` is the part of the artifact that is meant, None for the whole. `origin` is set for external data
    that is not imported.
    """

    id: TargetId
    arg_path: tuple[str | int, ...]
    subpath: str | None = None
    deliver: Deliver = Deliver.COPY
    origin: Origin | None = None

    @property
    def folder(self) -> str:
        """The path below `/tt/in` at which the task finds it: each key percent-encoded, indices as they are."""
        return "/".join(_encoded(str(part)) for part in self.arg_path)


class Resources(Struct, frozen=True):
    """What a task asks for. Sizes in bytes; None where nothing was asked."""

    cpu: float = 1.0
    memory_bytes: int | None = None
    gpu: int = 0
    gpu_type: str | None = None
    disk_bytes: int | None = None
    shm_bytes: int | None = None


class Retries(Struct, frozen=True):
    """How often a task's own failures are tried again; `out_of_memory` attempts get twice the memory each."""

    task: int = 0
    out_of_memory: int = 0
    timeout: int = 0


class Secret(Struct, frozen=True):
    """A value that is delivered and never stored: variable `name` (or a file), from `source` of the provider."""

    name: str
    source: str
    as_file: bool = False


class Provenance(Struct, frozen=True):
    """Where an action was declared; for people, the label index and `why`, never for a decision on reuse."""

    workspace: str = ""
    label: str = ""
    place: str = ""
    commit: str | None = None
    workspace_commit: str | None = None
    description: str | None = None


class Action(Struct, frozen=True):
    """A target, ready to be executed: the remote side knows this and digests, never workspaces.

    `preimage` is the canonical JSON whose SHA-256 is `id`. `config` is what the task is given as
    configuration: hashed and unhashed arguments, with None at each `arg_path` of `inputs`. `code` maps each
    path, relative to the workspace root and in declared order, to a git tree id or `<mode>:<blob id>`.
    `needs` must have succeeded first. `outputs` maps names to paths that must exist after a success.
    `isolation` is what the image loosens around the task: `user: image`, `root: writable`; it is not in the pre-image,
    and neither are `keep`, `placing` and `parallel`.
    """

    id: TargetId
    preimage: bytes
    task: str
    image: Image
    entrypoint: tuple[str, ...] | None = None
    platform: str = "any"
    config: JsonValue = None
    inputs: tuple[Input, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    needs: tuple[TargetId, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    timeout_s: float | None = None
    network: bool = False
    isolation: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    keep: Keep | None = None
    placing: Placing = Placing.PACKED
    parallel: Parallel | None = None

    @property
    def label(self) -> str:
        """The label as text, for people."""
        return self.provenance.label or self.id[:12]

    @property
    def recipe(self) -> dict[str, Any]:
        """The pre-image as data."""
        return cast("dict[str, Any]", json.loads(self.preimage))

    @property
    def unhashed(self) -> dict[str, Any]:
        """The arguments that are delivered and are not in the pre-image, by name."""
        return self.beside(self.recipe)

    def beside(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """As `unhashed`, for who has the `recipe` already."""
        hashed = {key.removeprefix("$") for key in recipe.get("args", {})}
        config = self.config if isinstance(self.config, Mapping) else {}
        return {key: value for key, value in config.items() if key.removeprefix("$") not in hashed}

    def depends_on(self) -> tuple[TargetId, ...]:
        """The IDs that must have results first, each once, inputs before `needs`."""
        return tuple(dict.fromkeys([*(i.id for i in self.inputs), *self.needs]))


class ExternalData(Struct, frozen=True):
    """A source: bytes that somebody else made. Exactly one of `content` and `listing` is set.

    `preimage` is the canonical JSON whose SHA-256 is `id`. `content` is the artifact digest of the bytes, `listing`
    the SHA-256 of the store's list of them. With `imported` the bytes become an artifact of the storage before
    anything reads them; otherwise they stay at `uri`. `looks` is the listing that was seen when the content was
    pinned: where it is the same, nothing has to be read again.
    """

    id: TargetId
    preimage: bytes
    uri: str
    content: ArtifactDigest | None = None
    listing: str | None = None
    imported: bool = True
    deliver: Deliver = Deliver.COPY
    provenance: Provenance = field(default_factory=Provenance)
    looks: str | None = None
    keep: Keep | None = None
    placing: Placing = Placing.PACKED

    @property
    def origin(self) -> Origin | None:
        """Where the bytes stay, None if they are imported."""
        return None if self.imported else Origin(self.uri, self.content, self.listing)


class ActionGraph(Struct, frozen=True):
    """Actions by ID, and which IDs were asked for.

    Two labels with equal recipes are one action; `labels` maps every label to its ID, in order of the
    graph. `leaves` are IDs that are only read (frozen, pinned at a revision, or a source), with the artifact that
    they stand for, empty where it is not known. `sources` are those leaves that are external data.
    `order` has every action after those it depends on.
    """

    actions: Mapping[TargetId, Action]
    labels: Mapping[str, TargetId]
    requested: tuple[TargetId, ...]
    order: tuple[TargetId, ...]
    leaves: Mapping[TargetId, str] = field(default_factory=dict)
    sources: Mapping[TargetId, ExternalData] = field(default_factory=dict)

    def consumers(self) -> dict[TargetId, list[TargetId]]:
        """Map each ID to those that depend on it, in graph order."""
        found: dict[TargetId, list[TargetId]] = {id_: [] for id_ in self.order}
        for id_ in self.order:
            for before in self.actions[id_].depends_on():
                found.setdefault(before, []).append(id_)
        return found

    def stays_outside(self, id_: TargetId) -> bool:
        """Tell if an ID is of external data that is read where it lies."""
        return id_ in self.sources and not self.sources[id_].imported

    def label_of(self, id_: TargetId) -> str:
        """The first label with this ID, or the ID's beginning where it has none here."""
        action = self.actions.get(id_)
        return action.label if action else id_[:12]


_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def _encoded(key: str) -> str:
    """Percent-encode a key outside `[A-Za-z0-9_-]`, over its UTF-8 bytes (DESIGN 7.1)."""
    return "".join(chr(b) if chr(b) in _SAFE else f"%{b:02X}" for b in key.encode("utf-8")) or "%"
