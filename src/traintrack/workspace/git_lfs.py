"""Git LFS pointers: the small files that stand in git for large ones, as `git lfs` would write them.

Source: git-lfs, docs/spec.md, "The Pointer". Written here, so that an ID does not depend on what is installed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

from traintrack.workspace.git_object import bytes_of, text_of
from traintrack.workspace.git_process import Git

_BEGIN = b"version https://git-lfs"
_LARGEST = 1024
_CHUNK = 1 << 20


def is_lfs_pointer(data: bytes) -> bool:
    """Tell if a blob is a pointer, not the file that it stands for."""
    return len(data) < _LARGEST and data.startswith(_BEGIN)


def lfs_files(git: Git, names: Sequence[str]) -> list[str]:
    """Return those of the files that `.gitattributes` give to Git LFS, in order.

    Raises:
        HostError: git fails.
    """
    given = b"".join(bytes_of(name) + b"\0" for name in names)
    words = git.run("check-attr", "-z", "--stdin", "filter", stdin=given).split(b"\0")
    return [text_of(words[i]) for i in range(0, len(words) - 2, 3) if words[i + 2] == b"lfs"]


def lfs_pointer(path: bytes) -> bytes:
    """Return what git holds for a file: a pointer to its content, or the file itself if it is a pointer or empty.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as stream:
        first = chunk = stream.read(_CHUNK)
        while chunk:
            digest.update(chunk)
            size += len(chunk)
            chunk = stream.read(_CHUNK)
    if not first or (size == len(first) and is_lfs_pointer(first)):
        return first
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (digest.hexdigest().encode(), size)
