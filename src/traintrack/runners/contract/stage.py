"""The folder of one attempt: what lies where, and how it goes away."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess

from msgspec import Struct


class Stage(Struct, frozen=True):
    """Paths of an attempt: scratch below `folder`, and `out`, which lies apart and becomes the artifact by a rename.

    Both are stages of the storage. Folders are few on purpose: making and removing one costs more than anything
    else that is done for a small task. The same reason has the scratch used again (`skeleton.py`).
    """

    folder: str
    out: str

    @property
    def config(self) -> str:
        """CONFIG_YAML."""
        return f"{self.folder}/config.yaml"

    @property
    def inputs(self) -> str:
        """The folder of the inputs, one path per argument; empty if there are none."""
        return f"{self.folder}/in"

    @property
    def work(self) -> str:
        """The task's current folder, in which the code appears."""
        return f"{self.folder}/work"

    @property
    def home(self) -> str:
        """HOME."""
        return f"{self.folder}/home"

    @property
    def temporary(self) -> str:
        """TMPDIR."""
        return f"{self.folder}/temporary"

    @property
    def cache(self) -> str:
        """XDG_CACHE_HOME; made by those who want one, as its specification asks."""
        return f"{self.folder}/home/.cache"

    @property
    def spare(self) -> str:
        """The folder for checkpoints while no task has it; it lies here so that it is swept with the rest."""
        return f"{self.folder}/checkpoints"

    @property
    def log(self) -> str:
        """What the task writes to its standard output and error, merged."""
        return f"{self.folder}/log"


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`.

    Raises:
        OSError: it cannot be written.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def remove_tree(path: str) -> None:
    """Remove a folder or file with all that is below it, whatever modes and depth the task gave it.

    What is not there is no error. Links are removed, never followed.

    Raises:
        OSError: something cannot be removed.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        os.unlink(path)
    except (PermissionError, RecursionError):
        _open_folders(path)
        # `rm` goes down without recursion and without a limit on the length of paths; shutil does not.
        subprocess.run(["rm", "-rf", "--", path], stdin=subprocess.DEVNULL, check=False, capture_output=True)
        if os.path.lexists(path):
            raise OSError(f"cannot remove {path}") from None


def _open_folders(path: str) -> None:
    """Give the owner back all rights on every folder, so that what is inside can be removed."""
    os.chmod(path, 0o700)
    for folder, names, _ in os.walk(path):
        for name in names:
            inner = f"{folder}/{name}"
            if not os.path.islink(inner):
                _open_folder(inner)


def _open_folder(path: str) -> None:
    try:
        os.chmod(path, 0o700)
    except OSError as error:
        # Below this depth no path leads any more; `rm` needs none.
        if error.errno != errno.ENAMETOOLONG:
            raise
