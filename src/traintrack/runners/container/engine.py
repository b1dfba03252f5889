"""What a container engine is asked to do: a small port, so that docker and podman fit behind it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import NewType, Protocol

from msgspec import Struct

ContainerId = NewType("ContainerId", str)


class Mount(Struct, frozen=True):
    """A file or folder of the host in a container."""

    source: str
    target: str
    read_only: bool = True


class Memory(Struct, frozen=True):
    """A file system in memory at `target`, at most `size_bytes` large."""

    target: str
    size_bytes: int | None = None
    mode: int = 0o1777


class ContainerSpec(Struct, frozen=True):
    """A container to be made. None means: as the image or the engine says.

    `image` is an image's ID or a reference with a digest. `user` is `uid:gid`. `environment` may hold secrets: it
    reaches the engine without standing in an argument list. `shm_bytes` and `memory_bytes` are in bytes, `cpus` may be
    a fraction. `gpus` are the indices of devices.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    memories: tuple[Memory, ...] = ()
    work: str | None = None
    user: str | None = None
    read_only: bool = True
    network: bool = False
    cpus: float | None = None
    memory_bytes: int | None = None
    shm_bytes: int | None = None
    pids: int | None = None
    gpus: tuple[int, ...] = ()
    platform: str | None = None


class Status(str, Enum):
    """Where a container is in its life."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    DEAD = "dead"


class Inspected(Struct, frozen=True):
    """What the engine knows of a container. `error` is its own word for why a start failed, empty if it did not.

    `started` is empty if no program of it ever ran: then `exit_code` is the engine's, not the task's.
    """

    id: ContainerId
    name: str
    labels: Mapping[str, str]
    status: Status
    exit_code: int | None = None
    out_of_memory: bool = False
    error: str = ""
    started: str = ""
    finished: str = ""


class LocalImage(Struct, frozen=True):
    """An image that the engine has. `digests` are `name@sha256:…` of the registries that it came from.

    `platform` is `linux/amd64`; `entrypoint`, `user` and `work` are the image's own, empty where it has none.
    """

    id: str
    digests: tuple[str, ...]
    platform: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    work: str = ""
    environment: Mapping[str, str] = {}


class EngineInfo(Struct, frozen=True):
    """What an engine is: `name` (docker, podman), version, `platform` of the machine, and if it runs without root."""

    name: str
    version: str
    platform: str
    rootless: bool = False


class Build(Struct, frozen=True):
    """An image to be built from a folder; `arguments` are build arguments, `labels` are put on the image."""

    context: Path
    dockerfile: str
    tag: str
    platform: str | None = None
    arguments: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class Engine(Protocol):
    """A container engine on this machine. Every method raises `HostError` when the engine cannot be reached.

    Its errors say in words what is wrong: no such image, no rights on the socket, not running.
    """

    @property
    def name(self) -> str:
        """`docker` or `podman`."""

    def info(self) -> EngineInfo:
        """Say what this engine is."""

    def command(self, spec: ContainerSpec) -> list[str]:
        """The command line that runs this container by hand; values of the environment are left to the caller's own."""

    def start(self, spec: ContainerSpec, log: Path) -> ContainerId:
        """Make a container and start it; its output goes, merged, to `log` and is complete once `wait` has returned.

        A container that was made and cannot be started stands as CREATED or EXITED with its `error`: `inspect` tells.
        The container outlives this process. A hidden folder `.<name>` lies beside `log` until `remove`.

        Raises:
            HostError: it could not be made; no container of that name is left.
        """

    def wait(self, container: ContainerId, timeout_s: float | None = None) -> bool:
        """Wait until a container has ended, also one that another process started; False when the time is over.

        One that is gone counts as ended; so does one that another process made and has not started for 20 s.
        """

    def inspect(self, containers: Collection[ContainerId]) -> Mapping[ContainerId, Inspected]:
        """Return what is known of those containers that exist."""

    def find(self, labels: Mapping[str, str]) -> Sequence[Inspected]:
        """Return every container, in whatever state, that has all the labels; an empty value asks for any."""

    def log(self, container: ContainerId, to: Path) -> None:
        """Write all that a container has said to a file, also of one that another process started."""

    def stop(self, containers: Collection[ContainerId], grace_s: float) -> None:
        """Ask them to end, all at once, and kill what lives after `grace_s`; those that are gone are no error."""

    def remove(self, containers: Collection[ContainerId]) -> None:
        """Remove them with what they wrote outside of mounts, running or not; those that are gone are no error."""

    def image(self, ref: str) -> LocalImage | None:
        """Return an image that is here, by ID, tag or digest; None if it is not. Asks no registry."""

    def pull(self, ref: str, platform: str | None = None) -> LocalImage:
        """Fetch an image, `name@sha256:…`, from its registry.

        Raises:
            HostError: it cannot be fetched; code `no-such-image`, `registry-denied` or `registry-unreachable`.
        """

    def build(self, build: Build, log: Path) -> LocalImage:
        """Build an image; what the build says goes to `log`.

        Raises:
            HostError: the build failed, code `build-failed`, with its last lines.
        """

    def push(self, image: str, ref: str) -> str:
        """Name an image `ref`, push it, and return the digest that the registry gave it, `sha256:…`."""
