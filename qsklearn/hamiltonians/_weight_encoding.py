"""Real weights as spins: n bits each, around base weights (eqs. 6-7 of spin_glass_network.txt)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import dimod
import numpy as np

from qsklearn._checks import check_integers, check_reals

_NAME = "WeightEncoding"
MAX_BITS = 16


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class WeightEncoding:
    r"""Weights of n bits: the grid of :math:`2^n` values around each base weight.

    .. math::

        S_j = S^0_j + \frac{L_j}{2^n - 1} \sum_{a=0}^{n-1} 2^a \sigma_{ja},
        \qquad \sigma_{ja} = \pm 1 .

    The sum is the weight's level, an odd integer between :math:`-(2^n - 1)` and :math:`2^n - 1`, so
    the base weights are midpoints of the grid, not on it.

    Parameters
    ----------
    base : ndarray of shape (n_outputs, n_weights)
        The base weights S⁰.
    ranges : ndarray of shape (n_weights,)
        The half widths L of the grids, at least 0; outputs share them, and so their couplings.
    n_bits : int
        Bits of a weight, from 1 to 16.

    Raises
    ------
    ValueError
        If shapes differ, a range is negative, a value is not finite, or n_bits is out of bounds.

    References
    ----------
    The spin-glass network, eqs. (6)-(7): spin_glass_network.txt.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import WeightEncoding
    >>> encoding = WeightEncoding(np.array([[0.5]]), np.array([0.3]), n_bits=2)
    >>> states = np.array([[[-1, -1], [1, -1], [-1, 1], [1, 1]]])
    >>> encoding.decode(states).round(3).ravel().tolist()
    [0.2, 0.4, 0.6, 0.8]
    """

    base: np.ndarray
    ranges: np.ndarray
    n_bits: int

    def __post_init__(self) -> None:
        _check_n_bits(self.n_bits)
        object.__setattr__(self, "base", check_reals(self.base, "base", _NAME))
        object.__setattr__(self, "ranges", check_reals(self.ranges, "ranges", _NAME))
        if self.base.ndim != 2 or not np.isfinite(self.base).all():
            raise ValueError(
                "The 'base' parameter of WeightEncoding must be finite, of shape (n_outputs, "
                f"n_weights). Got {_describe(self.base)} instead."
            )
        is_vector = self.ranges.shape == self.base.shape[1:]
        if not is_vector or not (np.isfinite(self.ranges) & (self.ranges >= 0)).all():
            raise ValueError(
                f"The 'ranges' parameter of WeightEncoding must be {self.base.shape[1]} finite "
                f"numbers >= 0, one a weight. Got {_describe(self.ranges)} instead."
            )

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.base.shape[0]

    @property
    def n_weights(self) -> int:
        """Number of weights of an output."""
        return self.base.shape[1]

    @property
    def n_spins(self) -> int:
        """Number of spins of an output."""
        return self.n_weights * int(self.n_bits)

    @property
    def max_level(self) -> int:
        """The highest level, 2ⁿ - 1."""
        return 2 ** int(self.n_bits) - 1

    @property
    def scale(self) -> np.ndarray:
        """Weight per unit of level, L / (2ⁿ - 1), shape (n_weights,)."""
        return self.ranges / self.max_level

    @property
    def bit_values(self) -> np.ndarray:
        """The powers 2ᵃ of the bits, shape (n_bits,)."""
        return 2.0 ** np.arange(self.n_bits)

    @property
    def labels(self) -> tuple:
        """Names ("w", j, a) of the spins: bit a of weight j, all bits of a weight together."""
        return tuple(("w", j, a) for j in range(self.n_weights) for a in range(self.n_bits))

    def decode(self, states, outputs=None) -> np.ndarray:
        """Weights from spins.

        Parameters
        ----------
        states : ndarray of shape (n_some, num_reads, n_spins), or dimod.SampleSet
            Spins -1 or +1. A SampleSet is read by label, its binary values as spins, and its
            occurrences are unfolded.
        outputs : array-like of int of shape (n_some,), or int, default=None
            Whose base weights are meant: all outputs in their order by default; for a SampleSet
            the number of its output, which may be left out where there is one only.

        Returns
        -------
        weights : ndarray of shape (n_some, num_reads, n_weights), or (num_reads, n_weights) for a
            SampleSet

        Raises
        ------
        ValueError
            If the shapes do not fit, or labels are missing.
        """
        if isinstance(states, dimod.SampleSet):
            output = self._single_output(outputs)
            return self._decode_array(_read_by_label(states, self.labels)[np.newaxis], [output])[0]
        return self._decode_array(check_reals(states, "states", f"{_NAME}.decode"), outputs)

    def decode_levels(self, levels, outputs=None) -> np.ndarray:
        """Weights from levels.

        Parameters
        ----------
        levels : ndarray of shape (n_some, ..., n_weights)
            Odd integers.
        outputs : array-like of int of shape (n_some,), default=None
            Whose base weights are meant: all outputs in their order by default.

        Returns
        -------
        weights : ndarray of the levels' shape
        """
        levels, base = self._checked(levels, "levels", outputs)
        return base + levels * self.scale

    def levels_of(self, weights, outputs=None) -> np.ndarray:
        """The levels nearest to weights: the inverse of :meth:`decode_levels` on the grid.

        Parameters
        ----------
        weights : ndarray of shape (n_some, ..., n_weights)
        outputs : array-like of int of shape (n_some,), default=None
            Whose base weights are meant: all outputs in their order by default.

        Returns
        -------
        levels : ndarray of int64 of the weights' shape
            Odd integers from -(2ⁿ - 1) to 2ⁿ - 1; 1 where the range is zero.
        """
        weights, base = self._checked(weights, "weights", outputs)
        distance = weights - base
        scale = np.broadcast_to(self.scale, distance.shape)
        exact = np.divide(distance, scale, out=np.zeros_like(distance), where=scale > 0)
        bounded = np.clip(exact, -self.max_level, self.max_level)  # before int64 can overflow
        nearest = 2 * np.floor(bounded / 2).astype(np.int64) + 1
        return np.clip(nearest, -self.max_level, self.max_level)

    def states_of(self, levels) -> np.ndarray:
        """The spins of levels, as for initial states.

        Parameters
        ----------
        levels : ndarray of int of shape (..., n_weights)
            Odd integers from -(2ⁿ - 1) to 2ⁿ - 1.

        Returns
        -------
        states : ndarray of int8 of shape (..., n_spins)
        """
        levels = check_integers(levels, "levels", _NAME, ..., self.n_weights)
        numbers = (levels + self.max_level) // 2
        bits = (numbers[..., np.newaxis] >> np.arange(self.n_bits)) & 1
        return (2 * bits - 1).astype(np.int8).reshape(*numbers.shape[:-1], self.n_spins)

    def _decode_array(self, states: np.ndarray, outputs) -> np.ndarray:
        n_some = self.n_outputs if outputs is None else len(self._base_of(outputs))
        if states.ndim != 3 or states.shape[0] != n_some or states.shape[2] != self.n_spins:
            raise ValueError(
                f"The 'states' to decode must have the shape ({n_some}, num_reads, "
                f"{self.n_spins}): {self.n_weights} weights of {self.n_bits} bits. Got the shape "
                f"{states.shape} instead."
            )
        if not (np.abs(states) == 1).all():
            raise ValueError(
                "The 'states' to decode must be spins -1 or +1. Got other values; binary ones are "
                "2 * states - 1 as spins."
            )
        bits = states.reshape(*states.shape[:2], self.n_weights, int(self.n_bits))
        return self.decode_levels(bits @ self.bit_values, outputs)

    def _base_of(self, outputs) -> np.ndarray:
        """Base weights of some outputs, all of them by default."""
        if outputs is None:
            return self.base
        limits = {"low": 0, "high": self.n_outputs}
        return self.base[check_integers(outputs, "outputs", _NAME, "n_some", **limits)]

    def _checked(self, values, name: str, outputs) -> tuple[np.ndarray, np.ndarray]:
        """Levels or weights (n_some, ..., n_weights), and base weights to stand beside them."""
        base = self._base_of(outputs)
        array = check_reals(values, name, _NAME, ..., self.n_weights)
        if array.ndim < 2 or len(array) != len(base):
            raise ValueError(
                f"The {name!r} parameter of {_NAME} must be of shape ({len(base)}, ..., "
                f"{self.n_weights}). Got {array.shape} instead."
            )
        return array, _insert_axes(base, array.ndim)

    def _single_output(self, outputs) -> int:
        if outputs is None and self.n_outputs == 1:
            return 0
        if np.size(outputs) != 1 or outputs is None:
            raise ValueError(
                "A SampleSet holds the states of one output: the 'outputs' parameter of decode "
                f"must be its number, an int in [0, {self.n_outputs}). Got {outputs!r} instead."
            )
        limits = {"low": 0, "high": self.n_outputs}
        return int(np.ravel(check_integers(outputs, "outputs", _NAME, **limits))[0])


def _check_n_bits(n_bits) -> None:
    is_int = isinstance(n_bits, Integral) and not isinstance(n_bits, bool)
    if not is_int or not 1 <= n_bits <= MAX_BITS:
        raise ValueError(
            f"The 'n_bits' parameter of WeightEncoding must be an int in the range [1, {MAX_BITS}]."
            f" Got {n_bits!r} instead."
        )


def _describe(values: np.ndarray) -> str:
    if not np.isfinite(values).all():
        return f"shape {values.shape} with NaN or infinite values"
    smallest = f" with a smallest value of {values.min():g}" if values.size else ""
    return f"shape {values.shape}{smallest}"


def _insert_axes(base: np.ndarray, n_dimensions: int) -> np.ndarray:
    """Rows of base weights with axes of length 1 in the middle, to stand beside (n, ..., N)."""
    return base.reshape(base.shape[0], *[1] * (n_dimensions - 2), base.shape[1])


def _read_by_label(samples: dimod.SampleSet, labels: tuple) -> np.ndarray:
    missing = [label for label in labels if label not in samples.variables]
    if missing:
        raise ValueError(
            f"A SampleSet of this encoding must have the variables ('w', j, a). {len(missing)} of "
            f"{len(labels)} are missing, {missing[0]!r} for one."
        )
    columns = [samples.variables.index(label) for label in labels]
    record = samples.record
    values = np.repeat(record.sample[:, columns], record.num_occurrences, axis=0)
    return values if samples.vartype is dimod.SPIN else 2 * values.astype(np.int8) - 1
