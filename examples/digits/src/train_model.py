"""Train a small network on a data set, with checkpoints.

Arguments: `dataset` (folder with `dataset.npz`), `epochs`, `hidden` (units), `learning_rate`, `momentum`,
`batch_size`, `weight_decay`, `seed`; `checkpoint_every` (epochs; changes nothing in the result). In place of some
of them `parameters` (a JSON file in which an earlier task has written what it chose).

Writes `model.npz`, `metrics.json`, `metrics.jsonl` (one line per epoch) and `progress.json`.

A checkpoint is one file in TRAINTRACK_CHECKPOINT_DIR. It is written under a name that ends in `.tmp` and then
renamed, so a half-written one is never taken. What a resumed training writes has the same bytes as what an
undisturbed one writes: the order of the rows of an epoch is drawn from the seed and the number of the epoch.
"""

import json
import os
from pathlib import Path

import numpy as np

from network import loss_and_gradients, new_weights, pixels, probabilities
from task_files import read_arrays, start, write_arrays, write_json, write_text


def main():
    config, output = start()
    config |= chosen_parameters(config)
    data = read_arrays(Path(config["dataset"]) / "dataset.npz")
    inputs, labels = pixels(data["images"]), data["labels"].astype(np.intp)
    state = newest_checkpoint() or first_state(config)
    first = len(state["losses"])
    if first:
        print(f"resume after epoch {first} of {config['epochs']}", flush=True)
    write_text(output / "metrics.jsonl", "".join(loss_line(step, loss) for step, loss in enumerate(state["losses"], 1)))
    for epoch in range(first, config["epochs"]):
        train_epoch(state, inputs, labels, epoch, config)
        report(output, epoch + 1, config["epochs"], state["losses"][-1])
        if (epoch + 1) % config.get("checkpoint_every", 50) == 0:
            print(f"epoch {epoch + 1}/{config['epochs']}  loss {state['losses'][-1]:.4f}", flush=True)
            save_checkpoint(state)
    weights = {name: state[f"weight_{name}"] for name in ("w1", "b1", "w2", "b2")}
    accuracy = float((probabilities(weights, inputs).argmax(axis=1) == labels).mean())
    write_arrays(output / "model.npz", weights)
    metrics = {"epochs": config["epochs"], "rows": len(labels), "training_accuracy": round(accuracy, 6)}
    write_json(output / "metrics.json", metrics | {"training_loss": round(float(state["losses"][-1]), 6)})
    print(f"trained on {len(labels)} digits, {accuracy:.1%} of them read correctly")


def chosen_parameters(config):
    """Return the arguments that another task has chosen, by name."""
    if "parameters" not in config:
        return {}
    chosen = json.loads(Path(config["parameters"]).read_text(encoding="utf-8"))
    print(f"train with {json.dumps(chosen, sort_keys=True)}", flush=True)
    return chosen


def first_state(config):
    """All that training carries from epoch to epoch, as arrays: weights, their speeds, the loss of each epoch."""
    weights = new_weights(config["hidden"], np.random.default_rng(config["seed"]))
    speeds = {f"speed_{name}": np.zeros_like(value) for name, value in weights.items()}
    return {f"weight_{name}": value for name, value in weights.items()} | speeds | {"losses": np.zeros(0)}


def train_epoch(state, inputs, labels, epoch, config):
    """Show every row to the network once, in small batches, and move its weights."""
    order = np.random.default_rng([config["seed"], epoch]).permutation(len(labels))
    weights = {name: state[f"weight_{name}"] for name in ("w1", "b1", "w2", "b2")}
    total = 0.0
    for begin in range(0, len(order), config["batch_size"]):
        batch = order[begin : begin + config["batch_size"]]
        loss, gradients = loss_and_gradients(weights, inputs[batch], labels[batch], config["weight_decay"])
        total += loss * len(batch)
        for name, gradient in gradients.items():
            speed = state[f"speed_{name}"]
            speed *= config["momentum"]
            speed -= config["learning_rate"] * gradient
            weights[name] += speed
    state["losses"] = np.append(state["losses"], total / len(order))


def report(output, done, epochs, loss):
    """Tell how far the training is, in two files that a person or a page can watch."""
    with (output / "metrics.jsonl").open("a", encoding="utf-8", newline="\n") as file:
        file.write(loss_line(done, loss))
    write_json(output / "progress.json", {"step": done, "total": epochs, "message": f"epochs, loss {loss:.4f}"})


def loss_line(step, loss):
    """Return one line of `metrics.jsonl`; `step` counts epochs from 1."""
    return json.dumps({"step": step, "loss": round(float(loss), 6)}) + "\n"


def save_checkpoint(state):
    """Keep the state of a finished epoch, if somebody gave us a place for it."""
    folder = os.environ.get("TRAINTRACK_CHECKPOINT_DIR")
    if folder:
        write_arrays(Path(folder) / f"epoch-{len(state['losses']):05d}.npz", state)


def newest_checkpoint():
    """Return the state that an earlier attempt kept last, None at a first attempt."""
    folder = os.environ.get("TRAINTRACK_CHECKPOINT_DIR")
    sealed = sorted(Path(folder).glob("epoch-*.npz")) if folder else []
    return read_arrays(sealed[-1]) if sealed else None


if __name__ == "__main__":
    main()
