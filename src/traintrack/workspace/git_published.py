"""Which trees and files others can have: those in commits that a branch of a remote reaches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import IO

from traintrack.workspace.git_object import FOLDER
from traintrack.workspace.git_process import Git, git_failed

Named = tuple[str, str]
"""A path from the workspace root, and its identity as `SourceControl.object_at` names it."""

_TIPS = 32


def find_published(
    git: Git, prefix: str, wanted: Collection[Named], object_at: Callable[[str, str], str | None]
) -> frozenset[Named]:
    """Return those of `wanted` that occur at their path in a published commit; without a remote, in any commit.

    The newest branches are looked at first; only for what is at the tip of none the history of the paths is walked,
    by one process for all of them.

    Raises:
        HostError: git fails.
    """
    revisions = _revisions(git)
    if not wanted or not revisions:
        return frozenset()
    tips = git.run("rev-list", "--no-walk=sorted", f"--max-count={_TIPS}", *revisions).decode("ascii").split()
    found = {one for one in wanted if any(object_at(tip, one[0]) == one[1] for tip in tips)}
    left = {(_full(prefix, path), identity): (path, identity) for path, identity in set(wanted) - found}
    if left:
        for one in _history(git, revisions, {path for path, _ in left}):
            if one in left:
                found.add(left.pop(one))
            if not left:
                break
    return frozenset(found)


def _revisions(git: Git) -> list[str]:
    if git.run("remote").split():
        return ["--remotes"] if git.run("for-each-ref", "--count=1", "refs/remotes/") else []
    return ["--all", "HEAD"] if git.ask("rev-parse", "--verify", "--quiet", "HEAD").code == 0 else ["--all"]


def _history(git: Git, revisions: list[str], paths: Collection[str]) -> Iterator[Named]:
    """Every identity that the paths ever had, newest first; a merge is compared with each of its parents."""
    words = ["-c", "log.showRoot=true", "log", "-z", "-m", "-t", "--full-history", "--no-renames", "--no-abbrev"]
    # `git log` takes the whole tree for its top; that of a commit is told in its own line.
    limits = [] if "" in paths else sorted(paths)
    with git.start([*words, "--raw", "--format=%T", *revisions, "--", *limits]) as process:
        try:
            if process.stdin is not None:
                process.stdin.close()
            if process.stdout is not None:
                yield from _rows(process.stdout)
            if process.wait() != 0:
                raise git_failed("log", "")
        finally:
            process.kill()


def _rows(stream: IO[bytes]) -> Iterator[Named]:
    fields = _fields(stream)
    for field in fields:
        text = field.lstrip(b"\n")
        if text.startswith(b":"):
            _, padded, _, oid, _ = text.decode("ascii", "replace").split(" ", 4)
            mode = padded.lstrip("0")
            path = next(fields, b"").decode("utf-8", "surrogateescape")
            yield path, oid if mode == FOLDER else f"{mode}:{oid}"
        elif text:
            yield "", text.decode("ascii", "replace").strip()


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes."""
    rest = b""
    while chunk := stream.read(1 << 16):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _full(prefix: str, path: str) -> str:
    return "/".join(part for part in (*prefix.split("/"), *path.split("/")) if part not in ("", "."))
