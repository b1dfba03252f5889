"""Eight threads that publish into a bucket, each as a machine of its own, and a collector that takes all it can."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from traintrack.action.cell import CellState, Owner, Result, new_nonce
from traintrack.action.job import Output
from traintrack.digest import ContentDigest, TargetId, sha256_hex
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.collect import Terms
from traintrack.ports.storage import Seen
from traintrack.storages.objects.store import ObjectStorage

ALL = Terms(note="gc on a day by somebody", most_share=1.0, grace_s=0.0)


def id_of(name: str) -> TargetId:
    return TargetId(sha256_hex(name.encode()))


def publish(store: ObjectStorage, id_: TargetId, owner: Owner, text: str, pause_s: float = 0.0) -> Seen:
    """Make a result as the executor does, with a pause between storing and committing."""
    [seen] = store.cells.read([id_]).values()
    if seen.cell is not None and seen.cell.state is not CellState.FREE:
        raise SupersededError(seen)
    lease = leases.acquire(store.cells, seen, owner, ())
    stage = store.staging.new_stage(new_nonce())
    (stage / "out.txt").write_text(text)
    output = Output(str(stage), store.staging.scan(stage))
    lease = leases.start_publishing(store.cells, lease)
    found = store.artifacts.publish(output)
    time.sleep(pause_s)
    result = Result(found.artifact, found.manifest, ContentDigest("3" * 64), found.layout)
    return leases.commit(store.cells, lease, result)


def race(open_store: Callable[[str], ObjectStorage], seconds: float, workers: int = 8) -> None:
    """Play, and see that no result lacks its bytes, meanwhile and afterwards; then collect twice, which takes all."""
    until = time.monotonic() + seconds
    ids = [id_of(str(n)) for n in range(10)]
    broken: list[object] = []

    def work(number: int) -> None:
        try:
            made = _work(open_store(str(number)), random.Random(number), ids, until)
        except Exception as error:  # noqa: BLE001  told by the test's own thread
            broken.append(error)
        else:
            broken.extend(made)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    store, rounds, evicted, removed = open_store("gc"), 0, 0, 0
    while any(thread.is_alive() for thread in threads):
        done = store.collecting.collect(_done(store), ALL)
        rounds, evicted, removed = rounds + 1, evicted + len(done.evicted), removed + done.removed
    standing, fresh = _done(store), open_store("fresh")

    assert broken == []
    assert min(rounds, evicted / 5, removed / 5) > 1, (rounds, evicted, removed)
    assert [fresh.artifacts.fetch(seen.cell.result) for seen in standing] == [None] * len(standing)
    for _ in range(2):
        store.collecting.collect(standing, ALL)


def _work(store: ObjectStorage, chosen: random.Random, ids: list[TargetId], until: float) -> list[str]:
    broken = []
    with store.present(f"r-{new_nonce()[:8]}") as owner:
        while time.monotonic() < until:
            mine = Owner(new_nonce(), owner.run, pid=owner.pid, host=owner.host)
            id_ = chosen.choice(ids)
            # Half of the bytes are those of others, so that publishers find what somebody else has left.
            text = f"bytes {chosen.randrange(3)}" if chosen.random() < 0.5 else new_nonce()
            try:
                seen = publish(store, id_, mine, text, chosen.random() * 0.004)
            except SupersededError:
                continue
            words = store.artifacts.check(seen.cell.result)
            if words is not None and store.cells.read([id_])[id_].version == seen.version:
                broken.append(words)
    return broken


def _done(store: ObjectStorage) -> list[Seen]:
    return [seen for seen in store.collecting.survey() if seen.cell is not None and seen.cell.result is not None]
