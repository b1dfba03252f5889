"""Cold runs and one change, beside ninja in the same run: wall-clock and processor seconds of whole processes, and ratios.

    python bench/against_ninja.py [COUNT] [REPEATS] [--jobs N] [--keep] [--baseline]

Every cold run writes into a new folder: ext4 passes over recently deleted inodes, so a store in the place of one that
was just removed costs twice as much. Ours and ninja's take turns. `--baseline` writes the ratios to `baseline.json`;
without it they are compared with those that stand there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from layered_graph import COMPILED, commit, inputs_of, layers, write_ninja, write_workspace

PROGRAM = (sys.executable, "-m", "traintrack")
BASELINE = Path(__file__).with_name("baseline.json")
MUST = {"cold": 3.0, "one change": 5.0}
"""Ratios to ninja that must hold: the first is demanded, the second a limit of our own."""


def timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command with all that it starts."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(words, cwd=folder, env=COMPILED, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"`{' '.join(words)}` ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stale_after(number: int, count: int) -> int:
    """How many targets a change of one makes again, itself among them."""
    stale = {number}
    for target in range(number + 1, count):
        if stale & set(inputs_of(target, count)):
            stale.add(target)
    return len(stale)


def middle(count: int) -> int:
    """A target in the middle of the graph: about an eighth of it follows from that one."""
    rows = layers(count)
    row = rows[len(rows) // 2]
    return row[len(row) // 2]


def measure(base: Path, count: int, repeats: int, jobs: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Times by what was done and by whom."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    changed = middle(count)
    for turn in range(repeats):
        ours, theirs = base / f"ours{turn}", base / f"theirs{turn}"
        write_workspace(ours, count)
        commit(ours)
        write_ninja(theirs, count)
        run, ninja = [*PROGRAM, "run", "//...", "-j", str(jobs)], ["ninja", "-j", str(jobs), "--quiet"]
        # The Python environment is made once and kept by everyone; it is no part of what is compared.
        if not turn:
            _make_environment(base, jobs)
        os.sync()
        for what in ("cold", "one change"):
            if what == "one change":
                write_workspace(ours, count, changed=changed)
                write_ninja(theirs, count, changed=changed)
                time.sleep(0.05)
            row = found.setdefault(what, {"ours": [], "ninja": []})
            row["ours"].append(timed(run, ours))
            os.sync()
            row["ninja"].append(timed(ninja, theirs))
    return found


def _make_environment(base: Path, jobs: int) -> None:
    first = base / "first"
    write_workspace(first, 1)
    commit(first)
    timed([*PROGRAM, "run", "//...", "-j", str(jobs)], first)


def report(found: dict[str, dict[str, list[tuple[float, float]]]], count: int, jobs: int) -> dict[str, float]:
    """Print a table and return the ratios of wall-clock medians."""
    stale = stale_after(middle(count), count)
    print(f"{count} targets, {jobs} workers; one change makes {stale} again")
    print(f"{'':12}{'ours wall':>12}{'ours cpu':>12}{'ninja wall':>12}{'ninja cpu':>12}{'ratio':>8}{'must':>8}")
    ratios = {}
    for what, rows in found.items():
        ours, ninja = ([statistics.median(c) for c in zip(*rows[who], strict=True)] for who in ("ours", "ninja"))
        ratios[what] = ours[0] / ninja[0]
        figures = "".join(f"{value:>10.2f} s" for value in (*ours, *ninja))
        print(f"{what:12}{figures}{ratios[what]:>8.2f}{MUST[what]:>8.1f}")
    return ratios


def main() -> None:
    """Measure, print, and compare with the stored ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    parser.add_argument("repeats", nargs="?", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    parser.add_argument("--baseline", action="store_true", help="store the ratios")
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="against-ninja-"))
    ratios = report(measure(base, asked.count, asked.repeats, asked.jobs), asked.count, asked.jobs)
    stored = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    key = f"{asked.count} targets, {asked.jobs} workers"
    for what, ratio in ratios.items():
        if what in stored.get(key, {}):
            print(f"{what}: {ratio / stored[key][what]:.2f} times the stored ratio of {stored[key][what]:.2f}")
    if asked.baseline:
        stored[key] = {what: round(ratio, 2) for what, ratio in ratios.items()}
        BASELINE.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
    if asked.keep:
        print(base)
    else:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
