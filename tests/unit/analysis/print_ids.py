"""Prints the IDs of a small graph; `test_identify.py` runs it under several hash seeds."""

from __future__ import annotations

import sys

from in_memory import MemoryCatalog, experiment, git, workspace

from traintrack.analysis.identify import analyze
from traintrack.graph.build import build_graph

targets = {
    f"t{n}": {
        "args": {"set": {"b": n, "a": 1e-5, "c": [f":t{n - 1}"] if n else []}, "é": None},
        "env": {"B": "1", "A": "2"},
        "secrets": {"Z": None, "Y": None},
        "paths": ["src", "lib"],
    }
    for n in range(6)
}
catalog = MemoryCatalog(experiment("a", targets))
graph = analyze(build_graph(catalog, catalog.all_labels()), workspace(), git(lib="0" * 40))
for label, id_ in graph.labels.items():
    sys.stdout.write(f"{label} {id_}\n")
