"""The one thread that owns the terminal while a run is told live."""

from __future__ import annotations

import io
import os
import queue
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from enum import Enum
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

from traintrack.cli.live_frame import LEAVE, frame

FRAME_S = 1 / 8
"""The shortest time between two frames."""

_STILL_S = 0.2
_SIZE = os.terminal_size((80, 24))
_CALM_ROWS = 3
"""So many rows of a terminal stay free of the block, so that the last of the history can be read."""


class ProgressMode(str, Enum):
    """How a run is told: live where it can be, always live, or line by line."""

    AUTO = "auto"
    LIVE = "live"
    PLAIN = "plain"


def wants_live(mode: ProgressMode, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell if a run is told live: on a terminal that can move its cursor and that a person looks at."""
    if mode is not ProgressMode.AUTO:
        return mode is ProgressMode.LIVE
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false", "no")
    return stream.isatty() and environ.get("TERM", "") not in ("", "dumb") and not in_ci


class LiveScreen(io.TextIOBase):
    """A stream whose lines become history above a block; the block is drawn from `rows` at most eight times a second.

    `write` takes no lock, so that a signal handler may call it. Use it as a context: at its end the block is gone,
    the cursor is seen and all history is written.
    """

    def __init__(
        self, stream: TextIO, rows: Callable[[int, int], list[str]], lock: AbstractContextManager[Any] | None = None
    ) -> None:
        """Take over `stream`.

        Args:
            stream: the terminal.
            rows: returns the rows of the block for a number of columns and of rows at most; each narrower than that.
            lock: is held while history and rows are read, so that both show the same moment.
        """
        self._stream, self._rows, self._moment = stream, rows, lock or nullcontext()
        self._history: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._left = ""
        self._over = threading.Event()
        self._drawing = threading.Lock()
        self._drawn: tuple[list[str], os.terminal_size] | None = None
        self._before_stop: Any = None
        self._thread = threading.Thread(target=self._keep_drawing, name="screen", daemon=True)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What the terminal can spell."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Tell what the stream below tells."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def write(self, text: str) -> int:
        """Take text into the history; it is shown with the next frame. Outside the context it is written at once."""
        if self._thread.is_alive():
            self._history.put(text)
        else:
            self._put(text)
        return len(text)

    def __enter__(self) -> Self:
        self._take_stops()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._before_stop is not None:
            signal.signal(signal.SIGTSTP, self._before_stop)

    def draw(self) -> None:
        """Write one frame, if there is something new to see. Only the owning thread calls it."""
        with self._drawing:
            self._draw()

    def _draw(self) -> None:
        size = self._size()
        with self._moment:
            history = self._new_history()
            block = self._rows(size.columns - 1, max(1, size.lines - _CALM_ROWS)) if self._is_in_front() else []
        if not history and (block, size) == self._drawn:
            return
        if not block and (self._drawn is None or not self._drawn[0]):
            # Nothing of ours stands there, so that lines go out as they would without a screen.
            self._put(history)
        else:
            self._put(frame(history, block, size.columns))
        self._drawn = (block, size)

    def _keep_drawing(self) -> None:
        while not self._over.wait(FRAME_S):
            try:
                self.draw()
            except Exception as error:  # noqa: BLE001 - a view that breaks must not take the run's lines with it
                self._rows = _no_rows
                self.write(f"warning: the live view ended: {error!r}\n")
        # What came last stands above a block that is already gone.
        has_block = self._drawn is not None and bool(self._drawn[0])
        self._put((LEAVE if has_block else "") + self._new_history(whole=False))
        self._drawn = None

    def _new_history(self, *, whole: bool = True) -> str:
        """Return what was written since, as whole lines; a begun line waits for its end."""
        text = self._left
        with suppress(queue.Empty):
            while True:
                text += self._history.get_nowait()
        end = text.rfind("\n") + 1 if whole else len(text)
        self._left = text[end:]
        return text[:end]

    def _put(self, text: str) -> None:
        """Write to the terminal; one that is gone is no reason to end the work."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def _size(self) -> os.terminal_size:
        """Ask for the size at each frame, which costs less than a microsecond and misses no change."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return _SIZE
        return os.terminal_size((size.columns or _SIZE.columns, size.lines or _SIZE.lines))

    def _is_in_front(self) -> bool:
        """Tell if the terminal is ours: after `bg` the shell writes to it, and a block would spoil that."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) == os.getpgrp()
        except (OSError, ValueError):
            return True

    def _take_stops(self) -> None:
        """Leave the terminal in order at Ctrl-Z, where we may: signals belong to the main thread."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            self._before_stop = signal.signal(signal.SIGTSTP, self._stop)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        # The drawing thread may wait for a lock that this very thread holds: then a frame may follow, which `fg` repairs.
        is_still = self._drawing.acquire(timeout=_STILL_S)
        with suppress(OSError, ValueError):
            os.write(self._stream.fileno(), LEAVE.encode("ascii"))
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        self._drawn = None
        if is_still:
            self._drawing.release()


def _no_rows(_columns: int, _most: int) -> list[str]:
    return []
