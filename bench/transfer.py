"""Publish and fetch an artifact of 1 GiB, as 1 file and as 10,000, against the bare client with the same bytes in large objects.

    python bench/transfer.py [MIB] [FILES]

The strict test server runs in a process of its own, and so does each measured step, whose peak of memory is told. The
bare client puts and gets 16 objects, 4 at a time, from and into files; nothing is hashed. Above 0.8 is wanted.

Where the server shares the processors with the client, its work and that of others is in the seconds: so the processor seconds of
the client alone stand beside them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
from commit_bytes import fill
from obstore.store import S3Store

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.artifacts import ObjectArtifacts
from traintrack.storages.objects.kept import ObjectKept
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.notebook import Notebook
from traintrack.storages.objects.pace import RealPace
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import running_process

MIB = 1 << 20
BARE_OBJECTS = 16
BARE_AT_ONCE = 4


def main() -> None:
    """Print a table, or do one step of it in this process."""
    if sys.argv[1:2] == ["step"]:
        print(json.dumps(STEPS[sys.argv[2]](*sys.argv[3:])))
        return
    asked = [int(word) for word in sys.argv[1:]]
    mib, many = (asked + [1024, 10_000][len(asked) :])[:2]
    with tempfile.TemporaryDirectory() as folder, running_process(Path(folder, "s3")) as server:
        server.buckets.make("models")
        environ = os.environ | server.environ()
        size = str(mib * MIB)
        bare = {step: _step(environ, f"bare_{step}", folder, size) for step in ("put", "get")}
        print(f"{mib} MiB                     s     MiB/s   of bare   processor s   peak MiB")
        for name, row in bare.items():
            _print(f"bare {name}", row, row, mib)
        for files in (1, many):
            made = _step(environ, "publish", folder, size, str(files))
            _print(f"publish {files}", made, bare["put"], mib)
            fetched = _step(environ, "fetch", folder, size, str(files), json.dumps(made["result"]))
            _print(f"fetch {files}", fetched, bare["get"], mib)


def _print(name: str, row: dict, bare: dict, mib: int) -> None:
    share = bare["s"] / row["s"]
    print(
        f"{name:<16} {row['s']:>12.2f} {mib / row['s']:>9.0f} {share:>9.2f} {row['cpu_s']:>13.2f} {row['peak'] / MIB:>10.0f}"
    )


def _step(environ: dict[str, str], *argv: str) -> dict:
    done = subprocess.run(
        [sys.executable, __file__, "step", *argv], env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def _told(start: tuple[float, float], result: object = None) -> dict:
    began, began_cpu_s = start
    took = time.monotonic() - began
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))
    return {"s": took, "cpu_s": _processor_s() - began_cpu_s, "peak": peak, "result": result}


def _start() -> tuple[float, float]:
    return time.monotonic(), _processor_s()


def _processor_s() -> float:
    """What this process has used of the processors, in all its threads."""
    used = os.times()
    return used.user + used.system


def bare_put(folder: str, size: str) -> dict:
    """Put files of the bytes as they are."""
    source = Path(folder, "bare")
    source.mkdir()
    fill(source, int(size), BARE_OBJECTS)
    paths = sorted(p for p in source.rglob("*") if p.is_file())
    store = _bare()
    began = _start()
    with ThreadPoolExecutor(BARE_AT_ONCE) as pool:
        list(pool.map(lambda path: obstore.put(store, f"bare/{path.name}", path), paths))
    return _told(began)


def bare_get(folder: str, size: str) -> dict:
    """Get them again, into files."""
    del size
    store = _bare()
    keys = [meta["path"] for page in obstore.list(store, prefix="bare") for meta in page]

    def get(key: str) -> None:
        with open(Path(folder, "got-" + key.rpartition("/")[2]), "wb") as file:
            file.writelines(obstore.get(store, key).stream(min_chunk_size=4 * MIB))

    began = _start()
    with ThreadPoolExecutor(BARE_AT_ONCE) as pool:
        list(pool.map(get, keys))
    told = _told(began)
    for path in Path(folder).glob("got-*"):
        path.unlink()
    return told


def publish(folder: str, size: str, files: str) -> dict:
    """Publish files that were staged and hashed before the clock starts."""
    artifacts, cache = _artifacts(Path(folder, f"maker-{files}"))
    stage = cache.staging.new_stage("bench")
    fill(stage, int(size), int(files))
    output = Output(str(stage), cache.staging.scan(stage))
    began = _start()
    result = artifacts.publish(output)
    return _told(began, [result.artifact, result.manifest, result.layout])


def fetch(folder: str, size: str, files: str, result: str) -> dict:
    """Fetch the whole into an empty cache."""
    del size
    artifacts, _ = _artifacts(Path(folder, f"reader-{files}"))
    artifact, manifest, layout = json.loads(result)
    began = _start()
    wrong = artifacts.fetch(Result(artifact, manifest, "", layout))
    told = _told(began)
    if wrong is not None:
        raise SystemExit(wrong)
    return told


def _bare() -> S3Store:
    return S3Store("models", client_options={"allow_http": True})


def _artifacts(folder: Path) -> tuple:
    cache = open_cache(folder)
    bucket, keys, pace = S3Bucket("s3://models/team"), Keys(), RealPace()
    rounds = Rounds(bucket, keys, pace)
    rounds.create()
    kept = ObjectKept(bucket, pace, cache.kept, Notebook(folder / "notes.sqlite"))
    return ObjectArtifacts(bucket, keys, rounds, pace, kept, cache), cache


STEPS = {step.__name__: step for step in (bare_put, bare_get, publish, fetch)}

if __name__ == "__main__":
    main()
