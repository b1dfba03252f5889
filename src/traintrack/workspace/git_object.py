r"""Git's objects as values: how they are named, and how a tree is read and written.

Source: git's documentation, `gitformat-pack` and `git-hash-object`: an object's name is the hash of
`<type> <size>\0` and its bytes; a row of a tree is `<octal mode> <name>\0<raw name of object>`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from traintrack.errors import IntegrityError

FOLDER = "40000"
FILE = "100644"
PROGRAM = "100755"
LINK = "120000"
SUBMODULE = "160000"

_EXECUTABLE_BIT = 0o100
_SHA1_DIGITS = 40


class TreeRow(NamedTuple):
    """What stands under a name in a tree; `mode` is one of this module's five, whatever odd mode an old git wrote."""

    mode: str
    oid: str

    @property
    def object_id(self) -> str:
        """How traintrack names it: the tree id of a folder, `<mode>:<id>` of anything else."""
        return self.oid if self.mode == FOLDER else f"{self.mode}:{self.oid}"


def text_of(name: bytes) -> str:
    """Decode a file name; bytes that are no UTF-8 survive as surrogate escapes."""
    return name.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """Encode a file name back to what stands on disk."""
    return name.encode("utf-8", "surrogateescape")


def object_hash(kind: str, size: int, digits: int) -> Any:
    """Begin the hash of an object of `size` bytes; `digits` is 40 in a SHA-1 repository and 64 in a SHA-256 one."""
    new = hashlib.sha1 if digits == _SHA1_DIGITS else hashlib.sha256
    return new(f"{kind} {size}\0".encode(), usedforsecurity=False)


def object_name(kind: str, data: bytes, digits: int) -> str:
    """Name an object by its bytes."""
    state = object_hash(kind, len(data), digits)
    state.update(data)
    return str(state.hexdigest())


def parse_tree(oid: str, data: bytes) -> dict[str, TreeRow]:
    """Read the bytes of the tree `oid`: name to row, in git's order.

    Raises:
        IntegrityError: it is cut off, or has a name that could leave its folder, or one name twice.
    """
    raw_size = len(oid) // 2
    rows: dict[str, TreeRow] = {}
    position, count = 0, 0
    while position < len(data):
        blank = data.find(b" ", position)
        zero = data.find(b"\0", blank)
        end = zero + 1 + raw_size
        if blank < 0 or zero < 0 or end > len(data):
            raise IntegrityError(f"tree `{oid[:12]}` is cut off", code="tree-refused", hint="git fsck")
        name = text_of(data[blank + 1 : zero])
        if name in ("", ".", "..") or "/" in name:
            raise IntegrityError(f"tree `{oid[:12]}` has the name {name!r}", code="tree-refused", hint="git fsck")
        rows[name] = TreeRow(_plain_mode(data[position:blank]), data[zero + 1 : end].hex())
        position, count = end, count + 1
    if len(rows) != count:
        raise IntegrityError(f"tree `{oid[:12]}` has a name twice", code="tree-refused", hint="git fsck")
    return rows


def format_tree(rows: Mapping[str, TreeRow]) -> bytes:
    """Write the bytes of a tree; git sorts a folder as if its name ended in `/`."""
    keyed = sorted((bytes_of(name) + (b"/" if row.mode == FOLDER else b""), name, row) for name, row in rows.items())
    return b"".join(
        row.mode.encode() + b" " + bytes_of(name) + b"\0" + bytes.fromhex(row.oid) for _, name, row in keyed
    )


def file_mode(permissions: int) -> str:
    """The mode that git gives a file with these permission bits."""
    return PROGRAM if permissions & _EXECUTABLE_BIT else FILE


def _plain_mode(raw: bytes) -> str:
    mode = raw.decode("ascii", "replace").lstrip("0")
    if mode in (FOLDER, FILE, PROGRAM, LINK, SUBMODULE):
        return mode
    try:
        # Old versions of git wrote group-writable modes such as 100664.
        return file_mode(int(mode, 8))
    except ValueError as error:
        raise IntegrityError(f"a tree has the mode {mode!r}", code="tree-refused", hint="git fsck") from error
