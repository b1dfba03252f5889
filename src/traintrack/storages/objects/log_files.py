"""Logs on this machine: those that grow in a stage, and copies of those that are kept in a bucket."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.places import is_name


class LogFiles:
    """Copies in a folder of their own, which may be deleted at any time; `stages` is where attempts have theirs."""

    def __init__(self, folder: Path, stages: Path) -> None:
        self._folder, self._stages = folder, stages

    def find(self, key: str) -> Path | None:
        """The file of a log, of one that grows as `stage/<stage>/<file>`; None if it is not on this machine."""
        growing = key.removeprefix("stage/")
        if growing != key and not any(part in ("", ".", "..") for part in growing.split("/")):
            path = self._stages / growing
        elif is_name(key):
            path = self._folder / key
        else:
            return None
        return path if path.is_file() else None

    def take(self, name: str, source: Path) -> None:
        """Move a finished log in, or copy it from another disk.

        Raises:
            HostError: it cannot be read or written.
        """
        path = self._folder / name
        with DiskErrors("keep the log at", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.stat(source).st_nlink == 1 and os.stat(source).st_dev == os.stat(path.parent).st_dev:
                os.replace(source, path)
                return
            temporary = self.new_file()
            shutil.copyfile(source, temporary)
            os.replace(temporary, path)

    def new_file(self) -> Path:
        """A name for a file that is being written.

        Raises:
            HostError: there is no room for it.
        """
        folder = self._folder / ".part"
        with DiskErrors("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder / os.urandom(8).hex()
