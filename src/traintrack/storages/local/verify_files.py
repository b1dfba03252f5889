"""Looks at what is not part of one result: kept objects, their names, notes, run documents, histories and hints.

Each function looks at one file and yields what is wrong with it; a file that is gone again is not wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace

from traintrack.action.record import Record, decode_record
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.verify import Finding, FindingKind, NamedJudge
from traintrack.storages.local.files import read_file
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.kept import named_digest
from traintrack.storages.local.label_index import label_digest, read_history
from traintrack.storages.local.notes import notes_are_readable
from traintrack.storages.local.places import Places
from traintrack.storages.run_words import run_words

# A record is small, and begins with its ID (action/record.py): other objects are not read as JSON.
_LONGEST_RECORD = 1 << 24
_RECORD_BEGINS = b'{"id":"'
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_digest(name: str) -> bool:
    """Tell if a file name is a digest, as all are in the folders with two digits."""
    return _DIGEST.match(name) is not None


def look_at_kept(places: Places, digest: str) -> tuple[tuple[Finding, ...], int]:
    """Hash a kept object; the number is its size in bytes. A record of a success must have a cell.

    Raises:
        OSError: the store cannot be read.
    """
    path = places.kept(digest)
    size, is_whole = _hashed(path, digest)
    if not is_whole and os.path.lexists(path) and not _hashed(path, digest)[1]:
        return (_finding(places, path, FindingKind.KEPT, "the object has other bytes"),), size
    record = record_at(path, size) if is_whole else None
    if record is None or record.outcome != "success":
        return (), size
    state = _cell_state(places, record.id)
    if state is None or (state == "empty" and not _was_committed(places, record, digest)):
        return (), size
    words = f"the cell is {state}, and record {digest[:12]} is of its result"
    cell = os.path.relpath(places.cell(record.id), places.root)
    return (Finding(cell, FindingKind.CELL, words, record.id, record.label),), size


def _cell_state(places: Places, id_: TargetId) -> str | None:
    """Say `missing` or `empty`; None if there is a cell, whatever it holds."""
    try:
        return None if os.stat(places.cell(id_)).st_size else "empty"
    except FileNotFoundError:
        return "missing"


def _was_committed(places: Places, record: Record, digest: str) -> bool:
    """Tell if a hint or a history, which are written after the commit, speak of the record.

    A power cut between record and commit may leave an empty cell of a result that never stood.
    """
    key = record.action_key
    if key is not None and read_file(places.hint(key)) == record.id.encode():
        return True
    name = label_digest(record.workspace, record.label)
    history = read_history(read_file(places.label(name)) or b"", name) or ()
    return any(entry.record == digest for entry in history)


def record_at(path: str, size_bytes: int) -> Record | None:
    """Read a kept object as a record; None if it is none."""
    if not len(_RECORD_BEGINS) < size_bytes < _LONGEST_RECORD or not _begins(path, _RECORD_BEGINS):
        return None
    try:
        return decode_record(read_file(path) or b"")
    except IntegrityError:
        return None


def look_at_name(places: Places, name: str, judge: NamedJudge | None) -> Iterator[Finding]:
    """Follow a name to its object; `judge`, if there is one, says if the bytes fit the name."""
    yield from _stable(
        places, places.named(name), FindingKind.NAME, lambda data: _name_words(places, name, data, judge)
    )


def look_at_notes(places: Places, artifact: str) -> Iterator[Finding]:
    """Read the notes of an artifact."""

    def judged(data: bytes) -> str | None:
        return None if notes_are_readable(data, ArtifactDigest(artifact)) else "the notes are damaged"

    yield from _stable(places, places.layout(artifact), FindingKind.NOTES, judged)


def look_at_run(places: Places, run: str) -> Iterator[Finding]:
    """Read a run document."""
    yield from _stable(places, places.run(run), FindingKind.RUN, partial(run_words, run))


def look_at_history(places: Places, digest: str) -> Iterator[Finding]:
    """Read the history of a label."""

    def judged(data: bytes) -> str | None:
        return None if read_history(data, digest) is not None else "the history is damaged, or another label's"

    yield from _stable(places, places.label(digest), FindingKind.HISTORY, judged)


def look_at_hint(places: Places, key: str) -> Iterator[Finding]:
    """Follow a hint to the cell of the ID that it names; a cell once written never goes."""

    def judged(data: bytes) -> str | None:
        text = data.decode("ascii", "replace").strip()
        if not is_digest(text):
            return "the hint is no ID"
        return None if os.path.lexists(places.cell(text)) else "the hint names an ID that was never made here"

    for finding in _stable(places, places.hint(key), FindingKind.HINT, judged):
        text = (read_file(places.hint(key)) or b"").decode("ascii", "replace").strip()
        yield replace(finding, id=TargetId(text)) if is_digest(text) else finding


def _stable(places: Places, path: str, kind: FindingKind, judged: Callable[[bytes], str | None]) -> Iterator[Finding]:
    """Judge a file; what is wrong must be wrong twice, since what it names may be on its way."""
    data = read_file(path)
    if data is None or judged(data) is None:
        return
    data = read_file(path)
    words = judged(data) if data is not None else None
    if words is not None:
        yield _finding(places, path, kind, words)


def _name_words(places: Places, name: str, data: bytes, judge: NamedJudge | None) -> str | None:
    digest = named_digest(data, name)
    if digest is None:
        return "the name is damaged, or another's"
    content = read_file(places.kept(digest)) if judge else None
    if content is None:
        return None if os.path.lexists(places.kept(digest)) else "the name leads to an object that is missing"
    # Other bytes are told of the object itself.
    return judge(name, content) if judge and content_digest(content) == digest else None


def _hashed(path: str, digest: str) -> tuple[int, bool]:
    """The size of a file, and whether its bytes have this digest; a large one is not held in memory."""
    try:
        fd = os.open(path, _OPEN_FILE)
    except FileNotFoundError:
        return 0, False
    try:
        found, size = hash_file(fd, os.fstat(fd).st_size)
    finally:
        os.close(fd)
    return size, found == ContentDigest(digest)


def _begins(path: str, prefix: bytes) -> bool:
    try:
        fd = os.open(path, _OPEN_FILE)
    except FileNotFoundError:
        return False
    try:
        return os.read(fd, len(prefix)) == prefix
    finally:
        os.close(fd)


def _finding(places: Places, path: str, kind: FindingKind, words: str) -> Finding:
    return Finding(os.path.relpath(path, places.root), kind, words)
