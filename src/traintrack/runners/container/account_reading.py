"""`/etc/passwd` and `/etc/group` of an image, read by a container of it, which several processes may do at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from traintrack.errors import HostError
from traintrack.runners.container.engine import ContainerSpec, Engine, LocalImage, Status
from traintrack.runners.container.engine_errors import silent
from traintrack.runners.contract.proc_table import ProcessName, boot_id, is_alive, started
from traintrack.runners.contract.stage import remove_tree

READER = "traintrack.reader"
"""The label that names the process which reads a container."""

_LABEL = "traintrack.accounts"
_READS_WITHIN_S = 60.0
_TRIES = 5


def read_files(image: LocalImage, engine: Engine, folder: Path) -> str:
    """Have a container of the image tell the text of both files; empty if it has no `cat`. `folder` takes its log.

    Raises:
        HostError: the engine takes too long, or somebody removes the container each time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = {_LABEL: image.id, READER: reader_name(os.getpid())}
    # A process that was killed amid this has left one. That of a living one is not read yet.
    left = [one for one in engine.find({_LABEL: image.id}) if one.status is Status.EXITED]
    engine.remove([one.id for one in left if not _lives(one.labels.get(READER, ""))])
    for _ in range(_TRIES):
        said = _told(image, engine, folder, labels)
        if said is not None:
            return said
    raise HostError(
        f"the container that reads the users of an image was removed {_TRIES} times before it was read",
        code="container-removed",
        hint="see who runs `docker container prune`, then run again",
    )


def _told(image: LocalImage, engine: Engine, folder: Path, labels: Mapping[str, str]) -> str | None:
    """What one container has said; None if it is gone, which tells nothing of the image."""
    name = f"traintrack-accounts-{os.urandom(8).hex()}"
    log = folder / name
    spec = ContainerSpec(
        name=name,
        image=image.id,
        labels=labels,
        command=("/etc/passwd", "/etc/group"),
        entrypoint=("cat",),
        user="0:0",
    )
    container = engine.start(spec, log)
    try:
        if not engine.wait(container, _READS_WITHIN_S):
            raise silent(engine.name, _READS_WITHIN_S)
        found = engine.inspect([container]).get(container)
        if found is None:
            return None
        # One of the files may be missing: then `cat` exits with 1 and has told the other.
        return log.read_text(encoding="utf-8", errors="replace") if found.started else ""
    finally:
        engine.remove([container])
        remove_tree(str(log))


def reader_name(pid: int) -> str:
    """Return how a process is named in `READER`."""
    return f"{boot_id()} {pid} {started(pid)}"


def _lives(reader: str) -> bool:
    boot, _, process = reader.partition(" ")
    pid, _, begun = process.partition(" ")
    return boot == boot_id() and pid.isdigit() and is_alive(ProcessName(int(pid), begun))
