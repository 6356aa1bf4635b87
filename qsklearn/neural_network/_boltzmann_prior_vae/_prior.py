"""The Boltzmann machine that a discrete VAE has learnt as its prior."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse

from qsklearn.hamiltonians import IsingFamily
from qsklearn.samplers import LogPartitionFunction, log_partition_function

# Of log Z by annealed importance sampling, where it is not exact: for 128 units 7 (Zephyr) to 16
# (two coupled halves) seconds, and ends that are .05 nats apart; with slices half a minute.
_RUNS, _TEMPERATURES, _TEMPERATURES_OF_SLICES = 1000, 2000, 400
# Slices of imaginary time, the second twice the first, so that their error can be taken off.
_SLICES = 16, 32


@dataclass(frozen=True, eq=False)
class BoltzmannPrior:
    r"""A Boltzmann machine on a graph, with or without a class unit.

    .. math:: p(s, y) = \frac1Z \exp\Big[ -\sum_i h_i s_i - \sum_{i<j} J_{ij} s_i s_j + a_y
        + \sum_i U_{iy} s_i \Big], \qquad s = 2z - 1,

    in a transverse field Γ the diagonal of :math:`e^{-H} / Z` with
    :math:`H = E(\sigma^z) - \Gamma \sum_i \sigma^x_i`.

    Parameters
    ----------
    h : ndarray of shape (n_latent,)
        Fields, in units of kT: multiplied by β_eff already.
    weights : ndarray of shape (n_edges,)
        Couplings, in the order of the graph's edges.
    graph : LatentGraph
        ``nodes`` (labels), ``edges`` (positions), ``groups`` of the posterior, ``topology``.
    class_biases : ndarray of shape (n_classes,)
        The a above; empty without classes.
    class_weights : ndarray of shape (n_latent, n_classes)
        The U above.
    transverse_field : float, default=0.0
    """

    h: np.ndarray
    weights: np.ndarray
    graph: object
    class_biases: np.ndarray
    class_weights: np.ndarray
    transverse_field: float = 0.0

    @property
    def n_latent(self):
        """Number of latent units."""
        return len(self.h)

    @property
    def n_classes(self):
        """Number of classes; 0 without a class unit."""
        return len(self.class_biases)

    @property
    def J(self):
        """Couplings as a symmetric scipy.sparse.csr_array of shape (n_latent, n_latent)."""
        first, second = self.graph.edges.T
        upper = scipy.sparse.coo_array((self.weights, (first, second)), (self.n_latent,) * 2)
        return scipy.sparse.csr_array(upper + upper.T)

    @cached_property
    def _matrix(self):
        """J, dense where many units are coupled, which is faster there."""
        is_dense = self.graph.n_edges > 0.1 * self.n_latent**2
        return self.J.toarray() if is_dense else self.J

    @cached_property
    def _layout(self):
        return ProgramLayout(self.graph, self.n_classes)

    def energies(self, bits):
        """-log p(z) but for log Z, with classes summed out.

        Parameters
        ----------
        bits : array-like of shape (n_draws, n_latent)
            0 or 1.

        Returns
        -------
        energies : ndarray of shape (n_draws,), float64
        """
        spins = 2.0 * np.asarray(bits, dtype=float) - 1
        energies = spins @ self.h + 0.5 * ((spins @ self._matrix) * spins).sum(axis=1)
        if self.n_classes:
            energies = energies - np.logaddexp.reduce(self.class_logits(bits), axis=1)
        return energies

    def class_logits(self, bits):
        """a + Uᵀs, whose softmax is P(y | z).

        Parameters
        ----------
        bits : array-like of shape (n_draws, n_latent)

        Returns
        -------
        logits : ndarray of shape (n_draws, n_classes)
        """
        return self.class_biases + (2.0 * np.asarray(bits, float) - 1) @ self.class_weights

    def to_family(self):
        """The model for samplers; classes are a one-hot unit after the latent units.

        Returns
        -------
        IsingFamily
            Of one model.
        """
        return self._layout.fill(self.h, self.weights, self.class_biases, self.class_weights)

    def to_bqm(self):
        """The model for any dimod sampler, with vartype SPIN.

        Returns
        -------
        dimod.BinaryQuadraticModel
            Variables are the graph's nodes; ``("class", k)`` for classes, of which exactly one is
            up in the law: no penalty says so.
        """
        return self.to_family().to_bqm()

    def without_couplings(self):
        """The same fields, and couplings of 0.

        Returns
        -------
        BoltzmannPrior
        """
        return replace(self, weights=np.zeros_like(self.weights))

    def given_class(self, label):
        """The law of the bits given a class, which has other fields.

        Parameters
        ----------
        label : int
            Position in the classes.

        Returns
        -------
        BoltzmannPrior
            Without a class unit.
        """
        fields = self.h - self.class_weights[:, label]
        return replace(
            self, h=fields, class_biases=np.empty(0), class_weights=np.empty((self.n_latent, 0))
        )

    @cached_property
    def log_partition(self):
        """log Z, exact where that is cheap, else estimated with bounds at both ends.

        Returns
        -------
        result : LogPartitionFunction
            Of one model: arrays of shape (1,).
        """
        if not self.transverse_field:
            return self._log_partition()
        coarse, fine = (self._log_partition(n) for n in _SLICES)
        return fine if fine.method == "diagonalization" else _without_trotter_error(coarse, fine)

    def _log_partition(self, num_slices=1):
        family = self.to_family()
        result = log_partition_function(
            family.fields,
            family.couplings,
            one_hot=family.one_hot,
            method="bracket",
            num_runs=_RUNS,
            num_temperatures=_TEMPERATURES if num_slices == 1 else _TEMPERATURES_OF_SLICES,
            transverse_field=self.transverse_field,
            num_slices=num_slices,
            seed=0,
        )
        ends = {
            name: getattr(result, name) - family.offsets for name in ("value", "lower", "upper")
        }
        return replace(result, **ends)

    def __getstate__(self):
        # What is made in no time is made again; log Z is kept.
        made = ("_layout", "_matrix")
        return {name: value for name, value in vars(self).items() if name not in made}


def _without_trotter_error(coarse, fine):
    """log Z for any number of slices, from m and 2m of them, as the error falls with 1 / m²."""
    value = (4 * fine.value - coarse.value) / 3
    below = (4 * (fine.value - fine.lower) + (coarse.upper - coarse.value)) / 3
    above = (4 * (fine.upper - fine.value) + (coarse.value - coarse.lower)) / 3
    error = np.hypot(4 * fine.standard_error, coarse.standard_error) / 3
    return LogPartitionFunction(value, error, value - below, value + above, fine.method)


class ProgramLayout:
    """Where a prior's parameters go in the arrays that samplers take.

    Parameters
    ----------
    graph : LatentGraph
    n_classes : int, default=0
    """

    def __init__(self, graph, n_classes=0):
        self.graph, self.n_classes = graph, n_classes
        n_latent = graph.n_latent
        n_spins = n_latent + n_classes
        unit, label = np.divmod(np.arange(n_latent * n_classes), max(1, n_classes))
        first = np.r_[graph.edges[:, 0], unit].astype(np.int64)
        second = np.r_[graph.edges[:, 1], n_latent + label].astype(np.int64)
        # Both directions of each pair, in the order of rows: values alone change between calls.
        places = np.arange(len(first))
        self._pattern = scipy.sparse.coo_array(
            (np.r_[places, places], (np.r_[first, second], np.r_[second, first])),
            (n_spins, n_spins),
        ).tocsr()
        self._labels = (*graph.nodes.tolist(), *(("class", k) for k in range(n_classes)))
        self._one_hot = (n_latent, n_spins) if n_classes else None

    def fill(self, biases, weights, class_biases=(), class_weights=()):
        """The model with given parameters, a class y as bits (1 + t) / 2 of spins t.

        Parameters
        ----------
        biases : ndarray of shape (n_latent,)
        weights : ndarray of shape (n_edges,)
        class_biases : ndarray of shape (n_classes,)
        class_weights : ndarray of shape (n_latent, n_classes)

        Returns
        -------
        IsingFamily
            Of one model.
        """
        fields = np.asarray(biases, dtype=float)
        values = np.asarray(weights, dtype=float)
        offset = 0.0
        if self.n_classes:
            half = -0.5 * np.asarray(class_weights, dtype=float)
            fields = np.r_[fields + half.sum(axis=1), -0.5 * np.asarray(class_biases, float)]
            values = np.r_[values, half.ravel()]
            offset = -0.5 * float(np.sum(class_biases))
        pattern = self._pattern
        J = scipy.sparse.csr_array(
            (values[pattern.data], pattern.indices, pattern.indptr), pattern.shape
        )
        return IsingFamily(
            fields[np.newaxis], J, np.array([offset]), self._labels, one_hot=self._one_hot
        )
