"""What predictions are worth: the numbers of one model on one data set."""

import csv
from pathlib import Path

import numpy as np

from task_files import read_arrays


def read_predictions(folder):
    """Return the digits as read and how sure the model was, both in the order of the data set."""
    with (Path(folder) / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([int(r["digit"]) for r in rows]), np.array([float(r["confidence"]) for r in rows])


def read_dataset(folder):
    """Return the images (rows x 8 x 8 of 0..16) and the labels of a data set."""
    arrays = read_arrays(Path(folder) / "dataset.npz")
    return arrays["images"], arrays["labels"].astype(np.intp)


def confusion(labels, said):
    """Count how often each digit (row) was read as each digit (column): 10 x 10."""
    if len(labels) != len(said):
        raise SystemExit(f"{len(said)} predictions do not belong to a data set of {len(labels)} rows")
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (labels, said), 1)
    return counts


def scores(counts):
    """Return accuracy, macro F1 and F1 per digit of a confusion matrix, rounded to 6 places."""
    right = np.diag(counts)
    f1 = 2 * right / np.maximum(counts.sum(axis=0) + counts.sum(axis=1), 1)
    return {
        "accuracy": round(float(right.sum() / counts.sum()), 6),
        "f1_macro": round(float(f1.mean()), 6),
        "f1_per_digit": {str(digit): round(float(value), 6) for digit, value in enumerate(f1)},
        "errors": int(counts.sum() - right.sum()),
        "rows": int(counts.sum()),
    }
