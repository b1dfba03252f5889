"""Brings pinned external data into the storage, so that tasks read what was pinned."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.action import ExternalData
from traintrack.action.cell import CellState, Owner, new_nonce
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.action.record import Record, Who, encode_record
from traintrack.app.environment import Environment
from traintrack.app.source_check import check_source, difference
from traintrack.app.source_pins import listing_of
from traintrack.app.source_scan import downloaded, fetch_to, scan_source
from traintrack.app.tree_copy import copy_tree
from traintrack.errors import IntegrityError
from traintrack.execute import lease as leases
from traintrack.execute.heartbeats import beating
from traintrack.execute.lease import Lease, SupersededError
from traintrack.ports.sources import Tell
from traintrack.ports.storage import Liveness, Seen
from traintrack.storages.sources.opened import Sources, changed

WAIT_S = 1.0


def import_sources(
    data: Iterable[ExternalData], environment: Environment, sources: Sources, owner: Owner, who: Who, tell: Tell
) -> tuple[str, ...]:
    """Copy or fetch what is not in the storage yet, checked against its pin, and return the labels that were brought in.

    Raises:
        InputError: the data is not there, or holds what no artifact can.
        IntegrityError: it is not what was pinned.
        HostError: it cannot be read or copied.
    """
    # Who loses a hold finds out when it publishes.
    storage, beats = beating(environment.storage, lambda _: None)
    importer = _Importer(replace(environment, storage=storage), sources, who, tell)
    if beats is not None:
        beats.start()
    try:
        return tuple(
            source.provenance.label for source in data if importer.bring(source, replace(owner, token=new_nonce()))
        )
    finally:
        if beats is not None:
            beats.close()


class _Importer(Struct, frozen=True):
    """Brings one source at a time; the cell of each is held meanwhile, so that two runs fetch nothing twice."""

    environment: Environment
    sources: Sources
    who: Who
    tell: Tell

    def bring(self, source: ExternalData, owner: Owner) -> bool:
        """Bring one in, or wait for the run that does; the value tells if it was this one."""
        cells, told = self.environment.storage.cells, False
        while True:
            seen = cells.read((source.id,))[source.id]
            if seen.cell is not None and seen.cell.state is CellState.DONE:
                return False
            holder = seen.cell.owner if seen.cell is not None else None
            if holder is not None and cells.liveness(holder) is not Liveness.GONE:
                if not told:
                    self.tell(f"waiting for {holder.user}@{holder.host}, who brings in {source.provenance.label}")
                    told = True
                cells.wait([seen], WAIT_S)
                continue
            try:
                self._bring(source, seen, owner)
                return True
            except SupersededError:
                continue

    def _bring(self, source: ExternalData, seen: Seen, owner: Owner) -> None:
        cells = self.environment.storage.cells
        if seen.cell is not None and seen.cell.state is CellState.HELD:
            lease = leases.take_over(cells, seen, owner)
        else:
            lease = leases.acquire(cells, seen, owner, ())
        try:
            output = self._staged(source)
        except BaseException:
            leases.release(cells, lease, None)
            raise
        try:
            self._commit(source, lease, output)
        except SupersededError:
            self.environment.storage.artifacts.discard(output)
            raise

    def _staged(self, source: ExternalData) -> Output:
        """The data in a stage of the storage, checked against its pin."""
        staged = self.environment.staging.new_stage(f"source-{source.id[:16]}-{new_nonce()[:8]}")
        os.rmdir(staged)
        try:
            place = self.sources.folder(source.uri)
            manifest = self._fetched(source, staged) if place is None else self._copied(source, place, staged)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        return Output(str(staged), manifest)

    def _copied(self, source: ExternalData, place: Path, staged: Path) -> Manifest:
        if source.content is None:
            check_source(self.sources, source, self.tell)
        manifest = scan_source(place)
        if source.content is not None and manifest.digest() != source.content:
            raise changed(source.uri, source.content, manifest.digest(), label=source.provenance.label)
        copy_tree(place if place.is_dir() else place.parent, manifest, staged)
        copied = self.environment.staging.scan(staged)
        if copied.digest() != manifest.digest():
            raise IntegrityError(f"`{source.uri}` changed while it was read", code="source-changed", hint="run again")
        return copied

    def _fetched(self, source: ExternalData, staged: Path) -> Manifest:
        """What was fetched to be pinned is taken from the cache and leaves it; all else comes from its store."""
        known = downloaded(source.uri, source.looks or "")
        if source.content is not None and known.is_dir():
            manifest = scan_source(known)
            if manifest.digest() == source.content:
                copy_tree(known, manifest, staged)
                shutil.rmtree(known, ignore_errors=True)
                return self.environment.staging.scan(staged)
        listing = fetch_to(self.sources, source.uri, staged, self.tell)
        fetched = self.environment.staging.scan(staged)
        found = fetched.digest() if source.content is not None else listing
        pinned = source.content or source.listing or ""
        if found != pinned:
            before = source.looks or source.listing
            words = difference(before, listing_of(self.sources, source.uri, ())) if before else None
            raise changed(source.uri, pinned, found, words, source.provenance.label)
        return fetched

    def _commit(self, source: ExternalData, lease: Lease, output: Output) -> None:
        storage = self.environment.storage
        lease = leases.start_publishing(storage.cells, lease)
        result = storage.artifacts.publish(replace(output, placing=source.placing))
        record = Record(
            id=source.id,
            preimage=json.loads(source.preimage),
            label=source.provenance.label,
            place=source.provenance.place,
            workspace=source.provenance.workspace,
            who=self.who,
            artifact=result.artifact,
            manifest=result.manifest,
            files=output.manifest.files,
            size_bytes=output.manifest.size_bytes,
            runner="import",
            unhashed={"uri": source.uri},
            keep=source.keep,
            layout=source.placing,
        )
        leases.commit(storage.cells, lease, replace(result, record=storage.kept.put(encode_record(record))))
