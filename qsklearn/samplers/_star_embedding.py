"""Stars: one spin coupled to many, embedded as a chain with as many distinct neighbours.

On a device whose qubits have d couplers, a chain of L qubits has at most (d - 2) L + 2 neighbours,
and greedy growth comes near that until it has seen most of the device. Beyond, the question is the
maximum-leaf spanning tree (NP-hard; S. Guha and S. Khuller, Algorithmica 20 (1998) 374 give the
greedy start), and rounds of shrinking and growing again improve what growth left.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from qsklearn._kernels._star_growth import grow, prune
from qsklearn.samplers._target_graph import as_target

_ROUNDS = 500  # of shrinking and growing, at most
_PATIENCE = 64  # rounds in a row that bring nothing, once the star fits
_FRESH_STARTS = 0.1  # of the rounds


def grow_star(target, n_rays, *, seed=0, usable=None):
    """A chain with at least `n_rays` neighbours, or with as many as were reached.

    Parameters
    ----------
    target : Target
    n_rays : int
        Neighbours wanted, at least 1.
    seed : int, default=0
        Breaks ties.
    usable : ndarray of shape (n_qubits,), bool, default=None
        Qubits that may be used; all if None.

    Returns
    -------
    chain : ndarray of shape (length,), int64
        Positions of its qubits, rising.
    leaves : ndarray of shape (n_leaves,), int64
        Positions of `n_rays` of its neighbours, rising, or of all if they are fewer. Those beside
        most qubits of the chain are taken: their coupling can be shared by several couplers.
    """
    usable = np.ones(target.n_qubits, bool) if usable is None else usable
    best = None
    for part in _connected_parts(target, usable):
        if best is None or part.sum() > n_rays > len(best[1]):
            chain = _search(target, part, n_rays, np.random.default_rng(seed))
            leaves = _choose_leaves(target, part, chain, n_rays)
            if best is None or len(leaves) > len(best[1]):
                best = np.flatnonzero(chain), leaves
    return best


def _connected_parts(target, usable):
    """Yield masks of what defects leave connected, largest first; `usable` if nothing is left."""
    rows = np.repeat(np.arange(target.n_qubits), np.diff(target.indptr))
    kept = usable[rows] & usable[target.indices]
    pairs = (np.ones(kept.sum(), np.int8), (rows[kept], target.indices[kept]))
    graph = scipy.sparse.csr_array(pairs, shape=(target.n_qubits,) * 2)
    labels = np.where(usable, connected_components(graph, directed=False)[1], -1)
    names, sizes = np.unique(labels[usable], return_counts=True)
    if not len(names):
        yield usable
    for name in names[np.argsort(-sizes, kind="stable")]:
        yield labels == name


def _search(target, usable, n_rays, rng):
    """Mask of the shortest chain found that has `n_rays` leaves, else of one that has most."""
    graph = (target.indptr, target.indices, usable)
    best, best_worth = np.zeros(target.n_qubits, bool), (-1, 0)
    shortest = _shortest_chain(graph, n_rays)
    n_idle = 0
    for _ in range(_ROUNDS):
        if best_worth == (n_rays, -shortest) or (best_worth[0] == n_rays and n_idle >= _PATIENCE):
            break
        chain, n_leaves = _shrink_and_grow(graph, best, best_worth[0], n_rays, rng)
        worth = (min(n_leaves, n_rays), -int(chain.sum()))
        n_idle = 0 if worth > best_worth else n_idle + 1
        if worth >= best_worth:
            best, best_worth = chain, worth
    return best


def largest_star(target, *, seed=0):
    """The largest number of neighbours that one spin may have on a device.

    A bound from below: no larger star was found.

    Parameters
    ----------
    target : networkx.Graph or Target
    seed : int, default=0

    Returns
    -------
    n_rays : int

    Examples
    --------
    >>> import networkx as nx
    >>> from qsklearn.samplers._star_embedding import largest_star
    >>> largest_star(nx.cycle_graph(6))
    2
    """
    target = as_target(target)
    return len(grow_star(target, target.n_qubits, seed=seed)[1])


def _shrink_and_grow(graph, chain, n_leaves, wanted, rng):
    """A new chain: from part of the best one, now and then from any qubit."""
    usable = graph[-1]
    chain = chain.copy()
    priority = rng.permutation(len(chain))
    if n_leaves > 1 and rng.random() < _FRESH_STARTS:
        chain[:] = False
        chain[rng.choice(np.flatnonzero(usable))] = True
    elif n_leaves > 1:
        # Small steps and large ones alike: the logarithm of the loss is uniform.
        loss = int(np.exp(rng.uniform(0, np.log(n_leaves))))
        prune(*graph, priority, chain, n_leaves - loss)
    n_leaves = grow(*graph, priority, chain, wanted)
    return chain, prune(*graph, priority, chain, min(n_leaves, wanted))


def _shortest_chain(graph, n_rays):
    """A chain of L qubits uses 2 (L - 1) ends of couplers on itself."""
    indptr, _, usable = graph
    degree = int(np.diff(indptr)[usable].max(initial=0))
    return 1 if degree <= 2 else max(1, -(-(n_rays - 2) // (degree - 2)))


def _choose_leaves(target, usable, chain, n_rays):
    rows = np.repeat(np.arange(target.n_qubits), np.diff(target.indptr))
    contacts = np.bincount(target.indices[chain[rows]], minlength=target.n_qubits)
    contacts[chain | ~usable] = 0
    by_contacts = np.argsort(-contacts, kind="stable")[:n_rays]
    return np.sort(by_contacts[contacts[by_contacts] > 0])
