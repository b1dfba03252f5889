"""The files that a task is given and leaves behind; every writer gives the same bytes for the same values."""

import json
import os
import sys
from pathlib import Path

import numpy as np


def start():
    """Return the configuration and the output folder that the task was called with."""
    if len(sys.argv) != 3:
        sys.exit("usage: python -m TASK CONFIG_YAML OUTPUT_DIRECTORY")
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))  # CONFIG_YAML is JSON text
    return config, Path(sys.argv[2])


def write_text(path, text):
    """Write a file, with its folder, in full or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    os.replace(unfinished, path)


def write_json(path, value):
    """Write a value as JSON with sorted keys."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_arrays(path, arrays):
    """Write named arrays as `.npz`, in full or not at all.

    numpy stamps the members of the archive with 1980-01-01, so equal arrays are equal bytes. The archive is
    not compressed: what a compressor writes changes with its version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("wb") as file:
        np.savez(file, **{name: arrays[name] for name in sorted(arrays)})
    os.replace(unfinished, path)


def read_arrays(path):
    """Read named arrays from `.npz`; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
