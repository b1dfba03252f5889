"""The files of a first workspace whose tasks run in containers: one in Python, one in a shell."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_BASE = "debian:bookworm-slim"


def docker_files(name: str, base: str) -> Mapping[str, str]:
    """Return path → text of a workspace with two Dockerfiles upon `base`, an image with a shell."""
    return {
        "TTWORKSPACE.yaml": _WORKSPACE.format(name=name),
        "experiments/hello/TTCONFIG.yaml": _EXPERIMENT,
        "docker/python/Dockerfile": _PYTHON.format(base=base),
        "docker/shell/Dockerfile": _SHELL.format(base=base),
        "tasks/count.py": _COUNT,
        "tasks/report.sh": _REPORT,
        ".gitignore": _GITIGNORE,
    }


_WORKSPACE = """\
# The root of a traintrack workspace. Every folder below with a TTCONFIG.yaml is an experiment.
workspace: {name}
requires: ">=0.1"
platform: linux/amd64

# What stands under every target: the folders of code that tasks may see, from this folder.
defaults:
  paths: [tasks]

# What provides the programs of tasks. These are container images, built when they are first needed.
# `paths` is what decides the image: a change to the code of a task builds nothing anew.
images:
  python:
    build: {{context: docker/python, paths: [docker/python]}}
    entrypoint: [python3]
  shell:
    build: {{context: docker/shell, paths: [docker/shell]}}
    entrypoint: [sh]

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
defaults:
  # The code as it is in the newest commit. Once an experiment is done, write the full commit hash here,
  # so that its meaning stands still while the code goes on.
  commit: HEAD

targets:
  counts:
    image: python
    task: tasks/count.py # calls `python3 tasks/count.py CONFIG_YAML OUTPUT_DIRECTORY`
    description: Count the letters of a text.
    args:
      text: the same work is done once

  hello:
    image: shell
    task: tasks/report.sh # calls `sh tasks/report.sh CONFIG_YAML OUTPUT_DIRECTORY`
    description: Tell the most frequent letters, without Python.
    args:
      counts: ":counts" # a label: the task gets the path of that target's output
      top: 3
"""

_PYTHON = """\
# The image of `tasks/count.py`. `traintrack lock` pins the base, whatever its tag comes to mean.
FROM {base}
RUN command -v python3 || (apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*)
"""

_SHELL = """\
# The image of `tasks/report.sh`: a shell and jq, no Python.
FROM {base}
RUN command -v jq || (apt-get update && apt-get install -y --no-install-recommends jq && rm -rf /var/lib/apt/lists/*)
"""

_COUNT = '''\
"""Counts letters. A task is a program: it gets its arguments in a file and writes into a folder."""

import collections
import json
import sys
from pathlib import Path

config_path, output = sys.argv[1], Path(sys.argv[2])
config = json.loads(Path(config_path).read_text(encoding="utf-8"))

counts = collections.Counter(letter for letter in config["text"] if letter.isalpha())
(output / "counts.json").write_text(json.dumps(counts, sort_keys=True) + "\\n", encoding="utf-8")
'''

_REPORT = """\
#!/bin/sh
# Tells the most frequent letters. CONFIG_YAML is JSON text, so jq reads it.
set -eu
config=$1
output=$2

counts=$(jq -r .counts "$config")/counts.json
top=$(jq -r .top "$config")
jq -r --argjson top "$top" 'to_entries | sort_by(-.value, .key) | .[:$top][] | "\\(.key) \\(.value)"' \\
    "$counts" | tee "$output/top.txt"
"""

_GITIGNORE = """\
__pycache__/
*.pyc
"""
