"""Looks at what a bucket has beside results and their bytes; what seems wrong is read again before it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

from traintrack.action.record import Record
from traintrack.digest import TargetId, content_digest
from traintrack.ports.objects import Listed
from traintrack.ports.verify import Finding, FindingKind, NamedJudge
from traintrack.storages.local.places import is_name
from traintrack.storages.local.verify_files import is_digest
from traintrack.storages.objects.keys import NEWEST_RUNS, run_key
from traintrack.storages.objects.survey_bytes import ByteCheck
from traintrack.storages.objects.survey_documents import (
    LONGEST_RECORD,
    NAME_BYTES,
    document_words,
    hint_id,
    history_words,
    is_newer,
    name_words,
    record_of,
    run_document_words,
    run_of_index,
)
from traintrack.storages.objects.survey_reading import Reading

Look = Callable[[Listed], "Finding | None"]
Judge = Callable[[str, bytes], "str | None"]

FOREIGN = "traintrack has no key like this"
NAMED_PREFIX = "kept-named/"
KEPT_PREFIX = "kept/"


class Others:
    """Looks at one object each, from any thread. `has_cell` says of IDs if their cells were listed."""

    def __init__(self, reading: Reading, check: ByteCheck, judge: NamedJudge, has_cell: Callable[[str], bool]) -> None:
        self._reading, self._check, self._judge, self._has_cell = reading, check, judge, has_cell
        self._guard = threading.Lock()
        self._lost: dict[TargetId, tuple[str, str]] = {}

    def documents(self) -> Iterator[tuple[str, Look]]:
        """The prefixes of what is read whole at any depth, with the way to look at each object; hints come last."""
        yield "run/", self._by(FindingKind.RUN, run_document_words)
        yield NEWEST_RUNS, self.index
        yield "label/", self._below("label/", FindingKind.HISTORY, self._by(FindingKind.HISTORY, history_words))
        yield "roots/", self._by(FindingKind.DOCUMENT, document_words)
        yield "use/", self._by(FindingKind.DOCUMENT, document_words)
        hints = f"{self._reading.keys.namespace}/hint/"
        yield hints, self._below(hints, FindingKind.HINT, self.hint)

    def index(self, entry: Listed) -> Finding | None:
        """Follow a key of the index of runs to its document, which is written before it."""
        run = run_of_index(entry.key)
        if not is_name(run):
            return Finding(entry.key, FindingKind.RUN, FOREIGN)
        if self._reading.size_bytes(run_key(run)) is not None:
            return None
        return Finding(entry.key, FindingKind.RUN, "the run document is missing")

    def hint(self, entry: Listed) -> Finding | None:
        """Follow a hint to the cell that it names; a cell that was once written never goes."""
        for _ in range(2):
            got = self._reading.get(entry.key)
            text = None if got is None else hint_id(got.data)
            if got is None or (text is not None and self._is_there(text)):
                return None
        if text is None:
            return Finding(entry.key, FindingKind.HINT, "the hint is no ID")
        id_ = TargetId(text)
        digest, label = self._lost.get(id_, ("", ""))
        if digest:
            words = f"the cell is missing, and record {digest[:12]} is of its result"
            return Finding(self._reading.keys.cell(id_), FindingKind.CELL, words, id_, label)
        return Finding(entry.key, FindingKind.HINT, "the hint names an ID that was never made here", id_)

    def kept_name(self, entry: Listed) -> Finding | None:
        """Judge key and size of a kept object, without reading it."""
        digest = entry.key.rpartition("/")[2]
        if entry.key != f"{KEPT_PREFIX}{digest[:2]}/{digest}" or not is_digest(digest):
            return Finding(entry.key, FindingKind.KEPT, FOREIGN)
        if not entry.size_bytes and digest != content_digest(b""):
            return Finding(entry.key, FindingKind.KEPT, "the object has other bytes")
        return None

    def kept(self, entry: Listed) -> Finding | None:
        """Hash a kept object. Of a record of a success the cell is looked for when its hint is."""
        digest = entry.key.rpartition("/")[2]
        wrong = self.kept_name(entry)
        if wrong is not None or entry.size_bytes >= LONGEST_RECORD:
            right = wrong is None and self._check.is_digest(entry.key, entry.size_bytes, digest) in (True, None)
            return wrong if wrong or right else Finding(entry.key, FindingKind.KEPT, "the object has other bytes")
        for _ in range(2):
            got = self._reading.get(entry.key)
            if got is None:
                return None
            if content_digest(got.data) == digest:
                self._note(record_of(got.data), digest)
                return None
        return Finding(entry.key, FindingKind.KEPT, "the object has other bytes")

    def name_size(self, entry: Listed) -> Finding | None:
        """Judge the size of what is kept under a name, without reading it."""
        words = None if entry.size_bytes >= NAME_BYTES else "the object has other bytes"
        return None if words is None else Finding(entry.key, FindingKind.NAME, words)

    def name(self, entry: Listed) -> Finding | None:
        """Judge what is kept under a name."""
        words = partial(name_words, judge=self._judge)
        return self._by(FindingKind.NAME, lambda key, data: words(key[len(NAMED_PREFIX) :], data))(entry)

    def _note(self, record: Record | None, digest: str) -> None:
        if record is not None and record.outcome == "success" and not self._has_cell(record.id):
            with self._guard:
                self._lost[record.id] = (digest, record.label)

    def _is_there(self, id_: str) -> bool:
        return self._has_cell(id_) or self._reading.size_bytes(self._reading.keys.cell(TargetId(id_))) is not None

    def _by(self, kind: FindingKind, judge: Judge) -> Look:
        """What is wrong must be wrong twice: bytes can be wrong on their way."""

        def look(entry: Listed) -> Finding | None:
            words = None
            for _ in range(2):
                got = self._reading.get(entry.key)
                words = None if got is None else judge(entry.key, got.data)
                if got is None or words is None:
                    return None
            is_new = got is not None and is_newer(got.data)
            return Finding(entry.key, FindingKind.NEWER if is_new else kind, words or "")

        return look

    def _below(self, prefix: str, kind: FindingKind, look: Look) -> Look:
        """Only keys that end in two digits and a digest are ours."""

        def checked(entry: Listed) -> Finding | None:
            digest = entry.key.rpartition("/")[2]
            is_ours = is_digest(digest) and entry.key == f"{prefix}{digest[:2]}/{digest}"
            return look(entry) if is_ours else Finding(entry.key, kind, FOREIGN)

        return checked
