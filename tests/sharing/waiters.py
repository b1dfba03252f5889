"""A task that goes on by steps, with checkpoints, and runs of two engineers of which one waits for the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engineers import LIMIT_S, Engineer, until

WORKSPACE = """\
workspace: shared
images: {sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}}
defaults: {image: sh, paths: [src]}
environments: {team: {runner: local, cpu: 2, %s}}
"""

TASK = r"""set -eu
config=$1 out=$2
value() { sed -n "s/^ *.$1.: *//p" "$config" | tr -d '",'; }
counts=$(value counts) name=$(value name)
trap 'echo asked to end; exit 143' TERM
begun=0
for found in "$TRAINTRACK_CHECKPOINT_DIR"/epoch-*; do
  if [ -d "$found" ]; then begun=${found##*-}; fi
done
echo "begin $$ $begun" >> "$counts/$name"
echo "from $begun with ${TOKEN:-no word}"
step=$begun
while [ $step -lt 3 ]; do
  step=$((step + 1))
  echo "epoch $step"
  echo "{\"message\": \"epoch\", \"step\": $step, \"total\": 3}" > "$out/progress.json"
  mkdir "$TRAINTRACK_CHECKPOINT_DIR/new.tmp"
  echo "weights of $step" > "$TRAINTRACK_CHECKPOINT_DIR/new.tmp/weights"
  mv "$TRAINTRACK_CHECKPOINT_DIR/new.tmp" "$TRAINTRACK_CHECKPOINT_DIR/epoch-$step"
  echo "at $step" >> "$counts/$name"
  while [ -e "$counts/$name.hold$step" ]; do sleep 0.05; done
  if [ -e "$counts/$name.fail" ]; then echo "it fails"; exit 3; fi
done
cat "$TRAINTRACK_CHECKPOINT_DIR/epoch-3/weights" > "$out/model" 2>/dev/null || echo none > "$out/model"
echo "the last line"
echo "end $$" >> "$counts/$name"
"""


class Office:
    """Engineers with a home and a clone each over one storage; `train` goes on by steps."""

    def __init__(self, folder: Path, environment: str, environ: dict[str, str], target: str = "") -> None:
        self._folder, self._environ = folder, environ
        self.counts = folder / "count"
        self.counts.mkdir()
        args = json.dumps({"counts": str(self.counts), "name": "train"})
        files = {
            "TTWORKSPACE.yaml": WORKSPACE % environment,
            "TTCONFIG.yaml": f"defaults: {{task: src/task.sh, commit: HEAD}}\ntargets: {{train: {{args: {args}{target}}}}}\n",
            "requirements.lock": "",
            "src/task.sh": TASK,
        }
        origin = folder / "origin"
        for path, text in files.items():
            (origin / path).parent.mkdir(parents=True, exist_ok=True)
            (origin / path).write_text(text)
        author = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
        _git(origin, "init", "--quiet", "--initial-branch=main")
        _git(origin, "add", ".")
        _git(origin, *author, "commit", "--quiet", "-m", "One")

    def engineer(self, name: str) -> Engineer:
        home, work = self._folder / "home" / name, self._folder / "work" / name
        home.mkdir(parents=True)
        _git(self._folder, "clone", "--quiet", str(self._folder / "origin"), str(work))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TRAINTRACK_", "XDG_"))}
        return Engineer(home, work, {**clean, **self._environ, "NO_COLOR": "1"})

    @contextmanager
    def start(self, engineer: Engineer, *words: str) -> Iterator[Told]:
        """Start a command, and leave none behind."""
        name = os.urandom(4).hex()
        out, err = self._folder / f"{name}.out", self._folder / f"{name}.err"
        argv = [sys.executable, "-m", "traintrack", *words]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                argv, cwd=engineer.work, env=engineer.environ, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL
            )
        try:
            yield Told(process, out, err)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def hold(self, step: int) -> None:
        """Let the task stand still after a step."""
        (self.counts / f"train.hold{step}").touch()

    def let_go(self, step: int) -> None:
        """Let it go on."""
        (self.counts / f"train.hold{step}").unlink()

    def let_all_go(self) -> None:
        """Leave no task behind that stands still."""
        for file in self.counts.glob("*.hold*"):
            file.unlink()

    def fail(self) -> None:
        """Let the task fail when it goes on."""
        (self.counts / "train.fail").touch()

    def notes(self) -> list[str]:
        """What the executions of the task have noted: `begin from 0`, `at 1`, …, `end`."""
        file = self.counts / "train"
        words = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
        return [f"begin from {w[2]}" if w[0] == "begin" else "end" if w[0] == "end" else " ".join(w) for w in words]

    def comes_to(self, note: str) -> None:
        """Wait until the task has noted something."""
        until(lambda: note in self.notes())


class Told:
    """A command under way, whose output can be read at any time."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def says(self, text: str) -> None:
        """Wait until it has said something on stderr."""
        until(lambda: text in self.err or self.process.poll() is not None)
        assert text in self.err, self.err

    def prints(self, text: str) -> None:
        """Wait until it has printed something on stdout."""
        until(lambda: text in self.out or self.process.poll() is not None)
        assert text in self.out, self.out + self.err

    def press_ctrl_c(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ends(self, code: int = 0) -> str:
        """Wait for the end, and return what it told."""
        assert self.process.wait(LIMIT_S) == code, self.out + self.err
        return self.err


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
