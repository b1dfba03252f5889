"""What git knows of paths: which it ignores, and which it does not hold yet."""

from __future__ import annotations

from collections.abc import Iterable

from traintrack.workspace.git_process import Git


def ignored(root: str, paths: Iterable[str]) -> frozenset[str]:
    """Return those of the paths that the repository ignores.

    Raises:
        HostError: git is missing or too old.
    """
    given = [path for path in paths if path]
    # This command alone refuses the variable that the others are safer with.
    git = Git(root, {"GIT_LITERAL_PATHSPECS": "0"})
    answer = git.ask("check-ignore", "--no-index", "-z", "--stdin", stdin="\0".join([*given, ""]).encode())
    return frozenset(answer.output.decode("utf-8", "surrogateescape").split("\0")) & frozenset(given)


def not_committed(root: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Return those of the paths that differ from the newest commit, or are not in it, in order.

    Raises:
        HostError: git is missing or too old.
    """
    git = Git(root, {})
    return tuple(path for path in paths if git.ask("status", "--porcelain", "-z", "--", path).output)
