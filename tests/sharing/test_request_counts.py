"""What sharing costs in requests: of those who have nothing to do, who know nothing yet, and who wait."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from engineers import BUCKET, Team

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, Owner, Result, encode_cell
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, target_id
from traintrack.plan.cells_for_plan import cells_for_plan
from traintrack.ports.objects import Got
from traintrack.ports.storage import Liveness
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.testing.memory_objects import MemoryObjects

TARGETS = 10_000
IN_FLIGHT = 64
WATCHED_S = 600.0
MOST_PER_S = 0.5


class Counted(MemoryObjects):
    """A bucket that counts what is asked, and how much at once; `lasts_s` is what each read takes."""

    def __init__(self, lasts_s: float = 0.0) -> None:
        super().__init__()
        self.lasts_s = lasts_s
        self.asked: Counter[str] = Counter()
        self._count = threading.Lock()
        self._now = self.most = 0

    def get(self, key: str) -> Got | None:
        with self._count:
            self.asked[key.split("/")[1] if "/" in key else key] += 1
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.lasts_s)
        with self._count:
            self._now -= 1
        return super().get(key)


class ByHand:
    """A clock that only pauses move; what is due meanwhile happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.beats: list[tuple[float, object]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self) -> float:
        return 0.5


def opened(bucket: MemoryObjects, home: Path, pace: ByHand | None = None) -> ObjectStorage:
    return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes"), dict, pace)


def seeded(bucket: MemoryObjects, home: Path) -> list[TargetId]:
    """IDs that all have results in a store that somebody else has made."""
    opened(bucket, home / "maker")
    ids = [target_id(str(number).encode()) for number in range(TARGETS)]
    for number, id_ in enumerate(ids):
        result = Result(ArtifactDigest(f"{number:064x}"), ContentDigest("1" * 64), ContentDigest("2" * 64))
        bucket.put(Keys().cell(id_), encode_cell(Cell(CellState.DONE, 1, f"n{number}", result=result)))
    return ids


def test_nothing_to_do_over_ten_thousand_known_targets_costs_at_most_two_requests(tmp_path: Path) -> None:
    bucket = Counted()
    ids = seeded(bucket, tmp_path)
    first = cells_for_plan(opened(bucket, tmp_path).cells, ids)
    bucket.asked.clear()
    again = cells_for_plan(opened(bucket, tmp_path).cells, ids)

    assert again == first
    assert len(again) == TARGETS
    assert bucket.asked.total() <= 2, bucket.asked


def test_ten_thousand_unknown_targets_are_asked_for_once_each_with_64_in_flight(tmp_path: Path) -> None:
    bucket = Counted(lasts_s=0.005)
    ids = seeded(bucket, tmp_path)
    cells = opened(bucket, tmp_path).cells
    bucket.asked.clear()
    bucket.most = 0
    found = cells_for_plan(cells, ids)

    assert all(found[id_].cell is not None for id_ in ids)
    assert bucket.asked == {"cell": TARGETS}
    assert bucket.most >= IN_FLIGHT


def test_of_known_and_unknown_targets_only_the_unknown_are_asked_for(tmp_path: Path) -> None:
    bucket = Counted()
    ids = seeded(bucket, tmp_path)
    cells_for_plan(opened(bucket, tmp_path).cells, ids[:-10])
    storage = opened(bucket, tmp_path)
    bucket.asked.clear()
    cells_for_plan(storage.cells, ids)

    assert bucket.asked["cell"] == 10
    assert bucket.asked.total() <= 12, bucket.asked


@pytest.mark.parametrize("beats", [True, False], ids=["holder-beats", "holder-silent"])
def test_who_waits_asks_at_most_every_two_seconds(tmp_path: Path, beats: bool) -> None:
    """At the usual heartbeat of ten seconds; a holder that is silent is waited for until it counts as gone."""
    bucket, pace = Counted(), Beating()
    holder, waiter = opened(bucket, tmp_path / "a"), opened(bucket, tmp_path / "b", pace)
    id_ = target_id(b"one")
    pace.seen = holder.cells.swap(holder.cells.read([id_])[id_], change.acquire(None, Owner("t", "r")))
    pace.cells = holder.cells if beats else None
    seen = waiter.cells.read([id_])[id_]
    bucket.asked.clear()
    while pace.now < WATCHED_S:
        waiter.cells.wait([seen], 30.0)
        seen = waiter.cells.read([id_])[id_]
        assert seen.cell is not None
        if waiter.cells.liveness(seen.cell.owner) is Liveness.GONE:
            break

    assert beats == (pace.now >= WATCHED_S)
    assert bucket.asked.total() / pace.now <= MOST_PER_S, (bucket.asked, pace.now)


class Beating(ByHand):
    """The waiter's clock, by which the holder beats too."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = None
        self.cells = None
        self._due = 10.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        while self.cells is not None and self._due <= self.now:
            self.seen = self.cells.swap(self.seen, change.beat(self.seen.cell))
            self._due += 10.0


def test_an_uncontended_hit_costs_at_most_two_requests_and_no_write_for_each_target(team: Team) -> None:
    names = [f"t{number}" for number in range(20)]
    team.add_targets(names)
    ann, bob, log = team.engineer("ann"), team.engineer("bob"), team.s3.log
    labels = [f":{name}" for name in names]
    ann.do("run", *labels)
    log.clear()
    bob.do("run", *labels)
    for_targets = [one for one in log.requests() if "/gc/" not in one.key and one.key != "team/store.json"]
    writes = [one for one in for_targets if one.operation != "GetObject" and not one.key.startswith("team/use/")]

    assert writes == []
    assert len([one for one in for_targets if not one.key.startswith("team/use/")]) <= 2 * len(names)
    assert log.count() <= 2 * len(names) + 5
    assert {key.split("/")[0] for key in team.s3.buckets.keys(BUCKET)} == {"team"}
