"""Let a model read every digit of a data set.

Arguments: `model` (folder with `model.npz`), `dataset` (folder with `dataset.npz`).
Writes `predictions.csv`: `row` in the data set from 0, `digit` as read, `confidence` from 0 to 1.
"""

from pathlib import Path

from network import pixels, probabilities
from task_files import read_arrays, start, write_text


def main():
    config, output = start()
    data = read_arrays(Path(config["dataset"]) / "dataset.npz")
    said = probabilities(read_arrays(Path(config["model"]) / "model.npz"), pixels(data["images"]))
    # Four digits: more would only be the rounding errors of one machine's arithmetic.
    rows = [f"{row},{p.argmax()},{p.max():.4f}" for row, p in enumerate(said)]
    write_text(output / "predictions.csv", "\n".join(["row,digit,confidence", *rows]) + "\n")
    print(f"read {len(rows)} digits")


if __name__ == "__main__":
    main()
