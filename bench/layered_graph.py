"""A layered graph as a traintrack workspace and as a build.ninja: the same work for both.

N targets in layers of width sqrt(N); each reads two of the layer before and hashes them with sha256sum. A target of
the first layer hashes its own number, so that a change of one number in the middle makes all behind it stale.
"""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of whoever has installed a program: Python compiles it once, and not in every run."""

SCRIPT = """set -eu
config=$1 out=$2/out
set --
while IFS= read -r line; do
    case $line in *'"in'[01]'": "'*) path=${line#*': "'} && set -- "$@" "${path%'"'*}" ;; esac
done < "$config"
[ $# -gt 0 ] || set -- "$config"
exec sha256sum "$@" > "$out"
"""

WORKSPACE = """workspace: layered
images: {{sh: {{python: "3.11", lock: requirements.lock, entrypoint: [sh]}}}}
defaults: {{image: sh, paths: [src]}}
environments: {{local: {{runner: local, storage: "{storage}"}}}}
"""


def layers(count: int) -> list[list[int]]:
    """Numbers of the targets, layer by layer."""
    width = max(1, math.isqrt(count))
    return [list(range(start, min(start + width, count))) for start in range(0, count, width)]


def inputs_of(number: int, count: int) -> tuple[int, ...]:
    """The two targets of the layer before that a target reads; none in the first layer."""
    width = max(1, math.isqrt(count))
    layer, place = divmod(number, width)
    if layer == 0:
        return ()
    return tuple(sorted({(layer - 1) * width + place, (layer - 1) * width + (place + 1) % width}))


def write_workspace(root: Path, count: int, files: int = 100, changed: int | None = None) -> None:
    """Write the workspace; `changed` is a target whose argument differs from the usual one."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "hash.sh").write_text(SCRIPT)
    (root / "requirements.lock").write_text("")
    (root / "TTWORKSPACE.yaml").write_text(WORKSPACE.format(storage=root.parent / f"{root.name}-store"))
    per_file = max(1, math.ceil(count / files))
    for start in range(0, count, per_file):
        folder = root / "runs" / f"e{start // per_file:03}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["defaults: {task: src/hash.sh, commit: HEAD}", "targets:"]
        for number in range(start, min(start + per_file, count)):
            lines += [f"  t{number}:", "    args:", f"      number: {number + (10**6 if number == changed else 0)}"]
            for slot, before in enumerate(inputs_of(number, count)):
                lines.append(f'      in{slot}: "//runs/e{before // per_file:03}:t{before}/out"')
        (folder / "TTCONFIG.yaml").write_text("\n".join(lines) + "\n")


def commit(root: Path) -> None:
    """Put the workspace under git."""
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", root, *identity, "commit", "-qm", "bench"], check=True)


def label(number: int, count: int, files: int = 100) -> str:
    """The label of a target."""
    per_file = max(1, math.ceil(count / files))
    return f"//runs/e{number // per_file:03}:t{number}"


def write_ninja(root: Path, count: int, changed: int | None = None) -> None:
    """Write the same graph for ninja; a target's number is a file that it reads too."""
    (root / "numbers").mkdir(parents=True, exist_ok=True)
    (root / "out").mkdir(exist_ok=True)
    lines = ["rule hash", "  command = sha256sum $in > $out", ""]
    for number in range(count):
        file = root / "numbers" / str(number)
        text = f"{number + (10**6 if number == changed else 0)}\n"
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        before = " ".join(f"out/{b}" for b in inputs_of(number, count))
        lines.append(f"build out/{number}: hash numbers/{number} {before}".rstrip())
    (root / "build.ninja").write_text("\n".join(lines) + "\n")
