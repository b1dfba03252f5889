"""A store in a bucket with many results, and damages that are planted in copies of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from test_object_storage import no_probe

from traintrack.action.cell import CellState, Owner, Result, new_nonce
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.job import Output, Placing
from traintrack.action.record import Record, Who, encode_record
from traintrack.app.last_use import UseDocument
from traintrack.app.roots import Pin, Roots
from traintrack.digest import ActionKey, TargetId, canonical_json, content_digest, sha256_hex, target_id
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.verify import Depth, Scope, Survey
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.local.cell_file import cell_bytes, read_cell
from traintrack.storages.local.label_index import label_digest
from traintrack.storages.objects.keys import kept_key, label_key, newest_run_key, run_key
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.testing.memory_objects import MemoryObjects

ENDED = "2026-01-02T03:04:05Z"
FLIP, CUT, EMPTY, MISSING, SWAP, GARBAGE = HOWS = ("flip", "cut", "empty", "missing", "swap", "garbage")
WAYS = {
    **dict.fromkeys(("cell", "record", "manifest", "layout", "plain", "pack"), HOWS),
    "named": (FLIP, CUT, EMPTY, SWAP, GARBAGE),
    "run": (CUT, EMPTY, MISSING, SWAP, GARBAGE),
    "label": (CUT, EMPTY, SWAP, GARBAGE),
    "hint": (FLIP, CUT, EMPTY, GARBAGE),
    "use": (CUT, EMPTY, GARBAGE),
    "rows": ("swap",),
    "foreign": ("cell", "data", "kept", "hint"),
}
SIZED = {("cell", MISSING), ("run", MISSING)} | {
    (what, how) for what in ("record", "manifest", "layout", "plain", "pack") for how in (CUT, EMPTY, MISSING)
}
"""What changes sizes or presence of what is named, so that a quick look finds it."""


@dataclass(frozen=True)
class Made:
    """One result, with the keys of all that belongs to it."""

    id: TargetId
    label: str
    number: int
    keys: dict[str, str]
    also: str


@dataclass(frozen=True)
class Planted:
    """A damage; one of `paths` must be told for each of `keys`."""

    what: str
    how: str
    wanted: tuple[frozenset[str], ...]


def opened(bucket: MemoryObjects, home: Path) -> ObjectStorage:
    return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes"), no_probe)


def preimage_of(number: int) -> dict[str, object]:
    return {"label": f"//a:t{number}", "number": number}


def put(
    store: ObjectStorage, number: int, salt: str = "", more: bytes = b"more", placing: Placing = Placing.PACKED
) -> Made:
    """Make one result as a run does: bytes, record, cell, hint, and the run's document.

    Raises:
        SupersededError: another holds the cell, or was quicker.
    """
    preimage = preimage_of(number)
    id_, label, run = target_id(canonical_json(preimage)), f"//a:t{number}", f"r-{number:04}{salt}"
    key = ActionKey(sha256_hex(label.encode()))
    [seen] = store.cells.read([id_]).values()
    if seen.cell is not None and seen.cell.state is not CellState.FREE:
        raise SupersededError(seen)
    with store.present(run) as present:
        lease = leases.acquire(store.cells, seen, Owner(new_nonce(), run, pid=present.pid, host=present.host), ())
        lease = leases.start_publishing(store.cells, lease)
        found = store.artifacts.publish(_output(store, number, more, placing))
        record = Record(id_, preimage, label, "", "w", Who("ada", "here", run), action_key=key, artifact=found.artifact)
        digest = store.kept.put(encode_record(record))
        store.kept.put_named(f"lock/{sha256_hex(label.encode())}", label.encode())
        done = leases.commit(store.cells, lease, Result(found.artifact, found.manifest, digest, found.layout))
        store.ledger.put_hint(key, id_)
    row = RunTarget(label, id_, "executed", record=digest)
    store.ledger.put_run(RunDocument(run, "w", "local", "ada", "here", "", ENDED, "traintrack run", (row,)))
    return _made(store, id_, number, run, done.cell.result)


def _output(store: ObjectStorage, number: int, more: bytes, placing: Placing) -> Output:
    chance = random.Random(number)
    stage = store.staging.new_stage(new_nonce())
    for n in range((3, 5, 12)[number % 3]):
        path = stage / ("deep" if n % 2 else ".") / f"f{n}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice((1, 30, 300, 5000))) + number.to_bytes(4, "big"))
    (stage / "large.bin").write_bytes(chance.randbytes(64) * (1 << 14))
    (stage / "more.bin").write_bytes(more)
    (stage / "link").symlink_to("f0.bin")
    return Output(str(stage), store.staging.scan(stage), placing=placing)


def _made(store: ObjectStorage, id_: TargetId, number: int, run: str, result: Result) -> Made:
    label, keys = f"//a:t{number}", store.keys
    stored = msgspec.json.decode(store.bucket.get(result.layout).data)["objects"]
    plain = next(key for key, size in stored if size >= 1 << 20)
    return Made(
        id_,
        label,
        number,
        {
            "cell": keys.cell(id_),
            "record": kept_key(result.record),
            "manifest": kept_key(result.manifest),
            "layout": result.layout,
            "plain": plain,
            "pack": next(key for key, _ in stored if key != plain),
            "named": f"kept-named/lock/{sha256_hex(label.encode())}",
            "run": run_key(run),
            "label": label_key(label_digest("w", label)),
            "hint": keys.hint(ActionKey(sha256_hex(label.encode()))),
        },
        newest_run_key(run, ENDED),
    )


def fill(store: ObjectStorage, results: int) -> list[Made]:
    """Make results and the documents that speak of them."""
    made = [put(store, number) for number in range(results)]
    for one in made:
        use = UseDocument("w", ENDED, {one.id: None})
        name = f"use/{sha256_hex(one.label.encode())}"
        store.documents.write(name, msgspec.json.encode(use))
        one.keys["use"] = name
    roots = Roots("w", (Pin(made[0].id, made[0].label, "ada", ENDED),), {"a": (made[1].id,)})
    store.documents.write("roots/w", msgspec.json.encode(roots))
    return made


def look(store: ObjectStorage, depth: Depth = Depth.DATA) -> Survey:
    return store.survey(Scope(depth), lock_words, lambda _: None)


def lock_words(name: str, data: bytes) -> str | None:
    return None if name == f"lock/{sha256_hex(data)}" else "the lock file is not that of its name"


def plant(bucket: MemoryObjects, one: Made, other: Made, what: str, how: str, chance: random.Random) -> Planted:
    """Damage one result, or swap something with another."""
    if what == "foreign":
        return Planted(what, how, _foreign(bucket, how, chance))
    if what == "rows":
        return Planted(what, how, (frozenset((_with_wrong_rows(bucket, one),)),))
    key, objects = one.keys[what], bucket.objects
    if how == SWAP:
        objects[key], objects[other.keys[what]] = objects[other.keys[what]], objects[key]
        return Planted(what, how, (frozenset((key,)), frozenset((other.keys[what],))))
    if how == MISSING:
        bucket.delete(key)
        also = {"cell": one.keys["hint"], "run": one.also}.get(what, key)
        return Planted(what, how, (frozenset((key, also)),))
    bucket.objects[key] = damaged(objects[key], how, chance)
    return Planted(what, how, (frozenset((key,)),))


def damaged(data: bytes, how: str, chance: random.Random) -> bytes:
    if how == FLIP:
        at = chance.randrange(len(data))
        return data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :]
    if how == CUT:
        return data[: chance.randrange(1, len(data))]
    return b"" if how == EMPTY else chance.choice((b'{"format": 3', b"[]", b"\xff\x00\x01", b'{"a": {"b": [null]}}'))


def _foreign(bucket: MemoryObjects, how: str, chance: random.Random) -> tuple[frozenset[str], ...]:
    name = f"{chance.randrange(1 << 60):x}"
    prefix = {"cell": "default/cell", "data": "default/data", "kept": "kept", "hint": "default/hint"}[how]
    key = chance.choice((f"{prefix}/{name}", f"{prefix}/ab/{name}.part", f"{prefix}/zz/{'0' * 64}"))
    bucket.objects[key] = chance.randbytes(40)
    return (frozenset((key,)),)


def _with_wrong_rows(bucket: MemoryObjects, one: Made) -> str:
    """Let the cell name a layout that is whole, and places a file of a pack where another begins."""

    def change(layout: dict[str, Any]) -> None:
        rows = layout["rows"]
        later = next(n for n in range(0, len(rows), 2) if rows[n + 1])
        rows[later + 1] -= 1

    return name_other_layout(bucket, one, change)


def name_other_layout(bucket: MemoryObjects, one: Made, change: Callable[[dict[str, Any]], None]) -> str:
    """Store a changed layout under the name of its bytes, let the cell name it, and return its key."""
    layout = msgspec.json.decode(bucket.objects[one.keys["layout"]])
    change(layout)
    data = msgspec.json.encode(layout)
    key = f"default/data/{content_digest(data)[:2]}/{content_digest(data)}.0"
    bucket.objects[key] = data
    cell = read_cell(bucket.objects[one.keys["cell"]], one.id)
    named = replace(cell, nonce=new_nonce(), result=replace(cell.result, layout=key))
    bucket.objects[one.keys["cell"]] = cell_bytes(named, one.id)
    return key


def break_many(
    bucket: MemoryObjects, made: Iterable[Made], chance: random.Random, ways: list[tuple[str, str]]
) -> list[Planted]:
    """Plant one damage of each way, each in results of its own."""
    rest = chance.sample(list(made), 2 * len(ways))
    return [plant(bucket, rest[2 * n], rest[2 * n + 1], *way, chance) for n, way in enumerate(ways)]


def judged(found: Survey, planted: list[Planted]) -> tuple[list[Planted], list[str]]:
    """Return what was missed, and what was told without reason."""
    paths = {finding.path for finding in found.findings}
    missed = [one for one in planted if any(paths.isdisjoint(some) for some in one.wanted)]
    allowed = {path for one in planted for some in one.wanted for path in some}
    return missed, [f"{f.path} {f.words}" for f in found.findings if f.path not in allowed]


def mended(store: ObjectStorage, found: Survey) -> tuple[Survey, set[TargetId]]:
    """Repair as `verify --repair` does; return the last look, and the IDs that were freed."""
    freed: set[TargetId] = set()
    for _ in range(3):
        if found.findings:
            freed |= {id_ for one in store.mend(found.findings) for id_, _ in one.freed}
            found = look(store)
    return found, freed


def standing(store: ObjectStorage, made: Iterable[Made]) -> list[Made]:
    cells = store.cells.read([one.id for one in made])
    return [one for one in made if (c := cells[one.id].cell) is not None and c.state is CellState.DONE]
