"""Binary training data as few distinct patterns, with integer weights, packed for the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

import numpy as np

from qsklearn._checks import check_integers, check_reals

_NAME = "LabelledPatterns"
# Weights without a small common unit are rounded to multiples of their sum over this.
_FINEST = 2**18
_LARGEST_SUM = 2**20  # histograms have a bin for each score
_LARGEST_DENOMINATOR = 10_000
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class LabelledPatterns:
    """Distinct patterns of inputs, and what the data points with each of them weigh.

    Networks see patterns only, so that equal data points count together: however many there are,
    d inputs make at most 2^d patterns. Where data points of one pattern have both labels, the
    lighter weight is right by chance whatever a network says.

    Parameters
    ----------
    patterns : ndarray of shape (n_patterns, n_inputs), int8
        ±1, in lexicographic order.
    up, down : ndarray of shape (n_patterns,), int64
        Weights of the data points with label +1 and -1.

    Examples
    --------
    >>> from qsklearn.circuits import LabelledPatterns
    >>> data = LabelledPatterns.from_rows([[1, -1], [1, -1], [-1, -1]], [1, -1, 1])
    >>> data.patterns.tolist(), data.up.tolist(), data.down.tolist(), data.total
    ([[-1, -1], [1, -1]], [1, 1], [0, 1], 3)
    """

    patterns: np.ndarray
    up: np.ndarray
    down: np.ndarray

    @classmethod
    def from_rows(cls, inputs, labels, sample_weight=None):
        """Merge data points.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_inputs)
            ±1.
        labels : array-like of shape (n_samples,)
            ±1.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. Weights that are multiples of a common unit stay exact; others are rounded
            to some millionths of their sum.

        Returns
        -------
        data : LabelledPatterns

        Raises
        ------
        ValueError
            If a value is not ±1, a weight negative or not finite, or the lengths differ.
        """
        inputs, labels = _check_signs(inputs, "inputs", 2), _check_signs(labels, "labels", 1)
        if len(inputs) != len(labels):
            raise ValueError(
                f"The 'labels' parameter of LabelledPatterns must have a label for each of "
                f"{len(inputs)} rows. Got {len(labels)} instead."
            )
        is_up = (labels > 0).astype(int)
        patterns, table = merge_rows(inputs, is_up, 2, sample_weight)
        return cls(patterns, table[:, 1], table[:, 0])

    def __post_init__(self) -> None:
        patterns = check_integers(self.patterns, "patterns", _NAME, "n_patterns", "n_inputs")
        object.__setattr__(self, "patterns", patterns.astype(np.int8))
        for name in ("up", "down"):
            weights = check_integers(getattr(self, name), name, _NAME, len(patterns), low=0)
            object.__setattr__(self, name, weights)

    @property
    def is_majority_up(self) -> bool:
        """Whether +1 is the heavier label; if both weigh the same, that without the first pattern.

        It depends on the data alone, and not on what their labels are called.
        """
        if self.up.sum() != self.down.sum():
            return bool(self.up.sum() > self.down.sum())
        differs = np.flatnonzero(self.up != self.down)
        return len(differs) == 0 or bool(self.up[differs[0]] < self.down[differs[0]])

    def turned(self) -> LabelledPatterns:
        """Exchange the labels.

        Returns
        -------
        data : LabelledPatterns
        """
        return LabelledPatterns(self.patterns, self.down, self.up)

    def score(self, outputs) -> np.ndarray:
        """Weight of the data that outputs are right for.

        Parameters
        ----------
        outputs : array-like of shape (n_settings, n_patterns)
            ±1.

        Returns
        -------
        scores : ndarray of shape (n_settings,), int64
        """
        shape = ("n_settings", len(self.patterns))
        outputs = check_reals(outputs, "outputs", "LabelledPatterns.score", *shape)
        return np.where(outputs > 0, self.up, self.down).sum(axis=1)

    @property
    def n_inputs(self) -> int:
        """Inputs of a pattern."""
        return self.patterns.shape[1]

    @property
    def total(self) -> int:
        """Weight of all data: the score of a network that is always right."""
        return int(self.up.sum() + self.down.sum())

    @property
    def base(self) -> int:
        """Score that any network has, from patterns with both labels."""
        return int(np.minimum(self.up, self.down).sum())

    @property
    def best_conceivable(self) -> int:
        """Score of the best function of the patterns."""
        return int(np.maximum(self.up, self.down).sum())

    @cached_property
    def slots(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labelled patterns, one for each data point or a power of two of them.

        Returns
        -------
        rows : ndarray of shape (n_slots,), int64
            Patterns.
        labels : ndarray of shape (n_slots,), bool
        weights : ndarray of shape (n_slots,), int64
            Increasing powers of 2.
        """
        net = self.up - self.down
        return _spread(net, _cheapest_exponent(np.abs(net)))

    def packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Slots in words of 64, of which each has one weight.

        Returns
        -------
        inputs : ndarray of shape (n_inputs, n_words), uint64
        labels, is_slot : ndarray of shape (n_words,), uint64
        word_weights : ndarray of shape (n_words,), int32
        """
        rows, labels, weights = self.slots
        places: list[np.ndarray] = []
        word_weights: list[int] = []
        for weight in np.unique(weights):
            chosen = np.flatnonzero(weights == weight)
            places += [chosen[start : start + 64] for start in range(0, len(chosen), 64)]
            word_weights += [weight] * (len(places) - len(word_weights))
        bits = np.zeros((self.n_inputs + 2, len(places), 64), bool)
        for word, chosen in enumerate(places):
            bits[:-2, word, : len(chosen)] = self.patterns[rows[chosen]].T > 0
            bits[-2, word, : len(chosen)] = labels[chosen]
            bits[-1, word, : len(chosen)] = True
        words = np.packbits(bits, axis=-1, bitorder="little").view("<u8")[..., 0]
        words = np.ascontiguousarray(words, dtype=np.uint64)
        return words[:-2], words[-2], words[-1], np.asarray(word_weights, np.int32)


def merge_rows(inputs, codes, n_classes: int, sample_weight=None):
    """Distinct rows, and what each class weighs at each of them.

    Parameters
    ----------
    inputs : array-like of shape (n_samples, n_inputs)
    codes : array-like of int of shape (n_samples,)
        Class of each row.
    n_classes : int
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    patterns : ndarray of shape (n_patterns, n_inputs), int8
        Of positive weight, in lexicographic order.
    table : ndarray of shape (n_patterns, n_classes), int64
        Weights in their largest common unit.
    """
    weights = np.ones(len(codes))
    if sample_weight is not None:
        weights = check_reals(sample_weight, "sample_weight", "labelled patterns")
    if weights.shape != (len(codes),) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            "The 'sample_weight' of labelled patterns must be a finite number >= 0 for each of "
            f"{len(codes)} rows. Got an array of shape {weights.shape} instead, or other numbers."
        )
    patterns, place = np.unique(np.asarray(inputs, np.int8), axis=0, return_inverse=True)
    table = np.zeros((len(patterns), n_classes))
    np.add.at(table, (place.ravel(), np.asarray(codes)), weights)
    table = integer_weights(table)
    kept = table.any(axis=1)
    return patterns[kept], table[kept]


def integer_weights(weights: np.ndarray) -> np.ndarray:
    """Weights in multiples of their largest common unit.

    Parameters
    ----------
    weights : ndarray of float
        Non-negative.

    Returns
    -------
    multiples : ndarray of int64
        Without a common divisor, so that weights that all double stay the same.
    """
    if not (weights > 0).any():
        return np.zeros(weights.shape, np.int64)
    multiples = weights * _common_factor(np.unique(weights[weights > 0]))
    exact = np.rint(multiples)
    if np.abs(multiples - exact).max() > _ROUNDING or exact.sum() > _LARGEST_SUM:
        exact = np.rint(weights * (_FINEST / weights.sum()))
    exact = exact.astype(np.int64)
    return exact // np.gcd.reduce(exact, axis=None)


def _common_factor(values: np.ndarray) -> float:
    """What makes all values integers, if anything small does."""
    ratios = [
        Fraction(value).limit_denominator(_LARGEST_DENOMINATOR) for value in values / values[0]
    ]
    unit = lcm(*(ratio.denominator for ratio in ratios))
    return min(unit, _LARGEST_SUM) / values[0]


def _check_signs(values, name: str, n_dimensions: int) -> np.ndarray:
    values = check_reals(values, name, "LabelledPatterns")
    if values.ndim != n_dimensions or not (np.abs(values) == 1).all():
        raise ValueError(
            f"The '{name}' parameter of LabelledPatterns must be an array of {n_dimensions} "
            f"dimension(s) of -1 and +1. Got an array of shape {values.shape} "
            "instead, or other values."
        )
    return values


def _cheapest_exponent(sizes: np.ndarray) -> int:
    """Up to which power of 2 to split weights, so that the slots fill the fewest words."""
    highest = int(sizes.max(initial=1)).bit_length() - 1

    def n_words(exponent):
        low = sum(-(-int(((sizes >> bit) & 1).sum()) // 64) for bit in range(exponent))
        return low - (-int((sizes >> exponent).sum()) // 64)

    return min(range(highest + 1), key=n_words)


def _spread(net: np.ndarray, exponent: int):
    """Slots of weights 1, 2, ... 2**exponent; the heaviest ones repeat."""
    sizes = np.abs(net)
    by_weight = []
    for bit in range(exponent + 1):
        repeats = sizes >> bit if bit == exponent else (sizes >> bit) & 1
        by_weight.append(np.repeat(np.arange(len(net)), repeats))
    rows = np.concatenate(by_weight)
    weights = np.repeat(2 ** np.arange(exponent + 1), [len(chosen) for chosen in by_weight])
    return rows, net[rows] > 0, weights
