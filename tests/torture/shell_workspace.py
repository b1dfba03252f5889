"""Four shell targets whose artifacts are known in advance, and the program as a process over a store of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LAST = "//exp:d"

# Writes a link and a hard link too: sealing them is where a store has the most steps. No path of the store gets into
# the output. A file `linger` beside the store makes the task stay, so that it outlives a run that is killed.
_SCRIPT = """set -eu
mkdir -p "$2/parts/deep"
grep number "$1" > "$2/given"
ln "$2/given" "$2/twice"
ln -s parts/deep "$2/short"
cat "$2/given" "$2/given" > "$2/parts/deep/x"
: > "$2/read"
for at in $(sed -n 's/^ *"in[0-9]": "\\(.*\\)",\\{0,1\\}$/\\1/p' "$1"); do
    for file in "$at/given" "$at/x"; do
        [ ! -e "$file" ] || cksum < "$file" >> "$2/read"
    done
done
[ ! -e "${2%%/store/*}/linger" ] || sleep 60
"""

_WORKSPACE = """workspace: torture
images: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}
defaults: {image: sh, paths: [src]}
environments: {local: {runner: local, storage: "~/store"}}
"""

_EXPERIMENT = """defaults: {task: src/make.sh, commit: HEAD}
targets:
  a: {args: {number: 1}}
  b: {args: {number: 2, in0: ":a"}}
  c: {args: {number: 3, in0: ":a/parts/deep"}}
  d: {args: {number: 4, in0: ":b", in1: ":c"}}
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; `took_s` in seconds."""

    code: int
    stdout: str
    stderr: str
    took_s: float = 0.0

    @property
    def said(self) -> str:
        """Everything that it said."""
        return f"exit {self.code}\n{self.stdout}\n{self.stderr}"

    def targets(self) -> dict[str, dict[str, object]]:
        """The rows of `run --json` by label."""
        return {row["label"]: row for row in json.loads(self.stdout)["targets"]}

    def artifacts(self) -> dict[str, object]:
        """Artifact digests by label."""
        return {label: row["artifact"] for label, row in self.targets().items()}

    def outcomes(self) -> dict[str, object]:
        """Outcomes by label."""
        return {label: row["outcome"] for label, row in self.targets().items()}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A committed workspace; `golden` maps labels to artifact digests, `ids` to IDs, as a run that met no fault found them."""

    root: Path
    golden: Mapping[str, object]
    ids: Mapping[str, str]

    def run(self, home: Path, *words: str) -> Ended:
        """Run `traintrack run` for the last target to its end."""
        return traintrack(home, "-C", str(self.root), "run", LAST, "--json", *words)

    def clean(self, home: Path) -> Ended:
        """Run `traintrack clean`."""
        return traintrack(home, "-C", str(self.root), "clean")


def make_workspace(folder: Path) -> Workspace:
    """Write the workspace into an empty folder, commit it, and learn its digests from a first run."""
    root = folder / "workspace"
    (root / "src").mkdir(parents=True)
    (root / "exp").mkdir()
    (root / "src" / "make.sh").write_text(_SCRIPT)
    (root / "requirements.lock").write_text("")
    (root / "TTWORKSPACE.yaml").write_text(_WORKSPACE)
    (root / "exp" / "TTCONFIG.yaml").write_text(_EXPERIMENT)
    identity = ("-c", "user.name=torture", "-c", "user.email=torture@example.invalid", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "torture")):
        subprocess.run(["git", "-C", root, *words], check=True)
    first = Workspace(root, {}, {}).run(make_home(folder / "golden"))
    assert first.code == 0, first.said
    return Workspace(root, first.artifacts(), {label: str(row["id"]) for label, row in first.targets().items()})


def make_home(home: Path) -> Path:
    """Make the folder that holds a store, and all else that the program and its tasks write."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    return home


def environ(home: Path) -> dict[str, str]:
    """The environment in which the program writes nowhere but below `home`."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    return {
        **keep,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
    }


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the program, with its streams as pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "traintrack", *arguments],
        env=environ(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> Ended:
    """Wait for the end of a program; one that does not end in time is killed and fails the test."""
    began = time.monotonic()
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Ended(process.returncode, out, err, time.monotonic() - began)


def traintrack(home: Path, *arguments: str) -> Ended:
    """Run the program to its end."""
    return finish(start(home, *arguments))
