"""What external data on a local disk is: its manifest, read once where it lies, the same that a storage would make."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from traintrack.action.manifest import Entry, Manifest
from traintrack.errors import HostError, InputError, TaskError
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.scan import scan_output


def scan_source(place: Path) -> Manifest:
    """Return the manifest of a folder, or of a folder that holds just the one file that is named.

    Raises:
        InputError: it is not there, or holds what no artifact can: a device, a link that leaves it.
        HostError: it cannot be read.
    """
    try:
        return scan_output(str(place)) if place.is_dir() else Manifest((_file(place),))
    except FileNotFoundError as error:
        message = f"`{error.filename or place}` is not there"
        raise InputError(message, code="source-missing", hint="correct the path, or bring the data there") from error
    except TaskError as error:
        message = error.message.replace("the output is refused", "the data is refused")
        hint = "leave only files, folders and relative links there"
        raise InputError(message, code="source-refused", hint=hint) from error
    except OSError as error:
        message = f"`{error.filename or place}` cannot be read: {(error.strerror or str(error)).lower()}"
        raise HostError(message, code="source-unreadable", hint="give yourself the right to read it") from error


def _file(place: Path) -> Entry:
    fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode):
            message = f"`{place}` is no ordinary file"
            raise InputError(message, code="source-refused", hint="name a file or folder")
        digest, size = hash_file(fd, seen.st_size)
    finally:
        os.close(fd)
    return Entry(place.name, executable=bool(seen.st_mode & stat.S_IXUSR), size=size, digest=digest)
