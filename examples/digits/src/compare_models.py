"""Compare the readings of two models of the same digits, and write a report that a person can judge.

Arguments: `dataset` (folder with `dataset.npz`), `old` and `new`, each with `name` and `predictions` (folder
with `predictions.csv`).

Writes `metrics.json`, `reports/compare.md` and `reports/compare.html`.
"""

from math import comb

from compare_page import html_page
from scores import confusion, read_dataset, read_predictions, scores
from task_files import start, write_json, write_text


def main():
    config, output = start()
    images, labels = read_dataset(config["dataset"])
    old, new = (model_of(config[side], labels) for side in ("old", "new"))
    changes = changed_rows(labels, old, new)
    metrics = compared(old, new, changes)
    write_json(output / "metrics.json", metrics)
    write_text(output / "reports" / "compare.md", markdown(old, new, metrics))
    write_text(output / "reports" / "compare.html", html_page(images, labels, old, new, changes, verdict(metrics)))
    print(verdict(metrics))


def model_of(side, labels):
    """Return one side of the comparison: its name, what it read, how sure it was, its counts and its scores."""
    said, confidence = read_predictions(side["predictions"])
    counts = confusion(labels, said)
    return {"name": side["name"], "said": said, "confidence": confidence, "counts": counts, "scores": scores(counts)}


def changed_rows(labels, old, new):
    """Return the rows of the data set by what became of them: `fixed`, `broken`, `still_wrong`."""
    was_right, is_right = old["said"] == labels, new["said"] == labels
    masks = {"fixed": ~was_right & is_right, "broken": was_right & ~is_right, "still_wrong": ~was_right & ~is_right}
    return {name: [int(row) for row in mask.nonzero()[0]] for name, mask in masks.items()}


def compared(old, new, changes):
    """Return the numbers of the comparison, those of the new model under the plain names."""
    fixed, broken = len(changes["fixed"]), len(changes["broken"])
    return {
        "accuracy": new["scores"]["accuracy"],
        "accuracy_old": old["scores"]["accuracy"],
        "accuracy_change": round(new["scores"]["accuracy"] - old["scores"]["accuracy"], 6),
        "f1_macro": new["scores"]["f1_macro"],
        "f1_macro_old": old["scores"]["f1_macro"],
        "f1_macro_change": round(new["scores"]["f1_macro"] - old["scores"]["f1_macro"], 6),
        "fixed": fixed,
        "broken": broken,
        "still_wrong": len(changes["still_wrong"]),
        "rows": new["scores"]["rows"],
        "chance_p": round(sign_test(fixed, broken), 6),
    }


def sign_test(fixed, broken):
    """Return how likely a split at least this uneven is if both models were equally good (exact McNemar test)."""
    total = fixed + broken
    tail = sum(comb(total, k) for k in range(min(fixed, broken) + 1)) / 2**total
    return min(1.0, 2 * tail)


def verdict(metrics):
    """Say in one sentence what the numbers mean, and how far they can be trusted."""
    change = metrics["accuracy_change"] * 100
    if change == 0:
        return f"The new model is as accurate as the old one ({metrics['accuracy']:.1%} of {metrics['rows']} digits)."
    word = "better" if change > 0 else "worse"
    chance = metrics["chance_p"]
    doubt = "a difference like this is seldom chance" if chance < 0.05 else "a difference like this may be chance"
    return (
        f"The new model is {abs(change):.1f} points {word} ({metrics['accuracy_old']:.1%} to {metrics['accuracy']:.1%}): "
        f"it reads {metrics['fixed']} digits that were misread and misreads {metrics['broken']} that were not; "
        f"{doubt} (p = {chance:.3f})."
    )


def markdown(old, new, metrics):
    """Return the report as text for a terminal or a review."""
    rows = [
        ("accuracy", old["scores"]["accuracy"], new["scores"]["accuracy"]),
        ("F1, mean of digits", old["scores"]["f1_macro"], new["scores"]["f1_macro"]),
    ]
    digits = old["scores"]["f1_per_digit"]
    rows += [(f"F1 of digit {digit}", digits[digit], new["scores"]["f1_per_digit"][digit]) for digit in digits]
    width = max(len(old["name"]), len(new["name"]), 9)
    lines = [
        f"# {new['name']} against {old['name']}",
        "",
        verdict(metrics),
        "",
        f"| {'measure':<18} | {old['name']:>{width}} | {new['name']:>{width}} | change |",
        f"|{'-' * 20}|{'-' * (width + 1)}:|{'-' * (width + 1)}:|-------:|",
    ]
    for measure, before, after in rows:
        lines.append(f"| {measure:<18} | {before:>{width}.3f} | {after:>{width}.3f} | {after - before:+.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
