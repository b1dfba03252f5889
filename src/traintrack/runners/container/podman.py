"""Podman: driven and asked by its program."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.runners.container.cli import Cli
from traintrack.runners.container.cli_engine import CliEngine
from traintrack.runners.container.client import ID_FILE, clear
from traintrack.runners.container.engine import Build, ContainerId, ContainerSpec, EngineInfo, Inspected, LocalImage
from traintrack.runners.container.engine_errors import refusal
from traintrack.runners.container.facts import platform
from traintrack.runners.container.image_commands import ImageCommands
from traintrack.runners.container.queries import CliQueries, Told
from traintrack.runners.container.run_command import Dialect

_LOOK_S = 0.05

# With podman before 4.4 or so the monitor of a container writes this file to the folder where podman was started, and
# podman, which looks for it elsewhere, does not learn that the kernel killed a process.
_OOM = "oom"
_PODMAN_KEEPS = 32768


class PodmanCli(CliEngine, ImageCommands):
    """The podman of this user; `variables` are added to its own environment, such as `CONTAINERS_STORAGE_CONF`.

    `network` names the network of containers that have one, None means podman's default.
    """

    # Its cache takes a layer of other build arguments for the same, if they only show in `ENV` (seen with 4.3.1).
    build_words: tuple[str, ...] = ("--layers=false",)

    def __init__(self, network: str | None = None, variables: Mapping[str, str] | None = None) -> None:
        self.variables = dict(variables or {})
        cli = Cli("podman", (), self.variables)
        queries = CliQueries(cli)
        CliEngine.__init__(self, cli, queries, Dialect.PODMAN, network)
        ImageCommands.__init__(self, cli, queries)
        self._remedies: tuple[str, ...] = ()
        self._first = threading.Lock()
        self._proved = False

    def info(self) -> EngineInfo:
        """See `Engine`."""
        said = self._cli.must("info", "--format", "json")
        try:
            told = json.loads(said)
            host, version = told["host"], told["version"]
        except (ValueError, KeyError) as error:
            raise refusal("podman", said) from error
        return EngineInfo(
            name="podman",
            version=version["Version"],
            platform=platform(host["os"], host["arch"]),
            rootless=bool(host["security"]["rootless"]),
        )

    def start(self, spec: ContainerSpec, log: Path) -> ContainerId:
        """See `Engine`.

        The first containers are looked at until one runs: where the machine does not allow what podman asks of it by
        itself, podman is told to ask for less, and the container is made again.
        """
        if self._proved:
            return super().start(spec, log)
        with self._first:
            while True:
                container = super().start(spec, log)
                remedy = None if self._proved else self._remedy(container)
                if remedy is None:
                    return container
                self.remove([container])
                self._remedies += remedy

    def remove(self, containers: Collection[ContainerId]) -> None:
        """See `Engine`."""
        foreign = [container for container in containers if container not in self._clients]
        places = [_place(told) for told in self._queries.containers(foreign)]
        super().remove(containers)
        for place in places:
            if place is not None:
                clear(place)

    def _read(self, told: Told) -> Inspected:
        found = super()._read(told)
        place = _place(told)
        return replace(found, out_of_memory=True) if place is not None and (place / _OOM).exists() else found

    def _remedy(self, container: ContainerId) -> tuple[str, ...] | None:
        """What to ask for besides, if this container did not start for a reason that is known; None if it did."""
        client = self._clients[container]
        while client.running:
            found = self.inspect([container]).get(container)
            if found is not None and found.started:
                self._proved = True
                return None
            time.sleep(_LOOK_S)
        self.wait(container)
        found = self.inspect([container]).get(container)
        if found is None:
            # Somebody has removed it: nothing is known of it.
            return None
        self._proved = bool(found.started)
        for said, remedy in _REMEDIES:
            words = remedy()
            if not found.started and re.search(said, found.error) and words and words[-1] not in self._remedies:
                return words
        return None

    def build(self, build: Build, log: Path) -> LocalImage:
        """See `Engine`. Where the machine does not allow what podman asks of it by itself, it is told to ask for less."""
        while True:
            try:
                return super().build(build, log)
            except HostError as error:
                said = "\n".join(error.details)
                wanted = (remedy() for pattern, remedy in _REMEDIES if re.search(pattern, said))
                fresh = next((words for words in wanted if words and words[-1] not in self.build_words), None)
                if fresh is None:
                    raise
                self.build_words = (*self.build_words, *fresh)

    def pull(self, ref: str, platform: str | None = None) -> LocalImage:
        """See `Engine`. Names without a registry are docker.io's, as docker reads them."""
        return super().pull(with_registry(ref), platform)

    def _pushed(self, ref: str) -> str:
        """Push, and let podman write the digest to a file: it prints none."""
        with tempfile.TemporaryDirectory(prefix="traintrack-push-") as folder:
            file = Path(folder) / "digest"
            words = ("push", "--quiet", "--digestfile", str(file), *self.over_network(ref), ref)
            said = self._cli.ask(*words, timeout_s=None)
            if said.code != 0:
                raise refusal("podman", said.err or said.out, ref, "push-failed")
            return file.read_text().strip()

    def over_network(self, ref: str) -> Sequence[str]:
        """Registries on this machine are spoken to without TLS too, as docker does by itself."""
        return ("--tls-verify=false",) if _is_loopback(ref.partition("/")[0]) else ()

    def _run_words(self, spec: ContainerSpec, environment: Sequence[str]) -> list[str]:
        words = super()._run_words(spec, environment)
        # Without root the caller's own number has to be kept, or what is written belongs to nobody.
        keep = ("--userns", "keep-id") if spec.user is not None and os.geteuid() != 0 else ()
        return [words[0], *self._remedies, *keep, *words[1:]]


