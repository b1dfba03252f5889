"""Damage that is planted in a bucket: each is found, what is lost is freed and made again, and nothing is invented."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from broken_bucket import (
    SIZED,
    WAYS,
    Made,
    break_many,
    fill,
    judged,
    look,
    mended,
    name_other_layout,
    opened,
    plant,
    put,
    standing,
)
from bucket import Noting

from traintrack.action.cell import CellState, FreeReason, Owner, evict, new_nonce
from traintrack.action.job import Placing
from traintrack.digest import TargetId
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.collect import Terms
from traintrack.ports.verify import Depth, FindingKind, Scope
from traintrack.storages.local.checksum import with_sum
from traintrack.storages.objects.store import ObjectStorage
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.schedule import Fate

SEED = 20261121
RESULTS = 24
ALL_WAYS = [(what, how) for what, hows in WAYS.items() for how in hows]
ALL = Terms(note="gc by somebody", most_share=1.0, grace_s=0.0)


class Broken:
    """One store, whose damage is taken back before the next is planted."""

    def __init__(self, home: Path) -> None:
        self.bucket, self.home = MemoryObjects(), home
        self.made = fill(opened(self.bucket, home / "maker"), RESULTS)
        self._clean = dict(self.bucket.objects)
        self._openings = 0

    def anew(self) -> ObjectStorage:
        self.bucket.objects = dict(self._clean)
        return self.elsewhere()

    def elsewhere(self) -> ObjectStorage:
        """The store as another user sees it, who has nothing of it."""
        self._openings += 1
        return opened(self.bucket, self.home / str(self._openings))

    def made_again(self) -> None:
        """Do what a run does: make what has no result, on the machine that made it first."""
        store = opened(self.bucket, self.home / "maker")
        there = {one.id for one in standing(store, self.made)}
        for one in self.made:
            if one.id not in there:
                put(store, one.number, salt=f"-{self._openings}")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    return Broken(tmp_path_factory.mktemp("bucket"))


def rounds(damages: int, seed: int) -> Iterator[tuple[random.Random, list[tuple[str, str]]]]:
    """Every way as often as the others, a dozen at a time."""
    chance, left = random.Random(seed), damages
    while left > 0:
        ways = chance.sample(ALL_WAYS, len(ALL_WAYS))[:left]
        left -= len(ways)
        for start in range(0, len(ways), RESULTS // 2):
            yield chance, ways[start : start + RESULTS // 2]


def find_and_heal(broken: Broken, damages: int, seed: int) -> list[object]:
    """Plant damages, look, repair, make again and look again; return all that was not as it should be."""
    wrong: list[object] = []
    for chance, ways in rounds(damages, seed):
        store = broken.anew()
        planted = break_many(broken.bucket, broken.made, chance, ways)
        missed, invented = judged(look(store), planted)
        by_quick, invented_by_quick = judged(look(store, Depth.QUICK), planted)
        wrong += [*missed, *invented, *invented_by_quick]
        wrong += [("quick", one) for one in by_quick if (one.what, one.how) in SIZED]
        left, _ = mended(store, look(store))
        broken.made_again()
        fresh = broken.elsewhere()
        wrong += [*left.findings, *look(fresh).findings]
        cells = fresh.cells.read([one.id for one in broken.made])
        wrong += [words for seen in cells.values() if (words := fresh.artifacts.fetch(seen.cell.result)) is not None]
    return wrong


def test_sixty_damages_are_found_and_healed_and_nothing_else_is_told(broken: Broken) -> None:
    assert len(ALL_WAYS) >= 55
    assert find_and_heal(broken, max(60, len(ALL_WAYS)), SEED) == []


@pytest.mark.torture
def test_a_thousand_damages_are_found_and_healed_and_nothing_else_is_told(broken: Broken) -> None:
    seed = random.SystemRandom().randrange(1 << 32)

    assert find_and_heal(broken, 1000, seed) == [], f"seed {seed}"


def test_a_store_in_which_nothing_is_wrong_is_told_to_be_right(broken: Broken) -> None:
    store = broken.anew()

    for depth in Depth:
        assert look(store, depth).findings == ()
    looked = look(store).looked
    assert looked.results == RESULTS
    assert looked.hashed_bytes >= sum(
        len(data) for key, data in broken.bucket.objects.items() if key in {one.keys["plain"] for one in broken.made}
    )


def test_the_cell_of_a_damaged_result_is_freed_with_its_record_and_others_stay(broken: Broken) -> None:
    store, bad, good = broken.anew(), broken.made[3], broken.made[4]
    cells = {key: data for key, data in broken.bucket.objects.items() if "/cell/" in key and key != bad.keys["cell"]}
    data = {key: data for key, data in broken.bucket.objects.items() if "/data/" in key and key != bad.keys["plain"]}
    word = store.evictions.word()
    plant(broken.bucket, bad, good, "plain", "flip", random.Random(1))
    damaged = broken.bucket.objects[bad.keys["plain"]]

    _, freed = mended(store, look(store))

    cell = store.cells.read([bad.id])[bad.id].cell
    assert freed == {bad.id}
    assert (cell.state, cell.free) == (CellState.FREE, FreeReason.CORRUPT)
    assert f"kept/{cell.previous_record[:2]}/{cell.previous_record}" == bad.keys["record"]
    assert broken.bucket.objects.items() >= {**cells, **data}.items()
    assert [v for k, v in broken.bucket.objects.items() if k.startswith(f"quarantine/{bad.keys['plain']}~")] == [
        damaged
    ]
    assert store.evictions.word() != word


def test_what_cannot_be_read_as_a_cell_is_kept_aside_and_its_id_is_free_with_its_last_record(broken: Broken) -> None:
    store, bad, other = broken.anew(), broken.made[0], broken.made[1]
    garbage = (
        plant(broken.bucket, bad, other, "cell", "garbage", random.Random(2))
        and broken.bucket.objects[bad.keys["cell"]]
    )

    left, freed = mended(store, look(store))

    cell = store.cells.read([bad.id])[bad.id].cell
    assert (left.findings, freed, cell.free) == ((), {bad.id}, FreeReason.CORRUPT)
    assert f"kept/{cell.previous_record[:2]}/{cell.previous_record}" == bad.keys["record"]
    assert garbage in [v for k, v in broken.bucket.objects.items() if k.startswith("quarantine/default/cell/")]


def test_all_results_that_name_a_damaged_object_are_freed(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path)
    one, two = (_publish_shared(store, number) for number in (100, 101))
    shared = _data_of(store, one) & _data_of(store, two)
    assert shared
    bucket.objects[min(shared)] = b"x" * len(bucket.objects[min(shared)])

    found = look(store)
    freed = {id_ for one in store.mend(found.findings) for id_, _ in one.freed}

    assert [finding.path for finding in found.findings] == [min(shared)]
    assert freed == {one.id, two.id}


def _publish_shared(store: ObjectStorage, number: int) -> Made:
    return put(store, number, more=b"shared" * (1 << 18))


def _data_of(store: ObjectStorage, made: Made) -> set[str]:
    result = store.cells.read([made.id])[made.id].cell.result
    stored = msgspec.json.decode(store.bucket.get(result.layout).data)["objects"]
    return {key for key, _ in stored}


def test_a_layout_that_contradicts_another_about_a_shared_object_is_the_one_that_is_freed(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path)
    good, bad = (_publish_shared(store, number) for number in (100, 101))
    shared = min(_data_of(store, good) & _data_of(store, bad))
    name_other_layout(bucket, bad, lambda layout: enlarge(layout, shared))
    before = bucket.objects[shared]

    by_depth = {depth: look(store, depth) for depth in Depth}
    left, freed = mended(store, by_depth[Depth.QUICK])

    for found in by_depth.values():
        assert [(f.path, f.id) for f in found.findings] == [(shared, bad.id)]
        assert found.findings[0].words == f"the object has {len(before)} bytes, not {len(before) + 1}"
    assert (left.findings, freed, bucket.objects[shared]) == ((), {bad.id}, before)


def enlarge(layout: dict[str, Any], key: str) -> None:
    for item in layout["objects"]:
        item[1] += item[0] == key


@pytest.mark.parametrize("how", ["flip", "cut", "missing", "garbage"])
def test_a_damaged_file_under_its_own_name_is_told_by_its_key_and_healed(tmp_path: Path, how: str) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path)
    bad, good = (put(store, number, placing=Placing.PLAIN) for number in (1, 2))
    assert look(store).findings == ()
    planted = [plant(bucket, bad, good, what, how, random.Random(5)) for what in ("pack", "plain")]
    there = {key for key in bucket.objects if key.startswith("default/data/")}

    missed, invented = judged(look(store), planted)
    left, freed = mended(store, look(store))
    gone = there - bucket.objects.keys()
    put(store, 1, placing=Placing.PLAIN, salt="b")

    assert (missed, invented, left.findings, freed) == ([], [], (), {bad.id})
    assert gone == {bad.keys["pack"], bad.keys["plain"]} & there
    assert look(store).findings == ()
    assert len(standing(store, [bad, good])) == 2


@pytest.mark.parametrize(("what", "number"), [("label", 1), ("run", 1), ("use", 1), ("layout", 2)])
def test_what_a_newer_traintrack_wrote_is_told_and_stays(broken: Broken, what: str, number: int) -> None:
    store, one = broken.anew(), broken.made[10]
    if what == "layout":
        key = name_other_layout(broken.bucket, one, lambda layout: layout.update(format="traintrack/layout/3"))
    else:
        key, objects = one.keys[what], broken.bucket.objects
        objects[key] = objects[key].replace(f"traintrack/{what}/{number}".encode(), f"traintrack/{what}/77".encode())
    before = dict(broken.bucket.objects)

    found = look(store, Depth.QUICK)
    left, freed = mended(store, found)

    assert [(f.path, f.kind) for f in found.findings] == [(key, FindingKind.NEWER)]
    assert (left.findings, freed, broken.bucket.objects) == (found.findings, set(), before)


def test_a_cell_that_is_gone_is_told_by_its_record_and_is_free_with_it_afterwards(broken: Broken) -> None:
    store, lost = broken.anew(), broken.made[7]
    broken.bucket.delete(lost.keys["cell"])

    by_hint, by_record = look(store, Depth.QUICK).findings, look(store).findings
    left, freed = mended(store, look(store))

    assert [(f.path, f.id) for f in by_hint] == [(lost.keys["hint"], lost.id)]
    assert [(f.path, f.id, f.label) for f in by_record] == [(lost.keys["cell"], lost.id, lost.label)]
    cell = store.cells.read([lost.id])[lost.id].cell
    assert (left.findings, freed, cell.free) == ((), {lost.id}, FreeReason.CORRUPT)
    assert f"kept/{cell.previous_record[:2]}/{cell.previous_record}" == lost.keys["record"]


def test_what_was_set_aside_is_sent_again_by_who_had_sent_it(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    maker, other = opened(bucket, tmp_path / "maker"), opened(bucket, tmp_path / "other")
    digest = maker.kept.put(b"some report")
    [key] = [key for key in bucket.objects if key.startswith("kept/")]
    for mender in (maker, other):
        bucket.objects[key] = b"some rep"
        mended(mender, look(mender))
        gone = key not in bucket.objects
        maker = maker if mender is maker else opened(bucket, tmp_path / "maker")

        assert gone
        assert (maker.kept.put(b"some report"), bucket.objects[key]) == (digest, b"some report")


def test_beside_a_cell_of_a_newer_traintrack_no_data_goes(broken: Broken) -> None:
    store, newer, bad = broken.anew(), broken.made[8], broken.made[9]
    data = broken.bucket.objects[newer.keys["cell"]].replace(b"traintrack/cell/1", b"traintrack/cell/9")
    broken.bucket.objects[newer.keys["cell"]] = with_sum(data[: data.rindex(b',"sum"')] + b"}", newer.id)
    plant(broken.bucket, bad, bad, "plain", "flip", random.Random(4))

    left, freed = mended(store, look(store))

    assert {(f.path, f.kind) for f in left.findings} == {
        (newer.keys["cell"], FindingKind.NEWER),
        (bad.keys["plain"], FindingKind.ARTIFACT),
    }
    assert freed == {bad.id}


def test_what_is_never_collected_is_told_to_be_damaged_and_stays(broken: Broken) -> None:
    store = broken.anew()
    broken.bucket.objects["roots/w"] = b'{"workspace": '

    found = look(store, Depth.QUICK)
    left, freed = mended(store, found)

    assert [(f.path, f.kind) for f in found.findings] == [("roots/w", FindingKind.DOCUMENT)]
    assert [f.path for f in left.findings] == ["roots/w"]
    assert (freed, broken.bucket.objects["roots/w"]) == (set(), b'{"workspace": ')


def test_a_store_that_was_set_back_is_told_key_by_key_and_counts_from_above_after_the_repair(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path / "a")
    before = bucket.objects["default/gc/cell"]
    for _ in range(3):
        store.collecting.collect([], ALL)
    made = put(store, 1)
    bucket.objects["default/gc/cell"] = before

    found = look(store, Depth.QUICK)
    left, freed = mended(store, found)

    assert {f.path for f in found.findings} == {k for k in bucket.objects if k.startswith("default/data/")}
    assert all("set back" in f.words for f in found.findings)
    assert (left.findings, freed) == ((), set())
    assert store.collecting.loose().count == 0
    assert msgspec.json.decode(bucket.objects["default/gc/cell"])["number"] > 3
    assert standing(store, [made]) == [made]


@pytest.mark.parametrize("data", [None, b"", b"{}", b'{"number": 1'])
def test_a_round_that_is_lost_or_damaged_is_told_and_never_made_up(tmp_path: Path, data: bytes | None) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path)
    put(store, 1)
    bucket.objects.pop("default/gc/cell")
    if data is not None:
        bucket.objects["default/gc/cell"] = data

    left, _ = mended(store, look(store, Depth.QUICK))

    assert [finding.path for finding in left.findings] == ["default/gc/cell"]
    assert bucket.objects.get("default/gc/cell") == data


def test_a_share_of_the_objects_is_hashed_and_another_seed_chooses_others(broken: Broken) -> None:
    store = broken.anew()
    for one in broken.made:
        plant(broken.bucket, one, one, "plain", "flip", random.Random(one.number))

    def sampled(seed: str) -> set[str]:
        found = store.survey(Scope(Depth.DATA, None, 0.4, seed), lambda *_: None, lambda _: None)
        return {finding.path for finding in found.findings}

    one, two = sampled("one"), sampled("two")

    assert 0 < len(one) < RESULTS
    assert one != two
    assert sampled("one") == one


def test_of_chosen_results_only_these_are_looked_at(broken: Broken) -> None:
    store, bad, other = broken.anew(), broken.made[5], broken.made[6]
    for one in (bad, other):
        plant(broken.bucket, one, one, "pack", "flip", random.Random(3))
        plant(broken.bucket, one, one, "plain", "missing", random.Random(3))

    found = store.survey(Scope(Depth.DATA, (bad.id,)), lambda *_: None, lambda _: None)

    assert {(f.path, f.id) for f in found.findings} == {(bad.keys[what], bad.id) for what in ("pack", "plain")}


def test_a_quick_look_asks_for_no_byte_of_data_and_once_for_each_page_of_its_keys(tmp_path: Path) -> None:
    bucket = Noting()
    store = opened(bucket, tmp_path)
    made = fill(store, 6)
    bucket.taken()

    look(store, Depth.QUICK)

    layouts = {one.keys["layout"] for one in made}
    asked = [request for request in bucket.taken() if "default/data/" in request]
    assert sorted(asked) == sorted(["entries default/data/", *(f"get {key}" for key in layouts)])


def test_what_a_look_at_every_byte_reads_is_told_from_listings_alone(tmp_path: Path) -> None:
    bucket = Noting()
    store = opened(bucket, tmp_path)
    fill(store, 6)
    bucket.taken()

    cost = store.cost(Scope())
    listed = bucket.taken()
    look(store)
    read = [request for request in bucket.taken() if not request.startswith("head")]

    assert all(request.startswith("entries ") for request in listed)
    assert cost.size_bytes == sum(
        len(data) for key, data in bucket.objects.items() if key.startswith(("default/data/", "kept"))
    )
    assert 0.7 * len(read) < cost.requests < 1.5 * len(read)
    assert store.cost(Scope(Depth.DATA, (TargetId("0" * 64),))) is None


class Meddled(MemoryObjects):
    """Before the first request that begins as `meddle` says, somebody else does something."""

    def __init__(self) -> None:
        super().__init__(self)
        self.meddle: tuple[str, Callable[[], object]] | None = None

    def turn(self, doing: str, *, unclear: bool = True) -> Fate:
        if self.meddle is not None and doing.startswith(self.meddle[0]):
            (_, work), self.meddle = self.meddle, None
            work()
        return Fate.ANSWERED

    def deliver_later(self, request: object) -> None:
        raise AssertionError("nothing comes late here")


def collected(store: ObjectStorage) -> None:
    """Take every result away, with its bytes."""
    done = [seen for seen in store.collecting.survey() if seen.cell is not None and seen.cell.result is not None]
    for chosen in (done, [], []):
        store.collecting.collect(chosen, ALL)


@pytest.mark.parametrize(
    "when", ["get {record}", "get {manifest}", "get {layout}", "entries default/data/", "get {plain}"]
)
@pytest.mark.parametrize("depth", list(Depth))
def test_a_result_that_is_collected_under_the_look_is_not_told(tmp_path: Path, when: str, depth: Depth) -> None:
    bucket = Meddled()
    store, other = opened(bucket, tmp_path / "a"), opened(bucket, tmp_path / "b")
    made = put(store, 1)
    bucket.meddle = (when.format(**made.keys), lambda: collected(other))

    assert look(store, depth).findings == ()
    assert (bucket.meddle is None) == (depth is Depth.DATA or when != "get {plain}")


def test_a_size_that_changes_with_its_cell_is_not_told(tmp_path: Path) -> None:
    bucket = Meddled()
    store = opened(bucket, tmp_path)
    made = put(store, 1)
    bucket.objects.pop(made.keys["plain"])
    [seen] = store.cells.read([made.id]).values()
    bucket.meddle = (f"head {made.keys['plain']}", lambda: store.cells.swap(seen, evict(seen.cell, FreeReason.EVICTED)))

    assert look(store, Depth.QUICK).findings == ()


def test_a_round_that_is_raised_under_the_look_is_no_round_that_has_not_been(tmp_path: Path) -> None:
    bucket = Meddled()
    store, other = opened(bucket, tmp_path / "a"), opened(bucket, tmp_path / "b")
    put(store, 1)

    def go_on() -> None:
        other.collecting.collect([], ALL)
        put(other, 2)

    bucket.meddle = ("entries default/cell/", go_on)

    assert look(store, Depth.QUICK).findings == ()
    assert any(key.endswith(".1") for key in bucket.objects)


def test_a_hint_of_a_cell_that_is_written_under_the_look_leads_somewhere(tmp_path: Path) -> None:
    bucket = Meddled()
    store, other = opened(bucket, tmp_path / "a"), opened(bucket, tmp_path / "b")
    put(store, 1)
    bucket.meddle = ("entries default/hint/", lambda: put(other, 2))

    assert look(store, Depth.QUICK).findings == ()
    assert bucket.meddle is None


def test_a_damaged_object_goes_only_when_nobody_can_name_it_any_more(tmp_path: Path) -> None:
    bucket = MemoryObjects()
    store = opened(bucket, tmp_path)
    made = put(store, 1)
    plant(bucket, made, made, "plain", "flip", random.Random(1))
    findings = look(store).findings
    mending = threading.Thread(target=store.mend, args=(findings,))
    with store.present("r-slow") as owner:
        [seen] = store.cells.read([TargetId("5" * 64)]).values()
        lease = leases.acquire(store.cells, seen, Owner(new_nonce(), owner.run), ())
        lease = leases.start_publishing(store.cells, lease)
        mending.start()
        mending.join(0.5)
        is_there = made.keys["plain"] in bucket.objects
        leases.release(store.cells, lease)
        mending.join(20)

    assert is_there, "somebody publishes under the round of this key"
    assert made.keys["plain"] not in bucket.objects
    assert msgspec.json.decode(bucket.objects["default/gc/cell"])["number"] == 1


def test_at_least_sixteen_objects_are_read_at_once(tmp_path: Path) -> None:
    bucket = Crowded()
    store = opened(bucket, tmp_path)
    for number in range(20):
        put(store, number)
    bucket.awaits = 16

    assert look(store).findings == ()
    assert bucket.most >= 16


class Crowded(MemoryObjects):
    """Reads of data wait until enough of them are there, but not for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.awaits = self._now = 0
        self._changed = threading.Condition()

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.awaits, 5.0)
        yield from super().read(key, start, length)
        with self._changed:
            self._now -= 1


