"""The newest 50 results of each label: a hint, rebuilt from the run documents when it is damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.plan import Outcome
from traintrack.action.stored import decode_stored
from traintrack.ports.storage import HistoryEntry
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.locks import FileLock
from traintrack.storages.local.places import Places

MOST_ENTRIES = 50
LABEL_FORMAT = "traintrack/label/1"
WITHOUT_A_RESULT = (Outcome.BLOCKED, Outcome.CANCELLED)
"""Outcomes of which a history does not tell."""


class StoredHistory(msgspec.Struct):
    """The content of a label's history, newest first."""

    format: str
    workspace: str
    label: str
    entries: tuple[HistoryEntry, ...]


class LabelIndex:
    """One file per label, changed under a lock. `documents` gives all run documents, newest first."""

    def __init__(self, places: Places, files: Files, documents: Callable[[], Iterator[RunDocument]]) -> None:
        self._places = places
        self._files = files
        self._documents = documents

    def entries(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The entries of a label, newest first.

        Raises:
            OSError: they cannot be read.
        """
        found = self._read(label_digest(workspace, label))
        return self._rebuilt(workspace, label) if found is None else found

    def add(self, document: RunDocument) -> None:
        """Add what a run did. A result that is the newest already is not added again, whoever reused it.

        Raises:
            OSError: it cannot be written.
        """
        for target in document.targets:
            if target.outcome in WITHOUT_A_RESULT:
                continue
            digest = label_digest(document.workspace, target.label)
            entry = entry_of(document, target)
            # What was executed has a record that nobody had before.
            if target.outcome is not Outcome.EXECUTED and _is_newest(entry, self._read(digest) or ()):
                continue
            with FileLock(self._places.label_lock(digest)):
                before = self._read(digest)
                # The document stands already, so rebuilding finds this run as well.
                known = self._rebuilt(document.workspace, target.label) if before is None else before
                entries = with_entry(entry, known)
                stored = StoredHistory(LABEL_FORMAT, document.workspace, target.label, entries)
                self._files.write(self._places.label(digest), msgspec.json.encode(stored))

    def rebuild(self, digests: Collection[str]) -> frozenset[str]:
        """Write histories anew from the run documents; returns those that some document speaks of.

        Raises:
            OSError: one cannot be written.
        """
        wanted = frozenset(digests)
        labels: dict[str, tuple[str, str]] = {}
        for document in self._documents():
            for target in document.targets:
                digest = label_digest(document.workspace, target.label)
                if digest in wanted and target.outcome not in WITHOUT_A_RESULT:
                    labels[digest] = (document.workspace, target.label)
        for digest, (workspace, label) in labels.items():
            with FileLock(self._places.label_lock(digest)):
                if not self._read(digest):
                    stored = StoredHistory(LABEL_FORMAT, workspace, label, self._rebuilt(workspace, label))
                    self._files.write(self._places.label(digest), msgspec.json.encode(stored))
        return frozenset(labels)

    def _read(self, digest: str) -> tuple[HistoryEntry, ...] | None:
        """The stored entries; empty if there are none, None if they are damaged."""
        data = read_file(self._places.label(digest))
        return () if data is None else read_history(data, digest)

    def _rebuilt(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        found: list[HistoryEntry] = []
        for document in self._documents():
            if document.workspace == workspace:
                rows = (t for t in document.targets if t.label == label and t.outcome not in WITHOUT_A_RESULT)
                found.extend(entry_of(document, target) for target in rows)
        return _oldest_of_equals(found)[:MOST_ENTRIES]


def read_history(data: bytes, digest: str) -> tuple[HistoryEntry, ...] | None:
    """Read the file of a label's history; None if it is damaged, newer, or another label's."""
    try:
        stored = decode_stored(data, StoredHistory)
    except msgspec.MsgspecError:
        return None
    is_right = stored.format == LABEL_FORMAT and label_digest(stored.workspace, stored.label) == digest
    return stored.entries if is_right else None


def label_digest(workspace: str, label: str) -> str:
    """The name of a label's history: SHA-256 of workspace and label, apart by a byte that neither can hold."""
    return hashlib.sha256(f"{workspace}\0{label}".encode()).hexdigest()


def entry_of(document: RunDocument, target: RunTarget) -> HistoryEntry:
    """The line that a row of a run adds to the history of its label."""
    return HistoryEntry(target.id, target.outcome, document.run, document.ended, target.record)


def _is_newest(entry: HistoryEntry, entries: tuple[HistoryEntry, ...]) -> bool:
    return bool(entries) and (entries[0].id, entries[0].record) == (entry.id, entry.record)


def with_entry(entry: HistoryEntry, entries: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, ...]:
    """Add a line, unless the newest one says the same result."""
    return entries if _is_newest(entry, entries) else (entry, *entries)[:MOST_ENTRIES]


def _oldest_of_equals(newest_first: Iterable[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    """Drop each entry whose elder has the same result: so a rebuilt index says the same as a grown one."""
    kept: tuple[HistoryEntry, ...] = ()
    for entry in reversed(list(newest_first)):
        if not _is_newest(entry, kept):
            kept = (entry, *kept)
    return kept
