"""Measure predictions against the labels of their data set.

Arguments: `predictions` (folder with `predictions.csv`), `dataset` (folder with `dataset.npz`).
Writes `metrics.json` and `confusion.json` (how often each digit was read as each digit).
"""

from scores import confusion, read_dataset, read_predictions, scores
from task_files import start, write_json


def main():
    config, output = start()
    _, labels = read_dataset(config["dataset"])
    said, _ = read_predictions(config["predictions"])
    counts = confusion(labels, said)
    metrics = scores(counts)
    write_json(output / "metrics.json", metrics)
    write_json(output / "confusion.json", {"rows_are_truth": counts.tolist()})
    print(f"accuracy {metrics['accuracy']:.4f}, macro F1 {metrics['f1_macro']:.4f}, {metrics['errors']} misread")


if __name__ == "__main__":
    main()
