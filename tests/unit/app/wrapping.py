"""A script in a folder, wrapped as `init --wrap` does it, and called as a runner would call its entry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from traintrack.app.adopt_code import find_code
from traintrack.app.wrap import Wrapped, wrap

# Every script ends by telling what it got.
TELL = "\nimport json, sys\njson.dump({'argv': sys.argv[1:], 'got': got}, open('told.json', 'w'), default=str)\n"


class Called:
    """How a call ended; `got` is what the script made of its words, `argv` the words themselves."""

    def __init__(self, done: subprocess.CompletedProcess[str], told: Path) -> None:
        self.exit_code, self.said = done.returncode, done.stdout + done.stderr
        document = json.loads(told.read_text()) if told.exists() else {"argv": None, "got": None}
        self.argv, self.got = document["argv"], document["got"]


def wrapped(root: Path, text: str, words: str = "train.py") -> Wrapped:
    """Write a script to the first of the words, and return its wrap."""
    place = root / words.partition(" ")[0]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return wrap(str(root), words, find_code(str(root)))


def call(root: Path, made: Wrapped, config: dict[str, Any]) -> Called:
    """Call the entry of a wrap with a configuration, in its folder, with `out` as the output folder."""
    (root / made.entry).write_text(made.text, encoding="utf-8")
    output = root / "out"
    output.mkdir(exist_ok=True)
    (root / "config.json").write_text(json.dumps(config, sort_keys=True), encoding="utf-8")
    for told in root.rglob("told.json"):
        told.unlink()
    done = subprocess.run(
        [sys.executable, made.entry, root / "config.json", output],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Called(done, next(iter(root.rglob("told.json")), root / "told.json"))


def args_of(made: Wrapped) -> dict[str, Any]:
    """The arguments that stand in the first experiment, as YAML readers read them."""
    import yaml

    return yaml.safe_load("\n".join(made.args.args)) or {}
