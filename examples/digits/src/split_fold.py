"""Cut a data set in two for one fold of a cross-validation: what is trained on, and what is measured on.

Arguments: `dataset` (folder with `dataset.npz`), `folds` (how many), `fold` (which one, from 0). Every row is
measured on in exactly one fold; row n belongs to fold n modulo `folds`, for the rows are shuffled already.

Writes `training/dataset.npz` and `validation/dataset.npz`, each a data set like the one that was cut.
"""

import sys
from pathlib import Path

import numpy as np

from task_files import read_arrays, start, write_arrays


def main():
    config, output = start()
    fold, folds = config["fold"], config["folds"]
    data = read_arrays(Path(config["dataset"]) / "dataset.npz")
    if not 0 <= fold < folds or not 2 <= folds <= len(data["labels"]):
        sys.exit(f"there is no fold {fold} of {folds} in {len(data['labels'])} rows")
    measured = np.arange(len(data["labels"])) % folds == fold
    for part, mask in (("training", ~measured), ("validation", measured)):
        write_arrays(output / part / "dataset.npz", {name: values[mask] for name, values in data.items()})
    print(f"fold {fold} of {folds}: {(~measured).sum()} digits to train on, {measured.sum()} to measure on")


if __name__ == "__main__":
    main()
