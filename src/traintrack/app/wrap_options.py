"""What a script takes on its command line, as far as its text tells."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

Constant: TypeAlias = "None | bool | int | float | str | Sequence[Constant]"


class Form(str, Enum):
    """How a value becomes words. Of `flags` the first is for yes, a second one for no."""

    VALUE = "value"
    """`--lr=0.1`, or `-l 0.1` where there is only a short flag."""
    LIST = "list"
    """`--sizes 64 32`."""
    REPEAT = "repeat"
    """`--tag a --tag b`."""
    COMMA = "comma"
    """`--tags=a,b`."""
    SWITCH = "switch"
    """`--fast` or nothing."""
    UNSWITCH = "unswitch"
    """`--no-shuffle` where the value is false, or nothing."""
    PAIR = "pair"
    """`--color` or `--no-color`."""
    COUNT = "count"
    """`-v -v` for 2."""
    TRUTH = "truth"
    """`--fast=True`, and `--fast=` for false: `bool` takes every other text for true."""
    LITERAL = "literal"
    """`--sizes=[64, 32]`, read as a literal of Python."""
    POSITIONAL = "positional"
    """A word, or several, without a flag."""


class Absent(Enum):
    """What stands in the place of a default that is not known."""

    REQUIRED = "required"
    OWN = "own"
    """The script has one of its own: None, or one that only running it could tell."""


class ScriptOption(Struct, frozen=True):
    """One argument. `path` tells that the script itself takes it for a path, `help` is one line or empty."""

    name: str
    form: Form
    flags: tuple[str, ...] = ()
    default: Constant | Absent = Absent.OWN
    choices: tuple[Constant, ...] = ()
    help: str = ""
    path: bool = False


class Script(Struct, frozen=True):
    """A script as read: `style` is the library that reads its flags, `command` the word of a sub-command or empty."""

    style: str
    options: tuple[ScriptOption, ...]
    command: tuple[str, ...] = ()


def one_line(text: object) -> str:
    """Return the first sentence or so of a help text, for a comment; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    words = " ".join(text.split()).rstrip(".")
    return words if len(words) <= 60 else words[:57].rpartition(" ")[0] + " …"
