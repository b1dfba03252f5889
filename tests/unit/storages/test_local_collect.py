from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from traintrack.action.cell import CellState, FreeReason, Result, acquire, commit, publish
from traintrack.action.job import Output
from traintrack.digest import ContentDigest, TargetId, sha256_hex
from traintrack.errors import GateError, HostError, IntegrityError
from traintrack.ports.collect import Terms
from traintrack.ports.storage import Seen
from traintrack.storages.local import LocalStorage, open_local

ALL = Terms(note="gc on a day by somebody", most_share=1.0)
WRITER = Path(__file__).with_name("collect_writer.py")


@pytest.fixture
def store(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "store")


def id_of(name: str) -> TargetId:
    return TargetId(sha256_hex(name.encode()))


def staged(store: LocalStorage, name: str, text: str) -> Output:
    stage = store.staging.new_stage(name)
    (stage / "out.txt").write_text(text)
    return Output(str(stage), store.staging.scan(stage))


def made(store: LocalStorage, name: str, text: str, inputs: tuple = ()) -> Seen:
    """A result of an ID, named by its cell."""
    seen, result = stored(store, name, text)
    return store.cells.swap(seen, commit(seen.cell, result))


def stored(store: LocalStorage, name: str, text: str) -> tuple[Seen, Result]:
    """As `made`, but for the commit."""
    [seen] = store.cells.read([id_of(name)]).values()
    with store.present(f"r-{name}") as owner:
        seen = store.cells.swap(seen, acquire(seen.cell, owner))
        seen = store.cells.swap(seen, publish(seen.cell, owner))
        found = store.artifacts.publish(staged(store, name, text))
    return seen, Result(found.artifact, found.manifest, ContentDigest("3" * 64))


def artifact_is_there(store: LocalStorage, seen: Seen) -> bool:
    return os.path.isdir(store.root / "artifact" / seen.cell.result.artifact[:2] / seen.cell.result.artifact)


def test_what_was_chosen_goes_and_the_rest_stays(store: LocalStorage) -> None:
    old, new = made(store, "old", "old bytes"), made(store, "new", "new")

    done = store.collecting.collect([old], ALL)

    assert (done.evicted, done.spared, done.removed, done.freed_bytes) == ((old.id,), (), 1, 9)
    assert not artifact_is_there(store, old)
    assert store.artifacts.check(new.cell.result) is None
    cell = store.cells.read([old.id])[old.id].cell
    assert (cell.state, cell.free, cell.note) == (CellState.FREE, FreeReason.EVICTED, ALL.note)
    assert cell.previous_record == old.cell.result.record


def test_an_artifact_that_another_cell_names_stays(store: LocalStorage) -> None:
    one, other = made(store, "one", "same"), made(store, "other", "same")

    done = store.collecting.collect([one], ALL)

    assert (done.evicted, done.removed) == ((one.id,), 0)
    assert store.artifacts.check(other.cell.result) is None


def test_the_cells_of_another_namespace_are_roots_too(tmp_path: Path) -> None:
    store, other = open_local(tmp_path / "store"), open_local(tmp_path / "store", "dev")
    one, same = made(store, "one", "same"), made(other, "other", "same")

    store.collecting.collect([one], ALL)

    assert other.artifacts.check(same.cell.result) is None


def test_what_a_holder_reads_stays_with_its_cell(store: LocalStorage) -> None:
    read = made(store, "read", "bytes")
    [seen] = store.cells.read([id_of("reader")]).values()
    with store.present("r-reader") as owner:
        store.cells.swap(seen, acquire(seen.cell, owner, (read.cell.result.artifact,)))

        done = store.collecting.collect([read], ALL)

    assert (done.evicted, done.spared) == ((), (read.id,))
    assert store.artifacts.check(read.cell.result) is None


def test_a_result_that_changed_since_it_was_chosen_stays(store: LocalStorage) -> None:
    old = made(store, "one", "old")
    store.collecting.collect([old], ALL)
    again = made(store, "one", "old")

    done = store.collecting.collect([old], ALL)

    assert done.spared == (old.id,)
    assert store.artifacts.check(again.cell.result) is None


def test_bytes_that_no_cell_names_are_counted_and_go(store: LocalStorage) -> None:
    store.artifacts.publish(staged(store, "lost", "nobody knows me"))

    loose = store.collecting.loose()
    done = store.collecting.collect([], ALL)

    assert (loose.count, loose.size_bytes) == (1, 15)
    assert (done.removed, done.freed_bytes) == (1, 15)
    assert store.collecting.loose().count == 0


