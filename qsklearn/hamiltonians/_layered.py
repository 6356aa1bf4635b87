"""Layers of binary units up to a one-hot class unit: the network that qubo_transfer.txt samples.

One structure serves all its models, from the class unit alone to four layers: a sample moves the
fields of the first layer only, so that a batch of samples is one family.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import dimod
import numpy as np
import scipy.sparse

from qsklearn._checks import check_number, check_reals
from qsklearn.hamiltonians._class_unit import check_clip
from qsklearn.hamiltonians._family import IsingFamily
from qsklearn.hamiltonians._layered_checks import (
    check_beta,
    check_inputs,
    check_layers,
    check_names,
    check_penalty,
    check_shifts,
)
from qsklearn.hamiltonians._layered_sums import (
    MAX_ENUMERATED_UNITS,
    class_free_energies,
    enumerated_layers,
    softmax,
    unit_means,
)
from qsklearn.hamiltonians._layered_terms import (
    pair_terms,
    reach_into_first_layer,
    sufficient_penalty,
    to_dense,
)
from qsklearn.hamiltonians._mean_field import mean_field

# Up to this many units couplings are a dense matrix, of 32 MB.
_MAX_DENSE_UNITS = 2000
_MAX_MATRIX_BYTES = 2**32


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class LayeredHamiltonian:
    r"""Energy of layers of bits q₀, …, q_L, of which the last is a one-hot class unit.

    .. math::

        E(q \mid x) = -\sum_{l=0}^{L} b_l \cdot q_l - f(x) \cdot q_0
        - \sum_{l=0}^{L-1} q_l^\top W_l\, q_{l+1} + s(x) \sum_k q_{L,k}
        \; \left[ + A \Big( \sum_k q_{L,k} - 1 \Big)^2 \right].

    The inputs f(x) are what a sample adds to the fields of the first layer, and the shift s(x) is
    taken from all its logits, which no one-hot state feels. The paper's network is this with its
    logits as inputs and L = 0, with the features' biases as inputs and L = 1, or with what the
    clamped image adds to the hidden units as inputs and more layers.

    Parameters
    ----------
    weights : tuple of L ndarrays or sparse arrays of shape (n_l, n_l+1)
        W₀ to W_L-1, empty for the class unit alone.
    biases : tuple of L + 1 ndarrays of shape (n_l,)
        b₀ to b_L.
    penalty : float, optional
        The penalty A on class units that are not one-hot. Without one the law itself is of one-hot
        states, and the class unit is handed to samplers whole.
    names : tuple of L + 1 str, optional
        Names of the layers, by default "hidden" (or "hidden1", "hidden2", …) and "class".

    Raises
    ------
    ValueError
        If the shapes do not chain, a number is not finite, the penalty is not positive or the names
        are not distinct.

    References
    ----------
    Higham, C. F., Bedford, A. Quantum deep learning by sampling neural nets with a quantum annealer
    (2021). Its eq. (4) has its signs reversed, and its A = 1 is too weak for the logits of a
    trained network.

    Examples
    --------
    Three classes whose logits are known; the ground state is the second.

    >>> import dimod
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import LayeredHamiltonian
    >>> hamiltonian = LayeredHamiltonian((), (np.zeros(3),))
    >>> hamiltonian.class_probabilities([[0.0, 2.0, 1.0]]).round(3)
    array([[0.09 , 0.665, 0.245]])
    >>> ground = dimod.ExactSolver().sample(hamiltonian.to_bqm([0.0, 2.0, 1.0])).lowest()
    >>> hamiltonian.decode(ground)
    array([[0, 1, 0]], dtype=int8)

    Two hidden units, summed out.

    >>> weights = np.array([[1.0, -1.0], [0.0, 2.0]])
    >>> hamiltonian = LayeredHamiltonian((weights,), (np.zeros(2), np.zeros(2)))
    >>> hamiltonian.class_free_energies([[3.0, -1.0]]).round(3)
    array([[-0.97 , -0.078]])
    """

    weights: tuple
    biases: tuple
    penalty: float | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        weights, biases = check_layers(self.weights, self.biases)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "biases", biases)
        object.__setattr__(self, "names", check_names(self.names, len(biases)))
        object.__setattr__(self, "penalty", check_penalty(self.penalty))

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Number of units of each layer, the class unit's classes last."""
        return tuple(len(bias) for bias in self.biases)

    @property
    def n_units(self) -> int:
        """Number of bits in all."""
        return sum(self.layer_sizes)

    @property
    def n_classes(self) -> int:
        """Number of bits of the class unit."""
        return len(self.biases[-1])

    @property
    def layers(self) -> dict[str, slice]:
        """Where the units of each layer are, by its name, from below."""
        assert self.names is not None
        ends = np.cumsum((0, *self.layer_sizes)).tolist()
        spans = zip(ends[:-1], ends[1:], strict=True)
        return {name: slice(*span) for name, span in zip(self.names, spans, strict=True)}

    @property
    def class_units(self) -> np.ndarray:
        """Indices of the bits of the class unit: the last ones."""
        return np.arange(self.n_units - self.n_classes, self.n_units)

    @property
    def hidden_units(self) -> np.ndarray:
        """Indices of all other units."""
        return np.arange(self.n_units - self.n_classes)

    @property
    def labels(self) -> tuple:
        """Names of the units in a BQM, ``(name of the layer, number)``."""
        return tuple(
            (name, j)
            for name, units in self.layers.items()
            for j in range(units.stop - units.start)
        )

    @property
    def is_summable(self) -> bool:
        """Whether exact sums are possible: up to one hidden layer, or 16 units to enumerate."""
        return self._n_enumerated <= MAX_ENUMERATED_UNITS

    def with_penalty(self, penalty: float | None) -> LayeredHamiltonian:
        """The same model with another penalty, or none.

        Parameters
        ----------
        penalty : float or None

        Returns
        -------
        LayeredHamiltonian
        """
        return replace(self, penalty=penalty)

    def centred(self) -> LayeredHamiltonian:
        """The same law of one-hot states, each row of the last weights with a mean of zero.

        A unit's mean weight to the classes is a bias of that unit where the class unit is one-hot.
        As a bias it does not pull several classes up at once when the class unit is free to break.

        Returns
        -------
        LayeredHamiltonian
        """
        if not self.weights:
            return self
        last = to_dense(self.weights[-1])
        means = last.mean(axis=1)
        biases = (*self.biases[:-2], self.biases[-2] + means, self.biases[-1])
        return replace(
            self, weights=(*self.weights[:-1], last - means[:, np.newaxis]), biases=biases
        )

    def build(self, inputs, shifts=None) -> IsingFamily:
        """One Ising model a sample, with q = (s + 1) / 2.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
            What is added to the fields of the first layer. Cut at ±1e90.
        shifts : array-like of shape (n_samples,), optional
            Taken from all logits of a sample.

        Returns
        -------
        IsingFamily
            Labels ``(name, j)``. Without a penalty, the class unit is its one-hot unit. Couplings
            of more than 2000 units are a csr array.
        """
        inputs = check_inputs(inputs, self.layer_sizes[0])
        linear = self._linear(inputs, check_shifts(shifts, len(inputs)))
        pairs = self._pairs
        sums = pairs.sum(axis=0) + pairs.sum(axis=1)
        couplings = scipy.sparse.csr_array(pairs + pairs.T) / 4
        offsets = linear.sum(axis=1) / 2 + pairs.sum() / 4 + (self.penalty or 0.0)
        return IsingFamily(
            linear / 2 + sums / 4,
            couplings.toarray() if self.n_units <= _MAX_DENSE_UNITS else couplings,
            offsets,
            self.labels,
            (self.n_units - self.n_classes, self.n_units) if self.penalty is None else None,
        )

    def to_bqm(self, inputs, shift: float = 0.0) -> dimod.BinaryQuadraticModel:
        """The energy given one sample, for any dimod sampler.

        Parameters
        ----------
        inputs : array-like of shape (n_0,)
        shift : float, default=0.0

        Returns
        -------
        dimod.BinaryQuadraticModel
            Of vartype BINARY, with variables ``(name, j)``. A model without a penalty gets one that
            is a little more than the largest field that can act on a class, so that every ground
            state is one-hot. Higher states may break it: :meth:`decode` returns them as drawn.
        """
        model, linear = self._penalised(inputs, shift)
        pairs = model._pairs.tocoo()
        assert model.penalty is not None
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            linear,
            (pairs.row, pairs.col, pairs.data),
            model.penalty,
            dimod.BINARY,
            variable_order=self.labels,
        )

    def to_matrix(self, inputs, shift: float = 0.0) -> tuple[np.ndarray, float]:
        """The model of :meth:`to_bqm` as a matrix Q with E(q) = qᵀQq + offset.

        Parameters
        ----------
        inputs : array-like of shape (n_0,)
        shift : float, default=0.0

        Returns
        -------
        matrix : ndarray of shape (n_units, n_units)
            Upper triangular, the linear terms on the diagonal.
        offset : float

        Raises
        ------
        MemoryError
            If the matrix would take more than 4 GiB.
        """
        n_bytes = 8 * self.n_units**2
        if n_bytes > _MAX_MATRIX_BYTES:
            raise MemoryError(
                f"The matrix of {self.n_units} units would take {n_bytes} bytes. Call to_bqm or "
                "build, which keep only the couplings that there are."
            )
        model, linear = self._penalised(inputs, shift)
        assert model.penalty is not None
        return np.diag(linear) + model._pairs.toarray(), model.penalty

    def class_free_energies(self, inputs, beta: float | None = 1.0) -> np.ndarray:
        r"""Exact free energies of the classes, all other units summed out.

        .. math::

            F_k = -\frac1\beta \left[ \log \sum_{q_0 \dots q_{L-1}} e^{-\beta E(q, k)}
            - \log \sum_{q_0 \dots q_{L-1}} e^{-\beta E(q, \text{no class})} \right],

        without shift and penalty. Relative to no class, because huge inputs would drown what
        differs between classes.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        beta : float or None, default=1.0
            The inverse temperature. For None, the lowest energy of each class, relative to the
            lowest without a class.

        Returns
        -------
        free_energies : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If there are too many hidden units to enumerate, see :attr:`is_summable`.
        """
        self._require_summable()
        inputs = check_inputs(inputs, self.layer_sizes[0])
        return class_free_energies(self, inputs, None if beta is None else check_beta(beta))

    def class_probabilities(self, inputs, beta: float = 1.0) -> np.ndarray:
        """Exact P(class | x, one-hot) at an inverse temperature, the softmax of -β F.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        beta : float, default=1.0

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If there are too many hidden units to enumerate, see :attr:`is_summable`.
        """
        beta = check_beta(beta)
        return softmax(-self.class_free_energies(inputs, beta), beta)

    def unit_means(self, inputs, beta: float = 1.0) -> np.ndarray:
        """Exact means of all bits under the law of one-hot states.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        beta : float, default=1.0

        Returns
        -------
        means : ndarray of shape (n_samples, n_units)

        Raises
        ------
        ValueError
            If there are too many hidden units to enumerate, see :attr:`is_summable`.
        """
        self._require_summable()
        return unit_means(self, check_inputs(inputs, self.layer_sizes[0]), check_beta(beta))

    def mean_field(self, inputs, num_steps: int = 6, beta: float = 1.0) -> tuple[np.ndarray, ...]:
        """Mean-field means of all layers, from a fixed number of sweeps.

        The start is a feed-forward pass, in which every layer sees only the one below. Each sweep
        goes through the hidden layers from below and then the class unit,
        m_l = σ(β (b_l + W_l-1ᵀ m_l-1 + W_l m_l+1)), with a softmax for the class unit.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        num_steps : int, default=6
            Number of sweeps; 0 leaves the feed-forward pass.
        beta : float, default=1.0

        Returns
        -------
        means : tuple of L + 1 ndarrays of shape (n_samples, n_l)
        """
        inputs = check_inputs(inputs, self.layer_sizes[0])
        return mean_field(self.weights, self.biases, inputs, num_steps, check_beta(beta))

    def class_fields(self, inputs, beta: float = 1.0) -> np.ndarray:
        """Fields of the classes, the logits that a penalty has to hold against.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        beta : float, default=1.0
            Inverse temperature of the mean field.

        Returns
        -------
        fields : ndarray of shape (n_samples, n_classes)
            b_L + W_L-1ᵀ m_L-1 with the mean-field means m; b₀ + inputs for the class unit alone.
        """
        if not self.weights:
            return self.biases[0] + check_inputs(inputs, self.layer_sizes[0])
        return self.biases[-1] + self.mean_field(inputs, beta=beta)[-2] @ self.weights[-1]

    def clipped_inputs(self, inputs, clip: float) -> np.ndarray:
        """Inputs moved as little as possible, to fields that a device's range can hold.

        A field of more than ``clip`` against everything that the layer above can do is lowered to
        that, and likewise from below; at β = 1 the law of such a unit moves by less than
        exp(-clip). For the class unit alone, logits more than ``clip`` below the largest are raised
        to that.

        Parameters
        ----------
        inputs : array-like of shape (n_samples, n_0)
        clip : float

        Returns
        -------
        clipped : ndarray of shape (n_samples, n_0)
        """
        inputs = check_inputs(inputs, self.layer_sizes[0])
        check_clip(clip)
        bias = self.biases[0]
        if not self.weights:
            largest = (inputs + bias).max(axis=1, keepdims=True)
            # Of enormous logits the clip is rounding, which must not make a tie of all classes.
            floor = np.minimum(largest - clip, np.nextafter(largest, -np.inf))
            return np.maximum(inputs, floor - bias)
        lowest, highest = reach_into_first_layer(self.weights)
        return np.clip(inputs, -clip - highest - bias, clip - lowest - bias)

    def holding_inputs(self, bits, margin: float) -> np.ndarray:
        """Inputs that hold the units of the first layer at given bits.

        They outweigh all that the layer above can do, so that at β = 1 a unit leaves its bit less
        often than exp(-margin).

        Parameters
        ----------
        bits : array-like of shape (n_samples, n_0)
            Values 0 or 1.
        margin : float

        Returns
        -------
        inputs : ndarray of shape (n_samples, n_0)
        """
        bits = check_inputs(bits, self.layer_sizes[0]) > 0.5
        lowest, highest = reach_into_first_layer(self.weights) if self.weights else (0.0, 0.0)
        check_clip(margin)
        return np.where(bits, margin - lowest, -margin - highest) - self.biases[0]

    def decode(self, states) -> np.ndarray:
        """Bits of the class unit from draws, broken ones as they were drawn.

        Parameters
        ----------
        states : ndarray of shape (..., n_units), or dimod.SampleSet
            Whole states, as spins or bits, in the order of :meth:`build`; or a sample set, which is
            read by label.

        Returns
        -------
        class_bits : ndarray of int8, of shape (..., n_classes); (num_reads, n_classes) for a
            SampleSet, whose occurrences are unfolded
        """
        assert self.names is not None
        if isinstance(states, dimod.SampleSet):
            labels = [(self.names[-1], k) for k in range(self.n_classes)]
            columns = [states.variables.index(label) for label in labels]
            record = states.record
            bits = np.repeat(record.sample[:, columns], record.num_occurrences, axis=0)
            return (bits > 0).astype(np.int8)
        states = check_reals(states, "states", "LayeredHamiltonian.decode")
        if states.ndim == 0 or states.shape[-1] != self.n_units:
            raise ValueError(
                f"The 'states' must be whole states, of shape (..., {self.n_units}). Got shape "
                f"{states.shape} instead."
            )
        return (states[..., self.class_units] > 0).astype(np.int8)

    @staticmethod
    def one_hot_mask(class_bits) -> np.ndarray:
        """Which class units have exactly one bit set.

        Parameters
        ----------
        class_bits : ndarray of shape (..., n_classes), values 0 or 1

        Returns
        -------
        is_one_hot : ndarray of bool, of shape (...,)
        """
        shape = (..., "n_classes")
        bits = check_reals(class_bits, "class_bits", "LayeredHamiltonian.one_hot_mask", *shape)
        return bits.sum(axis=-1) == 1

    @property
    def _n_enumerated(self) -> int:
        if len(self.layer_sizes) <= 2:
            return 0
        return sum(self.layer_sizes[layer] for layer in enumerated_layers(self.layer_sizes))

    def _require_summable(self) -> None:
        if not self.is_summable:
            raise ValueError(
                f"The exact sums of layers of {self.layer_sizes} units have 2^{self._n_enumerated} "
                f"terms; they are calculated where every second hidden layer has up to "
                f"{MAX_ENUMERATED_UNITS} units in all. mean_field and samplers work without them."
            )

    @cached_property
    def _pairs(self) -> scipy.sparse.csr_array:
        return pair_terms(self.weights, self.layer_sizes, self.penalty)

    def _linear(self, inputs: np.ndarray, shifts: np.ndarray | None) -> np.ndarray:
        """Linear terms of the bits, one row a sample."""
        linear = np.repeat(-np.concatenate(self.biases)[np.newaxis], len(inputs), axis=0)
        linear[:, : self.layer_sizes[0]] -= inputs
        if shifts is not None:
            linear[:, self.class_units] += shifts[:, np.newaxis]
        if self.penalty is not None:
            linear[:, self.class_units] -= self.penalty
        return linear

    def _penalised(self, inputs, shift: float) -> tuple[LayeredHamiltonian, np.ndarray]:
        """The model with a penalty, its own or a sufficient one, and one sample's linear terms."""
        vector = check_reals(inputs, "inputs", "LayeredHamiltonian", self.layer_sizes[0])
        inputs = check_inputs(vector[np.newaxis], self.layer_sizes[0])
        shifts = check_shifts([check_number(shift, "shift", "LayeredHamiltonian")], 1)
        assert shifts is not None
        model = self
        if self.penalty is None:
            fields = self.biases[-1] - shifts[0] + (0.0 if self.weights else inputs[0])
            model = self.with_penalty(sufficient_penalty(self.weights, fields))
        return model, model._linear(inputs, shifts)[0]
