"""Reads the TT*.yaml files: regular files of a bounded size, whatever stands in their place."""

from __future__ import annotations

import errno
import os
import stat

MAX_BYTES = 2 * 1024 * 1024
"""Bytes of a file; one more is read, so that the parser sees that it is too large."""


def read_small(path: str) -> bytes:
    """Return the bytes of a file, of a larger one the first `MAX_BYTES + 1`.

    A pipe or a device in its place is refused without being waited for.

    Raises:
        OSError: it is not there, no regular file, or cannot be read.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        return file.read(MAX_BYTES + 1)


def _without_waiting(path: str, flags: int) -> int:
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is not a regular file", path)
