"""The code that a task gets: what git holds, checked to be complete in itself and packed as one deterministic tar."""

from __future__ import annotations

import base64
import tarfile
from collections.abc import Iterator, Mapping

from traintrack.action.links import resolve_inside
from traintrack.errors import InputError
from traintrack.workspace.code_files import CodeFile, CodeObjects, HasMore, code_files, joined
from traintrack.workspace.git_lfs import is_lfs_pointer
from traintrack.workspace.git_object import LINK, PROGRAM, SUBMODULE
from traintrack.workspace.lfs import LARGEST_BYTES, read_pointer

SINGLE_FILE = "file"
"""The member's name in the pack of an object that is one file: a pack depends on its object, never on a path."""

POINTER_HEADER = "TRAINTRACK.pointer"
"""PAX header of a file of Git LFS: the blob that stands for it in git, in base64."""

COMMIT_HEADER = "TRAINTRACK.commit"
"""PAX header of the folder of a submodule: the commit object, in base64. With both a pack proves its object's name."""

_Content = tuple[CodeFile, bytes]


def pack_code(source: CodeObjects, object_id: str, path: str) -> bytes:
    """Pack everything below an object: an uncompressed tar (PAX) with names relative to the object.

    Sorted by path, no folders but those of submodules, all times and owners 0, files 0444 or 0555, links as links;
    files of Git LFS in place of their pointers. Equal objects give equal bytes; `path`, from the workspace root, is only
    for messages and for finding what lies outside of the objects.

    Raises:
        InputError: a submodule or a file of Git LFS is not here, or a name cannot be; `check_code` tells them all.
        HostError: git fails.
        IntegrityError: an object is damaged.
    """
    files = code_files(source, object_id, path)
    for file in files:
        wrong = _wrong_by_name(file)
        if wrong is not None:
            raise wrong
    packed = bytearray()
    for file, blob in _contents(files):
        headers, data = _delivered(file, blob)
        packed += _header(file, data, headers)
        if file.entry.mode not in (LINK, SUBMODULE):
            packed += data
            packed += bytes(-len(data) % tarfile.BLOCKSIZE)
    packed += bytes(2 * tarfile.BLOCKSIZE)
    return bytes(packed)


def check_code(source: CodeObjects, code: Mapping[str, str]) -> list[InputError]:
    """Tell all that keeps the code of a target (path from the workspace root to object) from being complete in itself.

    Submodules and files of Git LFS that are not here, names that cannot be, and links that lead out of the paths:
    absolute ones, and those that end elsewhere when the links of all paths are followed. Sorted by path, empty if
    all is well.

    Raises:
        HostError: git fails.
        IntegrityError: an object is damaged.
    """
    files: dict[str, CodeFile] = {}
    for path, object_id in code.items():
        files.update((file.name, file) for file in code_files(source, object_id, path))
    found = {name: _wrong_by_name(file) for name, file in files.items()}
    links: dict[str, str] = {}
    for file, data in _contents(list(files.values())):
        if file.entry.mode == LINK:
            links[file.name] = data.decode("utf-8", "surrogateescape")
        elif file.entry.mode != SUBMODULE and is_lfs_pointer(data):
            found[file.name] = found[file.name] or _wrong_pointer(file, data)
    roots = [joined(path) for path in code]
    for name in links:
        found[name] = found[name] or _wrong_link(name, links, roots)
    return [error for _, error in sorted(found.items()) if error is not None]


def _contents(files: list[CodeFile]) -> Iterator[_Content]:
    """Yield each with its blob, empty for a submodule; few megabytes are held at a time."""
    wanted: dict[int, tuple[CodeObjects, list[str]]] = {}
    for file in files:
        if file.entry.mode != SUBMODULE:
            wanted.setdefault(id(file.source), (file.source, []))[1].append(file.entry.oid)
    blobs = {key: iter(source.blobs(oids)) for key, (source, oids) in wanted.items()}
    for file in files:
        yield file, b"" if file.entry.mode == SUBMODULE else next(blobs[id(file.source)])


def _delivered(file: CodeFile, blob: bytes) -> tuple[dict[str, str], bytes]:
    """What the task gets in place of a blob, and the headers that prove it."""
    if file.commit is not None:
        return {COMMIT_HEADER: base64.b64encode(file.commit).decode()}, b""
    if file.entry.mode == LINK or not is_lfs_pointer(blob):
        return {}, blob
    wrong = _wrong_pointer(file, blob)
    if wrong is not None:
        raise wrong
    pointer = read_pointer(blob)
    assert pointer is not None
    assert isinstance(file.source, HasMore)
    data = file.source.large_files.read(pointer, file.name)
    if data is None:
        raise InputError(
            f"the Git LFS file of `{file.name}` is damaged on this machine", code="code-lfs", hint="git lfs fsck"
        )
    return {POINTER_HEADER: base64.b64encode(blob).decode()}, data


def _header(file: CodeFile, data: bytes, headers: Mapping[str, str]) -> bytes:
    member = tarfile.TarInfo(file.path or ("." if file.commit is not None else SINGLE_FILE))
    member.mode = 0o555 if file.entry.mode == PROGRAM else 0o444
    member.pax_headers = dict(headers)
    if file.commit is not None:
        member.type = tarfile.DIRTYPE
        member.mode = 0o755
    elif file.entry.mode == LINK:
        member.type = tarfile.SYMTYPE
        member.mode = 0o777
        member.linkname = data.decode("utf-8", "surrogateescape")
    else:
        member.size = len(data)
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _wrong_by_name(file: CodeFile) -> InputError | None:
    if file.entry.mode == SUBMODULE and file.commit is None:
        return InputError(
            f"the submodule `{file.name}` is not here at commit {file.entry.oid[:12]}",
            code="code-submodule",
            hint=f"git submodule update --init --recursive {file.name}",
        )
    if any(part.lower() == ".git" for part in file.entry.path.split("/")):
        return InputError(
            f"`{file.name}` has the name `.git`, which no file under git may have",
            code="code-name",
            hint="rename it in a new commit, and use that commit",
        )
    return None


def _wrong_pointer(file: CodeFile, data: bytes) -> InputError | None:
    """Say why the file of a pointer cannot be delivered, None if it can."""
    pointer = read_pointer(data)
    if pointer is None:
        return InputError(
            f"`{file.name}` is a damaged Git LFS pointer", code="code-lfs", hint="git lfs fsck --pointers"
        )
    if pointer.size_bytes > LARGEST_BYTES:
        return InputError(
            f"`{file.name}` has {pointer.size_bytes >> 20} MiB, and code has at most {LARGEST_BYTES >> 20} MiB per file",
            code="code-lfs",
            hint="declare the file as a target with `source:`, and leave it out of `paths`",
        )
    if isinstance(file.source, HasMore) and file.source.large_files.has(pointer, file.name):
        return None
    return InputError(
        f"the Git LFS file of `{file.name}` is not on this machine",
        code="code-lfs",
        hint="git lfs fetch  # for code of an older commit: git lfs fetch origin COMMIT",
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
