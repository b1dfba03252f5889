"""Processes that make, take away and make again results of one store until they are told to stop."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from broken_store import put

from traintrack.action.cell import CellState, FreeReason, evict
from traintrack.action.event import RunDocument
from traintrack.digest import canonical_json, target_id
from traintrack.ports.storage import CellConflictError
from traintrack.storages.local import LocalStorage, open_local

SHARED = 5
"""So many targets all processes make and evict; each has others of its own."""


class Load:
    """Some writers; `stop` ends them and returns how many results they made."""

    def __init__(self, store: Path, processes: int) -> None:
        self._store, self._count = store, processes
        self._stop = store.parent / "stop"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        for number in range(self._count):
            words = (sys.executable, __file__, str(self._store), str(number), str(self._stop))
            self._processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def stop(self) -> int:
        self._stop.touch()
        told = [process.communicate(timeout=60)[0] for process in self._processes]
        assert [process.returncode for process in self._processes] == [0] * self._count
        return sum(int(text) for text in told)


def write(store: Path, number: int, stop: Path) -> int:
    """Make results until `stop` exists; every other one was evicted as forced or corrupt ones are."""
    storage, chance, made = open_local(store), random.Random(number), 0
    while not stop.exists():
        target = chance.randrange(SHARED) if chance.random() < 0.5 else 1000 * (number + 1) + made
        run = f"r-{number}-{made}"
        row = _made(storage, f"//l:t{target}", target, run, chance)
        if row is not None:
            made += 1
            storage.ledger.put_run(RunDocument(run, "w", "local", "ada", "here", "", "", "run", (row,)))
    return made


def _made(storage: LocalStorage, label: str, target: int, run: str, chance: random.Random):
    id_ = target_id(canonical_json({"label": label, "number": target}))
    try:
        [seen] = storage.cells.read([id_]).values()
        if seen.cell is not None and seen.cell.state is CellState.DONE:
            storage.cells.swap(seen, evict(seen.cell, chance.choice((FreeReason.CORRUPT, FreeReason.EVICTED))))
        return put(storage, label, random.Random(target) if target % 2 else chance, target, run)
    except (CellConflictError, AttributeError, LookupError):
        return None
    except Exception as error:
        if "cannot" in str(error):  # Another holds the cell.
            return None
        raise


if __name__ == "__main__":
    sys.stdout.write(str(write(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))
