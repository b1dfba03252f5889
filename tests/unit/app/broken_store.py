"""A store with many results, and rounds of damage in copies of it."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from damage import ARTIFACT_DAMAGES, FILE_DAMAGES, PARTS, Breaker, Planted, Result

from traintrack.action.cell import CellState, acquire, commit, publish
from traintrack.action.cell import Result as Stored
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.job import Output
from traintrack.action.record import Record, Who, encode_record
from traintrack.digest import ActionKey, TargetId, canonical_json, target_id
from traintrack.ports.verify import Finding, Scope, Survey
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.notes import worth_noting


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of commits would wait for a disk that others use."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else otherwise))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def fill(root: Path, results: int, chance: random.Random) -> None:
    """Make a store with results of a few or of many files, links and empty folders; of every third the files are large."""
    storage = open_local(root)
    with storage.present("r-0001"):
        rows = tuple(put(storage, f"//a:t{number}", chance, number) for number in range(results))
        storage.ledger.put_run(RunDocument("r-0001", "w", "local", "ada", "here", "", "", "traintrack run", rows))


def put(storage: LocalStorage, label: str, chance: random.Random, number: int, run: str = "r-0001") -> RunTarget:
    """Make one result, as a run does."""
    preimage = {"label": label, "number": number}
    id_ = target_id(canonical_json(preimage))
    stage = storage.staging.new_stage(f"s{number}")
    count = (2, 4, 12)[number % 3]
    for n in range(count):
        path = stage / ("deep" if n % 2 else ".") / f"f{n}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice((1, 30, 300, 5000))))
        path.chmod(0o755 if chance.random() < 0.2 else 0o644)
    (stage / "empty").mkdir()
    (stage / "link").symlink_to("f0.bin")
    [seen] = storage.cells.read([id_]).values()
    with storage.present(f"{run}-{number}") as owner:
        seen = storage.cells.swap(seen, acquire(seen.cell, owner))
        seen = storage.cells.swap(seen, publish(seen.cell, owner))
        made = storage.artifacts.publish(Output(os.fspath(stage), storage.staging.scan(stage)))
        record = Record(
            id=id_,
            preimage=preimage,
            label=label,
            place="a/TTCONFIG.yaml:1:1",
            workspace="w",
            who=Who(run=run),
            artifact=made.artifact,
        )
        digest = storage.kept.put(encode_record(record))
        storage.cells.swap(seen, commit(seen.cell, Stored(made.artifact, made.manifest, digest, made.layout)))
    storage.ledger.put_hint(ActionKey(id_), id_)
    return RunTarget(label, id_, "executed", record=digest)


def parts_of(storage: LocalStorage) -> list[Result]:
    """Where the parts of each result lie, by label."""
    found = []
    for path in sorted(storage.root.glob("ns/default/cell/*/*")):
        id_ = TargetId(path.name)
        cell = storage.cells.read([id_])[id_].cell
        if cell is None or cell.state is not CellState.DONE or cell.result is None:
            continue
        result = cell.result
        data = storage.kept.get(result.record)
        assert data is not None
        notes = f"layout/{result.artifact[:2]}/{result.artifact}"
        noted = worth_noting(storage.artifacts.manifest(result))
        found.append(
            Result(
                id=id_,
                label="",
                cell=os.path.relpath(path, storage.root),
                record=f"kept/{result.record[:2]}/{result.record}",
                manifest=f"kept/{result.manifest[:2]}/{result.manifest}",
                artifact=f"artifact/{result.artifact[:2]}/{result.artifact}",
                notes=notes if noted else None,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Round:
    """What was planted in a copy of a store, and what was found there."""

    planted: tuple[Planted, ...]
    findings: tuple[Finding, ...]

    @property
    def missed(self) -> list[Planted]:
        """Damage that has a path without a finding."""
        told = {finding.path for finding in self.findings}
        return [one for one in self.planted if not told.issuperset(one.paths)]

    @property
    def invented(self) -> list[Finding]:
        """Findings of paths where nothing was broken; what lies in a folder that was added or lost is its damage."""
        broken = [path for one in self.planted for path in one.paths]
        return [f for f in self.findings if not any(f.path == p or f.path.startswith(f"{p}/") for p in broken)]


def break_and_look(store: Path, copy: Path, chance: random.Random) -> Round:
    """Copy a store, break each of its results in one way, and look at every byte."""
    shutil.copytree(store, copy, symlinks=True)
    storage = open_local(copy)
    results = parts_of(storage)
    chance.shuffle(results)
    breaker = Breaker(copy, chance)
    planted = []
    while len(results) >= 2:
        result, other = results.pop(), results[-1]
        part = chance.choice(PARTS)
        how = chance.choice(ARTIFACT_DAMAGES if part == "artifact" else FILE_DAMAGES)
        if how == "swap" and part != "artifact":
            results.pop()
        one = breaker.break_one(result, other, part, how)
        planted += [one] if one is not None else []
    survey = look(storage)
    shutil.rmtree(copy)
    return Round(tuple(planted), survey.findings)


def look(storage: LocalStorage, scope: Scope | None = None) -> Survey:
    """Look over a store, where no name promises anything."""
    return storage.survey(scope or Scope(), lambda name, data: None, lambda looked: None)
