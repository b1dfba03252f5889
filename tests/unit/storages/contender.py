"""A process that fights for one cell: argv is store, ID, rounds, name. Each line it prints is an epoch that it won."""

import sys
from pathlib import Path

from traintrack.action import cell as change
from traintrack.action.cell import CellState
from traintrack.digest import TargetId
from traintrack.ports.storage import CellConflictError
from traintrack.storages.local import open_local


def main(store: str, id_: str, rounds: int, name: str) -> None:
    storage = open_local(Path(store))
    cell_id = TargetId(id_)
    with storage.present(name) as owner:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        while True:
            seen = storage.cells.read([cell_id])[cell_id]
            if seen.cell is not None and seen.cell.epoch >= rounds and seen.cell.state is CellState.FREE:
                return
            if seen.cell is not None and seen.cell.state is CellState.HELD:
                storage.cells.wait([seen], 1.0)
                continue
            try:
                mine = storage.cells.swap(seen, change.acquire(seen.cell, owner))
                sys.stdout.write(f"{mine.cell.epoch}\n")
                sys.stdout.flush()
                storage.cells.swap(mine, change.release(mine.cell))
            except CellConflictError:
                continue


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
