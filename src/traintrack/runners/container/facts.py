"""What an engine tells of a container or an image as JSON, as values; docker and podman tell it nearly alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.runners.container.engine import ContainerId, Inspected, LocalImage, Status

_STATUS = {
    "created": Status.CREATED,
    "configured": Status.CREATED,
    "initialized": Status.CREATED,
    "running": Status.RUNNING,
    "paused": Status.RUNNING,
    "restarting": Status.RUNNING,
    "stopping": Status.RUNNING,
    "exited": Status.EXITED,
    "stopped": Status.EXITED,
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7"}


def inspected(told: Mapping[str, Any]) -> Inspected:
    """Read what `inspect` tells of a container."""
    state = told["State"]
    status = _STATUS.get(str(state["Status"]).lower(), Status.DEAD)
    started = _time(state.get("StartedAt"))
    ended = status in (Status.EXITED, Status.DEAD) or (status is Status.CREATED and bool(state.get("ExitCode")))
    return Inspected(
        id=ContainerId(told["Id"]),
        name=str(told["Name"]).removeprefix("/"),
        labels=(told.get("Config") or {}).get("Labels") or {},
        status=status,
        exit_code=int(state.get("ExitCode") or 0) if ended else None,
        out_of_memory=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        started=started,
        finished=_time(state.get("FinishedAt")),
    )


def local_image(told: Mapping[str, Any]) -> LocalImage:
    """Read what `image inspect` tells of an image."""
    config = told.get("Config") or {}
    id_ = str(told["Id"])
    return LocalImage(
        id=id_ if id_.startswith("sha256:") else f"sha256:{id_}",
        digests=tuple(told.get("RepoDigests") or ()),
        platform=platform(told.get("Os") or "linux", told.get("Architecture") or "", told.get("Variant") or ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        user=str(config.get("User") or told.get("User") or ""),
        work=str(config.get("WorkingDir") or ""),
        environment=dict(item.partition("=")[::2] for item in config.get("Env") or ()),
    )


def platform(system: str, machine: str, variant: str = "") -> str:
    """Return `linux/amd64` and the like; the variant is told only where it distinguishes (`linux/arm/v7`)."""
    machine = _MACHINES.get(machine, machine)
    return f"{system}/{machine}" + (f"/{variant}" if variant and machine == "arm" else "")


def _time(told: object) -> str:
    """A time as the engine tells it; empty for its word for never."""
    return "" if not told or str(told).startswith("0001-") else str(told)
