"""The parts of a run that keep all targets in memory, without storage or tasks: seconds and MiB as the graph grows.

    python bench/simulate_scale.py [COUNT ...]

Each count runs in a process of its own. What is played is the order of a run: urgencies, then every target taken when
it is ready and reported done.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from layered_graph import inputs_of

from traintrack.execute.critical_path import urgency
from traintrack.execute.ready_queue import ReadyQueue


def play(count: int) -> tuple[float, float]:
    """Processor seconds and peak MiB of a run of `count` targets that do nothing."""
    needs = {str(n): tuple(str(i) for i in inputs_of(n, count)) for n in range(count)}
    floor, began = _peak(), time.process_time()
    queue: ReadyQueue[str] = ReadyQueue({})
    queue.add(needs, urgency(tuple(needs), needs, dict.fromkeys(needs, 1.0)))
    done = 0
    while (ready := queue.take()) is not None:
        queue.done(ready)
        done += 1
    if done != count:
        raise SystemExit(f"{count - done} targets were never ready")
    return time.process_time() - began, _peak() - floor


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a table, one process for each row."""
    if sys.argv[1:2] == ["--one"]:
        print("{:.3f} {:.1f}".format(*play(int(sys.argv[2]))))
        return
    print("targets      cpu s   µs/target      MiB")
    for count in [int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000, 1_000_000]:
        said = subprocess.run(
            [sys.executable, __file__, "--one", str(count)], capture_output=True, text=True, check=True
        )
        cpu, memory = (float(word) for word in said.stdout.split())
        print(f"{count:>8} {cpu:>9.2f} {cpu / count * 1e6:>11.1f} {memory:>8.0f}")


if __name__ == "__main__":
    main()
