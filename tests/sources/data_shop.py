"""A workspace with external data and a task that tells what it was given, used through the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKSPACE = """\
workspace: shop
defaults: {paths: [src], image: py}
images:
  py: {python: "3.11", lock: requirements.lock}
environments:
  local: {runner: local, storage: store, mounts: {disk: disk}}
"""
# Lists what is behind its argument, and what the argument is.
LOOK = """\
import json, os, pathlib, sys
given = json.load(open(sys.argv[1]))["data"]
place = pathlib.Path(given.removeprefix("file://"))
files = {}
if place.exists():
    found = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    files = {p.name if p == place else p.relative_to(place).as_posix(): p.read_text() for p in found}
real = os.path.realpath(place)
pathlib.Path(sys.argv[2], "seen.json").write_text(json.dumps({"given": given, "files": files, "real": real}))
"""


class Shop:
    """`data` is the source, `look` reads it; `fields` are further fields of the source."""

    def __init__(self, root: Path) -> None:
        self.root = root / "w"
        self.environ = {"HOME": str(root / "home"), "CI": "", "NO_COLOR": "1"}
        for path, text in {
            "TTWORKSPACE.yaml": WORKSPACE,
            "src/look.py": LOOK,
            "requirements.lock": "# nothing\n",
            ".gitignore": "store/\n",
        }.items():
            self.write(path, text)
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
            subprocess.run(["git", *words.split()], cwd=self.root, env={**os.environ, **self.environ}, check=True)

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def source(self, uri: str, *, part: str = "", salt: int = 0, task: str = "", **fields: object) -> None:
        """Write the experiment. `part` is a path behind the label, `salt` makes another task of `look`."""
        more = "".join(f", {key.rstrip('_')}: {json.dumps(value)}" for key, value in fields.items())
        self.write(
            "e/TTCONFIG.yaml",
            f"targets:\n  data: {{source: {json.dumps(uri)}{more}}}\n"
            f'  look: {{task: look, commit: HEAD, args: {{data: ":data{part}", salt: {salt}}}{task}}}\n',
        )

    def run(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "traintrack", *words],
            cwd=self.root,
            # Read late: the servers of a test say there where they are.
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, done.stderr
        return done

    def document(self, *words: str, code: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json", code=code).stdout)
        return found

    def seen(self) -> dict[str, Any]:
        """Run `look` and return what it saw."""
        self.run("run", "//e:look")
        place = self.document("pull", "//e:look")["targets"][0]["path"]
        found: dict[str, Any] = json.loads(Path(place, "seen.json").read_text())
        return found

    def lock(self) -> str:
        return (self.root / "e/TTLOCK.yaml").read_text()

    def errors(self, *words: str, code: int) -> list[dict[str, Any]]:
        """The errors of a command, however its document is called."""
        document = self.document(*words, code=code)
        found: list[dict[str, Any]] = document.get("stale") or document.get("errors") or []
        return found or [one["error"] for one in document["missing"]]
