"""From a job to the container that it runs in: paths, mounts, variables, limits (DESIGN 7.1). Nothing is done here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct

from traintrack.action.job import Job
from traintrack.runners.container.accounts import HOME, Account
from traintrack.runners.container.engine import ContainerSpec, LocalImage, Mount
from traintrack.runners.container.isolation import WRITABLE
from traintrack.runners.container.secret_folder import SECRETS, SHELL
from traintrack.runners.contract.call import SYSTEM_PATH
from traintrack.runners.contract.code_folder import CodeKind, CodeTree
from traintrack.runners.contract.stage import Stage

CONFIG = "/tt/config.yaml"
INPUTS = "/tt/in"
OUT = "/tt/out"
WORK = "/tt/work"
TEMPORARY = "/tmp"  # noqa: S108 (the container's own, which is a folder of the attempt)
CHECKPOINTS = "/tt/checkpoints"

PROCESSES = 4096
"""Enough for any honest task, and an end to a fork bomb."""

MOST_CODE_MOUNTS = 32
"""Each entry at the top of the code is a mount; where there are more they are private copies, read-only by mode."""


class Prepared(Struct, frozen=True):
    """What was laid out for an attempt: `inputs` are mounts, `accounts` the files for `/etc/passwd` and `/etc/group`.

    `checkpoints` is the attempt's folder for them. `shell_secrets` tells that a shell brings secrets as variables.
    `secrets` is the folder of the secrets' files, None without any.
    """

    stage: Stage
    code: CodeTree
    inputs: Sequence[Mount]
    checkpoints: str
    user: Account
    accounts: tuple[str, str]
    secrets: str | None = None
    shell_secrets: bool = False
    secret_variables: Mapping[str, str] = {}


def container_spec(
    job: Job, prepared: Prepared, image: LocalImage, name: str, labels: Mapping[str, str]
) -> ContainerSpec:
    """Return the container of a job."""
    action, resources = job.action, job.resources
    call: tuple[str, ...] = (action.task, CONFIG, OUT)
    entrypoint = action.entrypoint
    if prepared.shell_secrets:
        call = (*SHELL[1:], *(image.entrypoint if entrypoint is None else entrypoint), *call)
        entrypoint = SHELL[:1]
    memory = resources.memory_bytes
    return ContainerSpec(
        name=name,
        image=image.id,
        labels=labels,
        command=call,
        entrypoint=entrypoint,
        environment=_environment(job, prepared, image),
        mounts=_mounts(prepared),
        work=WORK,
        user=f"{prepared.user.uid}:{prepared.user.gid}",
        read_only=action.isolation.get("root") != WRITABLE,
        network=action.network,
        cpus=min(resources.cpu, float(os.cpu_count() or 1)) or None,
        memory_bytes=memory,
        shm_bytes=resources.shm_bytes or (memory or _machine_bytes()) // 2,
        pids=PROCESSES,
        gpus=job.gpus,
    )


def program_of(job: Job, image: LocalImage) -> str:
    """Return the word that names the program."""
    entrypoint = image.entrypoint if job.action.entrypoint is None else job.action.entrypoint
    return entrypoint[0] if entrypoint else job.action.task


def _environment(job: Job, prepared: Prepared, image: LocalImage) -> dict[str, str]:
    """The variables that are set besides the image's own; `env` may replace the defaults, never the contract's."""
    action = job.action
    user = prepared.user.name
    defaults = {
        "PATH": image.environment.get("PATH", f"/usr/local/sbin:/usr/sbin:/sbin:{SYSTEM_PATH}"),
        "LANG": image.environment.get("LANG", "C.UTF-8"),
        "TZ": "UTC",
        "HOME": HOME,
        "TMPDIR": TEMPORARY,
        "XDG_CACHE_HOME": f"{HOME}/.cache",
        "USER": user,
        "LOGNAME": user,
    }
    fixed = {
        "TRAINTRACK_ID": action.id,
        "TRAINTRACK_CHECKPOINT_DIR": CHECKPOINTS,
        # In the container the devices that were granted are the only ones, counted from 0.
        "CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in range(len(job.gpus))),
    }
    if "NVIDIA_VISIBLE_DEVICES" in image.environment and not job.gpus:
        fixed["NVIDIA_VISIBLE_DEVICES"] = "void"
    return {**defaults, **action.env, **prepared.secret_variables, **fixed}


def _mounts(prepared: Prepared) -> tuple[Mount, ...]:
    stage = prepared.stage
    passwd, group = prepared.accounts
    mounts = [
        Mount(passwd, "/etc/passwd"),
        Mount(group, "/etc/group"),
        Mount(stage.config, CONFIG),
        Mount(stage.out, OUT, read_only=False),
        Mount(stage.work, WORK, read_only=False),
        Mount(stage.home, HOME, read_only=False),
        Mount(stage.temporary, TEMPORARY, read_only=False),
        Mount(prepared.checkpoints, CHECKPOINTS, read_only=False),
        *(Mount(f"{stage.work}/{name}", f"{WORK}/{name}") for name in _code_mounts(prepared.code)),
        *prepared.inputs,
    ]
    if prepared.secrets is not None:
        mounts.append(Mount(prepared.secrets, SECRETS))
    return tuple(mounts)


def _code_mounts(code: CodeTree) -> list[str]:
    """The entries at the top of the code that are mounted over themselves; a link stays what it is."""
    links = {path for path, entry in code.entries.items() if entry.kind is CodeKind.LINK}
    names = sorted({path.partition("/")[0] for path in (*code.folders, *code.entries)} - links)
    return names if len(names) <= MOST_CODE_MOUNTS else []


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
