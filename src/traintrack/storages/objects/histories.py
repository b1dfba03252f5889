"""The newest 50 results of each label, in a bucket: a hint, so that it is written with few tries, and none is a must."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from msgspec.structs import replace

from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.plan import Outcome
from traintrack.ports.objects import Got, Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.ports.storage import HistoryEntry
from traintrack.storages.local.label_index import (
    LABEL_FORMAT,
    MOST_ENTRIES,
    WITHOUT_A_RESULT,
    StoredHistory,
    entry_of,
    label_digest,
    read_history,
    with_entry,
)
from traintrack.storages.objects.keys import label_key
from traintrack.storages.objects.pace import Pace, Patience, patiently

_WRITERS: Final = 64
_TRIES: Final = 20
"""Then the lines of this run are left out: they can be told from its document."""
_MOST_REUSED: Final = 200
"""Of more reused targets than that no history is looked at: whoever made them has noted them."""


class Histories:
    """One object per label, replaced only as it was read: of two runs that end at once neither is lost."""

    def __init__(self, objects: Objects, pace: Pace) -> None:
        self._objects, self._pace = objects, pace

    def entries(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The entries of a label, newest first; none if they are damaged.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        digest = label_digest(workspace, label)
        return _entries(self._get(digest), digest)

    def add(self, document: RunDocument) -> None:
        """Add what a run did. A result that is the newest already is not added again, whoever reused it.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        rows = [row for row in document.targets if row.outcome not in WITHOUT_A_RESULT]
        reused = [row for row in rows if row.outcome == Outcome.REUSED.value]
        if len(reused) > _MOST_REUSED:
            rows = [row for row in rows if row.outcome != Outcome.REUSED.value]
        by_label: dict[str, list[RunTarget]] = {}
        for row in rows:
            by_label.setdefault(row.label, []).append(row)
        if not by_label:
            return
        with ThreadPoolExecutor(min(_WRITERS, len(by_label)), thread_name_prefix="traintrack-label") as pool:
            for _ in pool.map(lambda label: self._add(document, label, by_label[label]), by_label):
                pass

    def rebuild(self, digests: Collection[str], documents: Iterable[RunDocument]) -> None:
        """Add to these histories what run documents, newest first, say of their labels.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        found: dict[str, list[RunDocument]] = {digest: [] for digest in digests}
        for document in documents:
            for row in document.targets:
                newest = found.get(label_digest(document.workspace, row.label))
                if newest is not None and len(newest) < MOST_ENTRIES and row.outcome not in WITHOUT_A_RESULT:
                    newest.append(replace(document, targets=(row,)))
        for newest in found.values():
            for document in reversed(newest):
                self.add(document)

    def _add(self, document: RunDocument, label: str, rows: list[RunTarget]) -> None:
        digest = label_digest(document.workspace, label)
        patience = Patience(self._pace, f"add to the history of `{label}`")
        for _ in range(_TRIES):
            got = self._get(digest)
            before = entries = _entries(got, digest)
            for row in rows:
                entries = with_entry(entry_of(document, row), entries)
            if entries == before:
                return
            data = msgspec.json.encode(StoredHistory(LABEL_FORMAT, document.workspace, label, entries))
            try:
                self._write(label_key(digest), data, got)
                return
            except (PreconditionFailedError, UnknownOutcomeError) as error:
                # What another wrote meanwhile is read again; a write whose answer was lost, too: nothing is left to add.
                patience.pause(error)

    def _write(self, key: str, data: bytes, got: Got | None) -> None:
        if got is None:
            self._objects.put_if_absent(key, data)
        else:
            self._objects.put_if_match(key, data, got.etag)

    def _get(self, digest: str) -> Got | None:
        key = label_key(digest)
        return patiently(self._pace, f"read `{key}`", lambda: self._objects.get(key))


def _entries(got: Got | None, digest: str) -> tuple[HistoryEntry, ...]:
    return () if got is None else read_history(got.data, digest) or ()
