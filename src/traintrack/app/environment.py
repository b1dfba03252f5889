"""The only place that picks adapters: what `--env` names becomes a storage and a runner."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from traintrack.app.open_runner import find_engine_of, open_runner
from traintrack.app.open_storage import cache_folder as cache_folder
from traintrack.app.open_storage import open_storage
from traintrack.app.read_storages import with_reads
from traintrack.errors import InputError, UsageError
from traintrack.execute.slots import Capacity
from traintrack.ports.runner import Runner
from traintrack.ports.sources import SourceReader
from traintrack.ports.storage import Staging, Storage
from traintrack.workspace.model import EnvironmentSpec, Workspace
from traintrack.workspace.quantities import parse_size

if TYPE_CHECKING:
    from traintrack.runners.contract.failed_attempts import FailedAttempts
    from traintrack.storages.registry.client import Registries
    from traintrack.storages.sources.opened import Sources


class Environment(Struct, frozen=True):
    """Where actions run and where their results stay; `capacity` is what may run at once, `attempts` what failed."""

    name: str
    spec: EnvironmentSpec
    storage: Storage
    runner: Runner
    staging: Staging
    capacity: Capacity
    attempts: FailedAttempts


def environment_spec(workspace: Workspace, name: str | None) -> EnvironmentSpec:
    """Return what the workspace says of an environment, of the default one if no name is given.

    Raises:
        UsageError: there is no such environment.
    """
    wanted = name or workspace.default_env
    spec = workspace.environments.get(wanted)
    if spec is None:
        known = ", ".join(f"`{n}`" for n in workspace.environments)
        raise UsageError(f"there is no environment `{wanted}`", code="unknown-environment", hint=f"take one of {known}")
    return spec


def open_environment(workspace: Workspace, name: str | None) -> Environment:
    """Open an environment of the workspace, the default one if no name is given.

    Raises:
        UsageError: there is no such environment.
        InputError: its runner or storage is not in this version.
        HostError: its storage cannot be used.
    """
    spec = environment_spec(workspace, name)
    wanted = spec.name
    if spec.runner != "local":
        raise InputError(
            f"environment `{wanted}` needs the runner `{spec.runner}`, which this version does not have",
            code="unsupported",
            location=spec.place,
            hint="use `runner: local`",
        )
    from traintrack.runners.contract.failed_attempts import LIMIT_BYTES, FailedAttempts  # noqa: PLC0415  adapters late

    opened = with_reads(workspace, spec, open_storage(workspace, spec))
    limit = spec.options.get("failed_attempts")
    attempts = FailedAttempts(opened.root / "attempts", LIMIT_BYTES if limit is None else parse_size(limit))
    runner = open_runner(spec, opened, attempts, open_sources(workspace, wanted))
    return Environment(wanted, spec, opened.storage, runner, opened.staging, _capacity(spec.options), attempts)


def open_sources(workspace: Workspace, name: str | None = None) -> Sources:
    """Return the readers of external data; `efs://` is found as the environment says, else as any other does."""
    from traintrack.storages.sources.opened import Sources  # noqa: PLC0415

    specs = [spec for spec in workspace.environments.values() if spec.name != (name or workspace.default_env)]
    first = workspace.environments.get(name or workspace.default_env)
    mounts: dict[str, str] = {}
    for spec in [first, *specs] if first is not None else specs:
        mounts = {**(spec.options.get("mounts") or {}), **mounts}
    return Sources(workspace.root, mounts, {"https": _open_https, "s3": _open_s3})


class AskedRegistries:
    """Container registries, with the logins of whoever calls; what speaks to them is loaded with the first question."""

    @cached_property
    def _registries(self) -> Registries:
        from traintrack.storages.registry.client import Registries  # noqa: PLC0415

        return Registries(os.environ)

    def digest(self, ref: str) -> str:
        """Return `sha256:…` of the multi-platform index.

        Raises:
            InputError: this is not the name of an image.
            HostError: the registry cannot be reached, refuses, or has no such image.
        """
        return self._registries.digest(ref)


def describe_engine(spec: EnvironmentSpec | None) -> tuple[str, str, bool]:
    """Return name, version and whether it runs without root, of the engine that containers would run on.

    Raises:
        HostError: none answers, or not the one that the environment names.
    """
    info = find_engine_of(spec).info()
    return info.name, info.version, info.rootless


def _open_https() -> SourceReader:
    from traintrack.storages.sources.https import HttpsReader  # noqa: PLC0415

    return HttpsReader()


def _open_s3() -> SourceReader:
    from traintrack.storages.sources.s3 import S3Reader  # noqa: PLC0415

    return S3Reader()


def _capacity(options: Mapping[str, Any]) -> Capacity:
    cpus = float(options.get("cpu") or _cpus())
    memory = options.get("memory")
    return Capacity(
        jobs=int(options.get("jobs") or max(1, int(cpus))),
        cpu=cpus,
        memory_bytes=parse_size(memory) if memory is not None else _memory_bytes(),
        gpus=int(options["gpus"]) if "gpus" in options else _gpus(),
    )


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gpus() -> int:
    try:
        return sum(name[6:].isdigit() for name in os.listdir("/dev") if name.startswith("nvidia"))
    except OSError:
        return 0
