"""Lists what a store holds, folder by folder, so that nothing is kept in memory but one folder's names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from traintrack.storages.local.places import is_name


def digests_in(folder: str) -> Iterator[str]:
    """Yield the names in `folder`/<2> that begin with the two digits of their folder, sorted; others are not ours.

    Raises:
        OSError: a folder cannot be read.
    """
    for shard in names_in(folder):
        if len(shard) == 2 and os.path.isdir(f"{folder}/{shard}"):
            yield from (name for name in names_in(f"{folder}/{shard}") if len(name) == 64 and name.startswith(shard))


def names_below(folder: str) -> Iterator[str]:
    """Yield the paths of all files below a folder that can be names of kept objects, relative to it.

    Raises:
        OSError: a folder cannot be read.
    """
    for name in names_in(folder):
        if not is_name(name):
            continue
        if os.path.isdir(f"{folder}/{name}"):
            yield from (f"{name}/{below}" for below in names_below(f"{folder}/{name}"))
        else:
            yield name


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; empty if it is not there.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
