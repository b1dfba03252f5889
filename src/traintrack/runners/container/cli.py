"""The program of a container engine, called."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from traintrack.errors import HostError
from traintrack.runners.container.engine_errors import missing_program, refusal, silent

_ANSWER_S = 120.0


class Said(Struct, frozen=True):
    """What a call of the program ended with."""

    code: int
    out: str
    err: str


class Cli:
    """The program `name` with the words that stand before every command, such as `-H unix://…`."""

    def __init__(self, name: str, before: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.before = tuple(before)
        self.variables = dict(variables or {})

    def words(self, *words: str) -> list[str]:
        """Return the whole command line."""
        return [self.name, *self.before, *words]

    def ask(self, *words: str, timeout_s: float | None = _ANSWER_S) -> Said:
        """Run a command to its end, whatever it ends with.

        Raises:
            HostError: there is no such program, or it does not answer in time.
        """
        # Files, not pipes: what the program leaves behind (podman's monitor) may hold a pipe open for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.spawn(words, out, err)
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                raise silent(self.name, timeout_s or 0) from None
            finally:
                _end(process)
            out.seek(0)
            err.seek(0)
            return Said(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"))

    def must(self, *words: str, subject: str = "", timeout_s: float | None = _ANSWER_S) -> str:
        """Run a command that has to succeed, and return what it printed.

        Raises:
            HostError: it failed, in words.
        """
        said = self.ask(*words, timeout_s=timeout_s)
        if said.code != 0:
            raise refusal(self.name, said.err or said.out, subject)
        return said.out

    def write(self, words: Sequence[str], to: Path) -> int:
        """Run a command to its end with all that it says, merged, going to a file; return its exit code."""
        with open(to, "ab") as file:
            process = self.spawn(words, file, file)
            try:
                return process.wait()
            finally:
                _end(process)

    def head(self, words: Sequence[str], limit_bytes: int) -> str:
        """Run a command for the first bytes of all that it says, merged, and no longer."""
        end, other = os.pipe()
        with open(end, "rb") as out:
            with open(other, "wb") as into:
                process = self.spawn(words, into, into)
            try:
                return out.read(limit_bytes).decode(errors="replace")
            finally:
                _end(process)

    def spawn(
        self,
        words: Sequence[str],
        out: IO[bytes],
        err: IO[bytes],
        variables: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        folder: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, so that a Ctrl-C in the terminal is ours alone.

        Raises:
            HostError: there is no such program.
        """
        environment = {**os.environ, **self.variables, **(variables or {})}
        try:
            return subprocess.Popen(
                self.words(*words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                pass_fds=tuple(descriptors),
                cwd=folder,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise missing_program(self.name) from error
        except OSError as error:
            raise HostError(
                f"`{self.name}` cannot be started: {error.strerror}",
                code="engine-missing",
                hint=f"try `{self.name} info`",
            ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
