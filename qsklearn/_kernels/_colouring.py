"""Greedy colouring of a sparse graph in breadth-first order; a bipartite graph gets two colours."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def colour(indptr, indices):
    """Colour a graph so that neighbours differ.

    Parameters
    ----------
    indptr, indices : ndarray of int32
        Compressed rows of the symmetric adjacency.

    Returns
    -------
    colours : ndarray of shape (n_spins,), int32
        Counted from 0.
    """
    n_spins = indptr.shape[0] - 1
    colours = np.full(n_spins, -1, np.int32)
    queued = np.zeros(n_spins, np.bool_)
    queue = np.empty(n_spins, np.int32)
    taken = np.full(n_spins + 1, -1, np.int64)  # colour -> the spin whose neighbour has it
    head = tail = 0
    for root in range(n_spins):
        if not queued[root]:
            queue[tail] = root
            tail += 1
            queued[root] = True
        while head < tail:
            i = queue[head]
            head += 1
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                if colours[j] >= 0:
                    taken[colours[j]] = i
                if not queued[j]:
                    queue[tail] = j
                    tail += 1
                    queued[j] = True
            c = 0
            while taken[c] == i:
                c += 1
            colours[i] = c
    return colours
