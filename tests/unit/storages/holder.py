"""A process that holds a cell, stages an output and half-writes a file, until it is killed. argv is store, ID, name."""

import sys
from pathlib import Path

from traintrack.action import cell as change
from traintrack.digest import TargetId
from traintrack.storages.local import open_local


def main(store: str, id_: str, name: str) -> None:
    storage = open_local(Path(store))
    cell_id = TargetId(id_)
    with storage.present(name) as owner:
        seen = storage.cells.read([cell_id])[cell_id]
        storage.cells.swap(seen, change.acquire(seen.cell, owner))
        stage = storage.staging.new_stage("flight.1")
        (stage / "half").write_bytes(b"h" * 1000)
        Path(store, "part", f"{name}~0-left").write_bytes(b"p" * 10)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
