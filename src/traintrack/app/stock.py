"""What a storage holds, told by itself: its results, with what their records and uses say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from traintrack.action.cell import Cell
from traintrack.action.keep import Keep
from traintrack.app.last_use import Use, read_uses
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import InputError, IntegrityError
from traintrack.label import LabelError, Pattern, parse_label
from traintrack.ports.collect import Collectable
from traintrack.ports.storage import Seen, Storage

READERS = 64
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Item(Struct, frozen=True):
    """A result. `last_use` is its newest use, at the earliest when it was made.

    `remake_s` and `gpu_s` are the recorded time of the execution, and that time for each GPU that it had asked for.
    `inputs` are IDs with the artifacts that were read. `is_known` tells that its record could be read; without it all
    else is empty. `home` names the storage that has the bytes, where that is another.
    """

    seen: Seen
    artifact: ArtifactDigest
    label: str = ""
    workspace: str = ""
    task: str = ""
    user: str = ""
    size_bytes: int = 0
    last_use: datetime = NEVER
    keep: Keep | None = None
    remake_s: float = 0.0
    gpu_s: float = 0.0
    inputs: tuple[tuple[TargetId, ArtifactDigest], ...] = ()
    home: str = ""
    is_known: bool = True

    @property
    def id(self) -> TargetId:
        """Whose result it is."""
        return self.seen.id

    @property
    def experiment(self) -> str:
        """The package of its label."""
        return self.label.rpartition(":")[0]


class Stock(Struct, frozen=True):
    """All results, sorted by workspace, label and ID, and all cells of the namespace."""

    items: tuple[Item, ...]
    cells: Mapping[TargetId, Cell]


def take_stock(storage: Storage) -> Stock:
    """Read all cells, the records of those that are DONE, and the documents that tell of uses.

    Raises:
        InputError: this storage cannot be collected.
        IntegrityError: a cell is damaged.
        HostError: the storage cannot be read.
    """
    survey = collectable(storage).collecting.survey()
    done = [seen for seen in survey if seen.cell is not None and seen.cell.result is not None]
    records = _records(storage, done)
    made = {seen.id: record.timings.ended for seen in done if (record := records[seen.id]) is not None}
    uses = read_uses(storage, made)
    items = sorted((_item(s, records[s.id], uses.get(s.id)) for s in done), key=lambda i: (i.workspace, i.label, i.id))
    return Stock(tuple(items), {seen.id: seen.cell for seen in survey if seen.cell is not None})


def collectable(storage: Storage) -> Collectable:
    """Return the storage as one that can be collected.

    Raises:
        InputError: it cannot.
    """
    if isinstance(storage, Collectable):
        return storage
    raise InputError(f"{storage.name} cannot be collected", code="unsupported", hint="take another environment")


def matching(items: Iterable[Item], patterns: Iterable[Pattern], workspace: str) -> list[Item]:
    """Return the items whose labels the patterns select; without patterns all, of every workspace."""
    wanted = tuple(patterns)
    if not wanted:
        return list(items)
    return [item for item in items if item.workspace == workspace and _is_selected(item.label, wanted)]


def _is_selected(text: str, patterns: Iterable[Pattern]) -> bool:
    try:
        label = parse_label(text)
    except LabelError:
        return False
    selected = False
    for pattern in patterns:
        if pattern.matches(label):
            selected = not pattern.exclude
    return selected


class _Timings(Struct, frozen=True):
    ended: str = ""
    staging_s: float = 0.0
    task_s: float = 0.0
    publishing_s: float = 0.0


class _Who(Struct, frozen=True):
    user: str = ""


class _Read(Struct, frozen=True):
    id: TargetId
    artifact: ArtifactDigest


class _Recipe(Struct, frozen=True):
    task: str = ""


class _Record(Struct, frozen=True):
    """The fields of a record that are asked for here; ten thousand are read."""

    id: TargetId
    label: str
    workspace: str
    who: _Who
    preimage: _Recipe
    size_bytes: int = 0
    inputs: tuple[_Read, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    timings: _Timings = field(default_factory=_Timings)
    keep: Keep | None = None


_decoder = msgspec.json.Decoder(_Record)


def _records(storage: Storage, done: list[Seen]) -> dict[TargetId, _Record | None]:
    wanted = [seen.cell.result.record for seen in done if seen.cell is not None and seen.cell.result is not None]
    if storage.cells.heartbeat_s is None:
        found = [_record(storage, digest) for digest in wanted]
    else:
        with ThreadPoolExecutor(READERS, thread_name_prefix="traintrack-records") as pool:
            found = list(pool.map(lambda digest: _record(storage, digest), wanted))
    return {seen.id: record for seen, record in zip(done, found, strict=True)}


def _record(storage: Storage, digest: ContentDigest) -> _Record | None:
    try:
        data = storage.kept.get(digest)
        return None if data is None else _decoder.decode(data)
    except (IntegrityError, msgspec.MsgspecError):
        return None


def _item(seen: Seen, record: _Record | None, use: Use | None) -> Item:
    assert seen.cell is not None
    assert seen.cell.result is not None
    result = seen.cell.result
    if record is None:
        return Item(seen, result.artifact, home=result.home, is_known=False)
    timings = record.timings
    return Item(
        seen,
        result.artifact,
        label=record.label,
        workspace=record.workspace,
        task=record.preimage.task,
        user=record.who.user,
        size_bytes=record.size_bytes,
        last_use=max(_time(timings.ended), _time(use.time) if use else NEVER),
        keep=use.keep if use else record.keep,
        remake_s=timings.staging_s + timings.task_s + timings.publishing_s,
        gpu_s=timings.task_s * float(record.asked.get("gpu") or 0),
        inputs=tuple((read.id, read.artifact) for read in record.inputs),
        home=result.home,
    )


def _time(iso: str) -> datetime:
    """Read a time; one that is none is as good as never."""
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        return NEVER
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
