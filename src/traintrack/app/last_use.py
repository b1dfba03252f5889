"""When results were last used: told by run documents, and by use documents of runs that only reused.

A use document says which IDs a run of a workspace used; the next one of the same IDs takes its place. A client writes
one at most once a day, and remembers that in the user's cache; so doing nothing costs nothing on the same day.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from traintrack.action.keep import Keep
from traintrack.app.known import cache_folder, write_entry
from traintrack.app.recorded import run_documents
from traintrack.digest import TargetId, sha256_hex
from traintrack.errors import TraintrackError
from traintrack.ports.collect import Collectable, Documents
from traintrack.ports.storage import Storage

USE_FORMAT = "traintrack/use/1"
KIND = "use"
DAY_S = 86_400


class UseDocument(Struct, frozen=True):
    """IDs that were used at `time` (ISO 8601, UTC), with what was said of keeping them."""

    workspace: str
    time: str
    ids: Mapping[TargetId, Keep | None]
    format: str = USE_FORMAT


class Use(Struct, frozen=True):
    """The newest use of an ID, and what was said then of keeping it."""

    time: str
    keep: Keep | None = None


def note_use(storage: Storage, workspace: str, ids: Mapping[TargetId, Keep | None], time_iso: str) -> None:
    """Write down that a run used results, if that was not done today; what cannot be written is no error."""
    if not ids or not isinstance(storage, Collectable):
        return
    name = sha256_hex(msgspec.json.encode((workspace, sorted(ids.items()))))
    folder = cache_folder()
    stamp = (
        None if folder is None else f"{os.path.dirname(folder)}/used/{sha256_hex(f'{storage.name} {name}'.encode())}"
    )
    if stamp is not None and _read(stamp) == _today():
        return
    try:
        storage.documents.write(f"{KIND}/{name}", msgspec.json.encode(UseDocument(workspace, time_iso, ids)))
    except TraintrackError:
        return  # Who may only read a store uses it all the same.
    if stamp is not None:
        write_entry(stamp, _today())


def read_uses(storage: Storage, made: Mapping[TargetId, str]) -> dict[TargetId, Use]:
    """Return the newest use of each ID in `made`, which says when its result was made (ISO 8601).

    Documents are read from the newest on, until all IDs are found or what follows is older than all results.

    Raises:
        HostError: the storage cannot be read.
    """
    uses: dict[TargetId, Use] = {}
    if isinstance(storage, Collectable):
        for use in _use_documents(storage.documents):
            _note(uses, made, use.time, use.ids)
    wanted = set(made)
    named: set[TargetId] = set()
    for document in run_documents(storage):
        rows = {row.id: row.keep for row in document.targets if row.id in wanted}
        _note(uses, made, document.ended, rows)
        named |= rows.keys()
        missing = wanted - named
        if not missing or document.ended < min(made[id_] for id_ in missing):
            break
    return uses


def _note(
    uses: dict[TargetId, Use], made: Mapping[TargetId, str], when: str, ids: Mapping[TargetId, Keep | None]
) -> None:
    for id_, keep in ids.items():
        if id_ in made and (id_ not in uses or uses[id_].time < when):
            uses[id_] = Use(when, keep)


def _use_documents(documents: Documents) -> list[UseDocument]:
    found = []
    for name in documents.names(KIND):
        document = documents.read(name)
        try:
            use = None if document is None else msgspec.json.decode(document.data, type=UseDocument)
        except msgspec.MsgspecError:
            continue  # It would only have told of a use; the record and the run documents tell of others.
        if use is not None and use.format == USE_FORMAT:
            found.append(use)
    return found


def _today() -> bytes:
    return b"%d" % (time.time() // DAY_S)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
