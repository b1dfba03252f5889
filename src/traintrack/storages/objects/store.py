"""Opens a store in a bucket and puts its parts together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import msgspec
from msgspec import Struct

from traintrack.action.cell import Owner
from traintrack.errors import HostError, InputError
from traintrack.ports.objects import Bucket
from traintrack.ports.storage import Staging
from traintrack.ports.verify import Cost, Finding, Looked, Mended, NamedJudge, Scope, Survey
from traintrack.storages.cache.cache import Cache
from traintrack.storages.local.places import Places
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.sweep import Swept, sweep
from traintrack.storages.objects.artifacts import ObjectArtifacts
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.checkpoints import ObjectCheckpoints
from traintrack.storages.objects.collect import ObjectCollecting
from traintrack.storages.objects.documents import ObjectDocuments
from traintrack.storages.objects.kept import ObjectKept
from traintrack.storages.objects.keys import Keys, is_namespace
from traintrack.storages.objects.known_cells import Evictions, KnownCells
from traintrack.storages.objects.ledger import ObjectLedger
from traintrack.storages.objects.log_files import LogFiles
from traintrack.storages.objects.mark import (
    Probe,
    StoreMark,
    decode_mark,
    demand_heartbeat,
    make_mark,
    make_namespace,
    read_mark,
)
from traintrack.storages.objects.mend import Mending
from traintrack.storages.objects.mend_cells import CellMending
from traintrack.storages.objects.mend_data import DataMending
from traintrack.storages.objects.notebook import Notebook
from traintrack.storages.objects.pace import Pace, RealPace
from traintrack.storages.objects.presence import present_here
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.survey import survey
from traintrack.storages.objects.survey_cost import cost
from traintrack.storages.objects.survey_reading import Reading
from traintrack.storages.objects.wants import ObjectWants
from traintrack.storages.want_list import WantList

FIRST_ANSWER_S = 10.0


class WhereNone(Enum):
    """What is done where there is no store, or not this namespace of it: who only reads leaves no trace."""

    MAKE = "make"
    REFUSE = "refuse"


class Opening(Struct, frozen=True):
    """How a store is opened.

    `folder` is where this machine notes what it knows of the store. `heartbeat_s` is for a store that is made now;
    None: as the store says.
    """

    folder: Path
    namespace: str = "default"
    heartbeat_s: float | None = None
    where_none: WhereNone = WhereNone.MAKE


def open_objects(
    bucket: Bucket, cache: Cache, opening: Opening, probe: Probe, pace: Pace | None = None
) -> ObjectStorage:
    """Open the store in a bucket; one request where nothing has changed since the last time.

    Raises:
        HostError: the bucket cannot be reached or does not keep conditions; or there is no store, and none is to be made.
        IntegrityError: the store is damaged or of a newer format.
        InputError: it was made with another heartbeat, or the namespace cannot be one.
    """
    if not is_namespace(opening.namespace):
        message = f"`{opening.namespace}` cannot be a namespace in the store {bucket.url}"
        raise InputError(message, code="namespace", hint="write another one, such as `default` or `dev/ann`")
    pace, keys = pace or RealPace(), Keys(opening.namespace)
    notebook = Notebook(opening.folder / "notes.sqlite")
    noted = notebook.mark()
    word = _first_word(Evictions(bucket, keys, pace), bucket.url)
    if noted is not None and word is not None and word == notebook.word(keys.namespace):
        mark = decode_mark(noted, bucket.url)
    else:
        there = read_mark(bucket, pace, bucket.url)
        if opening.where_none is WhereNone.REFUSE and (there is None or word is None):
            raise HostError(
                f"nobody has stored anything in `{opening.namespace}` of {bucket.url} yet",
                code="no-store",
                hint="run something there first, or look at `storage` and `namespace` of the environment",
            )
        mark = there or make_mark(bucket, pace, bucket.url, probe, opening.heartbeat_s)
        word = word or make_namespace(bucket, keys, pace)
        notebook.begin_store(msgspec.json.encode(mark))
    demand_heartbeat(mark, opening.heartbeat_s, bucket.url)
    return ObjectStorage(bucket, keys, mark, cache, notebook, word, pace, opening.folder)


def _first_word(evictions: Evictions, url: str) -> str | None:
    """Ask the store for the first time: one that is not there must not keep a person waiting like one that is busy."""
    try:
        return evictions.word(FIRST_ANSWER_S)
    except HostError as error:
        if error.code != "storage-unclear":
            raise
        raise HostError(
            f"{url} cannot be reached",
            code="storage-unreachable",
            hint="traintrack doctor  # with the same `--env`: looks at address, credentials and network",
            details=error.details,
        ) from error


class ObjectStorage:
    """A store in a bucket that `open_objects` has made; one namespace of it is written. Safe between threads."""

    def __init__(
        self,
        bucket: Bucket,
        keys: Keys,
        mark: StoreMark,
        cache: Cache,
        notebook: Notebook,
        word: str,
        pace: Pace,
        folder: Path,
    ) -> None:
        self.mark, self.keys, self.bucket, self.pace = mark, keys, bucket, pace
        self._cache = cache
        self._want_list = WantList(ObjectWants(bucket, keys))
        self.evictions = Evictions(bucket, keys, pace)
        self.cells = ObjectCells(
            bucket,
            keys,
            pace,
            mark.rhythm,
            known=KnownCells(notebook, keys.namespace, word),
            evictions=self.evictions,
            want_list=self._want_list,
        )
        self.kept = kept = ObjectKept(bucket, pace, cache.kept, notebook)
        self.artifacts = ObjectArtifacts(
            bucket=bucket, keys=keys, rounds=Rounds(bucket, keys, pace), pace=pace, kept=kept, cache=cache
        )
        self._places = Places(str(cache.root), "default")
        self.documents = ObjectDocuments(bucket, pace)
        self.collecting = ObjectCollecting(bucket, keys, self.cells, self.evictions, pace, mark.rhythm)
        self.checkpoints = ObjectCheckpoints(bucket, pace, folder / "handover")
        self.ledger = ObjectLedger(bucket, keys, pace, LogFiles(folder / "log", Path(self._places.stage)))

    @property
    def name(self) -> str:
        """The bucket's address."""
        return self.bucket.url

    @property
    def staging(self) -> Staging:
        """Outputs come into being in the cache: what was made here is there without a download."""
        return self._cache.staging

    @contextmanager
    def present(self, run: str) -> Iterator[Owner]:
        """Show that a run lives, for as long as the context is open; the owner has an empty token.

        Others see it by the beats of what it holds; on this machine by its process.

        Raises:
            HostError: a run of this name lives already on this machine.
        """
        with self._cache.present(run), present_here(run) as owner:
            self._want_list.begin(owner)
            try:
                yield owner
            finally:
                self._want_list.end(owner)

    def survey(self, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> Survey:
        """Look for damage in this namespace and in what all namespaces share; see `Verifiable`.

        Raises:
            HostError: the bucket cannot be read.
        """
        return survey(Reading(self.bucket, self.keys, self.pace), scope, judge, tell)

    def cost(self, scope: Scope) -> Cost | None:
        """About what a look at every byte reads; see `TellsCost`.

        Raises:
            HostError: the bucket cannot be listed.
        """
        return cost(Reading(self.bucket, self.keys, self.pace), scope)

    def mend(self, findings: Collection[Finding]) -> tuple[Mended, ...]:
        """Set aside what is damaged still, and free the cells of results that are; see `Verifiable`.

        Raises:
            HostError: the bucket cannot be written, or a collector is at work.
        """
        reading = Reading(self.bucket, self.keys, self.pace)
        cells = CellMending(reading, self.cells, self.ledger.documents)
        data = DataMending(reading, self.collecting.collector, self.collecting.lease, cells.naming)
        return Mending(reading, self.evictions, self.kept, self.ledger, cells, data).mend(findings)

    def stale_stages(self) -> tuple[Path, ...]:
        """Stages on this machine that a dead process has left, sorted."""
        return self._cache.staging.stale_stages()

    def sweep(self, keep: Collection[Path] = ()) -> Swept:
        """Remove what the dead have left on this machine, but the stages in `keep`; say what that was.

        Raises:
            HostError: something cannot be removed.
        """
        return sweep(self._places, Sessions(self._places.alive), self._cache.staging, keep)
