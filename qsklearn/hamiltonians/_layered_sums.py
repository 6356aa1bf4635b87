"""Exact sums over the units of layered models, to which enumeration alone would not reach.

Layers couple only to their neighbours. With every second layer fixed, the units of the others are
independent and are summed in closed form; so only the smaller half of the layers is enumerated.

All scores are negative energies, and every quantity is relative to one that is the same for all
classes, because huge inputs would drown what differs between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from qsklearn.hamiltonians._layered_terms import to_dense

if TYPE_CHECKING:
    from qsklearn.hamiltonians._layered import LayeredHamiltonian

# Units of which all patterns can be enumerated.
MAX_ENUMERATED_UNITS = 16
# Numbers in one working array: enough for vectorised code, small enough for a cache.
_BLOCK = 2**17
# Numbers in a table of samples by patterns, or of patterns by units: 32 MB.
_TABLE = 2**22
# A factor 1 + exp(-|z|) is at most 2, so the product of this many cannot overflow a float64.
_FACTORS_PER_LOG = 512
# Steps below this, times beta, are taken through log1p and expm1, which lose no digits.
_SMALL_STEP = 1e-3


def enumerated_layers(sizes: tuple[int, ...]) -> list[int]:
    """The hidden layers to enumerate: every second one, starting so that they are the fewest units.

    Parameters
    ----------
    sizes : tuple of int
        Of all layers, the class unit last; it is never enumerated pattern by pattern.

    Returns
    -------
    layers : list of int
    """
    hidden = range(len(sizes) - 1)
    alternate = [[layer for layer in hidden if layer % 2 == parity] for parity in (0, 1)]
    return min(alternate, key=lambda layers: sum(sizes[layer] for layer in layers))


def class_free_energies(
    hamiltonian: LayeredHamiltonian, inputs: np.ndarray, beta: float | None
) -> np.ndarray:
    """Free energies of all classes, relative to the one of no class, see the public method."""
    fields = hamiltonian.biases[0] + inputs
    if len(hamiltonian.layer_sizes) == 1:
        return -fields
    bias = hamiltonian.biases[-1]
    if len(hamiltonian.layer_sizes) == 2:
        return -(bias + gains(fields, to_dense(hamiltonian.weights[0]).T, beta))
    free_energies = np.empty((len(inputs), hamiltonian.n_classes))
    sums = EnumeratedSums.of(hamiltonian, beta)
    for rows in sums.blocks(len(inputs)):
        free_energies[rows] = sums.class_free_energies(fields[rows])
    return free_energies


def unit_means(hamiltonian: LayeredHamiltonian, inputs: np.ndarray, beta: float) -> np.ndarray:
    """Means of all units under the law of one-hot states, see the public method."""
    means = np.empty((len(inputs), hamiltonian.n_units))
    fields = hamiltonian.biases[0] + inputs
    if len(hamiltonian.layer_sizes) <= 2:
        classes = softmax(-class_free_energies(hamiltonian, inputs, beta), beta)
        means[:, hamiltonian.class_units] = classes
        if len(hamiltonian.layer_sizes) == 2:
            shifts = to_dense(hamiltonian.weights[0]).T
            means[:, : fields.shape[1]] = _mixed_means(fields, shifts, classes, beta)
        return means
    sums = EnumeratedSums.of(hamiltonian, beta)
    for rows in sums.blocks(len(inputs)):
        means[rows] = sums.unit_means(fields[rows])
    return means


@dataclass(frozen=True, eq=False)
class EnumeratedSums:
    """Two or more hidden layers, every second one enumerated.

    A pattern's number is ``front * n_rest + rest``, where the front layer is the lowest that is
    enumerated, the only one that the inputs reach.

    Parameters
    ----------
    hamiltonian : LayeredHamiltonian
    beta : float or None
    bits : dict of layer -> ndarray of shape (n_patterns, n_units of the layer)
        Of the enumerated layers.
    scores : ndarray of shape (n_patterns,)
        Without inputs and without a class, all other units summed out.
    increments : ndarray of shape (n_patterns, n_classes)
        What each class adds to that.
    """

    hamiltonian: LayeredHamiltonian
    beta: float | None
    bits: dict[int, np.ndarray]
    scores: np.ndarray
    increments: np.ndarray

    @classmethod
    def of(cls, hamiltonian: LayeredHamiltonian, beta: float | None) -> EnumeratedSums:
        """Enumerate, once for all inputs."""
        bits = _patterns(hamiltonian.layer_sizes)
        scores, increments = [], []
        for part in _parts(bits, hamiltonian.n_units):
            scores.append(_scores(hamiltonian, part, beta))
            increments.append(_class_increments(hamiltonian, part, beta))
        return cls(hamiltonian, beta, bits, np.concatenate(scores), np.concatenate(increments))

    @property
    def front(self) -> int:
        """The lowest enumerated layer, 0 or 1."""
        return min(self.bits)

    @property
    def n_front(self) -> int:
        """Patterns of the front layer."""
        return 2 ** self.bits[self.front].shape[1]

    def blocks(self, n_samples: int) -> Iterator[slice]:
        """Slices of the samples that keep tables of samples by patterns small."""
        size = max(_TABLE // len(self.scores), 1)
        for start in range(0, n_samples, size):
            yield slice(start, start + size)

    def class_free_energies(self, fields: np.ndarray) -> np.ndarray:
        """For the fields of the first layer, shape (n_samples, n_classes)."""
        scores = self.scores.reshape(self.n_front, -1)
        increments = self.increments.reshape(*scores.shape, -1)
        of_front = _soft_maximum(scores, self.beta)
        step = np.stack(
            [_soft_step(scores, part, self.beta) for part in np.moveaxis(increments, -1, 0)]
        )
        total = self._front_scores(fields) + of_front
        return -np.column_stack([_soft_step(total, part, self.beta) for part in step])

    def unit_means(self, fields: np.ndarray) -> np.ndarray:
        """For the fields of the first layer, shape (n_samples, n_units)."""
        assert self.beta is not None
        hamiltonian, n_rest = self.hamiltonian, len(self.scores) // self.n_front
        scores = np.repeat(self._front_scores(fields), n_rest, axis=1)
        scores += self.scores + _soft_maximum(self.increments, self.beta)
        patterns = softmax(scores, self.beta)
        means, start = np.zeros((len(fields), hamiltonian.n_units)), 0
        for part in _parts(self.bits, hamiltonian.n_units):
            of_part = self._pattern_means(part, self.increments[start:])
            means += patterns[:, start : start + len(of_part)] @ of_part
            start += len(of_part)
        if 0 not in self.bits:
            of_front = patterns.reshape(len(fields), self.n_front, n_rest).sum(axis=-1)
            first = slice(hamiltonian.layer_sizes[0])
            means[:, first] = _mixed_means(fields, self._front_shifts, of_front, self.beta)
        return means

    @property
    def _front_shifts(self) -> np.ndarray:
        """What each pattern of layer 1 adds to the fields of layer 0."""
        n_rest = len(self.scores) // self.n_front
        return self.bits[1][::n_rest] @ to_dense(self.hamiltonian.weights[0]).T

    def _front_scores(self, fields: np.ndarray) -> np.ndarray:
        """What the inputs add to each pattern of the front layer, relative to their best."""
        if self.front:
            return gains(fields, self._front_shifts, self.beta)
        bits = self.bits[0][:: len(self.scores) // self.n_front]
        return np.minimum(fields, 0.0) @ bits.T - np.maximum(fields, 0.0) @ (1.0 - bits).T

    def _pattern_means(self, bits: dict[int, np.ndarray], increments: np.ndarray) -> np.ndarray:
        """Means of all units given patterns, zero for a first layer that the inputs decide."""
        assert self.beta is not None
        hamiltonian = self.hamiltonian
        n_patterns, last = len(bits[self.front]), len(hamiltonian.layer_sizes) - 2
        classes = softmax(increments[:n_patterns], self.beta)
        means = np.zeros((n_patterns, hamiltonian.n_units))
        means[:, hamiltonian.class_units] = classes
        for layer, units in enumerate(hamiltonian.layers.values()):
            if layer in bits:
                means[:, units] = bits[layer]
            elif 0 < layer <= last:
                fields = hamiltonian.biases[layer] + _shifts_of(hamiltonian, bits, layer)
                if layer == last:
                    shifts = to_dense(hamiltonian.weights[last]).T
                    means[:, units] = _mixed_means(fields, shifts, classes, self.beta)
                else:
                    means[:, units] = _sigmoid(fields, self.beta)
        return means


def gains(fields: np.ndarray, shifts: np.ndarray, beta: float | None) -> np.ndarray:
    """How much a layer's free energy falls when its fields are shifted.

    Parameters
    ----------
    fields : ndarray of shape (n_samples, n_units)
    shifts : ndarray of shape (n_shifts, n_units)
    beta : float or None
        None stands for no temperature, where softplus becomes max(z, 0).

    Returns
    -------
    gains : ndarray of shape (n_samples, n_shifts)
        Σ_j [softplus(β (a_j + d_j)) - softplus(β a_j)] / β.
    """
    total = np.empty((len(fields), len(shifts)))
    n_units = max(fields.shape[1], 1)
    n_rows = max(min(_BLOCK // n_units, len(fields)), 1)
    n_columns = max(_BLOCK // (n_units * n_rows), 1)
    for row in range(0, len(fields), n_rows):
        some = fields[row : row + n_rows, np.newaxis]
        base = None if beta is None else _sum_log_factors(some, beta)
        for column in range(0, len(shifts), n_columns):
            part = shifts[column : column + n_columns]
            total[row : row + n_rows, column : column + n_columns] = _gain(some, part, beta, base)
    return total


def softmax(scores: np.ndarray, beta: float) -> np.ndarray:
    """exp(β scores), normalised over the last axis."""
    with np.errstate(over="ignore"):
        weights = np.exp(beta * (scores - scores.max(axis=-1, keepdims=True)))
    return weights / weights.sum(axis=-1, keepdims=True)


def _sigmoid(fields: np.ndarray, beta: float) -> np.ndarray:
    with np.errstate(over="ignore"):
        return expit(beta * fields)


def _gain(fields, shifts, beta: float | None, base=None) -> np.ndarray:
    """Sum over the last axis of what the shifts add; ``base`` are the log factors of the fields."""
    # max(a + d, 0) - max(a, 0), without the rounding of a large a.
    steps = (np.maximum(shifts, -fields) + np.minimum(fields, 0.0)).sum(axis=-1)
    if beta is None:
        return steps
    with np.errstate(over="ignore", under="ignore"):
        if beta * np.abs(shifts).max(initial=0.0) < _SMALL_STEP:
            step = np.expm1(beta * shifts)
            return np.log1p(expit(beta * fields) * step).sum(axis=-1) / beta
        if base is None:
            base = _sum_log_factors(fields, beta)
        return steps + (_sum_log_factors(fields + shifts, beta) - base) / beta


def _sum_log_factors(fields: np.ndarray, beta: float) -> np.ndarray:
    """Sum over the last axis of log(1 + exp(-β|z|)), with one logarithm per 512 terms."""
    with np.errstate(over="ignore", under="ignore"):
        factors = np.exp(-beta * np.abs(fields))
    factors += 1.0
    total = np.zeros(factors.shape[:-1])
    for start in range(0, factors.shape[-1], _FACTORS_PER_LOG):
        total += np.log(factors[..., start : start + _FACTORS_PER_LOG].prod(axis=-1))
    return total


def _soft_maximum(scores: np.ndarray, beta: float | None) -> np.ndarray:
    """log Σ exp(β scores) / β over the last axis, or the maximum."""
    best = scores.max(axis=-1)
    if beta is None:
        return best
    with np.errstate(over="ignore"):
        return best + np.log(np.exp(beta * (scores - best[..., np.newaxis])).sum(axis=-1)) / beta


def _soft_step(scores: np.ndarray, increments: np.ndarray, beta: float | None) -> np.ndarray:
    """How much the soft maximum over the last axis grows with the increments."""
    if beta is None or beta * np.abs(increments).max() >= _SMALL_STEP:
        return _soft_maximum(scores + increments, beta) - _soft_maximum(scores, beta)
    return np.log1p((softmax(scores, beta) * np.expm1(beta * increments)).sum(axis=-1)) / beta


def _mixed_means(fields, shifts, weights, beta: float) -> np.ndarray:
    """Σ_m weights[:, m] σ(β (fields + shifts[m])), shape of the fields."""
    means = np.zeros(fields.shape)
    for column, shift in enumerate(shifts):
        means += weights[:, column, np.newaxis] * _sigmoid(fields + shift, beta)
    return means


def _patterns(sizes: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Bits of the enumerated layers in all patterns, the lowest layer the slowest to change."""
    layers = enumerated_layers(sizes)
    n_bits = sum(sizes[layer] for layer in layers)
    numbers = np.arange(2**n_bits)[:, np.newaxis]
    bits = ((numbers >> np.arange(n_bits)[::-1]) & 1).astype(float)
    ends = np.cumsum([sizes[layer] for layer in layers])[:-1]
    return dict(zip(layers, np.split(bits, ends, axis=1), strict=True))


