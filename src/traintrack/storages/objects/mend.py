"""Sets damaged objects of a bucket aside and frees the cells of damaged results; nothing is edited.

What is damaged is copied to `quarantine/` and then deleted. Cells are freed first, so that nobody finds DONE with
nothing behind it; a key of data goes only as a collector removes one, so that no publisher can name it any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from traintrack.digest import content_digest
from traintrack.ports.verify import Finding, FindingKind, Mended
from traintrack.storages.objects.kept import ObjectKept
from traintrack.storages.objects.keys import run_key
from traintrack.storages.objects.known_cells import Evictions
from traintrack.storages.objects.layout import is_data_key, plain_folder
from traintrack.storages.objects.ledger import ObjectLedger
from traintrack.storages.objects.mend_cells import CellMending
from traintrack.storages.objects.mend_data import DataMending
from traintrack.storages.objects.quarantine import Quarantine
from traintrack.storages.objects.survey_documents import document_words, run_of_index
from traintrack.storages.objects.survey_others import KEPT_PREFIX, NAMED_PREFIX
from traintrack.storages.objects.survey_reading import Reading

_OF_A_RESULT = (FindingKind.RECORD, FindingKind.MANIFEST, FindingKind.ARTIFACT)
_TAKES_AWAY = frozenset((*_OF_A_RESULT, FindingKind.CELL, FindingKind.KEPT, FindingKind.NAME))


class Mending:
    """One repair of one namespace."""

    def __init__(
        self,
        reading: Reading,
        evictions: Evictions,
        kept: ObjectKept,
        ledger: ObjectLedger,
        cells: CellMending,
        data: DataMending,
    ) -> None:
        self._reading, self._evictions, self._kept, self._ledger = reading, evictions, kept, ledger
        self._cells, self._data = cells, data
        self._quarantine = Quarantine(reading)

    def mend(self, findings: Collection[Finding]) -> tuple[Mended, ...]:
        """Do what can be done about each finding; see `Verifiable.mend`.

        Raises:
            HostError: the bucket cannot be written, or a collector is at work.
        """
        found = sorted(findings)
        done: list[Mended] = []
        if any(finding.kind in _TAKES_AWAY for finding in found):
            # Who remembers cells, or what is kept, of a former word asks anew.
            with self._evictions.going_on():
                done += self._take_away(found)
        for finding in found:
            done += self._others(finding)
        done += self._mend_histories([f.path for f in found if f.kind is FindingKind.HISTORY])
        return tuple(done)

    def _take_away(self, found: Collection[Finding]) -> list[Mended]:
        round_key = self._reading.keys.collector
        cells = [f for f in found if f.kind is FindingKind.CELL and f.path != round_key]
        done = self._cells.mend([f for f in cells if f.id is not None])
        done += [self._quarantine.set_aside(f.path) for f in cells if f.id is None]
        done += [
            Mended(f.path, f"stays: {f.words}; restore it from the bucket's versions")
            for f in found
            if f.path == round_key
        ]
        of_results = [f for f in found if f.kind in _OF_A_RESULT]
        freed = self._cells.free(of_results)
        if freed:
            done.append(Mended("cell", f"freed {len(freed)} of damaged results", freed))
        prefix = self._reading.keys.data
        paths = dict.fromkeys(f.path for f in of_results if f.path.startswith(prefix))
        ours = [path for path in paths if is_data_key(path, prefix) or plain_folder(path, prefix) is not None]
        done += [self._quarantine.set_aside(path) for path in paths if path not in ours]
        done += self._data.remove(ours)
        kept = dict.fromkeys(f.path for f in found if f.path.startswith((KEPT_PREFIX, NAMED_PREFIX)))
        return done + [mended for path in kept for mended in self._move_kept(path)]

    def _move_kept(self, path: str) -> Iterator[Mended]:
        """What was sent before is sent again from now on, by this process too."""
        got = self._reading.get(path)
        if got is not None and path.startswith(KEPT_PREFIX) and content_digest(got.data) == path.rpartition("/")[2]:
            return  # A record that is whole, and another ID's, say.
        self._kept.forget(path)
        if got is not None:
            yield self._quarantine.set_aside(path)

    def _others(self, finding: Finding) -> Iterator[Mended]:
        if finding.kind is FindingKind.DOCUMENT:
            yield self._document(finding)
        elif finding.kind is FindingKind.HINT:
            yield self._quarantine.set_aside(finding.path)
        elif finding.kind is FindingKind.RUN:
            run = run_of_index(finding.path)
            if not run or self._reading.size_bytes(run_key(run)) is None:
                yield self._quarantine.set_aside(finding.path)

    def _mend_histories(self, paths: Collection[str]) -> list[Mended]:
        done = [self._quarantine.set_aside(path) for path in paths]
        if paths:
            self._ledger.rebuild_histories([path.rpartition("/")[2] for path in paths])
        return [Mended(one.path, f"{one.words}; made again from the run documents") for one in done]

    def _document(self, finding: Finding) -> Mended:
        if finding.path.startswith("use/"):
            got = self._reading.get(finding.path)
            if got is None or document_words(finding.path, got.data) is None:
                return Mended(finding.path, "was whole again")
            return self._quarantine.set_aside(finding.path)
        # Without it what people have pinned would be collected.
        return Mended(finding.path, "stays, as it says what is never collected; remove it and pin again what it named")
