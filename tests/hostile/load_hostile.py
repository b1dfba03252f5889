"""Loads hostile workspaces in a process with little memory: `python load_hostile.py SEED COUNT FOLDER`.

Prints one JSON line: how many were refused and how many were fine, the longest CPU time, the peak of memory above
what the imports took, and every case that ended otherwise than it may.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ["TRAINTRACK_NO_CACHE"] = "1"

from plain_source import PlainSource
from yaml_mutations import hostile
from yaml_seeds import FILES, TARGETS_OF_MUTATION, fragments

from traintrack.analysis.identify import analyze
from traintrack.app.args_schemas import check_args  # noqa: F401 - its memory is not counted then
from traintrack.cli.render import error_lines
from traintrack.errors import HostError, InputError, InputErrors, NotFoundError
from traintrack.graph.build import build_graph
from traintrack.graph.select import select
from traintrack.workspace.load import Loader, load_workspace
from traintrack.workspace.yaml_source import parse_yaml

MEMORY = 200 * 1024 * 1024


def analyzed(root: Path) -> None:
    """Load, connect and identify all of a workspace, as `check` does; what is wrong with it comes out as an error."""
    workspace = load_workspace(root)
    loader = Loader(workspace)
    labels = select(loader, ["//..."], "")
    analyze(build_graph(loader, labels), workspace, PlainSource())


def verdict(root: Path) -> str:
    """Return `fine`, `refused`, or what is wrong with the way in which it ended."""
    try:
        analyzed(root)
    except InputError as error:
        flat = error.errors if isinstance(error, InputErrors) else (error,)
        told = error_lines(flat, root)
        text = "".join(part if isinstance(part, str) else part.text for line in told for part in line)
        if not all(e.message.isprintable() for e in flat):
            return "a message holds a control character"
        unplaced = [e for e in flat if e.location is None and e.code not in WITHOUT_A_PLACE]
        unhelpful = [e for e in flat if not e.hint]
        if unplaced or unhelpful:
            return f"no place or hint: {[*unplaced, *unhelpful][0]}"
        return "refused" if text else "nothing is told"
    except NotFoundError:
        return "fine"  # A workspace without any target.
    except HostError as error:
        return f"blames the machine: {error}"
    except Exception:  # noqa: BLE001 - any other end is what is looked for
        return traceback.format_exc()
    return "fine"


WITHOUT_A_PLACE = frozenset({"unknown-package"})
"""Told of what the command line names; nothing of the files is at fault."""


def main(seed: int, count: int, folder: Path) -> None:
    random_ = random.Random(seed)
    seeds = fragments()
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    analyzed(folder)
    # The imports of the parser and of messages are not the file's fault.
    parse_yaml(b"a: 1", "x")
    before = _memory()
    resource.setrlimit(resource.RLIMIT_AS, (_virtual() + MEMORY, resource.RLIM_INFINITY))
    ends: Counter[str] = Counter()
    wrong, slowest = [], (0.0, -1)
    for number in range(count):
        path = random_.choice(TARGETS_OF_MUTATION)
        data = hostile(random.Random(f"{seed}/{number}"), FILES[path], seeds)
        (folder / path).write_bytes(data)
        began = time.process_time()
        end = verdict(folder)
        slowest = max(slowest, (time.process_time() - began, number))
        (folder / path).write_text(FILES[path], encoding="utf-8")
        ends[end if end in ("fine", "refused") else "wrong"] += 1
        if end not in ("fine", "refused"):
            wrong.append({"number": number, "path": path, "end": end[-3000:], "data": repr(data[:1500])})
    peak = (_memory() - before) // 1024
    facts = {"seed": seed, "ends": ends, "slowest_cpu_s": round(slowest[0], 3), "slowest": slowest[1]}
    sys.stdout.write(json.dumps({**facts, "peak_mib": peak // 1024, "wrong": wrong[:5]}) + "\n")


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _virtual() -> int:
    if sys.platform != "linux":
        return 1 << 33
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
