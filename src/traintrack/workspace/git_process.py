"""Starting git so that nothing but the repository decides the answer: no user or system settings, hooks or network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from traintrack.errors import HostError

if TYPE_CHECKING:
    from subprocess import Popen

OLDEST = (2, 36)
"""`git cat-file --batch-command` came with it."""

# What the repository's own settings may not change either. `fsmonitor` and `hooksPath` name programs.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.ignoreCase=false",
    "core.precomposeUnicode=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "blame.ignoreRevsFile=",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",  # bars the lazy fetches of a partial clone in every version
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_INSTALL_HINT = f"install git {OLDEST[0]}.{OLDEST[1]} or later: https://git-scm.com/downloads"


class Answer(Struct, frozen=True):
    """How a git command ended."""

    code: int
    output: bytes
    complaint: str


class Git(Struct, frozen=True):
    """A way to call git: where it runs, and the variables that name its repository. Nothing is started by making one."""

    folder: str
    variables: Mapping[str, str]

    def ask(self, *words: str, stdin: bytes = b"") -> Answer:
        """Run a command to its end, whatever its exit code.

        Raises:
            HostError: git is missing or too old.
        """
        with self.start(words) as process:
            output, complaint = process.communicate(stdin)
        return Answer(process.returncode, output, complaint.decode("utf-8", "replace").strip())

    def run(self, *words: str, stdin: bytes = b"") -> bytes:
        """Run a command and return what it prints.

        Raises:
            HostError: git is missing or too old, or the command failed.
        """
        answer = self.ask(*words, stdin=stdin)
        if answer.code != 0:
            raise git_failed(words[0], answer.complaint)
        return answer.output

    def start(self, words: Sequence[str], complaints: IO[bytes] | None = None) -> Popen[bytes]:
        """Start a command with pipes; what it complains about goes to `complaints`, or to a pipe.

        Raises:
            HostError: git is missing or too old.
        """
        program = find_git()
        _require_version(program)
        return _start([program, *_settings(), *words], self.folder, self.variables, complaints)


def find_git() -> str:
    """Return the path of git.

    Raises:
        HostError: it is not installed.
    """
    # By hand, because `shutil.which` costs a start-up more than everything else here together.
    for folder in os.get_exec_path():
        program = os.path.join(folder, "git")
        if os.access(program, os.X_OK) and not os.path.isdir(program):
            return os.path.abspath(program)
    raise HostError("git is not installed", code="git-missing", hint=_INSTALL_HINT)


def git_failed(command: str, complaint: str) -> HostError:
    """The error for a command of git that should not have failed."""
    return HostError(
        f"`git {command}` failed",
        code="git-failed",
        hint="run `git fsck`; if it finds nothing, try again",
        details=complaint.splitlines()[-20:],
    )


@lru_cache(maxsize=4)
def _require_version(program: str) -> None:
    with _start([program, "version"], "/", {}, None) as process:
        output, _ = process.communicate()
    match = re.match(rb"git version (\d+)\.(\d+)", output)
    if match is None:
        raise HostError(f"`{program}` does not tell its version", code="git-missing", hint=_INSTALL_HINT)
    if (int(match[1]), int(match[2])) < OLDEST:
        raise HostError(f"git {output.split()[2].decode()} is too old", code="git-too-old", hint=_INSTALL_HINT)


def _settings() -> list[str]:
    return [word for setting in _SETTINGS for word in ("-c", setting)]


def _start(
    words: Sequence[str], folder: str, variables: Mapping[str, str], complaints: IO[bytes] | None
) -> Popen[bytes]:
    import subprocess  # noqa: PLC0415 - answering from pins starts no process and need not pay for this

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.Popen(
            words,
            cwd=folder,
            env={**inherited, **_ENVIRONMENT, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if complaints is None else complaints,
            process_group=0,  # Ctrl-C is for us: a git that died of it would fail the look-ups of an orderly end
        )
    except OSError as error:
        raise HostError(f"git cannot be started: {error}", code="git-missing", hint=_INSTALL_HINT) from error
