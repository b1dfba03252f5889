"""The code that a task gets: what git holds, checked to be complete in itself and packed as one deterministic tar."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping

from traintrack.action.links import resolve_inside
from traintrack.errors import InputError
from traintrack.workspace.git_lfs import is_lfs_pointer
from traintrack.workspace.git_object import LINK, PROGRAM, SUBMODULE
from traintrack.workspace.source_control import SourceControl, TreeEntry

SINGLE_FILE = "file"
"""The member's name in the pack of an object that is one file: a pack depends on its object, never on a path."""


def pack_code(source: SourceControl, object_id: str, path: str) -> bytes:
    """Pack everything below an object: an uncompressed tar (PAX) with names relative to the object.

    Sorted by path, no folders, all times and owners 0, files 0444 or 0555, links as links. Equal objects give
    equal bytes; `path`, from the workspace root, is only for messages.

    Raises:
        InputError: a submodule or a name that cannot be; `check_code` tells them all.
        HostError: git fails.
        IntegrityError: an object is damaged.
    """
    entries = source.entries(object_id)
    for entry in entries:
        wrong = _wrong_by_name(_joined(path, entry.path), entry)
        if wrong is not None:
            raise wrong
    packed = bytearray()
    for entry, data in zip(entries, source.blobs([entry.oid for entry in entries]), strict=True):
        packed += _header(entry, data)
        if entry.mode != LINK:
            packed += data
            packed += bytes(-len(data) % tarfile.BLOCKSIZE)
    packed += bytes(2 * tarfile.BLOCKSIZE)
    return bytes(packed)


def check_code(source: SourceControl, code: Mapping[str, str]) -> list[InputError]:
    """Tell all that keeps the code of a target (path from the workspace root to object) from being complete in itself.

    Submodules, Git LFS pointers, names that cannot be, and links that lead out of the paths: absolute ones, and
    those that end elsewhere when the links of all paths are followed. Sorted by path, empty if all is well.

    Raises:
        HostError: git fails.
        IntegrityError: an object is damaged.
    """
    files: dict[str, TreeEntry] = {}
    for path, object_id in code.items():
        files.update((_joined(path, entry.path), entry) for entry in source.entries(object_id))
    found = {name: _wrong_by_name(name, entry) for name, entry in files.items()}
    links: dict[str, str] = {}
    blobs = {name: entry for name, entry in files.items() if entry.mode != SUBMODULE}
    for (name, entry), data in zip(blobs.items(), source.blobs([e.oid for e in blobs.values()]), strict=True):
        if entry.mode == LINK:
            links[name] = data.decode("utf-8", "surrogateescape")
        elif is_lfs_pointer(data):
            found[name] = _lfs_error(name)
    roots = [_joined(path, "") for path in code]
    for name in links:
        found[name] = found[name] or _wrong_link(name, links, roots)
    return [error for _, error in sorted(found.items()) if error is not None]


def _joined(path: str, below: str) -> str:
    return "/".join(part for part in (*path.split("/"), *below.split("/")) if part not in ("", "."))


def _header(entry: TreeEntry, data: bytes) -> bytes:
    member = tarfile.TarInfo(entry.path or SINGLE_FILE)
    member.mode = 0o555 if entry.mode == PROGRAM else 0o444
    if entry.mode == LINK:
        member.type = tarfile.SYMTYPE
        member.mode = 0o777
        member.linkname = data.decode("utf-8", "surrogateescape")
    else:
        member.size = len(data)
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _wrong_by_name(name: str, entry: TreeEntry) -> InputError | None:
    if entry.mode == SUBMODULE:
        return InputError(
            f"`{name}` is a submodule, whose files are not in this repository",
            code="code-submodule",
            hint="name folders without it in `paths`, or copy its files into the repository",
        )
    if any(part.lower() == ".git" for part in entry.path.split("/")):
        return InputError(
            f"`{name}` has the name `.git`, which no file under git may have",
            code="code-name",
            hint="rename it in a new commit, and use that commit",
        )
    return None


def _lfs_error(name: str) -> InputError:
    return InputError(
        f"`{name}` is a Git LFS pointer, whose file is not in git",
        code="code-lfs",
        hint="declare the file as a target with `source:`, or `git lfs untrack` it and commit; LFS code is not supported",
    )


def _wrong_link(name: str, links: Mapping[str, str], roots: list[str]) -> InputError | None:
    end = resolve_inside(links, name)
    if end is not None and any(_is_inside(end, root) for root in roots):
        return None
    return InputError(
        f"the link `{name}` leads to `{links[name]}`, which is not in `paths`",
        code="code-link",
        hint="add what it leads to to `paths`, or replace the link by a copy",
    )


def _is_inside(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(f"{root}/")
