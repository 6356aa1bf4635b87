"""The one-hidden-layer network of sampled_mlp.txt as a Boltzmann energy.

Signs follow E = -(…), so that P(k_j = 1) = σ(+…); the paper's eqs. (1) and (34)-(37) mix them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import dimod
import numpy as np
import scipy.sparse
from scipy.special import logsumexp

from qsklearn._checks import check_instance, check_integers, check_number, check_reals
from qsklearn._memory import check_memory
from qsklearn.hamiltonians._family import IsingFamily

# Output bits of which all patterns can be enumerated.
MAX_ENUMERATED_BITS = 16
# A factor 1 + exp(-|z|) is at most 2, so the product of this many cannot overflow a float64.
_FACTORS_PER_LOG = 512
# Activations beyond this mean the same, and samplers take biases of up to 1e100.
_MAX_ACTIVATION = 1e90
_NAME = "SampledMLPHamiltonian"
_SMALLER = "Take fewer hidden bits, or fewer data points at a time."
_AXES = {
    "hidden_weights": ("n_features", "n_hidden"),
    "output_weights": ("n_hidden", "n_outputs"),
    "hidden_bias": ("n_hidden",),
    "output_bias": ("n_outputs",),
}


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class SampledMLPHamiltonian:
    r"""Energy of hidden bits k and output bits y, given an input x.

    .. math::

        E(k, y \mid x) = -\left[ k \cdot (W_1^\top x + b) + k \cdot W_2 y + c \cdot y \right],
        \qquad P(k, y \mid x) \propto e^{-E}.

    Summing the hidden bits out leaves, with :math:`a = W_1^\top x + b`,

    .. math::

        \log P(y \mid x) = c \cdot y + \sum_j \mathrm{softplus}(a_j + (W_2 y)_j) - \log Z(x).

    Parameters
    ----------
    hidden_weights : ndarray of shape (n_features, n_hidden)
        W₁ in scikit-learn's layout of ``coefs_``.
    output_weights : ndarray of shape (n_hidden, n_outputs)
        W₂, likewise.
    hidden_bias : ndarray of shape (n_hidden,)
    output_bias : ndarray of shape (n_outputs,)
    categorical : bool
        Whether the outputs form one categorical unit (exactly one is 1), or are independent bits.

    References
    ----------
    Yang, F. F., Sasdelli, M., Chin, T.-J. Training multilayer perceptrons by sampling with quantum
    annealers (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import SampledMLPHamiltonian
    >>> hamiltonian = SampledMLPHamiltonian(
    ...     np.zeros((2, 3)), np.zeros((3, 1)), np.zeros(3), np.array([1.0]), categorical=False
    ... )
    >>> np.exp(hamiltonian.log_probabilities(np.zeros((1, 2)))).round(3)
    array([[0.269, 0.731]])
    """

    hidden_weights: np.ndarray
    output_weights: np.ndarray
    hidden_bias: np.ndarray
    output_bias: np.ndarray
    categorical: bool

    def __post_init__(self) -> None:
        names = {"n_features": "n_features", "n_hidden": "n_hidden", "n_outputs": "n_outputs"}
        for name, axes in _AXES.items():
            shape = [names[axis] for axis in axes]
            array = check_reals(getattr(self, name), name, _NAME, *shape)
            names |= dict(zip(axes, array.shape, strict=True))  # what the next have to fit
            object.__setattr__(self, name, array)

    @property
    def n_hidden(self) -> int:
        """Number of hidden bits."""
        return self.output_weights.shape[0]

    @property
    def n_outputs(self) -> int:
        """Number of output bits."""
        return self.output_weights.shape[1]

    @property
    def n_patterns(self) -> int:
        """Number of patterns of the outputs: one a class, or 2 to the number of bits."""
        return self.n_outputs if self.categorical else 2**self.n_outputs

    @property
    def is_enumerable(self) -> bool:
        """Whether all patterns of the outputs can be visited."""
        return self.categorical or self.n_outputs <= MAX_ENUMERATED_BITS

    @cached_property
    def patterns(self) -> np.ndarray:
        """All patterns of the outputs, shape (n_patterns, n_outputs), values 0 or 1.

        Bit m of a pattern's number is output m; a categorical unit has a pattern a class.
        """
        if self.categorical:
            return np.eye(self.n_outputs)
        self._require_enumerable()
        numbers = np.arange(2**self.n_outputs)
        return ((numbers[:, np.newaxis] >> np.arange(self.n_outputs)) & 1).astype(float)

    @property
    def output_spins(self) -> np.ndarray:
        """Indices of the outputs among the spins of :meth:`build`: the last ones."""
        return np.arange(self.n_hidden, self.n_hidden + self.n_outputs)

    def activations(self, X) -> np.ndarray:
        """Fields of the hidden bits, a = W₁ᵀx + b.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        activations : ndarray of shape (n_samples, n_hidden)
            Cut at ±1e90, so that any finite x has a law.

        Raises
        ------
        MemoryError
            If they do not fit into the machine's memory, before and after b is added.
        """
        n_features = self.hidden_weights.shape[0]
        if not scipy.sparse.issparse(X):
            X = check_reals(X, "X", _NAME, "n_samples", n_features)
        elif X.shape[1] != n_features:
            raise ValueError(
                f"The 'X' parameter of {_NAME} must have {n_features} features. Got {X.shape[1]} "
                "instead."
            )
        thing = f"The fields of {self.n_hidden:,} hidden bits for {X.shape[0]:,} data points"
        check_memory(16 * self.n_hidden * X.shape[0], thing, _SMALLER)
        with np.errstate(over="ignore", invalid="ignore"):
            activations = X @ self.hidden_weights + self.hidden_bias
        ends = activations.min(initial=0.0), activations.max(initial=0.0)
        if not (ends[0] >= -_MAX_ACTIVATION and ends[1] <= _MAX_ACTIVATION):  # or NaN: inf - inf
            activations = np.clip(np.nan_to_num(activations), -_MAX_ACTIVATION, _MAX_ACTIVATION)
        return activations

    def build(self, X) -> IsingFamily:
        """One Ising model a data point, hidden spins first, with q = (s + 1) / 2.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        IsingFamily
            Labels ``("k", j)`` and ``("y", m)``; a categorical unit is its one-hot unit.

        Raises
        ------
        MemoryError
            If the couplings and fields do not fit into the machine's memory.
        """
        activations = self.activations(X)
        weights = self.output_weights
        n_hidden, n_outputs = weights.shape
        n_spins = n_hidden + n_outputs
        thing = f"The Ising models of {n_spins:,} spins for {len(activations):,} data points"
        check_memory(8 * n_spins * (n_spins + len(activations)), thing, _SMALLER)
        fields = np.empty((activations.shape[0], n_spins))
        fields[:, :n_hidden] = -(activations / 2 + weights.sum(axis=1) / 4)
        fields[:, n_hidden:] = -(self.output_bias / 2 + weights.sum(axis=0) / 4)
        couplings = np.zeros((n_spins, n_spins))
        couplings[:n_hidden, n_hidden:] = -weights / 4
        couplings[n_hidden:, :n_hidden] = -weights.T / 4
        offsets = -(activations.sum(axis=1) / 2 + self.output_bias.sum() / 2 + weights.sum() / 4)
        return IsingFamily(
            fields,
            couplings,
            offsets,
            tuple([("k", j) for j in range(n_hidden)] + [("y", m) for m in range(n_outputs)]),
            (n_hidden, n_spins) if self.categorical else None,
        )

    def to_bqm(self, x, penalty: float | None = None) -> dimod.BinaryQuadraticModel:
        """The energy given one input, for any dimod sampler.

        Parameters
        ----------
        x : array-like of shape (n_features,)
        penalty : float, optional
            Strength of the one-hot constraint on a categorical unit; by default a little more than
            the largest field that can act on an output, so that every ground state is one-hot.
            Higher states may break it and are to be dropped: :meth:`decode` returns them as drawn.

        Returns
        -------
        dimod.BinaryQuadraticModel
            Of vartype BINARY, with variables ``("k", j)`` and ``("y", m)``.
        """
        x = check_reals(x, "x", _NAME, self.hidden_weights.shape[0])
        penalty = None if penalty is None else check_number(penalty, "penalty", _NAME)
        bqm = self.build(x[np.newaxis]).to_bqm()
        bqm.change_vartype(dimod.BINARY, inplace=True)
        if self.categorical:
            if penalty is None:
                field = np.max(np.abs(self.output_bias) + np.abs(self.output_weights).sum(axis=0))
                penalty = 1.25 * field or 1.0  # the field itself would leave ties
            outputs = [("y", m) for m in range(self.n_outputs)]
            bqm.update(dimod.generators.combinations(outputs, 1, strength=float(penalty)))
        return bqm

    def nudge(self, family: IsingFamily, outputs, strengths) -> IsingFamily:
        r"""Models of :meth:`build` whose outputs are drawn towards some that are given.

        .. math:: E_\nu(k, y \mid x) = E(k, y \mid x) + \nu \, C(y, t),

        where the cost C counts the bits in which y differs from t; of a categorical unit half of
        them, which is 1 if it is wrong. That is a field on each output.

        Parameters
        ----------
        family : IsingFamily
        outputs : ndarray of shape (n_models, n_outputs)
            Their t, values 0 or 1.
        strengths : float or ndarray of shape (n_models,)
            The ν; a negative one draws away.

        Returns
        -------
        IsingFamily
        """
        check_instance(family, IsingFamily, "family", f"{_NAME}.nudge")
        outputs = check_reals(outputs, "outputs", _NAME, family.n_models, self.n_outputs)
        axes = (family.n_models,) * bool(np.ndim(strengths))
        strengths = check_reals(strengths, "strengths", _NAME, *axes)
        weights = np.broadcast_to(strengths * (0.5 if self.categorical else 1.0), family.n_models)
        fields = family.fields.copy()
        fields[:, self.output_spins] -= weights[:, np.newaxis] * (2.0 * outputs - 1.0) / 2.0
        offsets = family.offsets + weights * self.n_outputs / 2.0
        return replace(family, fields=fields, offsets=offsets)

    def costs(self, drawn, outputs) -> np.ndarray:
        """The cost C of :meth:`nudge`.

        Parameters
        ----------
        drawn, outputs : ndarrays of shape (..., n_outputs), values 0 or 1
            Other axes are broadcast.

        Returns
        -------
        costs : ndarray of shape (...,)
        """
        drawn = check_reals(drawn, "drawn", _NAME, ..., self.n_outputs)
        outputs = check_reals(outputs, "outputs", _NAME, ..., self.n_outputs)
        try:
            np.broadcast_shapes(drawn.shape, outputs.shape)
        except ValueError:
            raise ValueError(
                f"The 'drawn' and 'outputs' parameters of {_NAME}.costs must be of shapes that are "
                f"broadcast together. Got {drawn.shape} and {outputs.shape} instead."
            ) from None
        wrong = np.not_equal(drawn, outputs).sum(axis=-1)
        return wrong / 2.0 if self.categorical else wrong.astype(float)

    def decode(self, states) -> np.ndarray:
        """Outputs 0 or 1 from draws.

        Parameters
        ----------
        states : ndarray of shape (..., n_outputs), or dimod.SampleSet
            Spins -1 or +1 of the outputs alone, or the answer to :meth:`to_bqm`, which is read by
            label.

        Returns
        -------
        outputs : ndarray of int8, of the shape of the states; (num_reads, n_outputs) for a
            SampleSet, whose occurrences are unfolded
        """
        if not isinstance(states, dimod.SampleSet):
            # Draws stay int8: as float64 they would take eight times as much.
            is_drawn = isinstance(states, np.ndarray) and states.dtype == np.int8
            if not is_drawn or states.shape[-1:] != (self.n_outputs,):
                states = check_reals(states, "states", f"{_NAME}.decode", ..., self.n_outputs)
            return (states > 0).astype(np.int8)
        columns = [states.variables.index(("y", m)) for m in range(self.n_outputs)]
        record = states.record
        outputs = np.repeat(record.sample[:, columns], record.num_occurrences, axis=0)
        return (outputs > 0).astype(np.int8)

    def log_weights(self, X) -> np.ndarray:
        """Log P(y|x) of all patterns, relative to y = 0, the hidden bits summed out.

        Relative, c·y + Σ_j [softplus(a_j + (W₂y)_j) - softplus(a_j)], because huge activations
        would drown what differs between patterns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_weights : ndarray of shape (n_samples, n_patterns)

        Raises
        ------
        ValueError
            If there are too many output bits to enumerate.
        """
        activations = self.activations(X)
        below, base = np.minimum(activations, 0.0), _sum_log_factors(activations)
        log_weights = np.empty((activations.shape[0], len(self.patterns)))
        for index, pattern in enumerate(self.patterns):
            shift = self.output_weights @ pattern
            # max(a + w, 0) - max(a, 0), without the rounding of a large a.
            steps = np.maximum(shift, -activations) + below
            logs = _sum_log_factors(activations + shift) - base
            log_weights[:, index] = steps.sum(axis=1) + logs + self.output_bias @ pattern
        return log_weights

    def lowest_energies(self, X) -> np.ndarray:
        """min_k E(k, y | x) of all patterns, relative to y = 0, the best hidden bits taken.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        energies : ndarray of shape (n_samples, n_patterns)
            The lowest state of E has the y of the smallest.

        Raises
        ------
        ValueError
            If there are too many output bits to enumerate.
        """
        activations = self.activations(X)
        below = np.minimum(activations, 0.0)
        energies = np.empty((activations.shape[0], len(self.patterns)))
        for index, pattern in enumerate(self.patterns):
            # As in log_weights, max(a + w, 0) - max(a, 0).
            steps = np.maximum(self.output_weights @ pattern, -activations) + below
            energies[:, index] = -(steps.sum(axis=1) + self.output_bias @ pattern)
        return energies

    def log_probabilities(self, X) -> np.ndarray:
        """Exact log P(y|x) of all patterns.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_patterns)

        Raises
        ------
        ValueError
            If there are too many output bits to enumerate.
        """
        log_weights = self.log_weights(X)
        return log_weights - logsumexp(log_weights, axis=1, keepdims=True)

    def free_energies(self, X, outputs) -> np.ndarray:
        """F(x, y) = -log Σ_k exp(-E(k, y | x)), for one y a data point.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        outputs : ndarray of shape (n_samples, n_outputs)
            Values 0 or 1.

        Returns
        -------
        free_energies : ndarray of shape (n_samples,)
        """
        activations = self.activations(X)
        outputs = check_reals(outputs, "outputs", _NAME, len(activations), self.n_outputs)
        shifted = activations + outputs @ self.output_weights.T
        return -(_sum_softplus(shifted) + outputs @ self.output_bias)

    def pattern_of(self, outputs) -> np.ndarray:
        """Numbers of patterns.

        Parameters
        ----------
        outputs : ndarray of shape (..., n_outputs), values 0 or 1

        Returns
        -------
        numbers : ndarray of int64, of shape (...,)
        """
        bits = {"low": 0, "high": 2}
        outputs = check_integers(outputs, "outputs", _NAME, ..., self.n_outputs, **bits)
        if self.categorical:
            return np.argmax(outputs, axis=-1)
        self._require_enumerable()
        return outputs @ (1 << np.arange(self.n_outputs))

    def _require_enumerable(self) -> None:
        if not self.is_enumerable:
            raise ValueError(
                f"The exact P(y|x) of {self.n_outputs} output bits has 2^{self.n_outputs} terms; "
                f"it is calculated for up to {MAX_ENUMERATED_BITS} bits. gradient='sampled' trains "
                "and predict_with='mlp' predicts without it."
            )


def _sum_softplus(z: np.ndarray) -> np.ndarray:
    """Sum over the last axis of log(1 + exp(z))."""
    return np.maximum(z, 0.0).sum(axis=-1) + _sum_log_factors(z)


def _sum_log_factors(z: np.ndarray) -> np.ndarray:
    """Sum over the last axis of log(1 + exp(-|z|)), with one logarithm per 512 terms."""
    factors = np.exp(-np.abs(z))
    factors += 1.0
    total = np.zeros(z.shape[:-1])
    for start in range(0, z.shape[-1], _FACTORS_PER_LOG):
        total += np.log(factors[..., start : start + _FACTORS_PER_LOG].prod(axis=-1))
    return total
