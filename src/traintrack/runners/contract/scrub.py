"""Removes the files in which a secret stands from what a failed attempt left: no disk keeps a secret's value."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

_CHUNK = 1 << 20


def remove_with_secrets(folder: str, values: Collection[bytes]) -> None:
    """Remove every file below a folder that holds one of the values, and each that cannot be read.

    Raises:
        OSError: something can be neither looked at nor removed.
    """
    wanted = [value for value in values if value]
    os.chmod(folder, 0o700)
    for here, folders, names in os.walk(folder, onerror=_raise):
        for name in folders:
            inner = os.path.join(here, name)
            if not os.path.islink(inner):
                # What its task closed would otherwise be passed over in silence.
                os.chmod(inner, 0o700)
        for name in names:
            path = os.path.join(here, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and _holds(path, wanted):
                os.unlink(path)


def _holds(path: str, values: Collection[bytes]) -> bool:
    """Tell if one of the values stands in a file, also where one chunk ends and the next begins."""
    overlap = max((len(value) for value in values), default=1) - 1
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        return True
    with open(descriptor, "rb", buffering=0) as file:
        before = b""
        while chunk := file.read(_CHUNK):
            window = before + chunk
            if any(value in window for value in values):
                return True
            before = window[-overlap:] if overlap else b""
    return False


def _raise(error: OSError) -> None:
    raise error
