"""Where symbolic links lead inside an artifact, resolved over its manifest and never over a file system.

Source: path_resolution(7); a chain of more than 40 links is refused by the Linux kernel as well.
"""

from __future__ import annotations

from collections.abc import Mapping

MOST_LINKS = 40


def resolve_inside(links: Mapping[str, str], path: str) -> str | None:
    """Follow `path` as the kernel would and return where it ends, relative to the artifact, empty for its root.

    `links` maps the path of every link to its text. What is neither link nor `..` counts as a folder, there or
    not. None if the way leaves the artifact, through a chain as well, or has no end.
    """
    here: list[str] = []
    todo = path.split("/")[::-1]
    followed = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return None
            here.pop()
            continue
        here.append(part)
        target = links.get("/".join(here))
        if target is None:
            continue
        followed += 1
        if followed > MOST_LINKS or not target or target.startswith("/"):
            return None
        here.pop()
        todo.extend(target.split("/")[::-1])
    return "/".join(here)


def first_escape(links: Mapping[str, str]) -> str | None:
    """Return the first link, in the order of `links`, that leaves the artifact or runs in a circle; None if all stay."""
    for path in links:
        if resolve_inside(links, path) is None:
            return path
    return None
