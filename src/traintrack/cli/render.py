"""Errors as text: the place, one fact, the line of the file with a caret, and the next step (STYLE, Errors)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from traintrack.cli.call import JsonValue, document_text
from traintrack.cli.line import Line, bad, faint, strong, visible, warn
from traintrack.cli.live_text import columns_of
from traintrack.cli.quantity import count_text
from traintrack.cli.terminal import OutputClosedError, Terminal
from traintrack.errors import InputErrors, Location, TraintrackError

_SHOWN_COLUMNS = 110
_BEFORE_CARET = 70
_TAB = "    "
_MEMBER = re.compile(r"@[A-Za-z0-9_.+-]+=[A-Za-z0-9_.+\-=,]*")


def report_error(error: TraintrackError, terminal: Terminal, start: Path, *, json: bool) -> int:
    """Tell an error, as text on stderr or as the one document on stdout, and return its exit code."""
    if not json or not _told_as_document(error, terminal):
        terminal.tell(*error_lines(flatten(error), workspace_root(start)))
    return error.exit_code


def flatten(error: TraintrackError) -> tuple[TraintrackError, ...]:
    """Return the errors that one error stands for, in order of place."""
    return error.errors if isinstance(error, InputErrors) else (error,)


def workspace_root(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` with a TTWORKSPACE.yaml; it need not be valid."""
    return next((folder for folder in (start, *start.parents) if (folder / "TTWORKSPACE.yaml").is_file()), None)


def error_lines(errors: Sequence[TraintrackError], root: Path | None, *, word: str = "error") -> list[Line]:
    """Return a block for each error, a blank line between them, and their count if there are several.

    What members of a family have in common, at the same place, is told once with how many more there are.

    Args:
        errors: what to tell, in order.
        root: the folder that the paths of places are relative to, None outside a workspace.
        word: `error` or `warning`.
    """
    lines: list[Line] = []
    sources = _Sources(root)
    for same in _alike(errors):
        if lines:
            lines.append(())
        lines += _block(same[0], sources, word, len(same) - 1)
    if len(errors) > 1:
        lines += [(), (strong(count_text(len(errors), word)),)]
    return lines


def error_fields(error: TraintrackError) -> dict[str, JsonValue]:
    """Return the fields of the error document: the first error as `error`, all of them as `errors`."""
    every = [one_error(inner) for inner in flatten(error)]
    return {"error": every[0], "errors": every, "exit_code": error.exit_code}


def one_error(error: TraintrackError) -> dict[str, JsonValue]:
    """Return an error as JSON: `where` is null without a place."""
    return {
        "code": error.code,
        "message": error.message,
        "where": place_fields(error.location),
        "hint": error.hint,
        "details": list(error.details),
    }


def place_fields(place: Location | None) -> dict[str, JsonValue] | None:
    """Return a place as JSON."""
    return None if place is None else {"path": place.path, "line": place.line, "column": place.column}


def _told_as_document(error: TraintrackError, terminal: Terminal) -> bool:
    """Print the error document; False if stdout takes nothing, which may be the very error to be told."""
    try:
        terminal.document(document_text("error/1", error_fields(error)))
    except (OSError, OutputClosedError):
        return False
    return True


def _alike(errors: Sequence[TraintrackError]) -> list[list[TraintrackError]]:
    """Group errors that differ in nothing but the member that they name, in the order of the first of each."""
    found: dict[Any, list[TraintrackError]] = {}
    for error in errors:
        message, members = _MEMBER.subn("@", error.message)
        # Without a member it is nobody's but its own: equal facts of different hosts are told each.
        key = (error.location, error.code, message) if members else id(error)
        found.setdefault(key, []).append(error)
    return list(found.values())


def _block(error: TraintrackError, sources: _Sources, word: str, more: int) -> list[Line]:
    tone = bad if word == "error" else warn
    place = f"{error.location}: " if error.location else ""
    others = f"(and {count_text(more, 'more member')}) " if more else ""
    lines: list[Line] = [(strong(place), tone(f"{word}:"), f" {error.message} {others}", faint(f"[{error.code}]"))]
    if error.location is not None:
        lines += _excerpt(error.location, sources.line(error.location))
    lines += [("  ", detail) for detail in error.details]
    if error.hint:
        hints = error.hint.splitlines()
        lines += [(), (strong("hint:"), f" {hints[0]}"), *(("      ", more) for more in hints[1:])]
    return lines


def _excerpt(place: Location, source: str | None) -> list[Line]:
    """Return the line of a place and a caret below its column; nothing if it cannot be shown."""
    if source is None or not source.strip():
        return []
    at = min(place.column - 1, len(source))
    first = max(0, at - _BEFORE_CARET) if len(source) > _SHOWN_COLUMNS else 0
    cut_before, cut_behind = "…" if first else "", "…" if len(source) > first + _SHOWN_COLUMNS else ""
    before = cut_before + _shown(source[first:at])
    behind = _shown(source[at : first + _SHOWN_COLUMNS]) + cut_behind
    return [("  ", before, behind), (" " * (2 + columns_of(before)), bad("^"))]


class _Sources:
    """The lines of the files that places stand in, each file read once."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._files: dict[str, list[str]] = {}

    def line(self, place: Location) -> str | None:
        """Return the line of a place, None if it cannot be shown."""
        if self._root is None:
            return None
        if place.path not in self._files:
            self._files[place.path] = _lines(self._root, place.path)
        lines = self._files[place.path]
        return lines[place.line - 1].rstrip("\r") if 0 < place.line <= len(lines) else None


def _lines(root: Path, name: str) -> list[str]:
    path = root / name
    try:
        # A place is data: one that points out of the workspace is not followed.
        if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
            return []
        return path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    except (OSError, ValueError):
        return []


def _shown(text: str) -> str:
    return visible(text.replace("\t", _TAB))
