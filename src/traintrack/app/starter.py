"""The files of a first workspace: small, commented, and running as they are."""

from __future__ import annotations

from collections.abc import Mapping


def starter_files(name: str, python: str) -> Mapping[str, str]:
    """Return path → text of a minimal workspace; `python` is a version such as `3.11`."""
    return {
        "TTWORKSPACE.yaml": _WORKSPACE.format(name=name, python=python),
        "experiments/hello/TTCONFIG.yaml": _EXPERIMENT,
        "src/hello.py": _HELLO,
        "src/shout.py": _SHOUT,
        "requirements.lock": _LOCK,
        ".gitignore": _GITIGNORE,
    }


_WORKSPACE = """\
# The root of a traintrack workspace. Every folder below with a TTCONFIG.yaml is an experiment.
workspace: {name}
requires: ">=0.1"

# What stands under every target: the folders of code that tasks may see, from this folder.
defaults:
  paths: [src]

# What provides the programs of tasks. This one is a Python environment that is made from the lock file.
images:
  py: {{python: "{python}", lock: requirements.lock}}

# Where work runs and where results live; `--env NAME` picks another one.
environments:
  local: {{runner: local, storage: "~/.local/share/traintrack/{name}"}}
default_env: local
"""

_EXPERIMENT = """\
# An experiment: its targets, each a task with its arguments.
#
#   traintrack run //experiments/hello            make `hello` and what it depends on
#   traintrack run //experiments/hello            again: nothing is left to do
#   traintrack why //experiments/hello            why it ran, or will run
defaults:
  image: py
  # The code as it is in the newest commit. Once an experiment is done, write the full commit hash here,
  # so that its meaning stands still while the code goes on.
  commit: HEAD

targets:
  greeting:
    task: hello # calls `python -m hello CONFIG_YAML OUTPUT_DIRECTORY`, which is src/hello.py
    description: Greet somebody.
    args:
      name: world

  hello:
    task: shout
    description: Say the greeting louder.
    args:
      greeting: ":greeting" # a label: the task gets the path of that target's output
      marks: 3
"""

_HELLO = '''\
"""Writes a greeting. A task is a program: it gets its arguments in a file and writes into a folder."""

import json
import sys
from pathlib import Path

config_path, output = sys.argv[1], Path(sys.argv[2])
config = json.loads(Path(config_path).read_text(encoding="utf-8"))

(output / "greeting.txt").write_text(f"hello, {config['name']}\\n", encoding="utf-8")
'''

_SHOUT = '''\
"""Makes a greeting louder."""

import json
import sys
from pathlib import Path

config_path, output = sys.argv[1], Path(sys.argv[2])
config = json.loads(Path(config_path).read_text(encoding="utf-8"))

greeting = (Path(config["greeting"]) / "greeting.txt").read_text(encoding="utf-8").strip()
loud = greeting.upper() + "!" * config["marks"]
(output / "hello.txt").write_text(loud + "\\n", encoding="utf-8")
print(loud)
'''

_LOCK = """\
# The packages that tasks may import, pinned. Made from a list of your own by
#   uv pip compile --generate-hashes requirements.in -o requirements.lock
"""

_GITIGNORE = """\
__pycache__/
*.pyc
.venv/
"""
