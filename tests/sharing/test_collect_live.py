"""A collector without any grace beside eight writers: no result ever lacks a byte, and garbage goes."""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

import pytest
from crowd import ALL, BUCKET, Group, opened_group
from msgspec import Struct, field

from traintrack.action.cell import CellState, Owner, new_nonce
from traintrack.execute.lease import SupersededError
from traintrack.ports.storage import Seen
from traintrack.storages.objects.store import ObjectStorage
from traintrack.testing.s3_server import CONFLICT, Delay, DeliverLate, LoseAnswer, Rule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "storages"))

from collect_race import id_of, publish

pytestmark = pytest.mark.usefixtures("credentials")

WRITERS = 8
TARGETS = 12
TEXTS = 5
"""So few that writers find what others have stored, and what is just being collected."""


class Tally(Struct):
    """What eight writers and a collector have done. `dangling` are results without their bytes."""

    published: int = 0
    dangling: list[str] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    evicted: int = 0
    removed: int = 0
    rounds: int = 0


def trouble(seed: int) -> tuple[Rule, ...]:
    """Deletes come seconds late, as a delete may that was sent before a break; other answers are slow or lost."""
    return (
        Rule(DeliverLate(1.0), operations=("DeleteObject",), key="*/data/*", probability=0.2, seed=seed),
        Rule(DeliverLate(0.3), operations=("PutObject",), key="*/data/*", probability=0.03, seed=seed + 1),
        Rule(LoseAnswer(), operations=("PutObject",), probability=0.02, seed=seed + 2),
        Rule(CONFLICT, operations=("PutObject",), key="*/cell/*", probability=0.02, seed=seed + 3),
        Rule(Delay(0.0, 0.02), operations=("GetObject", "HeadObject"), probability=0.3, seed=seed + 4),
    )


def write(store: ObjectStorage, chance: random.Random, until: float, tally: Tally) -> None:
    """Publish what is free, and look at what one has made, and at what others have."""
    with store.present(f"r-{new_nonce()[:8]}") as owner:
        while time.monotonic() < until:
            mine = Owner(new_nonce(), owner.run, pid=owner.pid, host=owner.host)
            text = f"bytes {chance.randrange(TEXTS)}" if chance.random() < 0.7 else new_nonce()
            id_ = id_of(str(chance.randrange(TARGETS)))
            try:
                demand_whole(store, publish(store, id_, mine, text, chance.random() * 0.01), tally)
                tally.published += 1
            except SupersededError as lost:
                demand_whole(store, lost.seen, tally)


def demand_whole(store: ObjectStorage, seen: Seen, tally: Tally) -> None:
    """Look at a result's bytes; what is missing counts only while the cell still names it."""
    if seen.cell is None or seen.cell.result is None:
        return
    words = store.artifacts.check(seen.cell.result)
    if words is not None and store.cells.read([seen.id])[seen.id].version == seen.version:
        tally.dangling.append(words)


def play(group: Group, seconds: float) -> Tally:
    """Let all work, and collect everything that nobody names, over and over."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201
    tally, until = Tally(), time.monotonic() + seconds
    collector = group.storage("collector")
    stores = [group.storage(f"writer {number}") for number in range(WRITERS)]
    group.s3.faults.add(*trouble(seed))

    def work(number: int) -> None:
        try:
            write(stores[number], random.Random(seed + number), until, tally)
        except Exception as error:  # noqa: BLE001  told by the test's own thread
            tally.broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    chance = random.Random(seed)
    while any(thread.is_alive() for thread in threads):
        chosen = [seen for seen in done(collector) if chance.random() < 0.7]
        collected = collector.collecting.collect(chosen, ALL)
        tally.rounds += 1
        tally.evicted += len(collected.evicted)
        tally.removed += collected.removed
    group.s3.faults.clear()
    until_delivered(group)
    return tally


def done(store: ObjectStorage) -> list[Seen]:
    return [seen for seen in store.collecting.survey() if seen.cell is not None and seen.cell.state is CellState.DONE]


def until_delivered(group: Group) -> None:
    while group.s3.late.waiting():
        time.sleep(0.05)


def demand_collected(group: Group, tally: Tally) -> None:
    """See that nothing was lost, and that two collections leave what is named and no more."""
    standing = {id_: group.files(id_) for id_, cell in group.cells().items() if cell.result is not None}
    for number in range(50):
        group.s3.buckets.write(BUCKET, f"team/default/data/aa/{number:064x}.0", b"of one that died")
    garbage = len(group.unnamed())
    freed = sum(group.collect().removed for _ in range(2))
    left = len(group.unnamed())
    done = f"{tally.published} published, {tally.evicted} evicted, {tally.removed} removed in {tally.rounds} rounds"
    print(done)  # noqa: T201

    assert (tally.broken, tally.dangling) == ([], [])
    assert min(tally.rounds, tally.evicted / 5, tally.removed / 5, tally.published / 10) > 1, tally
    assert garbage >= 50
    assert freed >= 0.99 * garbage
    assert left <= 0.01 * garbage
    assert standing == {id_: group.files(id_, "late") for id_ in standing}


def test_a_collector_without_grace_beside_eight_writers_loses_no_byte_and_leaves_no_garbage(tmp_path: Path) -> None:
    with opened_group(tmp_path, []) as group:
        demand_collected(group, play(group, seconds=6.0))


@pytest.mark.torture
def test_a_collector_without_grace_beside_eight_writers_for_half_an_hour(tmp_path: Path) -> None:
    with opened_group(tmp_path, []) as group:
        demand_collected(group, play(group, seconds=1800.0))
