"""Pick the cell of a grid with the highest metric.

Arguments: `cells`, a list with an entry per cell: `at` (its parameters) and `path` (folder with `metrics.json`),
as traintrack makes it of the label `:search@*`; `metric`, the name of a number in `metrics.json`.

Writes `parameters.json` (those of the best cell), `metrics.json` (its metrics) and `ranking.csv` (every cell, the
best first). Of equal cells the one that comes first in the list is taken.
"""

import json
from pathlib import Path

from task_files import start, write_json, write_text


def main():
    config, output = start()
    cells = [(cell["at"], read_metrics(cell["path"])) for cell in config["cells"]]
    cells.sort(key=lambda cell: -cell[1][config["metric"]])
    (parameters, metrics), names = cells[0], sorted(cells[0][0])
    write_json(output / "parameters.json", parameters)
    write_json(output / "metrics.json", {**metrics, "cells": len(cells)})
    lines = [",".join([*names, config["metric"]])]
    lines += [",".join(str(value) for value in (*(at[n] for n in names), row[config["metric"]])) for at, row in cells]
    write_text(output / "ranking.csv", "\n".join(lines) + "\n")
    for at, row in cells:
        print(f"{row[config['metric']]:.4f}  {described(at)}")
    print(f"best of {len(cells)}: {described(parameters)}")


def read_metrics(folder):
    """Return what a cell has measured."""
    return json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8"))


def described(parameters):
    """Return parameters as a person reads them."""
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


if __name__ == "__main__":
    main()
