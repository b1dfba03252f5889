"""A lock that excludes other threads and other processes of this machine, and that can be waited for in vain."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from traintrack.errors import CancelledError

_LOOK_AGAIN_S = 0.05


@contextlib.contextmanager
def locked(path: Path, cancelled: threading.Event, what: str) -> Iterator[None]:
    """Hold a lock file that is never removed, so that all lock the same one; `what` is waited for, in words.

    Raises:
        CancelledError: `cancelled` was set while another held it.
        OSError: the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if cancelled.wait(_LOOK_AGAIN_S):
                    raise CancelledError(f"stopped while waiting for {what}") from None
        yield
    finally:
        os.close(descriptor)
