"""A network with one hidden layer in plain numpy: 64 pixels, `hidden` units, 10 digits."""

import numpy as np

PIXEL_MAX = 16.0


def new_weights(hidden, rng):
    """Draw the first weights: `w1` 64 x hidden, `b1` hidden, `w2` hidden x 10, `b2` 10."""
    return {
        "w1": rng.normal(0.0, np.sqrt(2.0 / 64), (64, hidden)),
        "b1": np.zeros(hidden),
        "w2": rng.normal(0.0, np.sqrt(1.0 / hidden), (hidden, 10)),
        "b2": np.zeros(10),
    }


def pixels(images):
    """Flatten images (rows x 8 x 8 of 0..16) to rows x 64 of 0..1."""
    return images.reshape(len(images), 64).astype(np.float64) / PIXEL_MAX


def probabilities(weights, inputs):
    """Return what the network says of each row: rows x 10, each row sums to 1."""
    return _softmax(_hidden(weights, inputs) @ weights["w2"] + weights["b2"])


def loss_and_gradients(weights, inputs, labels, weight_decay):
    """Return the mean cross-entropy of a batch, and its gradients by the names of the weights."""
    hidden = _hidden(weights, inputs)
    said = _softmax(hidden @ weights["w2"] + weights["b2"])
    rows = np.arange(len(labels))
    loss = -np.log(np.maximum(said[rows, labels], 1e-12)).mean()
    wrong = said.copy()
    wrong[rows, labels] -= 1.0
    wrong /= len(labels)
    back = (wrong @ weights["w2"].T) * (hidden > 0)
    gradients = {
        "w1": inputs.T @ back + weight_decay * weights["w1"],
        "b1": back.sum(axis=0),
        "w2": hidden.T @ wrong + weight_decay * weights["w2"],
        "b2": wrong.sum(axis=0),
    }
    return float(loss), gradients


def _hidden(weights, inputs):
    return np.maximum(inputs @ weights["w1"] + weights["b1"], 0.0)


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
