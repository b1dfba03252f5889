"""Cut a data set out of the handwritten digits that ship with scikit-learn (1,797 images of 8 by 8 pixels).

Arguments: `part` (`training` or `holdout`), `rows` (how many to take), `seed` (of the shuffle, the same for
both parts, or else they overlap). The last 360 rows of the shuffle are the holdout and never trained on.

Writes `dataset.npz` (`images` rows x 8 x 8 of 0..16, `labels` rows) and `metrics.json`.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits

from task_files import start, write_arrays, write_json

HOLDOUT_ROWS = 360


def main():
    config, output = start()
    digits = load_digits()
    order = np.random.default_rng(config["seed"]).permutation(len(digits.target))
    pools = {"training": order[:-HOLDOUT_ROWS], "holdout": order[-HOLDOUT_ROWS:]}
    pool = pools[config["part"]]
    if config["rows"] > len(pool):
        sys.exit(f"`rows` is {config['rows']}, but the {config['part']} part has only {len(pool)}")
    chosen = pool[: config["rows"]]
    images = digits.images[chosen].astype(np.uint8)
    labels = digits.target[chosen].astype(np.uint8)
    write_arrays(output / "dataset.npz", {"images": images, "labels": labels})
    per_digit = {str(digit): int((labels == digit).sum()) for digit in range(10)}
    write_json(output / "metrics.json", {"rows": len(labels), "rows_per_digit": per_digit})
    print(f"{config['part']}: {len(labels)} digits, {min(per_digit.values())} or more of each")


if __name__ == "__main__":
    main()
