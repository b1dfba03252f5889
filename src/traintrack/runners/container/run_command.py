"""The words that make an engine run a container, from what is wanted of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import Enum

from traintrack.runners.container.engine import ContainerSpec, Memory, Mount


class Dialect(Enum):
    """Whose words are spoken: podman takes nearly all of docker's."""

    DOCKER = "docker"
    PODMAN = "podman"


_ALWAYS = ("--init", "--pull", "never", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--sig-proxy=false")

# Logs can be read again by who did not start the container only from these drivers, whatever the machine's default is.
# What podman adds to a container on its own would make its world another than docker's.
_OWN = {
    Dialect.DOCKER: ("--log-driver", "json-file"),
    Dialect.PODMAN: ("--log-driver", "k8s-file", "--http-proxy=false", "--systemd=false", "--read-only-tmpfs=false"),
}


def run_words(
    spec: ContainerSpec, dialect: Dialect, environment: Sequence[str], network: str | None = None
) -> list[str]:
    """Return `run …` without the engine's name; `environment` are the words that bring the variables.

    `network` is the engine's network for containers that have one; None means its default.
    """
    entrypoint = spec.entrypoint
    words = ["run", "--name", spec.name, *_ALWAYS, *_OWN[dialect], *environment]
    for name, value in sorted(spec.labels.items()):
        words += ["--label", f"{name}={value}"]
    for mount in spec.mounts:
        words += ["--mount", _mount(mount)]
    for memory in spec.memories:
        words += ["--tmpfs", _tmpfs(memory, dialect)]
    words += _network(spec, network)
    words += _limits(spec)
    words += _gpus(spec.gpus, dialect)
    words += _world(spec)
    if entrypoint is None:
        return [*words, spec.image, *spec.command]
    first = _entrypoint(entrypoint[0], dialect) if entrypoint else ""
    return [*words, "--entrypoint", first, spec.image, *entrypoint[1:], *spec.command]


def by_name(spec: ContainerSpec) -> list[str]:
    """Return the words that take every variable from the environment of who calls the engine."""
    return [word for name in sorted(spec.environment) for word in ("-e", name)]


def _entrypoint(word: str, dialect: Dialect) -> str:
    """Podman reads what is a JSON list of words as those words, so a word that looks like one is wrapped in a list."""
    looks_like_json = word.strip() == "null" or word.lstrip().startswith("[")
    return json.dumps([word]) if dialect is Dialect.PODMAN and looks_like_json else word


def _mount(mount: Mount) -> str:
    fields = ["type=bind", f"src={mount.source}", f"dst={mount.target}"]
    if mount.read_only:
        fields.append("readonly")
    return ",".join(_csv(field) for field in fields)


def _csv(field: str) -> str:
    """Quote a field as RFC 4180 says; a mount is a record of comma-separated values."""
    if not any(sign in field for sign in ',"\n\r'):
        return field
    return '"' + field.replace('"', '""') + '"'


def _tmpfs(memory: Memory, dialect: Dialect) -> str:
    options = ["rw", "exec", "nosuid", "nodev", f"mode={memory.mode:o}"]
    if memory.size_bytes is not None:
        options.append(f"size={memory.size_bytes}")
    if dialect is Dialect.PODMAN:
        options.append("notmpcopyup")
    return f"{memory.target}:{','.join(options)}"


def _network(spec: ContainerSpec, network: str | None) -> Iterator[str]:
    wanted = network if spec.network else "none"
    if wanted is not None:
        yield from ("--network", wanted)


def _limits(spec: ContainerSpec) -> Iterator[str]:
    if spec.cpus is not None:
        yield from ("--cpus", f"{spec.cpus:.3f}".rstrip("0").rstrip("."))
    if spec.memory_bytes is not None:
        # The same figure for both: no swap, so that a task that is too large ends at once and not by and by.
        yield from ("--memory", str(spec.memory_bytes), "--memory-swap", str(spec.memory_bytes))
    if spec.shm_bytes is not None:
        yield from ("--shm-size", str(spec.shm_bytes))
    if spec.pids is not None:
        yield from ("--pids-limit", str(spec.pids))


def _gpus(gpus: tuple[int, ...], dialect: Dialect) -> Iterator[str]:
    if gpus and dialect is Dialect.DOCKER:
        # The quotes belong to the value, which is a record of comma-separated values too.
        yield from ("--gpus", f'"device={",".join(map(str, gpus))}"')
    if dialect is Dialect.PODMAN:
        for gpu in gpus:
            yield from ("--device", f"nvidia.com/gpu={gpu}")


def _world(spec: ContainerSpec) -> Iterator[str]:
    if spec.read_only:
        yield "--read-only"
    if spec.work is not None:
        yield from ("--workdir", spec.work)
    if spec.user is not None:
        yield from ("--user", spec.user)
    if spec.platform is not None:
        yield from ("--platform", spec.platform)
