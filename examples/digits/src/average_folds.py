"""Average what a cross-validation has measured.

Arguments: `evaluations`, a list with an entry per fold: `at` (its coordinates) and `path` (folder with
`metrics.json`). traintrack makes such a list of the label `:evaluation@*`.

Writes `metrics.json`: mean and standard deviation of accuracy and macro F1, and how many folds there were.
"""

import json
import statistics
from pathlib import Path

from task_files import start, write_json


def main():
    config, output = start()
    rows = [json.loads((Path(one["path"]) / "metrics.json").read_text(encoding="utf-8")) for one in config["evaluations"]]
    metrics = {"folds": len(rows)}
    for name in ("accuracy", "f1_macro"):
        values = [row[name] for row in rows]
        metrics[name] = round(statistics.mean(values), 6)
        # Of a sample, n - 1: other data would have given other folds. A single value has no spread.
        metrics[f"{name}_sd"] = round(statistics.stdev(values), 6) if len(values) > 1 else 0.0
    write_json(output / "metrics.json", metrics)
    print(f"accuracy {metrics['accuracy']:.4f} ± {metrics['accuracy_sd']:.4f} over {len(rows)} folds")


if __name__ == "__main__":
    main()
