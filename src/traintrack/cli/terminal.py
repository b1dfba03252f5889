"""The two streams of a command: results go to stdout, talk goes to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from traintrack.cli.line import Line, painted, plain

_ASCII = str.maketrans(
    {"✓": "ok", "✗": "x", "●": "*", "◌": "~", "·": "-", "→": "->", "─": "-", "…": "...", "≈": "~", "└": "`", "×": "x"}
)


class ColorMode(str, Enum):
    """When to paint: if the stream is a terminal, always, or never."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Verbosity(Enum):
    """How much talk a person wants. Failures and errors are told in every case."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


class OutputClosedError(Exception):
    """Nobody reads stdout any more, as with `traintrack ls | head -1`."""


class Terminal(Struct, frozen=True):
    """Writes lines to the two streams of a process, each painted and spelled as that stream can take it."""

    out: TextIO
    err: TextIO
    paint_out: bool = False
    paint_err: bool = False
    verbosity: Verbosity = Verbosity.NORMAL

    def result(self, *line: Line) -> None:
        """Write lines of the result to stdout.

        Raises:
            OutputClosedError: the reader has gone.
        """
        self._to_out("".join(f"{_spelled(one, self.out, paint=self.paint_out)}\n" for one in line))

    def document(self, text: str) -> None:
        """Write one JSON document, which is ASCII without control characters, to stdout."""
        self._to_out(f"{text}\n")

    def raw(self, data: bytes) -> None:
        """Write bytes of a result as they are; a terminal gets a final newline with them."""
        self.out.flush()
        end = b"\n" if self.out.isatty() and not data.endswith(b"\n") else b""
        try:
            self.out.buffer.write(data + end)
            self.out.flush()
        except BrokenPipeError as error:
            raise OutputClosedError from error

    def path(self, path: Path) -> None:
        """Write a path as a line: for a person spelled out, for a program the very bytes of its name."""
        if self.out.isatty():
            self.result((str(path),))
        else:
            self.raw(os.fsencode(path) + b"\n")

    def say(self, *line: Line) -> None:
        """Write lines of talk to stderr, unless the user wants quiet."""
        if self.verbosity is not Verbosity.QUIET:
            self.tell(*line)

    def tell(self, *line: Line) -> None:
        """Write lines to stderr in every case; a stderr that is gone is no reason to end the work."""
        text = "".join(f"{_spelled(one, self.err, paint=self.paint_err)}\n" for one in line)
        try:
            self.err.write(text)
            self.err.flush()
        except (OSError, RuntimeError):
            # RuntimeError: a signal handler tells something while the same stream is being written to.
            return

    def flush(self) -> None:
        """Hand what is left to the reader of stdout.

        Raises:
            OutputClosedError: the reader has gone.
        """
        self._to_out("")

    def _to_out(self, text: str) -> None:
        try:
            self.out.write(text)
            self.out.flush()
        except BrokenPipeError as error:
            raise OutputClosedError from error


def open_terminal(
    mode: ColorMode = ColorMode.AUTO,
    verbosity: Verbosity = Verbosity.NORMAL,
    environ: Mapping[str, str] = os.environ,
) -> Terminal:
    """Return the terminal of this process; a stream that is closed takes everything and shows nothing."""
    out, err = (_tolerant(stream) for stream in (sys.stdout, sys.stderr))
    return Terminal(
        out,
        err,
        paint_out=wants_color(mode, out, environ),
        paint_err=wants_color(mode, err, environ),
        verbosity=verbosity,
    )


def wants_color(mode: ColorMode, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell if a stream gets colour: `NO_COLOR` (no-color.org) and `TERM=dumb` hold unless it is asked for."""
    if mode is not ColorMode.AUTO:
        return mode is ColorMode.ALWAYS
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def aligned(rows: Iterable[tuple[str, ...]]) -> list[Line]:
    """Return rows of equal length as lines whose columns begin below each other, two blanks apart."""
    kept = list(rows)
    if not kept:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*kept, strict=True)]
    return [("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(),) for row in kept]


def spells_all(stream: TextIO) -> bool:
    """Tell if a stream can spell every character."""
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def in_ascii(text: str) -> str:
    """Return the text in ASCII: our marks as words, anything else spelled out."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _spelled(line: Line, stream: TextIO, *, paint: bool) -> str:
    text = painted(line) if paint else plain(line)
    return text if spells_all(stream) else text.translate(_ASCII)


def _tolerant(stream: TextIO | None) -> TextIO:
    """Let no character that a stream cannot spell end the program."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    return stream
