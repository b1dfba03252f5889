"""Answers kept in the user's cache: what a request came to, and what that was read from (ADR 0011).

A request is one file under `$XDG_CACHE_HOME/traintrack/known/`, named by a digest of the workspace's folder, the
patterns and this program:

```
magic (4) · digest of head (16) · length of head (8, big-endian) · head · body
```

Both parts are written by `marshal`, which crashes on damaged input: hence the digests, that of the body in the head.
An entry that is damaged, or cannot be written, is as good as none. This module and what it imports are what a
command with nothing to do consists of: no struct, no regular expression, no path object.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
from collections.abc import Mapping, Sequence

from traintrack.version import VERSION
from traintrack.workspace.fingerprint import SIZE_BYTES, fingerprint, fingerprint_of_file
from traintrack.workspace.folders import WORKSPACE, above_and_self, config_folders
from traintrack.workspace.git_head import find_head

SWITCH = "TRAINTRACK_NO_CACHE"
"""This environment variable, if set to anything but `0`, turns all caches off."""

MOST_ENTRIES = 512
"""When one more is written, the older half goes."""

_MAGIC = b"TTK1"
_HEADER_SIZE = len(_MAGIC) + SIZE_BYTES + 8
_DECIDING = ("", "action", "analysis", "app", "graph", "workspace")


class Request:
    """Patterns as they were given, none meaning all of the experiment, in the workspace at `root`.

    `package` is the folder that relative patterns are read from.
    """

    __slots__ = ("key", "package", "root", "texts")

    def __init__(self, root: str, package: str, texts: Sequence[str]) -> None:
        self.root, self.package = root, package
        self.texts = tuple(texts) or (":*",)
        self.key = fingerprint(encode((_program(), root, package, self.texts))).hex()


class Sources:
    """What an answer was read from.

    `files`: path from the root → digest of the bytes, None for a file that is not there. `folders`: folder that was
    searched → digest of the packages that were found. `commit` is HEAD.
    """

    __slots__ = ("commit", "files", "folders")

    def __init__(self, files: Mapping[str, bytes | None], folders: Mapping[str, bytes], commit: str) -> None:
        self.files, self.folders, self.commit = dict(files), dict(folders), commit

    def are_unchanged(self, root: str) -> bool:
        """Tell if all of it is on the disk as it was."""
        return (
            find_head(root) == self.commit
            and all(
                fingerprint_of_names(config_folders(root, under)) == digest for under, digest in self.folders.items()
            )
            and all(fingerprint_of_file(f"{root}/{path}") == digest for path, digest in self.files.items())
            and not any(map(_is_foreign, self._folders_below(root)))
        )

    def _folders_below(self, root: str) -> set[str]:
        packages = {path.rpartition("/")[0] for path in self.files} | set(self.folders)
        return {f"{root}/{folder}" for package in packages for folder in above_and_self(package)}


class Answer:
    """What a request came to.

    `labels` maps each selected label to its ID, in order. `ids` has every requested ID once; `count` is how many
    labels have one of them. `is_pinned` tells that no lock lacks a pin. `storages` are folders of environments as
    they are written, `""` for the default one; those that are no folders are not in it.
    """

    __slots__ = ("count", "ids", "is_pinned", "labels", "storages")

    def __init__(
        self, labels: Mapping[str, str], ids: Sequence[str], count: int, storages: Mapping[str, str], *, is_pinned: bool
    ) -> None:
        self.labels, self.ids, self.count = dict(labels), list(ids), count
        self.storages, self.is_pinned = dict(storages), is_pinned


class Known:
    """A kept answer whose sources are unchanged, or a part of one that was kept for `request`.

    `name` is a digest of what was kept; `shards` begin the IDs; `is_part` tells that more was kept than this.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_path",
        "_start",
        "count",
        "is_part",
        "is_pinned",
        "name",
        "request",
        "shards",
        "storages",
    )

    def __init__(self, request: Request, path: str, start: int, name: bytes, head: _Head) -> None:
        self.request, self._path, self._start, self.name, self._body = request, path, start, name, head[3]
        self._answer: Answer | None = None
        self.is_part = False
        self.count: int = head[4]
        self.is_pinned: bool = head[5]
        self.storages: Mapping[str, str] = head[6]
        self.shards: Sequence[str] = head[7]

    def answer(self) -> Answer | None:
        """Read the whole of it; None if it is damaged."""
        if self._answer is not None:
            return self._answer
        data = _read(self._path)[self._start :]
        if fingerprint(data) != self._body:
            return None
        labels, ids = marshal.loads(data)  # noqa: S302 - checked by its digest, in the user's own folder
        return Answer(labels, ids, self.count, self.storages, is_pinned=self.is_pinned)

    def narrow(self, labels: Sequence[str]) -> bool:
        """Keep only these labels; False if one is not among them, or shares its ID with another."""
        whole = self.answer()
        if whole is None or not all(label in whole.labels for label in labels):
            return False
        chosen = {label: whole.labels[label] for label in labels}
        ids = set(chosen.values())
        if sum(id_ in ids for id_ in whole.labels.values()) != len(chosen):
            return False
        self.count, self.shards = len(chosen), sorted({id_[:2] for id_ in ids})
        self.is_part = True
        self._answer = Answer(chosen, list(chosen.values()), len(chosen), self.storages, is_pinned=self.is_pinned)
        return True


