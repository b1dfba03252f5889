"""Many small tasks in containers, beside a loop of bare `docker run` of the same program with the same limits.

    python bench/container_tasks.py IMAGE@sha256:DIGEST [COUNT] [WORKERS] [REPEATS]

The image needs `sh`. Ours and the loop take turns. Processor seconds are those of the client and of all that it
starts; what the daemon does is the same for both, and not in them.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WALL_AT_MOST = 1.15
CPU_MS_PER_TASK = 120.0
TASK = 'cp "$1" "$2/config.yaml"\n'
FLAGS = "--init --network none --read-only --cap-drop ALL --security-opt no-new-privileges --pids-limit 512 --cpus 1"


def main() -> None:
    image = sys.argv[1]
    count, workers, repeats = (int(word) for word in (*sys.argv[2:5], *("50", "2", "3")[len(sys.argv) - 2 :]))
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeats):
            ours.append(timed(lambda place=Path(folder, f"ours{turn}"): run_ours(place, image, count, workers)))
            bare.append(timed(lambda place=Path(folder, f"bare{turn}"): run_bare(place, image, count, workers)))
    tell(count, ours, bare)


def tell(count: int, ours: list[tuple[float, float]], bare: list[tuple[float, float]]) -> None:
    (wall, cpu), (bare_wall, bare_cpu) = (
        tuple(statistics.median(one[i] for one in turns) for i in (0, 1)) for turns in (ours, bare)
    )
    extra_ms = (cpu - bare_cpu) / count * 1000
    print(f"{count} tasks: ours {wall:.2f} s wall, {cpu:.2f} s processor; bare {bare_wall:.2f} s, {bare_cpu:.2f} s")
    print(f"wall {wall / bare_wall:.3f} (at most {WALL_AT_MOST})")
    print(f"processor {extra_ms:.0f} ms per task more (at most {CPU_MS_PER_TASK:.0f})")


def timed(act: Callable[[], None]) -> tuple[float, float]:
    """Wall-clock and processor seconds of the children that `act` starts and waits for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    act()
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_ours(folder: Path, image: str, count: int, workers: int) -> None:
    """Make a workspace of independent targets and run it, in a process of its own."""
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "task.sh").write_text(TASK)
    environment = f'{{runner: local, storage: "{folder}/store", jobs: {workers}, cpu: {workers}, engine: docker}}'
    (folder / "TTWORKSPACE.yaml").write_text(
        f"workspace: bench\nplatform: linux/amd64\nenvironments:\n  local: {environment}\n"
        f'images:\n  shell: {{ref: "{image}", entrypoint: [sh]}}\n'
    )
    targets = "".join(f"  t{i}: {{task: src/task.sh, args: {{n: {i}}}}}\n" for i in range(count))
    (folder / "e").mkdir()
    (folder / "e" / "TTCONFIG.yaml").write_text(
        f"defaults: {{image: shell, paths: [src], commit: HEAD}}\ntargets:\n{targets}"
    )
    for words in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm x"):
        called(["git", "-C", str(folder), *words.split()])
    called([sys.executable, "-m", "traintrack", "-C", str(folder), "run", "//e:*"])


def run_bare(folder: Path, image: str, count: int, workers: int) -> None:
    """What somebody would write by hand: one `docker run` per task."""
    folder.mkdir()
    (folder / "task.sh").write_text(TASK)
    (folder / "config.yaml").write_text("{}")

    def one(number: int) -> None:
        out = folder / f"out{number}"
        out.mkdir()
        mounts = {
            "task.sh": "/tt/work/task.sh,readonly",
            "config.yaml": "/tt/config.yaml,readonly",
            out.name: "/tt/out",
        }
        words = [
            "docker",
            "run",
            "--rm",
            *FLAGS.split(),
            "--user",
            "0:0",
            "--workdir",
            "/tt/work",
            "--entrypoint",
            "sh",
        ]
        for source, target in mounts.items():
            words += ["--mount", f"type=bind,src={folder / source},dst={target}"]
        called([*words, image, "task.sh", "/tt/config.yaml", "/tt/out"])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(count)))


def called(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
