"""What a Dockerfile takes from its context, as far as its text tells."""

from __future__ import annotations

import fnmatch
import json
import os
import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

_COPY = re.compile(r"(?:COPY|ADD)\s+(?P<words>.*)\Z", re.IGNORECASE | re.DOTALL)
_BIND = re.compile(r"--mount=(?P<options>\S*type=bind\S*)")
_CONTINUED = re.compile(r"\\[ \t]*\n")


class DockerContext(Struct, frozen=True):
    """`folder` is the context, `.` for the root; `sources` what is copied from it, from the workspace root, sorted.

    `whole` tells that everything is copied; `sources` is empty then.
    """

    folder: str
    sources: tuple[str, ...]
    whole: bool = False


def docker_context(root: str, dockerfile: str) -> DockerContext:
    """Return the context that a Dockerfile is written for: the root if all that it copies is there, else its own folder."""
    with open(f"{root}/{dockerfile}", encoding="utf-8", errors="replace") as stream:
        wanted = list(_sources(stream.read(1 << 20)))
    beside = posixpath.dirname(dockerfile) or "."
    at_root = [found for name in wanted for found in _matching(root, name)]
    folder = "." if len(at_root) >= len([f for name in wanted for f in _matching(f"{root}/{beside}", name)]) else beside
    whole = any(name in (".", "*") for name in wanted)
    matched = {found for name in wanted for found in _matching(f"{root}/{folder}", name)}
    sources = matched if folder == "." else {f"{folder}/{name}" for name in matched}
    return DockerContext(folder, () if whole else tuple(sorted(sources)), whole)


def _sources(text: str) -> Iterator[str]:
    comments_out = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in _CONTINUED.sub(" ", comments_out + "\n").splitlines():
        copied = _COPY.match(line.strip())
        if copied is not None:
            yield from _copied(copied["words"])
        for mount in _BIND.finditer(line):
            options = dict(part.partition("=")[::2] for part in mount["options"].split(","))
            if "from" not in options:
                yield _clean(options.get("source") or options.get("src") or ".")


def _copied(text: str) -> Iterator[str]:
    words = text.split()
    flags = [word for word in words if word.startswith("--")]
    if any(flag.startswith("--from=") for flag in flags) or "<<" in text:
        return
    plain = text[text.index("[") :] if words and words[len(flags) : len(flags) + 1] and "[" in words[len(flags)] else ""
    try:
        named = json.loads(plain) if plain else words[len(flags) :]
    except ValueError:
        return
    for name in named[:-1]:
        if isinstance(name, str) and "://" not in name and "$" not in name:
            yield _clean(name)


def _clean(name: str) -> str:
    return posixpath.normpath(name.lstrip("/") or ".")


def _matching(folder: str, name: str) -> list[str]:
    """The paths below a folder that a source stands for; a pattern counts in its last part."""
    if name == "." or name.startswith(".."):
        return []
    parent, _, last = name.rpartition("/")
    place = os.path.join(folder, parent)
    if any(mark in last for mark in "*?["):
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        return [posixpath.join(parent, n) for n in names if fnmatch.fnmatchcase(n, last)]
    return [name] if os.path.exists(os.path.join(folder, name)) else []
