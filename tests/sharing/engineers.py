"""Engineers of one team: each has a home and a clone of one repository, and all use one bucket.

A task appends a line to `count/<name>` outside of any store when it begins: so how often it was executed is known
without asking traintrack.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from traintrack.testing.s3_server import S3Server

BUCKET = "models"
LIMIT_S = 60.0

WORKSPACE = """\
workspace: shared
images: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}
defaults: {image: sh, paths: [src]}
environments: {team: {runner: local, storage: "s3://%s/team", heartbeat: 1s, cpu: 2}}
"""

TASK = r"""set -eu
config=$1 out=$2
value() { sed -n "s/^ *.$1.: *//p" "$config" | tr -d '",'; }
counts=$(value counts) name=$(value name)
echo "begin $$" >> "$counts/$name"
while [ -e "$counts/$name.hold" ]; do sleep 0.05; done
for key in in0 in1; do
  input=$(value $key)
  if [ -n "$input" ]; then cat "$input" >> "$out/data"; fi
done
read -r random < /proc/sys/kernel/random/uuid
echo "$name $random" >> "$out/data"
mkdir "$out/many"
for i in 1 2 3 4 5; do echo "$i" > "$out/many/$i"; done
head -c 1500000 /dev/zero > "$out/large"
echo "end $$" >> "$counts/$name"
"""

GRAPH = {"prepare": [], "train": ["prepare"], "evaluate": ["train", "prepare"]}


class Engineer:
    """One engineer: `home` and `work` are nobody else's."""

    def __init__(self, home: Path, work: Path, environ: dict[str, str]) -> None:
        self.home, self.work = home, work
        self.environ = {**environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}

    def start(self, *words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "traintrack", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(argv, cwd=self.work, env=self.environ, stdout=pipe, stderr=pipe, text=True)

    def do(self, *words: str) -> dict[str, Any]:
        """Run a command to its end and return its JSON document."""
        process = self.start("--json", *words)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, f"{words}: {process.returncode}\n{out}\n{err}"
        found: dict[str, Any] = json.loads(out)
        return found

    def sees_log_of(self, label: str) -> bool:
        """Tell if the log of a target that runs can be read; a folder names a job half a second after it began."""
        process = self.start("--json", "log", label)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode in (0, 4), f"{process.returncode}\n{out}\n{err}"
        found = json.loads(out)
        assert process.returncode == 0 or found["error"]["code"] == "no-log", out
        return process.returncode == 0 and bool(found["live"])

    def bytes_of(self, name: str) -> dict[str, bytes]:
        """Pull a target and return its files."""
        [row] = self.do("pull", f":{name}")["targets"]
        root = Path(row["path"])
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def outcomes(self, *words: str) -> dict[str, str]:
        """Run targets and return how each ended, by its name."""
        return {row["label"].rpartition(":")[2]: row["outcome"] for row in self.do("run", *words)["targets"]}


class Team:
    """All engineers of a test."""

    def __init__(self, folder: Path, s3: S3Server) -> None:
        self._folder, self.s3 = folder, s3
        self.counts = folder / "count"
        self.counts.mkdir()
        self._origin = folder / "origin"
        self._make_repository()

    def add_targets(self, names: Iterable[str]) -> None:
        """Commit further targets, which read nothing."""
        with (self._origin / "TTCONFIG.yaml").open("a") as file:
            for name in names:
                file.write(f"  {name}: {{args: {json.dumps({'counts': str(self.counts), 'name': name})}}}\n")
        self._commit("More")

    def add_to_task(self, lines: str) -> None:
        """Commit further lines of the task."""
        with (self._origin / "src" / "task.sh").open("a") as file:
            file.write(lines)
        self._commit("Do more")

    def engineer(self, name: str) -> Engineer:
        home = self._folder / "home" / name
        home.mkdir(parents=True)
        work = self._folder / "work" / name
        _git(self._folder, "clone", "--quiet", str(self._origin), str(work))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TRAINTRACK_", "XDG_"))}
        return Engineer(home, work, {**clean, **self.s3.environ(), "NO_COLOR": "1"})

    def begun(self, name: str) -> int:
        """How often a task has begun."""
        return self._lines(name).count("begin")

    def ended(self, name: str) -> int:
        """How often a task has come to its end."""
        return self._lines(name).count("end")

    def hold(self, name: str) -> None:
        """Let a task stand still."""
        (self.counts / f"{name}.hold").touch()

    def let_go(self, name: str) -> None:
        """Let it go on."""
        (self.counts / f"{name}.hold").unlink()

    def _lines(self, name: str) -> list[str]:
        file = self.counts / name
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []

    def _make_repository(self) -> None:
        lines = ["defaults: {task: src/task.sh, commit: HEAD}", "targets:"]
        for name, inputs in GRAPH.items():
            args = {"counts": str(self.counts), "name": name}
            args |= {f"in{number}": f":{source}/data" for number, source in enumerate(inputs)}
            lines.append(f"  {name}: {{args: {json.dumps(args)}}}")
        files = {
            "TTWORKSPACE.yaml": WORKSPACE % BUCKET,
            "TTCONFIG.yaml": "\n".join(lines) + "\n",
            "requirements.lock": "",
            "src/task.sh": TASK,
        }
        for path, text in files.items():
            (self._origin / path).parent.mkdir(parents=True, exist_ok=True)
            (self._origin / path).write_text(text)
        _git(self._origin, "init", "--quiet", "--initial-branch=main")
        _git(self._origin, "add", ".")
        self._commit("One")

    def _commit(self, message: str) -> None:
        names = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
        _git(self._origin, *names, "commit", "--quiet", "-am", message)


def until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
