"""Looks over a store for damage, in parallel, and changes nothing."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from traintrack.digest import ArtifactDigest, TargetId
from traintrack.ports.verify import Depth, Finding, FindingKind, Looked, NamedJudge, Scope, Survey
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.inspection import Trust
from traintrack.storages.local.listing import digests_in, names_below, names_in
from traintrack.storages.local.places import Places, is_name
from traintrack.storages.local.verify_files import (
    is_digest,
    look_at_hint,
    look_at_history,
    look_at_kept,
    look_at_name,
    look_at_notes,
    look_at_run,
)
from traintrack.storages.local.verify_results import ResultCheck, ResultSeen

_MOST_THREADS = 8
_TOGETHER = 32
_WAITING_PER_THREAD = 4

Item = TypeVar("Item")


def survey(places: Places, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> Survey:
    """Look for damage; see `Verifiable.survey`.

    Raises:
        HostError: the store cannot be read.
    """
    return _Survey(places, scope, judge, tell).made()


class _Seen(Struct, frozen=True):
    findings: tuple[Finding, ...] = ()
    hashed_bytes: int = 0
    artifact: ArtifactDigest | None = None


class _Survey:
    """One look over a store; only the thread that began it touches its state."""

    def __init__(self, places: Places, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> None:
        self._places, self._scope, self._judge, self._tell = places, scope, judge, tell
        self._results = ResultCheck(places)
        self._looked = Looked()
        self._findings: dict[tuple[str, str], Finding] = {}
        self._named: set[bytes] = set()

    def made(self) -> Survey:
        """Look at what the scope asks for."""
        with DiskErrors("read", self._places.root), ThreadPoolExecutor(_threads()) as pool:
            for seen in _in_parallel(pool, self._result, self._ids()):
                self._take(seen, results=1)
            if self._scope.ids is None:
                for work, names in self._other_files():
                    for seen in _in_parallel(pool, work, names):
                        self._take(seen, objects=1)
            remarks = self._remarks() if self._scope.ids is None else ()
        return Survey(tuple(sorted(self._causes())), remarks, self._looked)

    def _causes(self) -> list[Finding]:
        """The findings, less the hints that lead nowhere only because a cell is lost that is told of itself."""
        found = list(self._findings.values())
        lost = {one.id for one in found if one.kind is FindingKind.CELL}
        return [one for one in found if one.kind is not FindingKind.HINT or one.id is None or one.id not in lost]

    def _ids(self) -> Iterator[str]:
        if self._scope.ids is not None:
            return iter(self._scope.ids)
        return (name for name in digests_in(self._places.cells) if is_digest(name))

    def _other_files(self) -> Iterator[tuple[Callable[[str], _Seen], Iterator[str]]]:
        """What is looked at beside results, with the way to look at each; kept objects only where bytes are hashed."""
        root, places = self._places.root, self._places
        judge = self._judge if self._scope.depth is Depth.DATA else None
        named = names_below(f"{root}/kept/named")
        yield self._one(partial(look_at_name, places, judge=judge)), named
        if self._scope.depth is Depth.QUICK:
            return
        yield self._kept, (name for name in digests_in(f"{root}/kept") if is_digest(name) and self._is_chosen(name))
        runs = (name for name in names_in(places.runs) if is_name(name))
        yield self._one(partial(look_at_run, places)), runs
        for look, folder in (
            (look_at_notes, f"{root}/layout"),
            (look_at_history, f"{root}/label"),
            (look_at_hint, f"{root}/ns/{places.namespace}/hint"),
        ):
            yield self._one(partial(look, places)), digests_in(folder)

    def _result(self, id_: str) -> _Seen:
        hashed = self._scope.depth is Depth.DATA and self._is_chosen(id_)
        found: ResultSeen = self._results.look(TargetId(id_), Trust.NOTHING if hashed else Trust.SIZE)
        return _Seen(found.findings, found.hashed_bytes, found.artifact)

    def _kept(self, digest: str) -> _Seen:
        return _Seen(*look_at_kept(self._places, digest))

    def _one(self, look: Callable[[str], Iterator[Finding]]) -> Callable[[str], _Seen]:
        return lambda name: _Seen(tuple(look(name)))

    def _is_chosen(self, name: str) -> bool:
        share = self._scope.share
        return share >= 1.0 or random.Random(f"{self._scope.seed}{name}").random() < share  # noqa: S311

    def _take(self, seen: _Seen, *, results: int = 0, objects: int = 0) -> None:
        for finding in seen.findings:
            # What was found with a result comes first and knows the label; the same file is not told twice.
            self._findings.setdefault((finding.path, _words_key(finding)), finding)
        if seen.artifact is not None and self._scope.ids is None:
            self._named.add(bytes.fromhex(seen.artifact))
        now = self._looked
        self._looked = replace(
            now,
            results=now.results + results,
            objects=now.objects + objects,
            hashed_bytes=now.hashed_bytes + seen.hashed_bytes,
        )
        self._tell(self._looked)

    def _remarks(self) -> tuple[str, ...]:
        folder = f"{self._places.root}/artifact"
        names = (name for name in digests_in(folder) if is_digest(name))
        orphans = sum(bytes.fromhex(name) not in self._named for name in names)
        return (f"artifacts that no result names: {orphans}",) if orphans else ()


def _words_key(finding: Finding) -> str:
    """Findings of one path are one, but of a file whose bytes and rights are both wrong."""
    return "rights" if finding.kind is FindingKind.RIGHTS else ""


def _threads() -> int:
    return max(2, min(_MOST_THREADS, os.cpu_count() or 1))


def _in_parallel(pool: ThreadPoolExecutor, work: Callable[[str], _Seen], items: Iterable[str]) -> Iterator[_Seen]:
    """Yield what `work` says of each item, in order; only a few bundles are under way, however many items there are."""
    source = iter(items)
    waiting: deque[Future[list[_Seen]]] = deque()
    while bundle := list(islice(source, _TOGETHER)):
        waiting.append(pool.submit(_each, work, bundle))
        if len(waiting) >= _threads() * _WAITING_PER_THREAD:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


def _each(work: Callable[[str], _Seen], bundle: list[str]) -> list[_Seen]:
    return [work(item) for item in bundle]
