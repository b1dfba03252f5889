"""A program of the engine's that stands in the foreground of one container: it writes the log, and its end is the end.

It is not the container: a killed one leaves the container running.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from traintrack.runners.container.cli import Cli
from traintrack.runners.container.engine import ContainerId, ContainerSpec
from traintrack.runners.container.engine_errors import container_refusal
from traintrack.runners.container.variables import Carried

_MADE_S = 300.0
_FAREWELL_S = 20.0
_ID_LENGTH = 64

ID_FILE = "id"


class Client:
    """`docker run` of one container; `log` is where its output goes, from `begin_bytes` on.

    `place` is a folder of its own: the program's current one, with the container's ID in the file `id`.
    """

    def __init__(self, engine: str, process: subprocess.Popen[bytes], log: Path, begin_bytes: int, place: Path) -> None:
        self.log = log
        self.place = place
        self.begin_bytes = begin_bytes
        self._engine = engine
        self._process = process

    def made(self, spec: ContainerSpec) -> ContainerId:
        """Wait until the container is made, and return its ID.

        Raises:
            HostError: it could not be made; the log is as it was.
        """
        pause_s, end = 0.002, time.monotonic() + _MADE_S
        while True:
            over = not self.running
            found = _read(self.place / ID_FILE)
            if len(found) == _ID_LENGTH:
                return ContainerId(found)
            if over or time.monotonic() > end:
                self.leave()
                raise container_refusal(self._engine, self.take_back(), spec.name, spec.image)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.3, 0.02)

    def leave(self) -> None:
        """End the program and remove its place; it is given a moment to see that its container is gone."""
        if not self.ended(_FAREWELL_S):
            self._process.kill()
            self._process.wait()
        clear(self.place)

    def ended(self, timeout_s: float | None) -> bool:
        """Wait for the program's end; False when the time is over."""
        if timeout_s is not None and self._process.poll() is None:
            # `Popen.wait` with a time sleeps up to 50 ms too long.
            descriptor = os.pidfd_open(self._process.pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                if not poll.poll(max(timeout_s, 0) * 1000):
                    return False
            finally:
                os.close(descriptor)
        self._process.wait()
        return True

    @property
    def running(self) -> bool:
        """If the program still stands there."""
        return self._process.poll() is None

    @property
    def code(self) -> int:
        """The program's exit code; negative if a signal ended it."""
        return self._process.wait()

    def said(self, limit_bytes: int) -> str:
        """Return the first bytes of the container's output; empty if the log is gone."""
        try:
            with open(self.log, "rb") as file:
                file.seek(self.begin_bytes)
                return file.read(limit_bytes).decode(errors="replace")
        except FileNotFoundError:
            return ""

    def take_back(self) -> str:
        """Return what the log holds of this container, and cut it off: only sensible if no program of it ever ran."""
        with open(self.log, "r+b") as file:
            file.seek(self.begin_bytes)
            said = file.read().decode(errors="replace")
            file.truncate(self.begin_bytes)
        return said


def run(cli: Cli, words: Sequence[str], carried: Carried, log: Path, place: Path) -> Client:
    """Start `run …` with its output going to `log`; `place` is made anew.

    `words` begin with `run`. The values of variables lie in memory that has no name, or in the program's environment.

    Raises:
        HostError: there is no such program.
    """
    clear(place)
    place.mkdir()
    with open(log, "ab") as out, os.fdopen(os.memfd_create("environment"), "w+b") as lines:
        lines.write(carried.file())
        lines.flush()
        names = [word for name in carried.inherited for word in ("-e", name)]
        extra = ["--cidfile", str(place / ID_FILE), "--env-file", f"/dev/fd/{lines.fileno()}", *names]
        all_words = [words[0], *extra, *words[1:]]
        process = cli.spawn(all_words, out, out, carried.inherited, (lines.fileno(),), place)
        return Client(cli.name, process, log, out.tell(), place)


def place_of(log: Path, name: str) -> Path:
    """Return the place of the client of the container `name` that writes to `log`."""
    return log.absolute().with_name(f".{name}")


def has_made(place: Path) -> bool:
    """Tell if the client of a place, there or not any more, has made its container, or none was begun there."""
    return not place.is_dir() or len(_read(place / ID_FILE)) == _ID_LENGTH


def clear(place: Path) -> None:
    """Remove a client's place, if it is there."""
    shutil.rmtree(place, ignore_errors=True)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
