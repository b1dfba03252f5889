"""Whether all that a request names stands: told from what is known of it and of its store, or not at all.

What a run saw of a store is kept beside the answers: the store's mark, and the marks of the shards in which all IDs
of the request stood. None here means "look in full", never "no". The first question of a day (UTC) gets it too: a
run that is carried out in full writes down that the results were used (`last_use.py`).
"""

from __future__ import annotations

import marshal
import os
import time
from collections.abc import Mapping

from traintrack.app.known import Known, Request, cache_folder, encode, write_entry
from traintrack.storages.local.standing import Mark, all_stand, artifact_folder, shard_marks, store_mark
from traintrack.workspace.fingerprint import fingerprint

_MAGIC = b"TTS2"
_DAY_S = 86_400


class Standing:
    """All of a request stands: `count` labels; `label` and `folder` where it is just one."""

    __slots__ = ("count", "folder", "label")

    def __init__(self, count: int, label: str | None = None, folder: str | None = None) -> None:
        self.count, self.label, self.folder = count, label, folder


def find_standing(known: Known, environment: str | None) -> Standing | None:
    """Say that every ID of a request stands in the environment's store, if that is sure.

    Every cell counts as it is at this moment: a shard is trusted unread only if nothing changed in it since its
    cells were read.
    """
    text = known.storages.get(environment or "")
    root = None if text is None else store_root(known.request.root, text)
    seen = None if root is None else _read(known.request, root)
    mark = None if root is None else store_mark(root)
    if root is None or seen is None or mark is None or seen[:2] != (known.name, mark) or seen[3] != _today():
        return None
    marks = shard_marks(root, known.shards)
    changed = {shard for shard in known.shards if shard not in marks or marks[shard] != seen[2].get(shard)}
    if not changed and known.count != 1:
        return Standing(known.count)
    answer = known.answer()
    if answer is None or not all_stand(root, (id_ for id_ in answer.ids if id_[:2] in changed)):
        return None
    # A part of an answer says nothing of the other IDs in the same shards.
    if marks != seen[2] and not known.is_part:
        note_seen(known.request, known.name, root, marks)
    if known.count != 1:
        return Standing(known.count)
    [(label, id_)] = answer.labels.items()
    folder = artifact_folder(root, id_)
    return None if folder is None else Standing(1, label, folder)


def store_root(workspace: str, text: str) -> str:
    """Return the real path of a storage's folder that is written in TTWORKSPACE.yaml."""
    return os.path.realpath(os.path.join(workspace, os.path.expanduser(text)))


def note_seen(request: Request, name: bytes, root: str, marks: Mapping[str, Mark]) -> None:
    """Remember a store that was opened in full, and shards in which all IDs of an answer stood after `marks` were taken."""
    path, mark = _path(request, root), store_mark(root)
    if path is not None and mark is not None:
        data = encode((name, mark, dict(marks), _today()))
        write_entry(path, _MAGIC + fingerprint(data) + data)


def _today() -> int:
    return int(time.time() // _DAY_S)


def _read(request: Request, root: str) -> tuple[bytes, tuple[int, ...], dict[str, Mark], int] | None:
    path = _path(request, root)
    try:
        with open(path or os.devnull, "rb") as file:
            entry = file.read()
    except OSError:
        return None
    data = entry[20:]
    if not entry.startswith(_MAGIC) or fingerprint(data) != entry[4:20]:
        return None
    found: tuple[bytes, tuple[int, ...], dict[str, Mark], int] = marshal.loads(data)  # noqa: S302 - checked, and our own
    return found


def _path(request: Request, root: str) -> str | None:
    folder = cache_folder()
    store = fingerprint(os.fsencode(root)).hex()
    return None if folder is None else f"{folder}/{request.key}-{store}"
