"""Models as arrays: what samplers work on.

:class:`SpinModels` is a family of Ising models that share their couplings and differ in their
fields. It is made from a family's arrays or from one binary quadratic model; in both, zero
couplings are dropped and the order is canonical, so that draws do not depend on how a model was
put together.
"""

from __future__ import annotations

from dataclasses import dataclass

import dimod
import numpy as np
import scipy.sparse

# Squares of larger biases, or sums over them, would overflow.
MAX_BIAS = 1e100


@dataclass(frozen=True)
class SpinModels:
    """Ising models E(s) = h·s + ½ sᵀJs with one symmetric J.

    Attributes
    ----------
    fields : ndarray of shape (n_models, n_spins), float64
    couplings : csr_array of shape (n_spins, n_spins), float64
        Symmetric, with sorted rows and neither diagonal nor explicit zeros.
    one_hot : tuple of (start, stop), or None
        Spins of which exactly one is up in every state of the law.
    """

    fields: np.ndarray
    couplings: scipy.sparse.csr_array
    one_hot: tuple[int, int] | None = None

    @property
    def n_models(self) -> int:
        return self.fields.shape[0]

    @property
    def n_spins(self) -> int:
        return self.fields.shape[1]

    def scaled(self, factor: float) -> SpinModels:
        """The models with all energies multiplied."""
        return SpinModels(self.fields * factor, self.couplings * factor, self.one_hot)

    def programmed(self, beta: float, caller: str) -> SpinModels:
        """The models for a device without a temperature to set: βE in place of E.

        Raises
        ------
        ValueError
            If β times an energy is no finite number.
        """
        with np.errstate(over="ignore"):
            if not np.isfinite(beta * self.bound_energies()):
                raise ValueError(
                    f"The 'beta' parameter of {caller} must be a number that times all energies of "
                    f"the model is finite. Got {beta!r} instead."
                )
        return self.scaled(beta)

    def bound_energies(self) -> np.float64:
        """What no energy of any of the models exceeds in size."""
        return np.abs(self.fields).sum(axis=1).max(initial=0.0) + np.abs(self.couplings.data).sum()

    def local_fields(self, model: int, states: np.ndarray) -> np.ndarray:
        """Fields f_i = h_i + Σ_j J_ij s_j of states (num_reads, n_spins) of one model."""
        return self.fields[model] + (self.couplings @ states.T.astype(float)).T

    def energies(self, model: int, states: np.ndarray) -> np.ndarray:
        """Energies of states (num_reads, n_spins) of one model."""
        return 0.5 * (states * (self.fields[model] + self.local_fields(model, states))).sum(axis=1)

    def to_bqm(self, model: int) -> dimod.BinaryQuadraticModel:
        """One model of the family, on variables 0 … n_spins - 1; a one-hot unit gets no penalty."""
        upper = scipy.sparse.triu(self.couplings).tocoo()
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.fields[model], (upper.row, upper.col, upper.data), 0.0, dimod.SPIN
        )


def check_couplings(J, n_spins: int, caller: str) -> scipy.sparse.csr_array:
    """Canonical couplings from a dense or sparse matrix.

    Raises
    ------
    ValueError
        If J is not finite, not of shape (n_spins, n_spins), not symmetric, or has a diagonal.
    """
    try:
        couplings = scipy.sparse.csr_array(J, dtype=np.float64, copy=True)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'J' parameter of {caller} must be a matrix of real numbers, dense or sparse, of "
            f"shape ({n_spins}, {n_spins}). Got {type(J).__name__} instead: {error}"
        ) from error
    if couplings.shape != (n_spins, n_spins):
        raise ValueError(
            f"The 'J' parameter of {caller} must be a matrix of shape ({n_spins}, {n_spins}), as "
            f"the fields have {n_spins} spins. Got {couplings.shape} instead."
        )
    couplings.sum_duplicates()
    couplings.eliminate_zeros()
    _check_size(couplings.data, f"The 'J' parameter of {caller}")
    if couplings.diagonal().any():
        raise ValueError(
            f"The 'J' parameter of {caller} must have a zero diagonal, because s² = 1 adds only an "
            "offset. Got a diagonal that is not zero."
        )
    if (couplings != couplings.T).nnz:
        raise ValueError(
            f"The 'J' parameter of {caller} must be a symmetric matrix. Got one that is not; "
            "symmetrise it with (J + J.T) / 2."
        )
    return couplings


