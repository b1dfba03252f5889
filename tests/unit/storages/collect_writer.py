"""A process that makes results of a few IDs again and again: argv is store, name, IDs, seconds, kind.

Kinds: `make` publishes bytes that others publish too; `cut` names what another cell names, as an early cut-off does;
`look` reads cells and sees that what a DONE one names is there. Each line it prints is a promise that was broken.
"""

import random
import sys
import time
from pathlib import Path

from traintrack.action.cell import CellState, Owner, Result, new_nonce
from traintrack.action.job import Output
from traintrack.digest import ContentDigest, TargetId, sha256_hex
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.storage import Liveness
from traintrack.storages.local import open_local


def main(store: str, name: str, ids: int, seconds: float, kind: str) -> None:
    storage = open_local(Path(store))
    wanted = [TargetId(sha256_hex(f"{n}".encode())) for n in range(ids)]
    chosen = random.Random(name)
    until = time.monotonic() + seconds
    with storage.present(name) as owner:
        while time.monotonic() < until:
            if kind == "look":
                look(storage, chosen.choice(wanted))
            else:
                write(storage, chosen, wanted, Owner(new_nonce(), owner.run, pid=owner.pid, host=owner.host), kind)


def write(storage, chosen, wanted, owner, kind: str) -> None:
    id_ = chosen.choice(wanted)
    [seen] = storage.cells.read([id_]).values()
    cell = seen.cell
    held = cell is not None and cell.state is CellState.HELD
    if cell is not None and (cell.state is CellState.DONE or (held and is_alive(storage, cell.owner))):
        return
    try:
        taken = leases.acquire if cell is None or cell.state is CellState.FREE else None
        lease = taken(storage.cells, seen, owner, ()) if taken else leases.take_over(storage.cells, seen, owner)
        if kind == "cut":
            cut(storage, chosen, wanted, lease)
            return
        stage = storage.staging.new_stage(new_nonce())
        # Few different bytes, so that many cells share an artifact and publishers find what another left.
        (stage / "out.txt").write_text(f"{chosen.randrange(4)}")
        output = Output(str(stage), storage.staging.scan(stage))
        lease = leases.start_publishing(storage.cells, lease)
        result = storage.artifacts.publish(output)
        pause(chosen)
        committed(storage, lease, result)
    except SupersededError:
        return


def is_alive(storage, owner: Owner) -> bool:
    return storage.cells.liveness(owner) is Liveness.ALIVE


def cut(storage, chosen, wanted, lease) -> None:
    lease = leases.start_publishing(storage.cells, lease)
    [other] = storage.cells.read([chosen.choice(wanted)]).values()
    pause(chosen)
    if other.cell is None or other.cell.result is None:
        leases.release(storage.cells, lease)
        return
    committed(storage, lease, other.cell.result)


def committed(storage, lease, result) -> None:
    record = Result(result.artifact, result.manifest, ContentDigest("3" * 64))
    [answer] = storage.cells.commit_all([leases.prepared_commit(lease, record)])
    if isinstance(answer, Exception):
        raise SupersededError(answer.seen)


def pause(chosen) -> None:
    """Between storing and committing, where a collector must not come."""
    time.sleep(chosen.random() * 0.004)


def look(storage, id_: TargetId) -> None:
    [seen] = storage.cells.read([id_]).values()
    if seen.cell is None or seen.cell.result is None:
        return
    words = storage.artifacts.check(seen.cell.result)
    [again] = storage.cells.read([id_]).values()
    if words is not None and again.version == seen.version:
        sys.stdout.write(f"{id_[:12]} is DONE and {words}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
