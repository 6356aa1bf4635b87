"""Ising models that share their couplings and differ in their fields."""

from __future__ import annotations

from dataclasses import dataclass

import dimod
import numpy as np
import scipy.sparse

from qsklearn._checks import check_integer, check_number, check_reals


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class IsingFamily:
    """Ising models E(s) = h·s + ½ sᵀJs + offset, one row of fields a model.

    The common currency between networks and samplers: one model a data point, or an output unit.

    Parameters
    ----------
    fields : ndarray of shape (n_models, n_spins)
        The fields h.
    couplings : ndarray or scipy.sparse.csr_array of shape (n_spins, n_spins)
        The couplings J: symmetric with a zero diagonal, shared by all models.
    offsets : ndarray of shape (n_models,)
    labels : tuple of length n_spins
        Names of the spins in a BQM.
    one_hot : tuple of (start, stop), or None, default=None
        Spins of which exactly one is up in every state of the law.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import IsingFamily
    >>> J = np.array([[0.0, -1.0], [-1.0, 0.0]])
    >>> family = IsingFamily(np.array([[0.5, 0.0]]), J, np.zeros(1), ("a", "b"))
    >>> family.energies(np.array([[[1, 1], [-1, -1]]]))
    array([[-0.5, -1.5]])
    """

    fields: np.ndarray
    couplings: np.ndarray | scipy.sparse.csr_array
    offsets: np.ndarray
    labels: tuple
    one_hot: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        fields = check_reals(self.fields, "fields", name, "n_models", "n_spins")
        n_models, n_spins = fields.shape
        object.__setattr__(self, "fields", fields)
        offsets = check_reals(self.offsets, "offsets", name, n_models)
        object.__setattr__(self, "offsets", offsets)
        if not scipy.sparse.issparse(self.couplings):
            couplings = check_reals(self.couplings, "couplings", name, n_spins, n_spins)
            object.__setattr__(self, "couplings", couplings)
        elif self.couplings.shape != (n_spins, n_spins):
            raise ValueError(
                f"The 'couplings' parameter of {name} must be of shape ({n_spins}, {n_spins}), as "
                f"the fields have {n_spins} spins. Got {self.couplings.shape} instead."
            )
        if not isinstance(self.labels, tuple) or len(self.labels) != n_spins:
            raise ValueError(
                f"The 'labels' parameter of {name} must be a tuple of {n_spins} names, one a spin. "
                f"Got {self.labels!r} instead."
            )

    @property
    def n_models(self) -> int:
        """Number of models."""
        return self.fields.shape[0]

    @property
    def n_spins(self) -> int:
        """Number of spins of each model."""
        return self.fields.shape[1]

    def energies(self, states: np.ndarray) -> np.ndarray:
        """Energies of states.

        Parameters
        ----------
        states : ndarray of shape (n_models, num_reads, n_spins)
            Spins -1 or +1.

        Returns
        -------
        energies : ndarray of shape (n_models, num_reads)
        """
        shape = (self.n_models, "num_reads", self.n_spins)
        spins = check_reals(states, "states", "IsingFamily.energies", *shape)
        # A sparse matrix takes no stacks of states.
        coupled = spins.reshape(-1, self.n_spins) @ self.couplings
        pairs = 0.5 * (coupled.reshape(spins.shape) * spins).sum(axis=-1)
        return pairs + np.einsum("mri,mi->mr", spins, self.fields) + self.offsets[:, np.newaxis]

    def scaled(self, factor: float) -> IsingFamily:
        """The family with all energies multiplied, as for a device's temperature.

        Parameters
        ----------
        factor : float

        Returns
        -------
        IsingFamily
        """
        factor = check_number(factor, "factor", "IsingFamily.scaled")
        return IsingFamily(
            self.fields * factor,
            self.couplings * factor,
            self.offsets * factor,
            self.labels,
            self.one_hot,
        )

    def to_bqm(self, model: int = 0) -> dimod.BinaryQuadraticModel:
        """One model for any dimod sampler, with vartype SPIN; a one-hot unit gets no penalty.

        Parameters
        ----------
        model : int, default=0

        Returns
        -------
        dimod.BinaryQuadraticModel
        """
        model = check_integer(model, "model", "IsingFamily.to_bqm", 0, self.n_models)
        upper = scipy.sparse.triu(scipy.sparse.coo_array(self.couplings), 1)
        upper.eliminate_zeros()
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.fields[model],
            (upper.row, upper.col, upper.data),
            self.offsets[model],
            dimod.SPIN,
            variable_order=self.labels,
        )
