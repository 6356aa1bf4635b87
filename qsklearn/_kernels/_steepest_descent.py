"""Steepest descent: the move that lowers the energy most, until none does.

A move is the flip of a spin, or of a one-hot unit to another of its spins.
"""

import numpy as np
from numba import njit

# Gains below this, relative to the fields, are rounding: such moves might go round in circles.
_ROUNDING = 1e-12


@njit(cache=True, nogil=True)
def descend(
    fields, indptr, indices, couplings, unit_start, unit_stop, states, energies, first, last
):
    """Lower the energies of states to local minima.

    Parameters
    ----------
    fields : float64 (n_models, n_spins)
    indptr, indices, couplings : int32, int32, float64
        Symmetric couplings by rows.
    unit_start, unit_stop : int
        The one-hot unit, empty if there is none. Its spins do not couple among themselves.
    states : int8 (n_models, num_reads, n_spins)
        Changed in place.
    energies : float64 (n_models, num_reads)
        Written.
    first, last : int
        Range of models.
    """
    n_spins = fields.shape[1]
    local = np.empty(n_spins)
    for model in range(first, last):
        for read in range(states.shape[1]):
            spins = states[model, read]
            _set_local_fields(fields[model], indptr, indices, couplings, spins, local)
            least = _ROUNDING * max(1e-300, np.abs(local).max())
            while True:
                spin, partner, gain = _best_move(spins, local, unit_start, unit_stop)
                if gain <= least:
                    break
                _flip(spin, indptr, indices, couplings, spins, local)
                if partner >= 0:
                    _flip(partner, indptr, indices, couplings, spins, local)
            _set_local_fields(fields[model], indptr, indices, couplings, spins, local)
            energy = 0.0
            for i in range(n_spins):
                energy += 0.5 * spins[i] * (fields[model, i] + local[i])
            energies[model, read] = energy


@njit(cache=True, nogil=True)
def _set_local_fields(fields, indptr, indices, couplings, spins, local):
    """f_i = h_i + sum_j J_ij s_j."""
    for i in range(len(fields)):
        total = fields[i]
        for k in range(indptr[i], indptr[i + 1]):
            total += couplings[k] * spins[indices[k]]
        local[i] = total


@njit(cache=True, nogil=True)
def _best_move(spins, local, unit_start, unit_stop):
    """The spin to flip, its partner of the one-hot unit or -1, and what the energy falls by."""
    best, partner, gain = 0, -1, 0.0
    up = unit_start
    for i in range(len(spins)):
        if unit_start <= i < unit_stop:
            if spins[i] > 0:
                up = i
        elif 2.0 * spins[i] * local[i] > gain:
            best, gain = i, 2.0 * spins[i] * local[i]
    for i in range(unit_start, unit_stop):
        if 2.0 * (local[up] - local[i]) > gain:
            best, partner, gain = i, up, 2.0 * (local[up] - local[i])
    return best, partner, gain


@njit(cache=True, nogil=True)
def _flip(spin, indptr, indices, couplings, spins, local):
    spins[spin] = -spins[spin]
    for k in range(indptr[spin], indptr[spin + 1]):
        local[indices[k]] += 2.0 * couplings[k] * spins[spin]