_Head = tuple[dict[str, "bytes | None"], dict[str, bytes], str, bytes, int, bool, dict[str, str], list[str]]
"""Files, folders, commit, digest of the body, count, is_pinned, storages, shards."""


def find_known(request: Request) -> Known | None:
    """Return what is known of a request, or of all targets if it names some of them; None if that is not true any more."""
    found = _find(request)
    if found is not None:
        return found
    labels = [f"//{request.package}{text}" if text.startswith(":") else text for text in request.texts]
    whole = _find(Request(request.root, "", ("//...",)))
    return whole if whole is not None and whole.narrow(labels) else None


def keep(request: Request, sources: Sources, answer: Answer) -> bytes | None:
    """Keep an answer and return its name, None if the cache is off or cannot be written."""
    folder = cache_folder()
    if folder is None:
        return None
    body = encode((answer.labels, answer.ids))
    shards = sorted({id_[:2] for id_ in answer.ids})
    head: _Head = (
        *(sources.files, sources.folders, sources.commit, fingerprint(body)),
        *(answer.count, answer.is_pinned, answer.storages, shards),
    )
    data = encode(head)
    name = fingerprint(data)
    path = f"{folder}/{request.key}"
    known = _read_head(path)
    if known is not None and known[2] in (head, (*head[:5], True, *head[6:])):
        return known[0]  # Who did not look for pins takes nothing from what one found who did.
    write_entry(path, _MAGIC + name + len(data).to_bytes(8, "big") + data + body)
    return name


def cache_folder() -> str | None:
    """Return the folder of kept answers, None if caches are switched off or there is no home."""
    if os.environ.get(SWITCH, "0") not in {"", "0"}:
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return f"{base}/traintrack/known" if os.path.isabs(base) else None


def write_entry(path: str, data: bytes) -> None:
    """Put a file into the cache at once or not at all; a disk that refuses is no reason to end anything."""
    temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
        _make_room(os.path.dirname(path))
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            return


def encode(value: object) -> bytes:
    """Return the bytes of plain data, the same for equal data.

    So it is version 0 of the format: later ones write an object that is shared, or interned, in another way.
    """
    return marshal.dumps(value, 0)  # type: ignore[arg-type]


def fingerprint_of_names(names: Sequence[str]) -> bytes:
    """The digest of a list of packages."""
    return fingerprint(encode(tuple(names)))


def _find(request: Request) -> Known | None:
    folder = cache_folder()
    if folder is None:
        return None
    path = f"{folder}/{request.key}"
    found = _read_head(path)
    if found is None:
        return None
    name, start, head = found
    return Known(request, path, start, name, head) if Sources(*head[:3]).are_unchanged(request.root) else None


def _read_head(path: str) -> tuple[bytes, int, _Head] | None:
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_SIZE)
            data = file.read(int.from_bytes(header[-8:], "big")) if len(header) == _HEADER_SIZE else b""
    except (OSError, OverflowError, MemoryError):
        return None
    name = header[len(_MAGIC) : len(_MAGIC) + SIZE_BYTES]
    if not header.startswith(_MAGIC) or fingerprint(data) != name:
        return None
    return name, _HEADER_SIZE + len(data), marshal.loads(data)  # noqa: S302 - as above


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _make_room(folder: str) -> None:
    with os.scandir(folder) as entries:
        found = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries]
    if len(found) > MOST_ENTRIES:
        for _, path in sorted(found)[: len(found) // 2]:
            os.unlink(path)


def _is_foreign(folder: str) -> bool:
    return os.path.islink(folder) or os.path.lexists(f"{folder}/{WORKSPACE}")


def _program() -> bytes:
    """What tells this program from one that might answer otherwise, also where somebody is changing its source."""
    base = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files = []
    for part in _DECIDING:
        try:
            with os.scandir(f"{base}/{part}") as entries:
                files += [
                    (entry.name, there.st_size, there.st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(".py") and (there := entry.stat())
                ]
        except OSError:
            continue
    files.sort()
    return encode((VERSION, sys.implementation.cache_tag, files))