def test_more_than_the_share_is_refused_and_nothing_goes(store: LocalStorage) -> None:
    cells = [made(store, str(n), f"bytes {n}") for n in range(4)]

    with pytest.raises(GateError) as refused:
        store.collecting.collect(cells[:3], Terms(most_share=0.5))

    assert "--max-delete-fraction 0.76" in refused.value.hint
    assert all(store.cells.read([seen.id])[seen.id] == seen and artifact_is_there(store, seen) for seen in cells)


def test_a_damaged_cell_ends_it_before_anything_goes(store: LocalStorage) -> None:
    old, broken = made(store, "old", "old"), made(store, "broken", "kept by a cell that nobody can read")
    path = store.root / "ns" / "default" / "cell" / broken.id[:2] / broken.id
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"epoch":1', b'"epoch":7'))

    with pytest.raises(IntegrityError):
        store.collecting.collect([old], ALL)

    assert artifact_is_there(store, old)
    assert artifact_is_there(store, broken)


def test_who_publishes_is_waited_for(store: LocalStorage) -> None:
    seen, result = stored(store, "slow", "stored and not yet named")
    found: list[object] = []
    collector = threading.Thread(
        target=lambda: found.append(open_local(store.root).collecting.collect([], ALL)), daemon=True
    )
    collector.start()
    time.sleep(0.1)

    waited = not found and collector.is_alive()
    done = store.cells.swap(seen, commit(seen.cell, result))
    collector.join(10)

    assert waited
    assert [one.removed for one in found] == [0]
    assert store.artifacts.check(done.cell.result) is None


def test_a_publisher_that_does_not_end_is_named(store: LocalStorage) -> None:
    made(store, "old", "old")
    [seen] = store.cells.read([id_of("slow")]).values()
    with store.present("r-slow") as owner:
        seen = store.cells.swap(seen, acquire(seen.cell, owner))
        store.cells.swap(seen, publish(seen.cell, owner))

        with pytest.raises(HostError) as refused:
            open_local(store.root).collecting.collect([], Terms(most_share=1.0, fence_after_s=0.0))

    assert refused.value.code == "collector-busy"
    assert f"run r-slow, process {os.getpid()}" in refused.value.message


def test_a_publisher_of_an_older_version_is_told_by_its_cell(store: LocalStorage) -> None:
    """One that holds no lock while it publishes."""
    [seen] = store.cells.read([id_of("slow")]).values()
    with store.present("r-slow") as owner:
        seen = store.cells.swap(seen, acquire(seen.cell, owner))
        store.cells.swap(seen, publish(seen.cell, owner))
        store.cells._publishing.end(seen.id)

        with pytest.raises(HostError, match="r-slow"):
            store.collecting.collect([], Terms(most_share=1.0, fence_after_s=0.0))


def test_a_dead_publisher_stops_nobody(store: LocalStorage, tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_local_collect import *
store = open_local(Path(sys.argv[1]))
[seen] = store.cells.read([id_of("dead")]).values()
presence = store.present("r-dead")
owner = presence.__enter__()
seen = store.cells.swap(seen, acquire(seen.cell, owner))
store.cells.swap(seen, publish(seen.cell, owner))
store.artifacts.publish(staged(store, "dead", "left behind"))
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code, str(store.root)], check=False)

    found = store.collecting.collect([], Terms(most_share=1.0, fence_after_s=0.0))

    assert (done.returncode, found.removed) == (9, 1)


def test_eight_writers_and_a_collector_leave_no_result_without_its_bytes(tmp_path: Path) -> None:
    seconds = float(os.environ.get("TRAINTRACK_RACE_S", "4"))
    store = open_local(tmp_path / "store")
    kinds = ["make"] * 6 + ["cut"] * 2 + ["look"]
    writers = [
        subprocess.Popen(
            [sys.executable, str(WRITER), str(store.root), f"w{n}", "12", str(seconds), kind],
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, kind in enumerate(kinds)
    ]
    rounds, evicted, removed = 0, 0, 0
    while any(writer.poll() is None for writer in writers):
        done = store.collecting.collect([s for s in store.collecting.survey() if s.cell and s.cell.result], ALL)
        rounds, evicted, removed = rounds + 1, evicted + len(done.evicted), removed + done.removed
    broken = [line for writer in writers for line in writer.communicate()[0].splitlines()]

    assert [writer.returncode for writer in writers] == [0] * len(writers)
    assert broken == []
    assert min(rounds / 5, evicted / 20, removed / 5) > 1, (rounds, evicted, removed)
    standing = [s for s in store.collecting.survey() if s.cell and s.cell.result]
    assert [store.artifacts.check(s.cell.result) for s in standing] == [None] * len(standing)
    store.collecting.collect(standing, ALL)
    assert list((store.root / "artifact").rglob("out.txt")) == []
