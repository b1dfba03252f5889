"""Looks at a store from outside: what was committed, and if all bytes are what their names say."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from traintrack.action.cell import Cell, CellState, decode_cell
from traintrack.action.manifest import read_manifest
from traintrack.action.record import decode_record
from traintrack.digest import TargetId, content_digest
from traintrack.storages.local import open_local
from traintrack.storages.local.scan import scan_output

_PATIENCE_S = 2.0


def cells(store: Path) -> dict[str, Cell]:
    """Every cell of a store by ID; a damaged one fails the test. An empty one, as power cuts leave it, is absent."""
    folder = store / "ns" / "default" / "cell"
    stored = {p.name: p.read_bytes() for p in folder.glob("*/*")}
    return {name: decode_cell(data, TargetId(name)) for name, data in stored.items() if data}


def committed(store: Path) -> dict[str, Cell]:
    """The cells that have a result."""
    return {id_: cell for id_, cell in cells(store).items() if cell.state is CellState.DONE}


def standing(store: Path, ids: Mapping[str, str]) -> dict[str, str]:
    """The artifact digest that stands for each label, without those that have none."""
    done = committed(store)
    return {label: cell.result.artifact for label, id_ in ids.items() if (cell := done.get(id_)) and cell.result}


def wrong_in(store: Path, *, only_committed: bool = False) -> list[str]:
    """What is wrong with a store in which a run may have died: lost or half results, empty if there is none.

    After a power cut `only_committed` leaves out what no cell names: nothing has said yet that it is on the disk.
    """
    found = [f"{id_[:12]}: {words}" for id_, cell in committed(store).items() for words in _wrong_with(store, cell)]
    if only_committed:
        return found
    found += [f"kept {p.name[:12]} has other bytes" for p in _kept(store) if content_digest(p.read_bytes()) != p.name]
    for folder in (store / "artifact").glob("*/*"):
        if scan_output(str(folder)).digest() != folder.name:
            found.append(f"artifact {folder.name[:12]} is not what its name says")
    return found


def unsealed_in(store: Path) -> list[str]:
    """Paths of artifacts with results that somebody could still write to."""
    found = []
    for cell in committed(store).values():
        assert cell.result is not None
        top = store / "artifact" / cell.result.artifact[:2] / cell.result.artifact
        paths = [top, *(p for p in top.rglob("*") if not p.is_symlink())]
        found += [str(p) for p in paths if stat.S_IMODE(p.stat().st_mode) & 0o222]
    return found


def left_in(home: Path) -> list[str]:
    """What a store still holds of the dead after `clean`: stages, half files, sessions, jobs, locks of cells."""
    store = home / "store"
    folders = ("stage", "part", "alive", "trash", "runner/jobs", "runner/checkpoints")
    found = [
        f"{folder}/{name}" for folder in folders if (store / folder).is_dir() for name in os.listdir(store / folder)
    ]
    return found + [f"held {id_[:12]}" for id_, cell in cells(store).items() if cell.state is CellState.HELD]


def sweep(home: Path) -> None:
    """Remove what the dead have left."""
    open_local(home / "store").sweep()


def processes_of(home: Path) -> list[str]:
    """Command lines of living processes that name the folder; waits a little for those that just end."""
    deadline = time.monotonic() + _PATIENCE_S
    while (found := _naming(f"{home}/".encode())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def was_run_again(before: Mapping[str, Cell], after: Mapping[str, Cell]) -> list[str]:
    """IDs that were committed and whose cell is another now."""
    return [id_ for id_, cell in before.items() if after.get(id_) != cell]


def _wrong_with(store: Path, cell: Cell) -> list[str]:
    assert cell.result is not None
    result, found = cell.result, []
    folder = store / "artifact" / result.artifact[:2] / result.artifact
    if not folder.is_dir():
        found.append("its artifact is missing")
    elif scan_output(str(folder)).digest() != result.artifact:
        found.append("its artifact has other bytes")
    try:
        listed, told = (store / "kept" / key[:2] / key for key in (result.manifest, result.record))
        if content_digest(listed.read_bytes()) != listed.name or content_digest(told.read_bytes()) != told.name:
            return [*found, "its manifest or record has other bytes"]
        manifest, record = read_manifest(listed.read_bytes()), decode_record(told.read_bytes())
    except FileNotFoundError as missing:
        return [*found, f"{missing.filename} is missing"]
    if manifest.digest() != result.artifact:
        found.append("its manifest is of another artifact")
    if record.artifact != result.artifact:
        found.append("its record is of another artifact")
    return found


def _kept(store: Path) -> list[Path]:
    return [p for p in (store / "kept").glob("??/*") if p.parent.name != "named"]


def _naming(text: bytes) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text in line and folder.name != str(os.getpid()):
            found.append(f"{folder.name} {line.replace(bytes(1), b' ').decode(errors='replace')}")
    return found
