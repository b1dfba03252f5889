"""Judges what is not part of one result: run documents, histories, hints, names, and documents that change.

Each function takes an object as it was read and says in words what is wrong with it, None if nothing is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from traintrack.action.event import RUN_FORMAT
from traintrack.action.record import Record, decode_record
from traintrack.action.stored import decode_stored
from traintrack.digest import content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.verify import NamedJudge
from traintrack.storages.local.label_index import LABEL_FORMAT, read_history
from traintrack.storages.local.verify_files import is_digest
from traintrack.storages.objects.keys import NEWEST_RUNS, RUNS, run_of
from traintrack.storages.run_words import run_words

LONGEST_RECORD: Final = 1 << 24
NAME_BYTES: Final = 65
"""What is kept under a name begins with the digest of the bytes and a line feed."""

_RECORD_BEGINS: Final = b'{"id":"'
_FORMATS: Final = {"roots": "traintrack/roots/1", "use": "traintrack/use/1"}


_NEWEST: Final = {
    name: int(number)
    for name, _, number in (known.rpartition("/") for known in (RUN_FORMAT, LABEL_FORMAT, *_FORMATS.values()))
}


class _Roots(Struct):
    workspace: str
    pins: tuple[Mapping[str, Any], ...] = ()
    frozen: Mapping[str, tuple[str, ...]] = {}


class _Use(Struct):
    workspace: str
    time: str
    ids: Mapping[str, float | str | None]


class _Formatted(Struct):
    format: str


_CONTENT: Final[Mapping[str, type[_Roots | _Use]]] = {"roots": _Roots, "use": _Use}


def is_newer(data: bytes) -> bool:
    """Tell if a document is whole, and of a later format than this version knows: that is no damage."""
    try:
        name, _, number = decode_stored(data, _Formatted).format.rpartition("/")
    except msgspec.MsgspecError:
        return False
    return number.isdecimal() and int(number) > _NEWEST.get(name, int(number))


def run_document_words(key: str, data: bytes) -> str | None:
    """Judge a run document."""
    return run_words(key[len(RUNS) :], data)


def run_of_index(key: str) -> str:
    """The run that a key of the index of runs names, empty if it names none."""
    return run_of(key[len(NEWEST_RUNS) :])


def history_words(key: str, data: bytes) -> str | None:
    """Judge the history of a label."""
    is_whole = read_history(data, key.rpartition("/")[2]) is not None
    return None if is_whole else "the history is damaged, or another label's"


def hint_id(data: bytes) -> str | None:
    """The ID that a hint names, None if it is no hint."""
    text = data.decode("ascii", "replace").strip()
    return text if is_digest(text) else None


def document_words(key: str, data: bytes) -> str | None:
    """Judge what is under `roots/` and `use/`: only who reads it knows what it means."""
    kind = key.partition("/")[0]
    try:
        found = decode_stored(data, _Formatted).format
        if found == _FORMATS[kind]:
            decode_stored(data, _CONTENT[kind])
    except msgspec.MsgspecError as error:
        return f"the document cannot be read: {error}"
    return None if found == _FORMATS[kind] else f"the document has the unknown format `{found[:40]}`"


def name_words(name: str, data: bytes, judge: NamedJudge) -> str | None:
    """Judge what is kept under a name."""
    content = data[NAME_BYTES:]
    if data[:NAME_BYTES] != f"{content_digest(content)}\n".encode():
        return "the object has other bytes"
    return judge(name, content)


def record_of(data: bytes) -> Record | None:
    """Read a kept object as a record; None if it is none."""
    if not data.startswith(_RECORD_BEGINS):
        return None
    try:
        return decode_record(data)
    except IntegrityError:
        return None
