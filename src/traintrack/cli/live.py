"""A run told live: what has ended as lines that stay, what is under way as a block below them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO, cast

from msgspec.structs import replace

from traintrack.action.event import Event
from traintrack.action.plan import Reason
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.line import Line, Painted, painted, plain
from traintrack.cli.live_board import LiveBoard
from traintrack.cli.live_screen import LiveScreen
from traintrack.cli.live_text import clipped
from traintrack.cli.progress import Progress, Told
from traintrack.cli.terminal import Terminal, in_ascii, spells_all


class LiveProgress:
    """An event sink that tells a run live. Use it as a context: the block lives as long as that.

    Whoever writes to stderr meanwhile takes `terminal`, whose lines come to stand above the block.
    """

    def __init__(
        self,
        terminal: Terminal,
        reason_text: Callable[[Reason], str],
        now_s: Callable[[], float] = time.monotonic,
        asked: Asked = AS_IT_IS,
    ) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._board = LiveBoard()
        self._screen = LiveScreen(terminal.err, self._rows, self._lock)
        self._below = terminal
        self.terminal = replace(terminal, err=cast("TextIO", self._screen))
        self._lines = Progress(self.terminal, reason_text, now_s, Told.ENDINGS, asked)

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.__exit__(kind, error, trace)

    def emit(self, event: Event) -> None:
        """Take an event. A target leaves the block in the frame in which its line comes to stand above it."""
        with self._lock:
            self._board.take(event, self._now_s())
            self._lines.emit(event)

    @property
    def is_running(self) -> bool:
        """Tell if a run has begun and is not over."""
        return self._lines.is_running

    def _rows(self, columns: int, most: int) -> list[str]:
        rows = self._board.rows(self._now_s(), columns, most)
        return [row_text(row, columns, self._below) for row in rows]


def row_text(line: Line, columns: int, terminal: Terminal) -> str:
    """Spell a line for stderr in at most that many columns."""
    utf8 = spells_all(terminal.err)
    spelled = line if utf8 else tuple(_in_ascii(part) for part in line)
    cut = clipped(spelled, columns, "…" if utf8 else "...")
    return painted(cut) if terminal.paint_err else plain(cut)


def _in_ascii(part: str | Painted) -> str | Painted:
    return part._replace(text=in_ascii(part.text)) if isinstance(part, Painted) else in_ascii(part)
