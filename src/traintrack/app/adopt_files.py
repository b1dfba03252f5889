"""The files of a workspace around code that is there already: small, commented, and fitted to it."""

from __future__ import annotations

from collections.abc import Iterable

from traintrack.app.adopt_code import FoundCode
from traintrack.app.adopt_image import ImageChoice
from traintrack.app.adopt_yaml import yaml_paths, yaml_value
from traintrack.app.wrap import Wrapped


def workspace_text(name: str, paths: tuple[str, ...], images: Iterable[ImageChoice]) -> str:
    """Return a TTWORKSPACE.yaml."""
    rows = "".join(f"  # {image.why}.\n  {image.name}: {image.fields}\n" for image in images)
    return _WORKSPACE.format(name=name, paths=yaml_paths(paths), images=rows)


def look_experiment(image: ImageChoice, label: str, task: str, file: str, code: FoundCode) -> str:
    """Return the TTCONFIG.yaml of a first look."""
    in_python = image.container and file.endswith(".py") and code.imports
    env = f"{_python_path(code.imports)}\n" if in_python else ""
    return _HEAD.format(what="A first look: what a task of this workspace finds. It trains nothing", label=label) + (
        _DEFAULTS.format(image=image.name)
        + _LOOK.format(
            target=label.rpartition("/")[2],
            task=task,
            file=file,
            modules=yaml_value(list(code.modules)),
            call=_call(image, task),
            env=env,
        )
    )


def wrap_experiment(image: ImageChoice, label: str, task: str, wrapped: Wrapped) -> str:
    """Return the TTCONFIG.yaml of a wrapped script."""
    sources = "".join(f"  {s.name}:\n    source: {yaml_value(s.path)}\n\n" for s in wrapped.sources)
    target = label.rpartition("/")[2]
    lines = [f"  {target}:", f"    task: {task} # {wrapped.entry}, which calls {wrapped.path}"]
    if image.container:
        lines.append(_python_path(wrapped.imports))
    values = any(not line.startswith("#") for line in wrapped.args.args)
    lines.append("    args:" if values else "    args: {}")
    lines += [f"      {line}" for line in wrapped.args.args]
    if wrapped.args.unhashed:
        lines += ["    # What cannot change the result, and is no part of the ID.", "    unhashed:"]
        lines += [f"      {line}" for line in wrapped.args.unhashed]
    what = f"{wrapped.path} as a target, with its own defaults as arguments"
    body = sources + "\n".join(lines) + "\n"
    return _HEAD.format(what=what, label=label) + _DEFAULTS.format(image=image.name) + body


def _python_path(imports: tuple[str, ...]) -> str:
    """In a container nobody else sets it; the folders are from the current one, which holds the code."""
    return f'    env: {{PYTHONPATH: "{":".join(imports)}"}}'


def _call(image: ImageChoice, task: str) -> str:
    return f"python -m {task}" if not image.container else task


_WORKSPACE = """\
# The root of a traintrack workspace. Every folder below with a TTCONFIG.yaml is an experiment.
workspace: {name}
requires: ">=0.1"

# The code that tasks may see, from this folder. What is not named here is not there for them.
defaults:
  paths: {paths}

# What provides the programs of tasks.
images:
{images}
# Where work runs and where results live; `--env NAME` picks another one.
environments:
  local: {{runner: local, storage: "~/.local/share/traintrack/{name}"}}
default_env: local
"""

_HEAD = """\
# {what}.
#
#   traintrack run {label}
#   traintrack why {label}
"""

_DEFAULTS = """\
defaults:
  image: {image}
  # The code as it is in the newest commit. Once an experiment is done, write the full commit hash here,
  # so that its meaning stands still while the code goes on.
  commit: HEAD

targets:
"""

_LOOK = """\
  {target}:
    task: {task} # calls `{call} CONFIG_YAML OUTPUT_DIRECTORY`, which is {file}
    description: Tell which packages and modules a task finds.
{env}    args:
      modules: {modules}
"""

LOOK_PY = '''\
"""Tells what a task finds. A task is a program: it gets its arguments in a file and writes into a folder."""

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

config_path, output = sys.argv[1], Path(sys.argv[2])
config = json.loads(Path(config_path).read_text(encoding="utf-8"))

# Looks for modules without importing them.
missing = [name for name in config["modules"] if importlib.util.find_spec(name) is None]
packages = {item.metadata["Name"]: item.version for item in importlib.metadata.distributions()}

print(f"Python {sys.version.split()[0]}, {len(packages)} packages")
print(f"modules of this repository: {', '.join(config['modules']) or 'none'}")
if missing:
    sys.exit(f"not found: {', '.join(missing)}; add their folders to `paths` in TTWORKSPACE.yaml")
(output / "packages.json").write_text(json.dumps(packages, indent=2, sort_keys=True) + "\\n", encoding="utf-8")
(output / "metrics.json").write_text(json.dumps({"packages": len(packages)}) + "\\n", encoding="utf-8")
'''

LOOK_SH = """\
#!/bin/sh
# Tells what a task finds. A task is a program: it gets its arguments in a file and writes into a folder.
set -eu
config=$1
output=$2

echo "the arguments, as JSON:"
cat "$config"
echo
echo "the code:"
ls -R . | tee "$output/code.txt"
"""
