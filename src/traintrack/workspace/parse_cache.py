"""Parsed files by content, so that a file that did not change is not parsed again.

An entry is one file under `$XDG_CACHE_HOME/traintrack/parse/`, named by a digest of the bytes that were parsed:

```
magic (4) · digest of values (16) · digest of places (16) · length of values (8, big-endian) · values · places
```

Both parts are written by `marshal`, which reads faster than all else and crashes on damaged input: hence
the digests. The places are read when the first one is wanted. An entry that is damaged, or cannot be
written, is as good as none: it holds nothing that the parser cannot make again.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import secrets
import sys
from pathlib import Path
from typing import Final

from traintrack.version import VERSION
from traintrack.workspace.document import Document, Node, ParsedFile, document_of

SWITCH: Final = "TRAINTRACK_NO_CACHE"
"""This environment variable, if set to anything but `0`, turns the cache off."""

_FORMAT: Final = f"2/{VERSION}/{sys.implementation.cache_tag}/{marshal.version}".encode()
_MAGIC: Final = b"TTP1"
_DIGEST_SIZE: Final = 16
_HEADER_SIZE: Final = len(_MAGIC) + 2 * _DIGEST_SIZE + 8


def load_document(data: bytes, path: str, folder: Path | None = None) -> Document:
    """Return the document of a file's bytes, from the cache if it is there.

    `folder` is where entries are kept, the user's cache by default. `path` is for messages.

    Raises:
        InputError: all that is wrong with the file; a wrong file is never kept.
    """
    where = _entry(data, folder)
    if where is not None:
        found = _read(where)
        if found is not None:
            parsed, places = found
            return document_of(path, data, parsed, lambda: _places_of(places, data, path))
    from traintrack.workspace.yaml_source import parse_file  # noqa: PLC0415 - a hit needs no parser

    parsed, tree = parse_file(data, path)
    if where is not None:
        _write(where, parsed, tree)
    return document_of(path, data, parsed, lambda: tree)


def cache_folder() -> Path | None:
    """Return the folder of the user's cache of parsed files, None if it is switched off or there is no home."""
    if os.environ.get(SWITCH, "0") not in {"", "0"}:
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base, "traintrack", "parse")
    home = os.path.expanduser("~")
    return Path(home, ".cache", "traintrack", "parse") if os.path.isabs(home) else None


def _entry(data: bytes, folder: Path | None) -> str | None:
    base = folder or cache_folder()
    if base is None or os.environ.get(SWITCH, "0") not in {"", "0"}:
        return None
    name = hashlib.blake2b(data, digest_size=20, key=_FORMAT[:64]).hexdigest()
    return f"{base}/{name[:2]}/{name[2:]}"


def _read(where: str) -> tuple[ParsedFile, bytes] | None:
    try:
        with open(where, "rb") as file:
            entry = file.read()
    except OSError:
        return None
    values_end = _HEADER_SIZE + int.from_bytes(entry[_HEADER_SIZE - 8 : _HEADER_SIZE], "big")
    values = entry[_HEADER_SIZE:values_end]
    if entry[:4] != _MAGIC or _digest(values) != entry[4 : 4 + _DIGEST_SIZE]:
        return None
    return ParsedFile(*marshal.loads(values)), entry  # noqa: S302 - checked by its digest, in the user's own folder


def _places_of(entry: bytes, data: bytes, path: str) -> Node:
    """Read the places of an entry; parse the file again if they are damaged."""
    values_end = _HEADER_SIZE + int.from_bytes(entry[_HEADER_SIZE - 8 : _HEADER_SIZE], "big")
    places = entry[values_end:]
    if _digest(places) == entry[4 + _DIGEST_SIZE : 4 + 2 * _DIGEST_SIZE]:
        return marshal.loads(places)  # noqa: S302 - as above
    from traintrack.workspace.yaml_source import parse_file  # noqa: PLC0415

    return parse_file(data, path)[1]


def _write(where: str, parsed: ParsedFile, tree: Node) -> None:
    values = marshal.dumps((parsed.value, parsed.marks, parsed.long_keys, parsed.outline))
    places = marshal.dumps(tree)
    header = _MAGIC + _digest(values) + _digest(places) + len(values).to_bytes(8, "big")
    temporary = f"{where}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        os.makedirs(os.path.dirname(where), mode=0o700, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(header + values + places)
        os.replace(temporary, where)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_SIZE).digest()
