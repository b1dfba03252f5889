"""Pages of sorted keys, cut by prefix, delimiter and place."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

_LAST: Final = "\U0010ffff"
"""Behind every character that a key has: a folder and this is behind all that the folder holds."""


class Page(Struct, frozen=True):
    """`keys` and `folders` (common prefixes), both sorted. `after`: where the next page begins, None if this is the last."""

    keys: tuple[str, ...]
    folders: tuple[str, ...]
    after: str | None


def page_of(keys: Sequence[str], prefix: str, delimiter: str, after: str, most: int) -> Page:
    """Return at most `most` keys and folders after the name `after`; a folder counts as one, as on S3."""
    found: list[str] = []
    folders: list[str] = []
    last = after
    index = bisect.bisect_right(keys, after) if after >= prefix else bisect.bisect_left(keys, prefix)
    while index < len(keys) and keys[index].startswith(prefix):
        if len(found) + len(folders) >= most:
            return Page(tuple(found), tuple(folders), last if most else None)
        key = keys[index]
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if cut < 0:
            last = key
            found.append(key)
            index += 1
            continue
        folder = key[: cut + len(delimiter)]
        folders.append(folder)
        last = folder + _LAST
        index = bisect.bisect_right(keys, last, index)
    return Page(tuple(found), tuple(folders), None)
