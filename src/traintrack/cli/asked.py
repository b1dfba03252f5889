"""The options of a command that decide which results it is about: commands that it prints for copying repeat them."""

from __future__ import annotations

import re

from msgspec import Struct

from traintrack.cli.shell_word import shell_word
from traintrack.cli.table import COMMANDS

_TAKEN = {command.name: frozenset(option.name for option in command.options) for command in COMMANDS}
_CALL = re.compile(rf"\btraintrack ({'|'.join(sorted(_TAKEN, key=len, reverse=True))})\b")
_END = re.compile(r"[`\n]|\btraintrack ")


class Asked(Struct, frozen=True):
    """What `--env`, `--profile`, `--set` and `--worktree` of a command said; empty where they were not given."""

    env: str | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    worktree: bool = False

    @property
    def is_changed(self) -> bool:
        """Tell if targets are other ones than those of the files, so that only some commands can speak of them."""
        return bool(self.sets) or self.worktree

    def again(self, text: str) -> str:
        """Return a command, or a text with commands, with those of the options that each takes and does not have."""
        words = self._words()
        return _CALL.sub(lambda call: _with(call, words), text) if words else text

    def _words(self) -> list[tuple[str, str]]:
        """Each option with its name in the table of commands."""
        words = [("env", f"--env {shell_word(self.env)}")] if self.env else []
        if self.profile:
            words.append(("profile", f"--profile {shell_word(self.profile)}"))
        words += [("sets", f"--set {shell_word(text)}") for text in self.sets]
        return [*words, ("worktree", "--worktree")] if self.worktree else words


AS_IT_IS = Asked()
"""Nothing was said: the results are those of the files, in the default environment."""


def _with(call: re.Match[str], words: list[tuple[str, str]]) -> str:
    taken = _TAKEN[call[1]] | {"env"}
    given = _END.split(call.string[call.end() :], maxsplit=1)[0].split()
    return " ".join([call[0], *(word for option, word in words if option in taken and word.split()[0] not in given)])
