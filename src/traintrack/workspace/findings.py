"""Collects what is wrong with a document, each with its place, so that all is told at once."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any, Final, Protocol

from traintrack.errors import InputError, Location, raise_all
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.suggest import did_you_mean, one_of

MAX_FINDINGS: Final = 100
"""A file with more is not read on: its first errors say enough, and telling 100,000 takes minutes."""


class NotedError(Exception):
    """What is wrong has been noted in the findings; there is nothing to go on with."""


class SourcePlaces(Protocol):
    """Places that also know the source text of numbers."""

    def value(self, path: KeyPath) -> Location:
        """The place of a value."""

    def key(self, path: KeyPath) -> Location:
        """The place of a key."""

    def text(self, path: KeyPath) -> str | None:
        """The source text of a plain scalar that is not text itself."""


class Findings:
    """The errors of one document so far; a place is looked up only when there is an error.

    The one that makes `MAX_FINDINGS` full raises them all as `InputErrors`.
    """

    __slots__ = ("errors", "places")

    def __init__(self, places: SourcePlaces, errors: list[InputError]) -> None:
        self.places = places
        self.errors = errors

    def at_value(self, path: KeyPath, message: str, code: str, hint: str) -> None:
        """Note an error at the value of `path`."""
        self._note(InputError(message, code=code, location=self.places.value(path), hint=hint))

    def at_key(self, path: KeyPath, message: str, code: str, hint: str) -> None:
        """Note an error at the key that `path` ends in."""
        self._note(InputError(message, code=code, location=self.places.key(path), hint=hint))

    def wrong_type(self, value: Any, path: KeyPath, wanted: str, hint: str) -> None:
        """Note that a value is not what its field wants."""
        self.at_value(path, f"`{dotted(path)}` must be {wanted}, got {described(value)}", "field-type", hint)

    def unknown(self, path: KeyPath, choices: Iterable[str], where: str) -> None:
        """Note a key that means nothing where it stands."""
        known = list(choices)
        name = shown(str(path[-1]))
        self.at_key(
            path, f"unknown field `{name}` in {where}", "unknown-field", did_you_mean(name, known, one_of(known))
        )

    def refuse_marks(self, marks: Iterable[KeyPath], allowed: Container[str]) -> None:
        """Note the tags `!literal` and `!remove` that do not stand below one of the allowed sections."""
        for path in marks:
            if path[0] not in allowed:
                hint = "write the value without a tag, or take the key out"
                self.at_value(path, "`!literal` and `!remove` mean nothing here", "misplaced-tag", hint)

    def refuse_long_keys(self, paths: Iterable[KeyPath]) -> None:
        """Note keys of arguments that are too long for some readers of CONFIG_YAML."""
        for path in paths:
            if "args" in path[:-1] or "unhashed" in path[:-1]:
                message = "an argument's key has more than 256 characters, or 1,000 with special ones counted as six"
                self.at_key(path, message, "long-key", "shorten it: YAML readers limit keys")

    def section(self, value: Any, path: KeyPath) -> Mapping[str, Any]:
        """Return a map at `path`; empty where nothing was written, and with a finding where it is none."""
        if type(value) is dict:
            return value
        if value is not None:
            self.wrong_type(value, path, "a map", "write `key: value` below it")
        return {}

    def _note(self, error: InputError) -> None:
        self.errors.append(error)
        if len(self.errors) >= MAX_FINDINGS:
            raise_all(self.errors)


def dotted(path: KeyPath) -> str:
    """Return the end of a path for a message, at most three parts of it."""
    text = ""
    for part in path[-3:]:
        text += f"[{part}]" if isinstance(part, int) else f".{shown(part)}" if text else shown(part)
    return text


def described(value: Any) -> str:
    """Return what a value is, in words."""
    if value is None:
        return "null"
    if value is REMOVE:
        return "`!remove`"
    if isinstance(value, Literal):
        return "a `!literal`"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a huge number"
    return f"`{shown(str(value))}`"


def shown(text: str) -> str:
    """Return a user's words fit for one line: at most 40 characters, control characters escaped."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:41])
    return clean if len(text) <= 40 and len(clean) <= 60 else f"{clean[:37]}..."
