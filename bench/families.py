"""What families cost: processor time and peak memory of whole processes, medians.

    python bench/families.py [REPEATS]

"cold" has no caches, "parsed" has the parsed files, "kept" the answer to the same request. `each` of the wide one makes 10,000
members; the deep one has 1,000 experiments with 100 members each, of which one member of one experiment is asked for.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from layered_graph import commit
from nothing_to_do import measure

WORKSPACE = """
workspace: families
images:
  sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}
environments:
  local: {runner: local, storage: "STORE"}
"""
WIDE = """
defaults: {image: sh, commit: HEAD, paths: [src]}
targets:
  data: {task: src/task.sh, args: {rows: 1000}}
  train:
    task: src/task.sh
    max_members: 10000
    each: {lr: {range: 100}, depth: {range: 100}}
    args: {data: ":data", lr: "${lr}", name: "lr ${lr}, depth ${depth}", epochs: 20}
  best: {task: src/task.sh, args: {models: ":train@*"}}
"""
DEEP = """
defaults: {image: sh, commit: HEAD, paths: [src]}
targets:
  data: {task: src/task.sh, args: {rows: NUMBER}}
  train: {task: src/task.sh, each: {lr: {range: 10}, depth: {range: 10}}, args: {data: ":data", lr: "${lr}", d: "${depth}"}}
  eval: {task: src/task.sh, each: ":train", args: {model: ":train@."}}
"""


def write(root: Path) -> None:
    """Write the workspace."""
    files = {"TTWORKSPACE.yaml": WORKSPACE.replace("STORE", f"{root}-store"), "requirements.lock": ""}
    files |= {"src/task.sh": 'cat "$1" > "$2/config"\n', "wide/TTCONFIG.yaml": WIDE}
    files |= {f"deep/e{n}/TTCONFIG.yaml": DEEP.replace("NUMBER", str(n)) for n in range(1000)}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    commit(root)


def main() -> None:
    """Print a table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "w"), Path(folder, "cache")
        write(root)
        rows = [
            ("10,000 members", ["hash", "//wide:train"]),
            ("10,000 members and their fan-in", ["hash", "//wide:best"]),
            ("one of 10,000", ["hash", "//wide:train@lr=7,depth=42"]),
            ("one of 100 of 1,000 experiments", ["hash", "//deep/e500:eval@lr=7,depth=4"]),
        ]
        print(f"{'':<34} {'':<7} cpu ms   wall ms   peak MiB")
        for name, words in rows:
            for state, forget in (("cold", cache), ("parsed", cache / "traintrack" / "known"), ("kept", None)):
                measure(words, root, 1, XDG_CACHE_HOME=str(cache))
                before = (lambda path=forget: shutil.rmtree(path, ignore_errors=True)) if forget else (lambda: None)
                cpu, wall, memory = measure(words, root, repeats, before, XDG_CACHE_HOME=str(cache))
                print(f"{name:<34} {state:<7} {cpu * 1000:6.0f} {wall * 1000:9.0f} {memory:10.1f}")


if __name__ == "__main__":
    main()
