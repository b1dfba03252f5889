"""A program in a real pseudo-terminal, and an emulator that keeps what a person would have seen of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

END_OF_FRAME = b"\x1b[?2026l"


class WatchedTerminal:
    """Starts a program on a terminal. `frames` are the screens after each of its frames, as lists of lines."""

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        *,
        columns: int = 100,
        lines: int = 24,
        cwd: Path | None = None,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000, ratio=1.0)
        self.stream = pyte.ByteStream(self.screen)
        self.frames: list[list[str]] = []
        self.times: list[float] = []
        self.raw = b""
        self._pending = b""
        self.master, slave = pty.openpty()
        self.resize(columns, lines, tell=False)

        def in_front() -> None:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            list(argv), stdin=slave, stdout=slave, stderr=slave, cwd=cwd, preexec_fn=in_front,  # noqa: PLW1509 - a terminal needs a session leader
            close_fds=True,
            env={**os.environ, "TERM": "xterm-256color", "CI": "", "PYTHONIOENCODING": "utf-8", **environ},
        )  # fmt: skip
        os.close(slave)

    def resize(self, columns: int, lines: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.screen.resize(lines, columns)

    def send(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, seen: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Read until something is seen."""
        deadline = time.monotonic() + limit_s
        while not seen():
            assert time.monotonic() < deadline, "\n".join(self.display())
            if not self._read(0.05):
                assert seen(), "\n".join(self.display())

    def until_end(self, limit_s: float = 60.0) -> int:
        """Read until the program has ended, and return its exit code."""
        deadline = time.monotonic() + limit_s
        while self._read(0.05):
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError("\n".join(self.display()))
        return self.process.wait(10)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        os.close(self.master)

    def display(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def everything(self) -> list[str]:
        """All lines, those first that have scrolled out of the screen."""
        width = range(self.screen.columns)
        above = ["".join(row[column].data for column in width).rstrip() for row in self.screen.history.top]
        lines = [*above, *self.display()]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def hides_cursor(self) -> bool:
        return bool(self.screen.cursor.hidden)

    def _read(self, wait_s: float) -> bool:
        """Take in what there is; False at the end."""
        if not select.select([self.master], [], [], wait_s)[0]:
            return self.process.poll() is None or bool(select.select([self.master], [], [], 0)[0])
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        if not data:
            return False
        self.raw += data
        self._pending += data
        *whole, self._pending = re.split(b"(?<=" + re.escape(END_OF_FRAME) + b")", self._pending)
        for frame in whole:
            self.stream.feed(frame)
            self.frames.append(self.display())
            self.times.append(time.monotonic())
        self.stream.feed(self._pending)
        self._pending = b""
        return True
