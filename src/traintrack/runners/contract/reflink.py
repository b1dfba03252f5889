"""Copies of files that share the blocks of their source, where the file system can."""

from __future__ import annotations

import fcntl
import sys

_FICLONE = 0x40049409
"""Source: linux/fs.h; ioctl_ficlone(2)."""


def shared_blocks(reading: int, writing: int) -> bool:
    """Make one open file share the blocks of another; False where the file systems cannot."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError:
        return False
    return True
