from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import CellState, Result
from traintrack.digest import ArtifactDigest, ContentDigest, target_id
from traintrack.errors import HostError, IntegrityError, InternalError
from traintrack.ports.storage import CellConflictError, Liveness
from traintrack.storages.local import LocalStorage, open_local
from traintrack.storages.local.files import Files
from traintrack.testing.storage_suite import ID, OWNER, held, publishing

HERE = Path(__file__).parent
RESULT = Result(ArtifactDigest("a" * 64), ContentDigest("a" * 64), ContentDigest("b" * 64))


def start(program: str, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / program), *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def cell_file(storage: LocalStorage) -> Path:
    return storage.root / "ns/default/cell" / ID[:2] / ID


def test_of_sixteen_processes_one_wins_each_epoch(tmp_path: Path) -> None:
    open_local(tmp_path / "s")
    rounds = 10
    processes = [start("contender.py", str(tmp_path / "s"), ID, str(rounds), f"run-{n}") for n in range(16)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=60)[0] for process in processes]

    won = sorted(int(line) for output in outputs for line in output.split())
    assert [process.returncode for process in processes] == [0] * 16
    assert won == list(range(1, len(won) + 1))
    assert len(won) >= rounds


def test_a_killed_holder_is_known_to_be_gone_and_wakes_who_waits(tmp_path: Path) -> None:
    storage = open_local(tmp_path / "s")
    process = start("holder.py", str(storage.root), ID, "run-k")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    seen = storage.cells.read([ID])[ID]
    assert seen.cell is not None
    assert seen.cell.owner is not None
    before = storage.cells.liveness(seen.cell.owner)
    killer = threading.Timer(0.05, process.kill)
    killer.start()
    begun = time.monotonic()
    storage.cells.wait([seen], 30.0)
    waited_s = time.monotonic() - begun
    process.communicate()

    assert before is Liveness.ALIVE
    assert storage.cells.liveness(seen.cell.owner) is Liveness.GONE
    assert waited_s < 5.0


def test_nobody_swaps_between_the_look_and_the_rename_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_local(tmp_path / "s")
    seen = storage.cells.read([ID])[ID]
    won: list[str] = []
    move = Files.move

    def slowly(self: Files, temporary: str, path: str) -> None:
        time.sleep(0.02)
        move(self, temporary, path)

    def contend(name: str) -> None:
        try:
            storage.cells.swap(seen, change.acquire(seen.cell, replace(OWNER, token=name)))
            won.append(name)
        except CellConflictError:
            pass

    monkeypatch.setattr(Files, "move", slowly)
    threads = [threading.Thread(target=contend, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1


def test_waiting_on_a_cell_that_has_changed_already_returns_at_once(tmp_path: Path) -> None:
    storage = open_local(tmp_path / "s")
    with storage.present("run-a") as owner:
        old = held(storage, owner=owner)
        assert old.cell is not None
        storage.cells.swap(old, change.beat(old.cell))
        begun = time.monotonic()
        storage.cells.wait([old], 30.0)

        assert time.monotonic() - begun < 1.0


def test_an_empty_cell_as_a_power_cut_leaves_it_is_absent_and_can_be_taken(tmp_path: Path) -> None:
    storage = open_local(tmp_path / "s")
    seen = held(storage)
    cell_file(storage).unlink()
    cell_file(storage).write_bytes(b"")

    now = storage.cells.read([ID])[ID]

    assert now.cell is None
    assert seen.cell is not None
    with pytest.raises(CellConflictError):
        storage.cells.swap(seen, change.beat(seen.cell))
    assert storage.cells.swap(now, change.acquire(None, OWNER)).cell is not None


@pytest.mark.parametrize("data", [b"{", b"null", b'{"state":"DONE"}', b"\xff\xfe", b'{"format":"traintrack/cell/9"}'])
def test_a_damaged_cell_is_an_integrity_error_and_is_not_overwritten(tmp_path: Path, data: bytes) -> None:
    storage = open_local(tmp_path / "s")
    seen = held(storage)
    cell_file(storage).unlink()
    cell_file(storage).write_bytes(data)

    assert seen.cell is not None
    with pytest.raises(IntegrityError):
        storage.cells.read([ID])
    with pytest.raises(IntegrityError):
        storage.cells.swap(seen, change.beat(seen.cell))
    assert cell_file(storage).read_bytes() == data


def test_a_cell_under_one_nonce_is_written_once(tmp_path: Path) -> None:
    storage = open_local(tmp_path / "s")
    seen = held(storage)

    assert seen.cell is not None
    with pytest.raises(InternalError):
        storage.cells.swap(seen, seen.cell)


def test_done_is_settled_before_and_after_it_becomes_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_local(tmp_path / "s")
    seen = publishing(storage)
    assert seen.cell is not None
    states: list[CellState] = []

    def settle(_: Files) -> None:
        cell = storage.cells.read([ID])[ID].cell
        assert cell is not None
        states.append(cell.state)

    monkeypatch.setattr(Files, "settle", settle)
    storage.cells.swap(seen, change.commit(seen.cell, RESULT))

    assert states == [CellState.HELD, CellState.DONE]


def test_a_disk_that_refuses_to_settle_commits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_local(tmp_path / "s")
    seen = publishing(storage)
    assert seen.cell is not None

    def settle(_: Files) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Files, "settle", settle)
    with pytest.raises(HostError, match="input/output error"):
        storage.cells.swap(seen, change.commit(seen.cell, RESULT))

    assert storage.cells.read([ID])[ID] == seen
    assert list((storage.root / "part").iterdir()) == []


def test_a_full_disk_leaves_the_cell_as_it_was_and_is_told_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_local(tmp_path / "s")
    seen = held(storage)
    assert seen.cell is not None

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("traintrack.storages.local.files.os.write", full)
        with pytest.raises(HostError) as caught:
            storage.cells.swap(seen, change.beat(seen.cell))

    assert caught.value.code == "disk-full"
    assert str(cell_file(storage)) in caught.value.message
    assert caught.value.hint is not None
    assert storage.cells.read([ID])[ID] == seen
    assert list((storage.root / "part").iterdir()) == []


def test_ten_thousand_absent_cells_are_read_without_a_trace(tmp_path: Path) -> None:
    storage = open_local(tmp_path / "s")
    ids = [target_id(str(n).encode()) for n in range(10_000)]

    assert all(seen.cell is None for seen in storage.cells.read(ids).values())
    assert [p.name for p in storage.root.iterdir()] == ["store.json"]


def test_namespaces_do_not_see_each_other(tmp_path: Path) -> None:
    held(open_local(tmp_path / "s", "one"), owner=OWNER)

    assert open_local(tmp_path / "s", "two").cells.read([ID])[ID].cell is None
