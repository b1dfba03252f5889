"""Uses a cache from many short-lived processes: `python cache_user.py FOLDER SEED SECONDS`.

Each child brings a few of 200 artifacts and looks again and again at what it uses; some are killed. The exit code is 9
if a child missed a byte of what it used. What was taken in is counted in a file `taken` beside the folder.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import cache
from pathlib import Path
from random import Random

from traintrack.action.manifest import Entry, Manifest, make_manifest
from traintrack.digest import ArtifactDigest, content_digest
from traintrack.storages.cache.cache import Cache, open_cache
from traintrack.storages.cache.parts import needed

ARTIFACTS = 200
LIMIT_BYTES = 25 * 3 * 4608
"""Room for 25 of them."""


def files(number: int) -> dict[str, bytes]:
    return {f"d/{n}": b"%d %d " % (number, n) * 200 for n in range(3)}


@cache
def manifest(number: int) -> Manifest:
    return make_manifest(Entry(p, size=len(d), digest=content_digest(d)) for p, d in files(number).items())


@cache
def digest(number: int) -> ArtifactDigest:
    return manifest(number).digest()


def write(number: int, stage: Path) -> None:
    (stage / "d").mkdir()
    for path, data in files(number).items():
        (stage / path).write_bytes(data)


def bring(store: Cache, number: int, subpath: str | None) -> bool:
    """Have an artifact or a part of it here; True if it was not."""
    part = needed(manifest(number), subpath)
    assert part is not None
    if store.holds(digest(number), manifest(number), part):
        return False
    with store.fetching(digest(number), part):
        if store.holds(digest(number), manifest(number), part):
            return False
        store.take_in(digest(number), manifest(number), part, lambda stage: write(number, stage))
        return True


def look(store: Cache, number: int, subpath: str | None) -> None:
    for path, data in files(number).items():
        if subpath in (None, path) and store.path(digest(number), path).read_bytes() != data:
            raise ValueError(path)


def child(root: Path, random: Random) -> int:
    store = open_cache(root, LIMIT_BYTES)
    used: list[tuple[int, str | None]] = []
    taken = 0
    try:
        for _ in range(random.randrange(1, 5)):
            wanted = (random.randrange(ARTIFACTS), random.choice((None, None, "d/1")))
            taken += bring(store, *wanted)
            used.append(wanted)
            for one in used:
                look(store, *one)
        time.sleep(random.random() * 0.03)
        for one in used:
            look(store, *one)
    except Exception as error:  # noqa: BLE001  any of them is a byte that was missed
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 9
    with open(root.parent / "taken", "ab") as file:
        file.write(b"+" * taken)
    return 0


def main() -> int:
    root, seed, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    random = Random(seed)
    until = time.monotonic() + seconds
    killed = ran = 0
    while time.monotonic() < until:
        number = random.randrange(1 << 30)
        pid = os.fork()
        if pid == 0:
            os._exit(child(root, Random(number)))
        if random.random() < 0.2:
            time.sleep(random.random() * 0.03)
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        killed += code == -signal.SIGKILL
        ran += 1
        if code not in (0, -signal.SIGKILL):
            return code
    sys.stdout.write(f"{ran} {killed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
