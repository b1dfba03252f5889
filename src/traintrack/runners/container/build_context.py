"""The folder that an image is built from: what git has at the target's commit, out of the storage."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from traintrack.action.image import BuiltImage, recipe_digest
from traintrack.errors import HostError
from traintrack.ports.storage import Kept
from traintrack.runners.contract.code_folder import CodeEntry, CodeKind, CodeStore
from traintrack.runners.contract.stage import write_all

EPOCH_S = 315_532_800
"""All files are of 1980-01-01: builds see no time of today, and zip files know no earlier one."""

_IGNORE = ".dockerignore"


class BuildContext(Struct, frozen=True):
    """Where a build finds its files; `dockerfile` lies outside of `folder`, so that it is no part of what is copied."""

    folder: Path
    dockerfile: Path


def write_context(image: BuiltImage, platform: str, kept: Kept, root: Path) -> BuildContext:
    """Write the files of a build below the new folder `root`, with the modes of git and the bases pinned.

    Raises:
        HostError: something is not in the storage.
        OSError: a file cannot be written.
        IntegrityError: something in the storage is damaged.
    """
    pinned = kept.get_named(f"dockerfile/{recipe_digest(image, platform)}")
    if pinned is None:
        raise HostError(
            f"`{image.dockerfile}` is not in the storage",
            code="code-missing",
            hint="run the command again from the repository: it exports the file anew",
        )
    tree = CodeStore(kept).read(image.tree)
    files = root / "files"
    # The context may hold nothing of what is named, and the Dockerfile lie elsewhere.
    (files / image.context).mkdir(parents=True)
    for folder in tree.folders:
        (files / folder).mkdir(exist_ok=True)
    for path, entry in tree.entries.items():
        _write(os.fspath(files / path), entry)
    for folder in (*reversed(tree.folders), "."):
        os.utime(files / folder, (EPOCH_S, EPOCH_S))
    dockerfile = root / "Dockerfile"
    dockerfile.write_bytes(pinned)
    ignored = tree.entries.get(f"{image.dockerfile}{_IGNORE}")
    if ignored is not None and ignored.kind is not CodeKind.LINK:
        dockerfile.with_name(f"Dockerfile{_IGNORE}").write_bytes(ignored.data)
    return BuildContext(files / image.context, dockerfile)


def _write(path: str, entry: CodeEntry) -> None:
    if entry.kind is CodeKind.LINK:
        os.symlink(entry.data, os.fsencode(path))
    else:
        mode = 0o755 if entry.kind is CodeKind.PROGRAM else 0o644
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            write_all(descriptor, entry.data)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
    os.utime(path, (EPOCH_S, EPOCH_S), follow_symlinks=False)
