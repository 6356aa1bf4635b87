"""Growing the chain of a star: a connected set of qubits with many distinct neighbours.

Each kernel works on ``chain``, a mask over the qubits, in place. A *leaf* is a usable qubit beside
the chain, so a star of that many rays fits.
"""

import numpy as np
from numba import njit

_UNTOUCHED, _LEAF, _CHAIN = 0, 1, 2


@njit(cache=True, nogil=True)
def grow(indptr, indices, usable, priority, chain, wanted):
    """Add qubits to a chain, always the leaf that brings most new leaves.

    Parameters
    ----------
    indptr, indices : ndarray of int32
        Compressed rows of the symmetric adjacency.
    usable : ndarray of shape (n_qubits,), bool
    priority : ndarray of shape (n_qubits,), int64
        Breaks ties: the larger one wins. Distinct, so that the chain is the same everywhere.
    chain : ndarray of shape (n_qubits,), bool
        Connected and usable; written to. If empty, it starts at a qubit of most neighbours.
    wanted : int
        Leaves at which to stop.

    Returns
    -------
    n_leaves : int
        Fewer than wanted if no more can be reached; the chain is then the shortest seen that has
        as many.
    """
    n_qubits = indptr.shape[0] - 1
    state = np.zeros(n_qubits, np.uint8)
    gain = np.zeros(n_qubits, np.int64)  # untouched neighbours
    for i in range(n_qubits):
        if usable[i]:
            for k in range(indptr[i], indptr[i + 1]):
                gain[i] += usable[indices[k]]
    n_leaves, n_chain = 0, 0
    for i in range(n_qubits):
        if chain[i]:
            n_leaves += _join(indptr, indices, usable, state, gain, i)
            n_chain += 1
    added = np.empty(n_qubits, np.int32)
    n_added, n_best, best_leaves = 0, 0, n_leaves
    while n_leaves < wanted:
        best = -1
        for i in range(n_qubits):
            # An empty chain may start at any usable qubit, another one grows by its leaves.
            if not (state[i] == _LEAF or (n_chain == 0 and usable[i])):
                continue
            if best < 0 or (gain[i], priority[i]) > (gain[best], priority[best]):
                best = i
        if best < 0 or gain[best] == 0:
            break
        chain[best] = True
        n_leaves += _join(indptr, indices, usable, state, gain, best)
        n_chain += 1
        added[n_added] = best
        n_added += 1
        if n_leaves > best_leaves:
            n_best, best_leaves = n_added, n_leaves
    for k in range(n_best, n_added):
        chain[added[k]] = False
    return best_leaves


@njit(cache=True, nogil=True)
def _join(indptr, indices, usable, state, gain, qubit):
    """A qubit joins the chain; returns by how much the number of leaves changes."""
    change = 0
    if state[qubit] == _UNTOUCHED:
        _touch(indptr, indices, gain, qubit)
    elif state[qubit] == _LEAF:
        change -= 1
    state[qubit] = _CHAIN
    for k in range(indptr[qubit], indptr[qubit + 1]):
        j = indices[k]
        if usable[j] and state[j] == _UNTOUCHED:
            state[j] = _LEAF
            _touch(indptr, indices, gain, j)
            change += 1
    return change


@njit(cache=True, nogil=True)
def _touch(indptr, indices, gain, qubit):
    for k in range(indptr[qubit], indptr[qubit + 1]):
        gain[indices[k]] -= 1


@njit(cache=True, nogil=True)
def prune(indptr, indices, usable, priority, chain, wanted):
    """Drop qubits from a chain as long as it stays connected and keeps enough leaves.

    A qubit dropped becomes a leaf itself and loses the leaves that no other one of the chain
    touches. Those that lose fewest go first.

    Parameters
    ----------
    indptr, indices, usable, priority
        As for `grow`.
    chain : ndarray of shape (n_qubits,), bool
        Written to.
    wanted : int
        Leaves to keep; one with fewer keeps what it has.

    Returns
    -------
    n_leaves : int
    """
    n_qubits = indptr.shape[0] - 1
    contacts = np.zeros(n_qubits, np.int64)  # neighbours in the chain
    n_chain = 0
    for i in range(n_qubits):
        if chain[i]:
            n_chain += 1
            for k in range(indptr[i], indptr[i + 1]):
                contacts[indices[k]] += 1
    n_leaves = 0
    for i in range(n_qubits):
        n_leaves += usable[i] and not chain[i] and contacts[i] > 0
    cut = np.zeros(n_qubits, np.bool_)
    while n_chain > 1:
        _find_cuts(indptr, indices, chain, cut)
        best, least = -1, n_qubits
        for i in range(n_qubits):
            if not chain[i] or cut[i]:
                continue
            own = 0
            for k in range(indptr[i], indptr[i + 1]):
                j = indices[k]
                own += usable[j] and not chain[j] and contacts[j] == 1
            if own < least or (own == least and priority[i] > priority[best]):
                best, least = i, own
        if n_leaves + 1 - least < min(wanted, n_leaves):
            break
        chain[best] = False
        n_chain -= 1
        n_leaves += 1 - least
        for k in range(indptr[best], indptr[best + 1]):
            contacts[indices[k]] -= 1
    return n_leaves


@njit(cache=True, nogil=True)
def _find_cuts(indptr, indices, chain, cut):
    """Mark the qubits without which the chain falls apart (Tarjan's depth-first search)."""
    n_qubits = indptr.shape[0] - 1
    depth = np.full(n_qubits, -1, np.int32)
    low = np.zeros(n_qubits, np.int32)
    parent = np.full(n_qubits, -1, np.int32)
    at = indptr[:-1].copy()
    stack = np.empty(n_qubits, np.int32)
    cut[:] = False
    root = 0
    while not chain[root]:
        root += 1
    n_children = 0
    depth[root] = 0
    stack[0] = root
    top = 0
    while top >= 0:
        i = stack[top]
        if at[i] < indptr[i + 1]:
            j = indices[at[i]]
            at[i] += 1
            if not chain[j]:
                continue
            if depth[j] < 0:
                depth[j] = low[j] = depth[i] + 1
                parent[j] = i
                n_children += i == root
                top += 1
                stack[top] = j
            elif j != parent[i]:
                low[i] = min(low[i], depth[j])
            continue
        top -= 1
        above = parent[i]
        if above >= 0:
            low[above] = min(low[above], low[i])
            if above != root and low[i] >= depth[above]:
                cut[above] = True
    cut[root] = n_children > 1
