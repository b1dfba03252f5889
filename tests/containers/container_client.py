"""A client of the container runner in a process of its own: starts a job, tells its handle, and waits to be killed.

Called with the folder of a bench, which holds `job.json` and `secrets.json`, and the engine's name.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from container_bench import make_bench
from msgspec.structs import replace

from traintrack.action.image import ContainerImage
from traintrack.runners.container.detect import ENGINES
from traintrack.runners.contract.stored_job import restored_job


def main() -> None:
    folder = Path(sys.argv[1])
    job = restored_job(json.loads((folder / "job.json").read_bytes()))
    job = replace(job, secrets=json.loads((folder / "secrets.json").read_bytes()))
    assert isinstance(job.action.image, ContainerImage)
    bench = make_bench(folder, ENGINES[sys.argv[2]](), job.action.image)
    (handle,) = bench.runner.start([job])
    while b"began" not in bench.runner.logs(handle, 0):
        for state in bench.runner.poll([handle], 0.1).values():
            assert state.failure is None, state
    sys.stdout.write(f"{handle}\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    main()
