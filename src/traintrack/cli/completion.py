"""What a shell asks at each TAB: what may the word before the cursor become?

`traintrack _complete SHELL …` is called by the scripts in `completion_scripts.py` and prints a candidate per line,
with a description behind a tab; a line that begins with a tab and says `files` leaves the word to the shell.
It imports neither click nor the parser, runs no git, and says nothing about errors: a key press is no place for them.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from msgspec import Struct

from traintrack.cli.table import COMMANDS, COMMON_OPTIONS, Argument, Command, Kind, Option, command_named

FILES = "\tfiles"
"""The line that leaves a word to the shell's own completion of files."""

_HELP = Option("help", ("-h", "--help"), "Show help and leave.")
_OPEN_ENDS = ("/", ":", "=", "//")
"""What a candidate ends with that is not whole yet, so that no blank comes behind it."""


class Candidate(Struct, frozen=True):
    """What the whole word may become, and a few words about it."""

    word: str
    about: str = ""


class _Asked(Struct, frozen=True):
    """A command line as far as it is written: `word` is begun, `value_of` the option that it is the value of."""

    word: str
    command: Command | None
    value_of: Option | None
    directory: str
    given: int
    only_arguments: bool


def answer_shell(words: Sequence[str]) -> int:
    """Print what a shell asked for; the exit code is always 0."""
    try:
        lines = _answer(words)
        sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - nothing that goes wrong may write into the line that a person is typing
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def candidates(words: Sequence[str]) -> list[Candidate] | None:
    """Return what the last of `words` may become, sorted; None if it is the name of a file.

    Args:
        words: all words behind the program's name, unquoted; the last one is being written and may be empty.
    """
    asked = _asked(words)
    if asked.value_of is not None:
        return _values(asked)
    if asked.word.startswith("-") and not asked.word.startswith(("-/", "-:")) and not asked.only_arguments:
        return _options(asked)
    if asked.command is None:
        return [Candidate(one.name, one.help) for one in COMMANDS if one.name.startswith(asked.word)]
    argument = _argument(asked.command, asked.given)
    if argument is not None and argument.name == "template":
        from traintrack.app.template_files import template_files  # noqa: PLC0415 - as below

        return [Candidate(name) for name in template_files() if name.startswith(asked.word)]
    return [] if argument is None else _of_metavar(argument.metavar, argument.choices, asked)


def split_line(line: str) -> tuple[list[str], bool]:
    """Return the words of a shell's line up to the cursor, unquoted, and whether the last one stands in open quotes."""
    for quote in ("", '"', "'"):
        lexer = shlex.shlex(line + quote, posix=True, punctuation_chars=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError:
            continue
        is_begun = bool(quote) or not line[-1:].isspace() or line.endswith("\\ ")
        return (words if is_begun and words else [*words, ""]), bool(quote)
    return [*line.split(), ""], False


def bash_words(line: str, breaks: str) -> list[str]:
    """Return what readline is to put in place of its own idea of the word, which begins behind the last of `breaks`."""
    words, is_quoted = split_line(line)
    found = candidates(words[_program_at(words) + 1 :] or [""])
    if found is None:
        return [FILES]
    word = words[-1]
    # In open quotes readline takes the whole word, and closes them itself.
    cut = 0 if is_quoted else max((word.rfind(one) + 1 for one in breaks), default=0)
    # Bash takes these two for the beginning of a word, where others end one (`rl_special_prefixes`).
    cut -= 1 if cut and word[cut - 1] in "$@" else 0
    end = "" if is_quoted else " "
    return [one.word[cut:] + ("" if one.word.endswith(_OPEN_ENDS) else end) for one in found]


def _answer(words: Sequence[str]) -> list[str]:
    shell, *rest = words
    if shell == "bash":
        return bash_words(rest[1], rest[0])
    found = candidates(rest)
    return [FILES] if found is None else [f"{one.word}\t{one.about}" if one.about else one.word for one in found]


def _asked(words: Sequence[str]) -> _Asked:
    """Read the words as the parser of the command line would."""
    command: Command | None = None
    directory, given, value_of, only_arguments = os.curdir, 0, None, False
    for word in words[:-1]:
        if value_of is not None:
            directory = word if value_of.name == "directory" else directory
            value_of = None
        elif word == "--":
            only_arguments = True
        elif word.startswith("-") and not word.startswith(("-/", "-:")) and not only_arguments:
            value_of = None if "=" in word else _option_with_value(command, word)
        elif command is None:
            command = command_named(word) or Command(word, "")
        else:
            given += 1
    return _Asked(words[-1], command, value_of, os.path.expanduser(directory), given, only_arguments)


def _values(asked: _Asked) -> list[Candidate] | None:
    option = asked.value_of
    assert option is not None
    if option.name == "env":
        from traintrack.cli.completion_labels import environments  # noqa: PLC0415 - only this word pays for it

        return [Candidate(name) for name in environments(asked.directory) if name.startswith(asked.word)]
    if option.name == "profile":
        from traintrack.cli.completion_labels import profiles  # noqa: PLC0415 - as above

        found = profiles(asked.directory)
        return [Candidate(name, about) for name, about in found.items() if name.startswith(asked.word)]
    return _of_metavar(option.metavar or "", option.choices, asked)


def _of_metavar(metavar: str, choices: tuple[str, ...], asked: _Asked) -> list[Candidate] | None:
    if choices:
        return [Candidate(choice) for choice in choices if choice.startswith(asked.word)]
    if "DIR" in metavar or "FILE" in metavar:
        return None
    if "PATTERN" in metavar or "LABEL" in metavar:
        from traintrack.cli.completion_labels import labels  # noqa: PLC0415 - as above

        return [Candidate(label) for label in labels(asked.directory, asked.word)]
    return []


def _options(asked: _Asked) -> list[Candidate] | None:
    name, equals, begun = asked.word.partition("=")
    if equals:
        option = _option_with_value(asked.command, name)
        if option is None:
            return []
        found = _values(_Asked(begun, asked.command, option, asked.directory, asked.given, only_arguments=False))
        return None if found is None else [Candidate(f"{name}={one.word}", one.about) for one in found]
    flags = [(flag, option.help) for option in _known(asked.command) for flag in _long_first(option)]
    wanted = [Candidate(flag, about) for flag, about in flags if flag.startswith(asked.word)]
    # Short flags are for those who know them; they come where nothing else begins so.
    return [one for one in wanted if one.word.startswith("--")] or wanted


def _long_first(option: Option) -> tuple[str, ...]:
    return (*option.flags, *((option.off,) if option.off else ()))


def _known(command: Command | None) -> tuple[Option, ...]:
    return (*(command.options if command else ()), *COMMON_OPTIONS, _HELP)


def _option_with_value(command: Command | None, flag: str) -> Option | None:
    found = next((option for option in _known(command) if flag in option.flags), None)
    return found if found is not None and found.kind is not Kind.SWITCH else None


def _argument(command: Command, given: int) -> Argument | None:
    """Return the argument that the next word is; one that takes many words takes all that are left."""
    for index, argument in enumerate(command.arguments):
        if argument.many or index == given:
            return argument
    return None


def _program_at(words: Sequence[str]) -> int:
    """Return where the program's name stands: behind `VAR=value`; an alias may have any name."""
    names = [os.path.basename(word) for word in words[:-1]]
    return names.index("traintrack") if "traintrack" in names else 0
