"""How a command was called, and the way its answer goes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from traintrack.cli.terminal import Terminal

JsonValue: TypeAlias = "None | bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue]"
"""As in `digest.py`, whose import costs more than a whole `--help`."""


class Call(Struct, frozen=True):
    """What all commands know: `start` is the absolute folder of `-C`.

    With `json` a command prints exactly one document on stdout.
    """

    command: str
    start: Path
    env: str | None
    json: bool
    terminal: Terminal

    def document(self, schema: str, fields: Mapping[str, JsonValue]) -> None:
        """Print the JSON document of this answer; `schema` is its name and version, such as `hash/1`."""
        self.terminal.document(document_text(schema, fields))


class CommandModule(Protocol):
    """What a module of `cli/commands` offers: `run(call, options)` and the dataclass of its options."""

    Options: type[object]

    def run(self, call: Call, options: object) -> int:
        """Carry the command out and return its exit code."""


def document_text(schema: str, fields: Mapping[str, JsonValue]) -> str:
    """Spell a document on one line, ASCII only, so that no terminal and no encoding can be harmed."""
    return json.dumps({"schema": f"traintrack.{schema}", **fields}, ensure_ascii=True, allow_nan=False)
