"""Looks over a store in a bucket for damage, with many requests in flight, and changes nothing.

The order counts, as others write meanwhile: cells first, then what they name, and the round last. A key that a layout
names must be there as long as the cell stands; so what is missing is told only where the cell stands still.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec.structs import replace

from traintrack.digest import TargetId
from traintrack.ports.objects import Listed
from traintrack.ports.verify import Depth, Finding, FindingKind, Looked, NamedJudge, Scope, Survey
from traintrack.storages.local.verify_files import is_digest
from traintrack.storages.objects.keys import id_of
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.layout import StoredObject, is_data_key, plain_folder
from traintrack.storages.objects.ranges import Ranges
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.survey_bytes import CHUNK_BYTES, ByteCheck, Bytes, Slices
from traintrack.storages.objects.survey_named import Named, NamedObjects
from traintrack.storages.objects.survey_others import FOREIGN, KEPT_PREFIX, NAMED_PREFIX, Look, Others
from traintrack.storages.objects.survey_reading import READERS, Reading, in_parallel
from traintrack.storages.objects.survey_results import ResultLook, ResultSeen
from traintrack.storages.objects.survey_rounds import HigherRounds
from traintrack.storages.objects.survey_standing import still_names

HASHERS = 32
MEMORY_BYTES = 160 << 20


def survey(reading: Reading, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> Survey:
    """Look for damage; see `Verifiable.survey`.

    Raises:
        HostError: the bucket cannot be read.
    """
    return _Survey(reading, scope, judge, tell).made()


class _Survey:
    """One look over a store. Its state is changed under `_guard`; only the thread that began it tells."""

    def __init__(self, reading: Reading, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> None:
        self._reading, self._scope, self._tell = reading, scope, tell
        self._check = ByteCheck(Ranges(reading.bucket, reading.pace), reading.keys.data)
        self._results = ResultLook(reading, scope.depth)
        self._others = Others(reading, self._check, judge, lambda id_: bytes.fromhex(id_) in self._ids)
        self._named = NamedObjects(reading.keys.data)
        self._rounds = HigherRounds(Rounds(reading.bucket, reading.keys, reading.pace), reading.keys)
        self._guard = threading.Lock()
        self._ids: set[bytes] = set()
        self._judged: set[str] = set()
        self._unsure: dict[str, Named] = {}
        self._findings: dict[str, Finding] = {}
        self._looked = Looked()

    def made(self) -> Survey:
        """Look at what the scope asks for."""
        is_whole = self._scope.ids is None
        if is_whole:
            self._rounds.begin()
        with ThreadPoolExecutor(READERS, thread_name_prefix="traintrack-survey") as pool:
            lanes = Lanes(HASHERS, MEMORY_BYTES)
            lanes.run(self._result_steps(pool))
            lanes.run(self._all_steps() if is_whole else self._named_steps(pool))
            for found in in_parallel(pool, self._confirmed, self._unclear()):
                self._found(found)
            if is_whole:
                self._documents(pool)
        for one in self._rounds.findings() if is_whole else ():
            self._found(one)
        self._tell(self._looked)
        return Survey(tuple(sorted(self._causes())), (), self._looked)

    # Results

    def _result_steps(self, pool: ThreadPoolExecutor) -> Iterator[Step]:
        for seen in in_parallel(pool, self._results.look, self._cell_ids()):
            self._take(seen)
            for slices in seen.slices:
                if self._is_chosen(slices.object.key):
                    self._judged.add(slices.object.key)
                    yield Step(partial(self._hash_slices, slices, seen.id), _memory(slices.object.size_bytes))

    def _cell_ids(self) -> Iterator[TargetId]:
        if self._scope.ids is not None:
            yield from self._scope.ids
            return
        for entry in self._reading.entries(self._reading.keys.cells):
            id_ = id_of(entry.key)
            if is_digest(id_) and entry.key == self._reading.keys.cell(id_):
                self._ids.add(bytes.fromhex(id_))
                yield id_
            else:
                self._found(Finding(entry.key, FindingKind.CELL, FOREIGN))

    def _take(self, seen: ResultSeen) -> None:
        for finding in seen.findings:
            self._found(finding)
        if seen.layout:
            self._named.add(seen.layout, seen.objects, seen.id)
            self._judged.add(seen.layout)
        self._count(results=1)
        self._tell(self._looked)

    def _hash_slices(self, slices: Slices, id_: TargetId) -> None:
        judged = self._check.look(slices.object, slices.files)
        self._count(hashed_bytes=slices.object.size_bytes)
        is_plain = not is_data_key(slices.object.key, self._reading.keys.data)
        if judged.bytes is Bytes.OTHER or (is_plain and judged.path is not None):
            # Of another size than the layout says it is told with its size.
            if self._reading.size_bytes(slices.object.key) == slices.object.size_bytes:
                self._found(Finding(slices.object.key, FindingKind.ARTIFACT, "the object has other bytes", id_))
        elif judged.path is not None:
            words = f"the layout places `{judged.path}` where other bytes are"
            self._found(Finding(slices.layout, FindingKind.ARTIFACT, words, id_))

    # Bytes

    def _all_steps(self) -> Iterator[Step]:
        """Tick off what is listed, and hash what was not hashed with its layout."""
        prefix = self._reading.keys.data
        for entry in self._reading.entries(prefix):
            if not is_data_key(entry.key, prefix) and plain_folder(entry.key, prefix) is None:
                self._found(Finding(entry.key, FindingKind.ARTIFACT, FOREIGN))
                continue
            self._rounds.saw(entry.key)
            wrong = self._named.found(entry.key, entry.size_bytes)
            if wrong is not None:
                self._unsure[entry.key] = wrong
            elif self._is_hashed(entry.key):
                yield self._hash_step(StoredObject(entry.key, entry.size_bytes))
            self._tell(self._looked)
        yield from self._kept_steps()

    def _named_steps(self, pool: ThreadPoolExecutor) -> Iterator[Step]:
        """Ask for what the layouts of the wanted results name."""
        named = list(self._named.all())
        sizes = in_parallel(pool, lambda one: self._reading.size_bytes(one.object.key), named)
        for one, size in zip(named, sizes, strict=True):
            if size is not None:
                self._named.found(one.object.key, size)
            if size == one.object.size_bytes and self._is_hashed(one.object.key):
                yield self._hash_step(one.object)

    def _is_hashed(self, key: str) -> bool:
        """A file under its own name is hashed with the layout that says what it should be."""
        is_open = self._scope.depth is Depth.DATA and key not in self._judged
        return is_open and is_data_key(key, self._reading.keys.data) and self._is_chosen(key)

    def _hash_step(self, item: StoredObject) -> Step:
        return Step(partial(self._hash, item), _memory(item.size_bytes))

    def _hash(self, item: StoredObject) -> None:
        judged = self._check.look(item)
        self._count(objects=1, hashed_bytes=item.size_bytes)
        named = self._named.of(item.key)
        if judged.bytes is Bytes.OTHER:
            id_ = named.ids[0] if named else None
            self._found(Finding(item.key, FindingKind.ARTIFACT, "the object has other bytes", id_))
        elif judged.bytes is Bytes.LOST and named is not None:
            with self._guard:
                self._unsure[item.key] = named

    def _unclear(self) -> Iterator[Named]:
        yield from self._unsure.values()
        yield from (one for one in self._named.missing() if one.object.key not in self._unsure)

    def _confirmed(self, named: Named) -> Finding | None:
        return still_names(self._reading, named)

    # The rest

    def _kept_steps(self) -> Iterator[Step]:
        for prefix, quick, data in (
            (KEPT_PREFIX, self._others.kept_name, self._others.kept),
            (NAMED_PREFIX, self._others.name_size, self._others.name),
        ):
            for entry in self._reading.entries(prefix):
                hashed = self._scope.depth is Depth.DATA and self._is_chosen(entry.key)
                if hashed:
                    yield Step(partial(self._other, data, entry), entry.size_bytes)
                else:
                    self._other(quick, entry)

    def _documents(self, pool: ThreadPoolExecutor) -> None:
        for prefix, look in self._others.documents():
            for _ in in_parallel(pool, partial(self._other, look), self._reading.entries(prefix)):
                self._tell(self._looked)

    def _other(self, look: Look, entry: Listed) -> None:
        self._found(look(entry))
        self._count(objects=1)

    def _is_chosen(self, key: str) -> bool:
        share = self._scope.share
        return share >= 1.0 or random.Random(f"{self._scope.seed}{key}").random() < share  # noqa: S311

    def _found(self, finding: Finding | None) -> None:
        """What was found with a result comes first and knows the label; the same path is not told twice."""
        if finding is not None:
            with self._guard:
                self._findings.setdefault(finding.path, finding)

    def _count(self, *, results: int = 0, objects: int = 0, hashed_bytes: int = 0) -> None:
        with self._guard:
            now = self._looked
            self._looked = replace(
                now,
                results=now.results + results,
                objects=now.objects + objects,
                hashed_bytes=now.hashed_bytes + hashed_bytes,
            )

    def _causes(self) -> list[Finding]:
        """The findings, less the hints that lead nowhere only because a cell is lost that is told of itself."""
        found = list(self._findings.values())
        lost = {one.id for one in found if one.kind is FindingKind.CELL}
        return [one for one in found if one.kind is not FindingKind.HINT or one.id is None or one.id not in lost]


def _memory(size_bytes: int) -> int:
    return min(size_bytes, CHUNK_BYTES)
