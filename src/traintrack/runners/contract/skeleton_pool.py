"""The stages of a process that no attempt has at the moment."""

from __future__ import annotations

import contextlib
import os
import threading

from traintrack.ports.storage import Staging
from traintrack.runners.contract.skeleton import Skeleton


class SkeletonPool:
    """Keeps stages between attempts; never more than attempts ran at once.

    They lie under the names of their last attempts, so what is left of them after a crash is swept like any
    stage of a dead process.
    """

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._guard = threading.Lock()
        self._idle: list[Skeleton] = []
        self._closed = False
        self._pid = os.getpid()

    def take(self, name: str) -> Skeleton:
        """Return a stage under that name: one that is idle, or a new one that is still empty.

        Raises:
            HostError: none can be made.
        """
        while (skeleton := self._pop()) is not None:
            path = self._staging.rename_stage(skeleton.path, name)
            if path is not None:
                skeleton.path = path
                return skeleton
            with contextlib.suppress(OSError):
                skeleton.remove()
        return Skeleton(str(self._staging.new_stage(name)))

    def put(self, skeleton: Skeleton) -> None:
        """Keep a stage that is clean for another attempt.

        Raises:
            OSError: it is not wanted any more and cannot be removed.
        """
        with self._guard:
            if not self._closed:
                self._idle.append(skeleton)
                return
        skeleton.remove()

    def close(self) -> None:
        """Remove all, and keep none from now on; what cannot be removed is left to the sweep."""
        with self._guard:
            self._closed = True
        while (skeleton := self._pop()) is not None:
            with contextlib.suppress(OSError):
                skeleton.remove()

    def _pop(self) -> Skeleton | None:
        with self._guard:
            # A child of a fork has this list too, but the stages are its parent's.
            return self._idle.pop() if self._idle and self._pid == os.getpid() else None