def _parts(bits: dict[int, np.ndarray], n_units: int) -> Iterator[dict[int, np.ndarray]]:
    """Slices of the patterns that keep tables of patterns by units small."""
    size = max(_TABLE // n_units, 1)
    for start in range(0, len(next(iter(bits.values()))), size):
        yield {layer: values[start : start + size] for layer, values in bits.items()}


def _scores(hamiltonian: LayeredHamiltonian, bits, beta: float | None) -> np.ndarray:
    """Scores of patterns without inputs and without a class."""
    scores = np.zeros(len(next(iter(bits.values()))))
    for layer, bias in enumerate(hamiltonian.biases[:-1]):
        if layer in bits:
            scores += bits[layer] @ bias if layer else 0.0  # the inputs come with the bias
        elif layer:
            scores += _gain(bias, _shifts_of(hamiltonian, bits, layer), beta)
    return scores


def _shifts_of(hamiltonian: LayeredHamiltonian, bits: dict[int, np.ndarray], layer: int):
    """What the enumerated neighbours add to the fields of a hidden layer in each pattern."""
    shifts = bits[layer - 1] @ hamiltonian.weights[layer - 1]
    if layer + 1 in bits:
        shifts = shifts + bits[layer + 1] @ hamiltonian.weights[layer].T
    return shifts


def _class_increments(hamiltonian: LayeredHamiltonian, bits, beta: float | None) -> np.ndarray:
    """What each class adds to the score of each pattern."""
    last, bias = len(hamiltonian.layer_sizes) - 2, hamiltonian.biases[-1]
    if last in bits:
        return bias + bits[last] @ hamiltonian.weights[last]
    fields = hamiltonian.biases[last] + _shifts_of(hamiltonian, bits, last)
    return bias + gains(fields, to_dense(hamiltonian.weights[last]).T, beta)