def test_under_writers_and_a_collector_nothing_is_told_to_be_wrong(tmp_path: Path) -> None:
    assert live(tmp_path, 4.0) == []


@pytest.mark.torture
def test_for_a_minute_under_writers_and_a_collector_nothing_is_told_to_be_wrong(tmp_path: Path) -> None:
    assert live(tmp_path, 60.0) == []


def live(home: Path, seconds: float) -> list[object]:
    """Four writers, each a machine of its own, a collector that takes all, and looks of both depths one after another."""
    bucket, until, wrong = MemoryObjects(), time.monotonic() + seconds, []
    fill(opened(bucket, home / "first"), 8)
    counts = {"written": 0, "collected": 0, "looks": 0}

    def write(name: str) -> None:
        store, chance = opened(bucket, home / name), random.Random(name)
        while time.monotonic() < until:
            try:
                put(
                    store,
                    chance.randrange(12),
                    f"-{name}-{counts['written']}",
                    chance.choice((b"a", chance.randbytes(99))),
                )
                counts["written"] += 1
            except SupersededError:
                time.sleep(0.001)

    def collect() -> None:
        store, chance = opened(bucket, home / "gc"), random.Random("gc")
        while time.monotonic() < until:
            done = [s for s in store.collecting.survey() if s.cell is not None and s.cell.result is not None]
            store.collecting.collect([s for s in done if chance.random() < 0.5], ALL)
            counts["collected"] += 1

    def guarded(work: object, *words: str) -> None:
        try:
            work(*words)
        except Exception as error:  # noqa: BLE001  told by the test's own thread
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(write, f"w{n}")) for n in range(4)]
    threads.append(threading.Thread(target=guarded, args=(collect,)))
    for thread in threads:
        thread.start()
    store = opened(bucket, home / "look")
    while any(thread.is_alive() for thread in threads):
        wrong += look(store, (Depth.QUICK, Depth.DATA)[counts["looks"] % 2]).findings
        counts["looks"] += 1
    for thread in threads:
        thread.join()
    wrong += look(store).findings
    assert min(counts.values()) >= 3, counts
    return wrong
