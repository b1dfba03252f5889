"""Who waits for what another run holds, in a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from traintrack.action import cell as change
from traintrack.action.cell import Owner
from traintrack.ports.storage import Seen, Want, Wants
from traintrack.storages.local import LocalStorage, open_local
from traintrack.testing.storage_suite import ID


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s"


def hold(storage: LocalStorage, owner: Owner) -> Seen:
    return storage.cells.swap(storage.cells.read([ID])[ID], change.acquire(None, owner))


def test_who_has_waited_in_vain_is_told_until_the_cell_is_free(folder: Path) -> None:
    holder, waiter = open_local(folder), open_local(folder)
    assert isinstance(holder.cells, Wants)
    with holder.present("r-1") as mine, waiter.present("r-2") as owner:
        held = hold(holder, mine)
        before = holder.cells.wants(ID)
        waiter.cells.wait([held], 0.02)
        waiter.cells.wait([held], 0.02)
        meanwhile = holder.cells.wants(ID)
        assert held.cell is not None
        holder.cells.swap(held, change.release(held.cell))
        waiter.cells.read([ID])
        after = holder.cells.wants(ID)

    assert before == ()
    assert meanwhile == (Want("r-2", owner.user, owner.host, owner.since),)
    assert after == ()
    assert list(folder.glob("ns/default/want/*")) == []


def test_who_leaves_takes_its_wants_along(folder: Path) -> None:
    holder, waiter = open_local(folder), open_local(folder)
    with holder.present("r-1") as mine:
        held = hold(holder, mine)
        with waiter.present("r-2"):
            waiter.cells.wait([held], 0.02)
            meanwhile = holder.cells.wants(ID)
        after = holder.cells.wants(ID)

    assert len(meanwhile) == 1
    assert after == ()


def test_who_only_looks_on_wants_nothing(folder: Path) -> None:
    holder = open_local(folder)
    with holder.present("r-1") as mine:
        held = hold(holder, mine)
        open_local(folder).cells.wait([held], 0.02)

        assert holder.cells.wants(ID) == ()


def test_of_one_that_was_killed_while_it_waited_nobody_is_told(folder: Path) -> None:
    holder = open_local(folder)
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from traintrack.storages.local import open_local\n"
        "storage = open_local(Path(sys.argv[1]))\n"
        "with storage.present('r-2'):\n"
        "    storage.cells.wait([*storage.cells.read([sys.argv[2]]).values()], 0.02)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    with holder.present("r-1") as mine:
        hold(holder, mine)
        subprocess.run([sys.executable, "-c", program, str(folder), ID], check=False)
        left = list(folder.glob("ns/default/want/*/*"))

        assert [path.name for path in left] == ["r-2"]
        assert holder.cells.wants(ID) == ()
        assert not left[0].exists()


def test_a_want_that_cannot_be_read_is_none(folder: Path) -> None:
    holder, waiter = open_local(folder), open_local(folder)
    with holder.present("r-1"), waiter.present("r-2"), waiter.present("r-3"):
        place = folder / "ns/default/want" / ID
        place.mkdir(parents=True)
        (place / "r-2").write_bytes(b"not json")
        (place / "r-3").write_bytes(msgspec.json.encode(Want("r-3", "ann", "lab", "")))

        assert holder.cells.wants(ID) == (Want("r-3", "ann", "lab", ""),)
