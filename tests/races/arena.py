"""A workspace whose tasks count their own executions outside of any store, and runs that fight over it.

Each execution appends lines to `count/<name>` and holds a kernel lock while it or anything that it started lives: so
how often a target was executed, by whom, and whether two executions overlapped, is known without asking traintrack.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from traintrack.action.cell import Cell
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.storages.local import LocalStorage, open_local

HERE = Path(__file__).parent
LIMIT_S = 120.0

WORKSPACE = """\
workspace: arena
images: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}
defaults: {image: sh, paths: [src]}
environments: {local: {runner: local, storage: "%s", cpu: 4, jobs: 4}}
"""

# Nothing but the shell's own words, as a process each would be most of the price; `flock` and `sleep` are none.
TASK = """\
set -eu
config=$1 out=$2 inputs=
while IFS= read -r line; do
  line=${line#"${line%%[! ]*}"} line=${line%,}
  value=${line#*: '"'} value=${value%'"'}
  case $line in
    '"arena": '*) arena=$value ;;
    '"name": '*) name=$value ;;
    '"in'*) read -r _ _ input _ < "$value" && inputs="$inputs $input" ;;
  esac
done < "$config"
exec 9>> "$arena/$name.life"
flock -n 9 || echo "overlap $$ $PPID" >> "$arena/$name"
echo "begin $$ $PPID" >> "$arena/$name"
if [ -e "$arena/$name.deaf" ]; then trap '' TERM; fi
if [ -e "$arena/$name.checkpoint" ]; then echo one > "$TRAINTRACK_CHECKPOINT_DIR/one"; fi
if [ -e "$arena/$name.child" ]; then setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 0.05; done' & fi
echo "ready $$ $PPID" >> "$arena/$name"
while [ -e "$arena/$name.hold" ]; do sleep 0.01; done
if [ -e "$arena/$name.fail" ]; then echo "broken on purpose"; exit 3; fi
read -r random < /proc/sys/kernel/random/uuid
echo "$$ $PPID $random $inputs" > "$out/out"
echo "end $$ $PPID" >> "$arena/$name"
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What an execution said: `begin`, `ready`, `end` or `overlap`, its process and the run that started it."""

    word: str
    pid: int
    holder: int


@dataclass(slots=True)
class Contender:
    """A run as the test sees it. `code` is None while it lives."""

    name: str
    pid: int
    out: Path
    err: Path
    note: Path
    code: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def wait(self, limit_s: float = LIMIT_S) -> int:
        assert self.ended.wait(limit_s), f"{self.name} is stuck:\n{self.told()}"
        assert self.code is not None
        return self.code

    def told(self) -> str:
        return self.err.read_text(encoding="utf-8", errors="replace") if self.err.exists() else ""

    def targets(self) -> dict[str, dict[str, Any]]:
        """The rows of its document, by label."""
        return {row["label"]: row for row in json.loads(self.out.read_text())["targets"]}

    def kill(self) -> None:
        """SIGKILL for the program alone; returns when it is gone. One that has ended by itself is no matter."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """What a terminal does: the program and all in its group get the signal."""
        os.killpg(self.pid, number)


class Fleet:
    """Runs of one workspace, forked by a server; use as a context, at whose end all of them are gone."""

    SERVER = HERE / "fork_server.py"

    def __init__(self, folder: Path, work: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._work, self._environ = folder, work, environ
        self._runs: dict[str, Contender] = {}
        self._forked: queue.SimpleQueue[int] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self._server = subprocess.Popen(
            [sys.executable, str(self.SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environ,
            bufsize=0,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def prepare(self, *words: str, pause: str | None = None) -> Contender:
        """Fork a run that waits for `go`; with `pause` it stands still at that point and says so in `note`."""
        return self._fork({"words": words, "folder": str(self._work), "pause": pause})

    def _fork(self, what: Mapping[str, Any]) -> Contender:
        name = f"{len(self._runs):05}"
        paths = [self._folder / f"{name}.{kind}" for kind in ("out", "err", "note")]
        order = {"do": "spawn", "name": name, **what}
        self._runs[name] = run = Contender(name, 0, *paths)
        self._order({**order, "out": str(run.out), "err": str(run.err), "note": str(run.note)})
        run.pid = self._forked.get(timeout=LIMIT_S)
        return run

    def go(self) -> None:
        self._order({"do": "go"})

    def start(self, *words: str, pause: str | None = None) -> Contender:
        """Fork a run that begins at once."""
        run = self.prepare(*words, pause=pause)
        self.go()
        return run

    def _order(self, order: Mapping[str, Any]) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")

    def _read(self) -> None:
        assert self._server.stdout is not None
        for line in self._server.stdout:
            answer = json.loads(line)
            if "forked" in answer:
                self._forked.put(answer["pid"])
            else:
                run = self._runs[answer["ended"]]
                run.code = answer["code"]
                run.ended.set()


class Arena:
    """The workspace, its store and its counters, below one folder."""

    def __init__(self, folder: Path, graph: Mapping[str, Sequence[str]], cache: Path) -> None:
        """Write and commit a workspace with the targets of `graph`: names, each with the names that it reads."""
        self.folder = folder
        self.work, self.store, self.count = (folder / name for name in ("work", "store", "count"))
        self.count.mkdir(parents=True)
        config = {"HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "CI": ""}
        self.environ = {**os.environ, **config, "XDG_CACHE_HOME": str(cache)}
        self._write(graph)
        self._ids: dict[str, TargetId] = {}
        self._storage: LocalStorage | None = None

    def fleet(self) -> Fleet:
        return Fleet(self.folder / f"runs-{time.monotonic_ns()}", self.work, self.environ)

    def traintrack(self, *words: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "traintrack", *words],
            cwd=self.work, env=self.environ, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def switch(self, name: str, *marks: str) -> None:
        """Set what the next executions of a target do: `hold`, `fail`, `deaf`, `child`, `checkpoint`."""
        for mark in marks:
            (self.count / f"{name}.{mark}").touch()

    def let_go(self, name: str) -> None:
        (self.count / f"{name}.hold").unlink(missing_ok=True)

    def lines(self, name: str) -> list[Line]:
        """What executions of a target have said, in order."""
        path = self.count / name
        rows = [row.split() for row in path.read_text().splitlines()] if path.exists() else []
        return [Line(word, int(pid), int(holder)) for word, pid, holder in rows]

    def begun(self, name: str) -> list[Line]:
        """Executions of a target, oldest first."""
        return [line for line in self.lines(name) if line.word == "begin"]

    def overlaps(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if any(line.word == "overlap" for line in self.lines(name))]

    def is_living(self, name: str) -> bool:
        """Tell if anything of an execution of the target lives."""
        return subprocess.run(["flock", "-n", self.count / f"{name}.life", "true"], check=False).returncode != 0

    def id_of(self, name: str) -> TargetId:
        if not self._ids:
            rows = (line.split() for line in self.traintrack("hash", "//:*").splitlines())
            self._ids = {label.partition(":")[2]: TargetId(id_) for id_, label in rows}
        return self._ids[name]

    def cell(self, name: str) -> Cell | None:
        id_ = self.id_of(name)
        self._storage = self._storage or open_local(self.store)
        return self._storage.cells.read([id_])[id_].cell

    def standing(self, name: str) -> Line:
        """The execution whose output stands for a target."""
        cell = self.cell(name)
        assert cell is not None
        assert cell.result is not None, f"{name} has no result"
        artifact = cell.result.artifact
        pid, holder, *_ = (self.store / "artifact" / artifact[:2] / artifact / "out").read_text().split()
        return Line("begin", int(pid), int(holder))

    def damaged(self) -> list[str]:
        """Artifacts whose bytes are not what their name says, after all of them were read and hashed."""
        staging = open_local(self.store).staging
        found = self.store.glob("artifact/??/*")
        return [path.name for path in found if staging.scan(path).digest() != ArtifactDigest(path.name)]

    def leftovers(self) -> list[str]:
        """What lies where only living runs have something: stages, half-written files, sessions, jobs."""
        places = ("stage", "part", "alive", "runner/jobs", "trash")
        return sorted(f"{place}/{path.name}" for place in places for path in (self.store / place).glob("*"))

    def leftovers_after_kills(self) -> list[str]:
        """The same, but for notes of jobs that died with their runs before any cell named them: these stay for ever."""
        return [place for place in self.leftovers() if not place.startswith("runner/jobs/")]

    def living_tasks(self) -> list[int]:
        """Processes of tasks, known by the store in their environment or arguments; the fork server has none of these."""
        mark = os.fsencode(self.store)
        return [int(path.name) for path in Path("/proc").glob("[1-9]*") if _mentions(path, mark)]

    def _write(self, graph: Mapping[str, Sequence[str]]) -> None:
        lines = ["defaults: {task: src/task.sh, commit: HEAD}", "targets:"]
        for name, inputs in graph.items():
            args = {"arena": str(self.count), "name": name}
            args |= {f"in{number}": f":{source}/out" for number, source in enumerate(inputs)}
            lines.append(f"  {name}: {{args: {json.dumps(args)}}}")
        files = {
            "TTWORKSPACE.yaml": WORKSPACE % self.store,
            "TTCONFIG.yaml": "\n".join(lines) + "\n",
            "requirements.lock": "",
            "src/task.sh": TASK,
        }
        for path, text in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text(text)
        who = ("-c", "user.name=arena", "-c", "user.email=arena@example.invalid")
        for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "Begin")):
            subprocess.run(["git", *words], cwd=self.work, env=self.environ, check=True)


def until(what: Any, limit_s: float = LIMIT_S, pause_s: float = 0.002) -> Any:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + limit_s
    while not (answer := what()):
        assert time.monotonic() < deadline, f"it did not come within {limit_s} s"
        time.sleep(pause_s)
    return answer


def _mentions(entry: Path, mark: bytes) -> bool:
    try:
        if entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return False
        return any(mark in entry.joinpath(name).read_bytes() for name in ("environ", "cmdline"))
    except OSError:
        return False
