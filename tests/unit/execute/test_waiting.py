"""What is told of a target that another run holds."""

from __future__ import annotations

import threading

from traintrack.action import cell as change
from traintrack.action.cell import PROGRESS_BYTES, Cell, Owner
from traintrack.digest import TargetId
from traintrack.execute.waiting import only_goes_on, tells_more, waiting_event
from traintrack.execute.watchers import CellWatcher
from traintrack.ports.storage import Seen
from traintrack.testing.memory_storage import MemoryCells

ID = TargetId("a" * 64)
ANN, BOB = Owner("t", "r-1", "ann", "lab", since="2026"), Owner("u", "r-2", "bob", "desk")
HELD = change.acquire(None, ANN)


def seen(cell: Cell | None) -> Seen:
    return Seen(ID, cell, cell.nonce if cell else "")


def test_a_beat_and_the_next_phase_only_go_on_and_a_new_holder_or_an_end_does_not() -> None:
    running = change.started(HELD, "job")
    going_on = [change.beat(HELD), running, change.beat(running, "1/3"), change.publish(running, ANN)]
    ends = [change.take_over(HELD, BOB), change.release(HELD), change.acquire(change.release(HELD), ANN)]

    assert [only_goes_on(seen(HELD), seen(cell)) for cell in going_on] == [True] * 4
    assert [only_goes_on(seen(HELD), seen(cell)) for cell in ends] == [False] * 3
    assert not only_goes_on(seen(HELD), seen(None))


def test_only_another_phase_or_progress_tells_more() -> None:
    running = change.started(HELD, "job")

    assert tells_more(seen(HELD), seen(running))
    assert not tells_more(seen(running), seen(change.beat(running)))
    assert tells_more(seen(running), seen(change.beat(running, "1/3")))


def test_the_event_says_who_since_when_in_which_phase_and_how_far() -> None:
    event = waiting_event(ID, "//:a", change.beat(change.started(HELD, "job"), "1/3"), ANN)

    assert (event.user, event.host, event.run, event.since) == ("ann", "lab", "r-1", "2026")
    assert (event.phase, event.progress) == ("running", "1/3")


def test_progress_is_cut_between_characters_and_ends_with_its_attempt_and_hold() -> None:
    told = change.beat(change.started(HELD, "job"), "ä" * 300)

    assert len(told.progress.encode()) <= PROGRESS_BYTES
    assert set(told.progress) == {"ä"}
    assert change.beat(told).progress == told.progress
    ends = (change.started(told, "2"), change.publish(told, ANN), change.release(told), change.take_over(told, BOB))
    assert [cell.progress for cell in ends] == [""] * 4


def test_who_watches_hears_of_progress_and_is_asked_to_look_again_only_at_an_end() -> None:
    cells = MemoryCells()
    now = cells.swap(cells.read([ID])[ID], change.started(change.acquire(None, ANN), "job"))
    cells.present("r-1")
    heard: list[str] = []
    ended, told = threading.Event(), threading.Event()

    def goes_on(one: Seen) -> None:
        heard.append(one.cell.progress if one.cell else "")
        told.set()

    def fails(error: Exception) -> None:
        heard.append(str(error))

    watcher = CellWatcher(cells, lambda id_: ended.set(), fails, goes_on)
    watcher.watch(now)
    assert now.cell is not None
    now = cells.swap(now, change.beat(now.cell))
    assert now.cell is not None
    now = cells.swap(now, change.beat(now.cell, "2/3"))
    assert told.wait(10)
    ended_before = ended.is_set()
    assert now.cell is not None
    cells.swap(now, change.release(now.cell))

    assert ended.wait(10)
    assert not ended_before
    assert heard == ["2/3"]
    watcher.close()
