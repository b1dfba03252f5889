"""Many engineers over one bucket, whose runs are forked from one process, so that fifty of them cost no fifty imports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engineers import BUCKET, Engineer, Team, until
from msgspec import field

from traintrack.action.cell import Cell, CellState, decode_cell
from traintrack.digest import TargetId
from traintrack.ports.collect import Collected, Terms
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import LoggedRequest, S3Server, running_server
from traintrack.testing.s3_server.buckets import Bucket, Stored

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "races"))

from arena import Contender, Fleet

PREFIX = "team/default"
ALL = Terms(note="collected", most_share=1.0, grace_s=0.0)
TROUBLE = ("Traceback", "traintrack has a bug")

WORKSPACE = """\
workspace: shared
images: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}
defaults: {image: sh, paths: [src]}
environments: {team: {runner: local, storage: "s3://%s/team", heartbeat: %gs, cpu: 8, jobs: 4}}
"""


class Watched(Bucket):
    """A bucket of the server that remembers every write of a cell, in order, also those that nobody has read."""

    cells: dict[str, list[Cell]] = field(default_factory=dict)

    def write(self, key: str, stored: Stored) -> None:
        super().write(key, stored)
        if key.startswith(f"{PREFIX}/cell/"):
            id_ = key.rpartition("/")[2]
            self.cells.setdefault(id_, []).append(decode_cell(stored.content.read(), TargetId(id_)))


class Group(Team):
    """A team whose store has a heartbeat of its own, and targets that read nothing; use `opened_group`."""

    def __init__(self, folder: Path, s3: S3Server, names: Iterable[str], heartbeat_s: float = 1.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder, s3)
        (self._origin / "TTWORKSPACE.yaml").write_text(WORKSPACE % (BUCKET, heartbeat_s))
        self.add_targets(names)
        self._heartbeat_s = heartbeat_s
        self._first: Engineer | None = None

    def member(self, name: str) -> Engineer:
        """An engineer with a home of their own; all look into one clone, which nobody writes to."""
        if self._first is None:
            self._first = self.engineer("first")
        home = self._folder / "home" / name
        home.mkdir(parents=True, exist_ok=True)
        environ = {**self._first.environ, "XDG_CACHE_HOME": str(home / ".cache")}
        return Engineer(home, self._first.work, environ)

    def cells(self) -> dict[str, Cell]:
        """All cells, by ID, as they lie in the bucket."""
        found = {key.rpartition("/")[2]: self._read(key) for key in self.keys("cell/")}
        return {id_: decode_cell(data, TargetId(id_)) for id_, data in found.items()}

    def history(self, id_: str) -> list[Cell]:
        """Everything that was ever written to a cell."""
        bucket = self.s3.buckets.find(BUCKET)
        assert isinstance(bucket, Watched)
        return bucket.cells[id_]

    def keys(self, below: str) -> list[str]:
        """Keys of the namespace."""
        return self.s3.buckets.keys(BUCKET, f"{PREFIX}/{below}")

    def leftovers(self) -> list[str]:
        """What stands in the bucket only for the living: holds, wants, growing logs, parts of uploads."""
        held = [id_ for id_, cell in self.cells().items() if cell.state is CellState.HELD]
        live = self.s3.buckets.keys(BUCKET, "team/live/")
        return [*held, *self.keys("want/"), *live, *self.s3.buckets.uploads(BUCKET).values()]

    def asked(self, kind: str, *operations: str) -> list[LoggedRequest]:
        return self.s3.log.requests(*operations, key=f"{PREFIX}/{kind}")

    def storage(self, name: str) -> ObjectStorage:
        """The store, which is made if need be, as a client of this process; takes the fixture `credentials`."""
        bucket = S3Bucket(f"s3://{BUCKET}/team", {"endpoint": self.s3.url, "region": "us-east-1"})
        home = self._folder / "clients" / name
        opening = Opening(home / "notes", heartbeat_s=self._heartbeat_s)
        return open_objects(bucket, open_cache(home / "store"), opening, dict)

    def files(self, id_: str, name: str = "reader") -> dict[str, bytes]:
        """The files of a result as a new client gets them, each byte checked."""
        storage, cell = self.storage(name), self.cells()[id_]
        assert cell.result is not None
        words = storage.artifacts.fetch(cell.result)
        assert words is None, words
        root = storage.artifacts.path(cell.result.artifact)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def collect(self) -> Collected:
        """Remove at once what no cell names."""
        return self.storage("collector").collecting.collect((), ALL)

    def unnamed(self) -> set[str]:
        """Keys of bytes that belong to no result."""
        storage = self.storage("looker")
        layouts = Layouts(storage.bucket, storage.keys, storage.pace)
        named = {cell.result.layout for cell in self.cells().values() if cell.result is not None}
        return set(self.keys("data/")) - {f"team/{key}" for at in named for key in (at, *layouts.keys(at))}

    def _read(self, key: str) -> bytes:
        data = self.s3.buckets.read(BUCKET, key)
        assert data is not None
        return data


class Crowd(Fleet):
    """Runs of engineers; use as a context."""

    SERVER = Path(__file__).resolve().with_name("crowd_server.py")

    def prepare_as(
        self, engineer: Engineer, *words: str, machine: str = "", patience_s: float | None = None
    ) -> Contender:
        """Fork a run of an engineer that waits for `go`."""
        who = {"environ": engineer.environ, "machine": machine, "patience_s": patience_s}
        return self._fork({"words": words, "folder": str(engineer.work), "pause": None, **who})

    def start_as(
        self, engineer: Engineer, *words: str, machine: str = "", patience_s: float | None = None
    ) -> Contender:
        """Fork a run that begins at once."""
        run = self.prepare_as(engineer, *words, machine=machine, patience_s=patience_s)
        self.go()
        return run


@contextmanager
def opened_group(folder: Path, names: Iterable[str], heartbeat_s: float = 1.0) -> Iterator[Group]:
    """A team with a server of its own, whose faults and log are about nothing else."""
    with running_server(folder / "s3") as server:
        server.buckets.make(BUCKET)
        server.buckets._buckets[BUCKET] = Watched()
        yield Group(folder / "group", server, names, heartbeat_s)


@contextmanager
def opened_crowd(folder: Path) -> Iterator[Crowd]:
    clean: Mapping[str, Any] = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TRAINTRACK_"))}
    with Crowd(folder / "runs", folder, clean) as crowd:
        yield crowd


def demand_success(runs: Iterable[Contender]) -> None:
    """See that runs end well, and without a word that only a bug says."""
    for run in runs:
        assert run.wait() == 0, run.told()
        assert not any(word in run.told() for word in TROUBLE), run.told()


def waits(group: Group, run: Contender, count: int = 1) -> None:
    """Return when a run has said in the bucket that it waits."""
    until(lambda: len(group.keys("want/")) >= count or run.ended.is_set())
    assert not run.ended.is_set(), run.told()