def couplings_between(
    couplings: scipy.sparse.csr_array, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Entries of canonical couplings, 0 where there is none, as a plain array.

    SciPy's own indexing returns one or another kind of array, by its version.
    """
    n_spins = couplings.shape[0]
    codes = np.repeat(np.arange(n_spins), np.diff(couplings.indptr)) * n_spins + couplings.indices
    wanted = np.asarray(rows, np.int64) * n_spins + columns
    at = np.searchsorted(codes, wanted)
    values = np.append(couplings.data, 0.0)[at]
    return np.where(np.append(codes, -1)[at] == wanted, values, 0.0)


def check_fields(h, caller: str) -> np.ndarray:
    """Fields as (n_models, n_spins) float64; one model may come as a vector."""
    try:
        fields = np.atleast_2d(np.asarray(h, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The 'h' parameter of {caller} must be an array of real numbers of shape "
            f"(n_models, n_spins). Got {type(h).__name__} instead: {error}"
        ) from error
    if fields.ndim != 2:
        raise ValueError(
            f"The 'h' parameter of {caller} must be an array of shape (n_models, n_spins). "
            f"Got {fields.ndim} dimensions instead."
        )
    _check_size(fields, f"The 'h' parameter of {caller}")
    return np.ascontiguousarray(fields)


def _check_size(biases: np.ndarray, name: str) -> None:
    if not np.isfinite(biases).all():
        raise ValueError(f"{name} must be finite. Got NaN or infinity.")
    largest = float(np.abs(biases).max(initial=0))
    if largest > MAX_BIAS:
        raise ValueError(f"{name} must be at most {MAX_BIAS:g} in size. Got {largest:g} instead.")


def check_one_hot(one_hot, couplings, caller: str) -> tuple[int, int] | None:
    """A one-hot unit as (start, stop), its spins uncoupled among themselves."""
    if one_hot is None:
        return None
    edges = np.asarray(one_hot)
    is_pair = edges.shape == (2,) and np.issubdtype(edges.dtype, np.integer)
    start, stop = edges.tolist() if is_pair else (0, 0)
    if not 0 <= start < stop <= couplings.shape[0]:
        raise ValueError(
            f"The 'one_hot' parameter of {caller} must be a range (start, stop) within the "
            f"{couplings.shape[0]} spins. Got {one_hot!r} instead."
        )
    if couplings[start:stop, start:stop].nnz:
        raise ValueError(
            f"The 'one_hot' parameter of {caller} must name spins that do not couple among "
            "themselves: within a one-hot unit a coupling only adds an offset or a field."
        )
    return start, stop


def sort_labels(labels) -> list:
    """Variable labels by type name, then value; in the given order where they cannot be sorted."""
    labels = list(labels)
    try:
        return sorted(labels, key=_sort_key)
    except TypeError:
        return labels


def _sort_key(label) -> tuple:
    """Type name, then value; for collections, so on with each part."""
    parts = label
    if isinstance(label, tuple):
        parts = tuple(map(_sort_key, label))
    elif isinstance(label, frozenset):  # "<" on sets is inclusion, no order
        parts = tuple(sorted(map(_sort_key, label)))
    return type(label).__name__, parts


def check_bqm(bqm) -> None:
    """Refuse what is no binary quadratic model.

    Raises
    ------
    TypeError
    """
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise TypeError(
            "The model must be a dimod.BinaryQuadraticModel. Got "
            f"{type(bqm).__name__} instead; see sample_ising and sample_qubo for dicts."
        )


def models_from_bqm(bqm: dimod.BinaryQuadraticModel) -> tuple[SpinModels, list]:
    """One model as arrays, and its labels in the order of the spins.

    Raises
    ------
    ValueError
        If a bias is NaN or infinite.
    """
    check_bqm(bqm)
    labels = sort_labels(bqm.variables)
    vectors = bqm.to_numpy_vectors(variable_order=labels)
    linear, (rows, columns, biases) = vectors[0], vectors[1]
    for name, values in (("linear", linear), ("quadratic", biases)):
        _check_size(values, f"The {name} biases of the model")
    n_spins = len(labels)
    upper = scipy.sparse.coo_array(
        (biases.astype(np.float64), (rows, columns)), shape=(n_spins, n_spins)
    )
    couplings = scipy.sparse.csr_array(upper + upper.T)
    couplings.sum_duplicates()
    fields = linear.astype(np.float64)
    if bqm.vartype is dimod.BINARY:  # q = (s + 1) / 2
        couplings = couplings / 4
        fields = fields / 2 + couplings.sum(axis=1)
    couplings = scipy.sparse.csr_array(couplings)
    couplings.eliminate_zeros()
    return SpinModels(fields[np.newaxis], couplings), labels
