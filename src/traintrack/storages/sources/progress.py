"""Says how far a transfer has come, now and then, and whether it is to go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from traintrack.errors import CancelledError
from traintrack.ports.sources import Tell

EVERY_S = 10.0


class Progress:
    """Counts bytes of several threads and tells of them at most every ten seconds; quick transfers are silent."""

    def __init__(
        self,
        what: str,
        tell: Tell,
        whole_bytes: int | None = None,
        *,
        stopped: Callable[[], bool] = lambda: False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._tell, self._whole = what, tell, whole_bytes
        self._stopped, self._now_s = stopped, now_s
        self._lock = threading.Lock()
        self._told_s = now_s()
        self._is_over = False
        self.size_bytes = 0

    def add(self, size_bytes: int) -> None:
        """Count bytes that arrived; a negative number takes back what is read again.

        Raises:
            CancelledError: nobody wants the rest.
        """
        if self._is_over or self._stopped():
            raise CancelledError(f"{self._what} was stopped", code="stopped", hint="run again")
        with self._lock:
            self.size_bytes += size_bytes
            now = self._now_s()
            if now - self._told_s < EVERY_S:
                return
            self._told_s = now
            of = f" of {size_text(self._whole)}" if self._whole else ""
            self._tell(f"{self._what}: {size_text(self.size_bytes)}{of}")

    def stop(self) -> None:
        """End what is still under way."""
        self._is_over = True


def size_text(size_bytes: int) -> str:
    """Return a size in words, such as `1.5 GiB`."""
    size, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