def with_registry(ref: str) -> str:
    """Return an image's name with its registry: `debian` is `docker.io/library/debian`."""
    first, slash, _ = ref.partition("/")
    if not slash:
        return f"docker.io/library/{ref}"
    return ref if "." in first or ":" in first or first == "localhost" else f"docker.io/{ref}"


def _place(told: Told) -> Path | None:
    """The folder that the client of a container was started in, told by the file that it wrote the ID to."""
    path = Path((told.get("HostConfig") or {}).get("ContainerIDFile") or "/")
    return path.parent if path.name == ID_FILE and path.parent.name == f".{told['Name']}" else None


def _is_loopback(host: str) -> bool:
    name = re.sub(r":\d+$", "", host).strip("[]")
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _own_limit(name: str, limit: int) -> tuple[str, ...]:
    """What this process may have itself, or what podman keeps for itself if that is less."""
    soft, hard = (_PODMAN_KEEPS if value == resource.RLIM_INFINITY else value for value in resource.getrlimit(limit))
    return ("--ulimit", f"{name}={min(soft, _PODMAN_KEEPS)}:{min(hard, _PODMAN_KEEPS)}")


def _runc() -> tuple[str, ...]:
    found = shutil.which("runc") or shutil.which("runc", path="/usr/sbin:/usr/local/sbin")
    return ("--runtime", found) if found else ()


# What a runtime says that may not raise a limit (Linux: RLIMIT_NPROC is 6, RLIMIT_NOFILE is 7), or that knows only
# one kind of control groups where the machine has both.
_REMEDIES: tuple[tuple[str, Callable[[], tuple[str, ...]]], ...] = (
    (r"RLIMIT_NOFILE|rlimit type 7", lambda: _own_limit("nofile", resource.RLIMIT_NOFILE)),
    (r"RLIMIT_NPROC|rlimit type 6", lambda: _own_limit("nproc", resource.RLIMIT_NPROC)),
    (r"cgroups in hybrid mode not supported", _runc),
)
