"""Greedy descent from given states: what comes after a sampler, or in its place."""

from __future__ import annotations

import numpy as np

from qsklearn._checks import count_axes
from qsklearn._kernels import _steepest_descent
from qsklearn._kernels._threads import run_blocks
from qsklearn.samplers._arguments import check_initial_states, count_threads
from qsklearn.samplers._models import SpinModels, check_couplings, check_fields, check_one_hot

_CALLER = "steepest_descent"


def steepest_descent(
    h, J, initial_states, *, one_hot=None, num_threads=None
) -> tuple[np.ndarray, np.ndarray]:
    """Lower the energies of states to local minima, by the steepest move at a time.

    A move flips one spin, or moves a one-hot unit to another of its spins. Many energies of
    trained networks are so easy that a descent from random states finds their minima as well as a
    device does: it is the control without which nothing can be said of what comes after one.

    Parameters
    ----------
    h : array-like of shape (n_models, n_spins)
        Fields of a family of Ising models E(s) = h·s + ½ sᵀJs.
    J : array-like or sparse matrix of shape (n_spins, n_spins)
        Couplings, symmetric with a zero diagonal.
    initial_states : array-like of shape (n_models, num_reads, n_spins)
        Spins -1 or +1.
    one_hot : tuple of (start, stop), optional
        Spins of which exactly one is up, before and after.
    num_threads : int, optional
        Threads over models; None means 1, -1 all cores.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8
        Of a state that is a local minimum, the same.
    energies : ndarray of shape (n_models, num_reads)

    Raises
    ------
    ValueError
        If an array does not fit.

    Examples
    --------
    >>> from qsklearn.samplers import steepest_descent
    >>> J = [[0.0, -1.0], [-1.0, 0.0]]
    >>> states, energies = steepest_descent([[0.5, 0.0]], J, [[[1, -1], [1, 1]]])
    >>> states.tolist(), energies.tolist()
    ([[[-1, -1], [1, 1]]], [[-1.5, -0.5]])
    """
    fields = check_fields(h, _CALLER)
    couplings = check_couplings(J, fields.shape[1], _CALLER)
    models = SpinModels(fields, couplings, check_one_hot(one_hot, couplings, _CALLER))
    num_reads = np.shape(initial_states)[1] if count_axes(initial_states) == 3 else 1
    starts = check_initial_states(initial_states, fields.shape, num_reads, _CALLER)
    lowered = np.array(starts, np.int8)
    _check_unit(lowered, models.one_hot)
    energies = np.zeros(lowered.shape[:2])
    run_blocks(
        _steepest_descent.descend,
        models.n_models if models.n_spins else 0,
        count_threads(num_threads, _CALLER),
        np.ascontiguousarray(models.fields),
        couplings.indptr.astype(np.int32),
        couplings.indices.astype(np.int32),
        couplings.data,
        *(models.one_hot or (0, 0)),
        lowered,
        energies,
    )
    return lowered, energies


def _check_unit(states: np.ndarray, one_hot) -> None:
    if one_hot is not None and not ((states[..., slice(*one_hot)] > 0).sum(axis=-1) == 1).all():
        raise ValueError(
            f"The 'initial_states' parameter of {_CALLER} must have exactly one spin of the "
            "`one_hot` unit up. Got others."
        )
