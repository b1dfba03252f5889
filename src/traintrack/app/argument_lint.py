"""Values in arguments that are allowed and probably not meant: what people read otherwise, what changes by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from traintrack.errors import InputError, Location
from traintrack.workspace.model import KeyPath, Target

_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_MEANT_OTHERWISE = {
    re.compile(r"(?:yes|no|on|off|y|n)\Z", re.IGNORECASE): "`true`, `false`",
    re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?\Z"): "the number without `_`",
    re.compile(r"[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?\Z"): "a number",
    re.compile(r"0[bB][01]+\Z"): "a decimal number",
}
"""Plain text that YAML 1.1, and so many people, read as another type; and what to write for that type."""

_TEMPORARY = re.compile(r"(?:/private)?(?:/tmp|/var/tmp|/dev/shm|/var/folders)(?:/|\Z)")


class ArgumentLint:
    """Looks at the values of many targets; reads each file that it has to look into once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[str, list[str]] = {}

    def warnings(self, target: Target) -> Iterator[InputError]:
        """Tell what is doubtful in the arguments and environment variables of a target, each with its place."""
        for field in ("args", "unhashed", "env"):
            for path, value in _leaves(getattr(target.spec, field), ()):
                warning = self._look(target, (field, *path), value)
                if warning is not None:
                    yield warning

    def _look(self, target: Target, path: KeyPath, value: Any) -> InputError | None:
        if type(value) is int:
            return self._octal(target.place_of(*path), value)
        if type(value) is not str:
            return None
        if _TEMPORARY.match(value):
            return InputError(
                f"`{value}` is a temporary path: the ID does not know what is in it",
                code="volatile-value",
                location=target.place_of(*path),
                hint="make it the output of a target, or a path inside `paths`",
            )
        return self._ambiguous(target, path, value)

    def _octal(self, place: Location, value: int) -> InputError | None:
        written = _LEADING_ZERO.match(self._text_at(place))
        if written is None:
            return None
        return InputError(
            f"`{written[0]}` is the number {value}",
            code="ambiguous-scalar",
            location=place,
            hint=f'write `{value}`, or `"{written[0]}"` if text is meant',
        )

    def _ambiguous(self, target: Target, path: KeyPath, value: str) -> InputError | None:
        other = next((words for pattern, words in _MEANT_OTHERWISE.items() if pattern.match(value)), None)
        if other is None:
            return None
        place = target.place_of(*path)
        if not self._text_at(place).startswith(value):
            return None  # It is quoted, so it is meant.
        return InputError(
            f"`{value}` is text here",
            code="ambiguous-scalar",
            location=place,
            hint=f'write `"{value}"` if text is meant, else {other}',
        )

    def _text_at(self, place: Location) -> str:
        """The rest of the line from a place on, empty if it is not in a file."""
        if place.path not in self._lines:
            try:
                text = (self._root / place.path).read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""
            self._lines[place.path] = text.splitlines()
        lines = self._lines[place.path]
        return lines[place.line - 1][place.column - 1 :] if place.line <= len(lines) else ""


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
