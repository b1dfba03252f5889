"""The commit that HEAD names, read from git's files without starting git, where they leave no doubt.

Source: git's documentation, `gitrepository-layout` and `git-pack-refs`. A branch's own file counts before
`packed-refs`. Everything out of the ordinary (another store of refs, a broken or unborn branch, refs that name refs)
is left to git itself: None means "ask git", never "there is none".
"""

from __future__ import annotations

import os

_BRANCH = b"ref: refs/heads/"
_HASH_SIZES = (40, 64)
_HEX = frozenset(b"0123456789abcdef")
_MOST_BYTES = 64 << 20


def find_head(folder: str) -> str | None:
    """Return the full hash of HEAD in the repository that `folder` (an absolute real path) stands in, or None."""
    top = folder
    while not os.path.lexists(f"{top}/.git"):
        above = os.path.dirname(top)
        if above == top:
            return None
        top = above
    try:
        git_dir = _git_dir(f"{top}/.git")
        return read_head(git_dir, _common_dir(git_dir)) if git_dir else None
    except OSError:
        return None


def read_head(git_dir: str, common_dir: str) -> str | None:
    """Return the full hash that HEAD of a working tree stands for, or None.

    `common_dir` holds the branches, which linked working trees share; HEAD is of each.
    """
    try:
        head = _read(f"{git_dir}/HEAD")
    except OSError:
        return None
    if not head.startswith(_BRANCH) or not head.endswith(b"\n"):
        return _hash(head)
    branch = head[5:-1]
    if b"\0" in branch or b"\n" in branch or b".." in branch:
        return None
    try:
        return _hash(_read(os.path.join(os.fsencode(common_dir), branch)))
    except FileNotFoundError:
        return _packed(common_dir, branch)
    except OSError:
        return None


def _packed(common_dir: str, branch: bytes) -> str | None:
    try:
        text = _read(f"{common_dir}/packed-refs")
    except OSError:
        return None
    end = text.find(b" " + branch + b"\n")
    begin = text.rfind(b"\n", 0, max(end, 0)) + 1
    return None if end < 0 else _hash(text[begin:end] + b"\n")


def _git_dir(marker: str) -> str | None:
    if os.path.isdir(marker):
        return marker
    text = os.fsdecode(_read(marker))
    return _joined(os.path.dirname(marker), text.removeprefix("gitdir: ")) if text.startswith("gitdir: ") else None


def _common_dir(git_dir: str) -> str:
    try:
        return _joined(git_dir, os.fsdecode(_read(f"{git_dir}/commondir")))
    except FileNotFoundError:
        return git_dir


def _joined(folder: str, text: str) -> str:
    return os.path.realpath(os.path.join(folder, text.rstrip("\r\n")))


def _hash(line: bytes) -> str | None:
    digits = line[:-1]
    is_hash = line[-1:] == b"\n" and len(digits) in _HASH_SIZES and _HEX.issuperset(digits)
    return digits.decode("ascii") if is_hash else None


def _read(path: str | bytes) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        parts: list[bytes] = []
        while (part := os.read(fd, 1 << 16)) and len(parts) << 16 < _MOST_BYTES:
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)
