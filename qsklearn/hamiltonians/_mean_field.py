"""Mean-field sweeps through the layers of a LayeredHamiltonian."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from qsklearn._checks import check_integer
from qsklearn.hamiltonians._layered_sums import softmax

_MOST_STEPS = 1_000_000


def mean_field(
    weights: tuple, biases: tuple, inputs: np.ndarray, num_steps: int, beta: float
) -> tuple[np.ndarray, ...]:
    """Means of all layers after a feed-forward pass and ``num_steps`` sweeps.

    See :meth:`LayeredHamiltonian.mean_field`; networks are trained through just these steps.
    """
    num_steps = check_integer(num_steps, "num_steps", "mean_field", 0, _MOST_STEPS)
    from_outside = [biases[0] + inputs, *biases[1:]]
    means: list[np.ndarray] = []
    for layer in range(len(biases)):
        fields = _fields_from_below(from_outside, weights, means, layer)
        means.append(_law(fields, beta, layer == len(biases) - 1))
    for _ in range(num_steps if weights else 0):
        for layer in range(len(biases)):
            fields = _fields_from_below(from_outside, weights, means, layer)
            if layer < len(weights):
                fields = fields + means[layer + 1] @ weights[layer].T
            means[layer] = _law(fields, beta, layer == len(weights))
    return tuple(means)


def _fields_from_below(from_outside, weights, means, layer: int) -> np.ndarray:
    if layer == 0:
        return from_outside[0]
    return from_outside[layer] + means[layer - 1] @ weights[layer - 1]


def _law(fields: np.ndarray, beta: float, is_class_unit: bool) -> np.ndarray:
    if is_class_unit:
        return softmax(fields, beta)
    with np.errstate(over="ignore"):
        return expit(beta * fields)
