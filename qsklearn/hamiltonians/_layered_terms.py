"""Terms of a LayeredHamiltonian in its bits: what couples them, and what bounds their fields."""

from __future__ import annotations

import numpy as np
import scipy.sparse


def pair_terms(weights: tuple, sizes: tuple[int, ...], penalty: float | None):
    """Upper triangle of the quadratic terms of all bits, the penalty's among them.

    Parameters
    ----------
    weights : tuple of ndarrays or csr arrays
    sizes : tuple of int
        Units of each layer.
    penalty : float or None

    Returns
    -------
    pairs : scipy.sparse.csr_array of shape (n_units, n_units)
    """
    blocks: list[list] = [[None] * len(sizes) for _ in sizes]
    for layer, size in enumerate(sizes):
        blocks[layer][layer] = scipy.sparse.coo_array((size, size))  # fixes the block's shape
    for layer, matrix in enumerate(weights):
        blocks[layer][layer + 1] = -scipy.sparse.csr_array(matrix)
    if penalty is not None:
        # A (Σq - 1)² = A - A Σq + 2A Σ_{j<k} q_j q_k, as q² = q.
        among = np.triu(np.full((sizes[-1],) * 2, 2.0 * penalty), 1)
        blocks[-1][-1] = scipy.sparse.csr_array(among)
    pairs = scipy.sparse.csr_array(scipy.sparse.block_array(blocks, format="csr"))
    pairs.eliminate_zeros()
    return pairs


def sufficient_penalty(weights: tuple, fields: np.ndarray) -> float:
    """A penalty with which every ground state is one-hot, whatever the hidden units are.

    Parameters
    ----------
    weights : tuple of ndarrays or csr arrays
    fields : ndarray of shape (n_classes,)
        Of the classes, without what the layer below adds.

    Returns
    -------
    penalty : float
        A little more than the largest field that can act on a class: the field itself would leave
        ties.
    """
    reach = abs(weights[-1]).sum(axis=0) if weights else 0.0
    return 1.25 * float(np.max(np.abs(fields) + reach)) or 1.0


def reach_into_first_layer(weights: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Least and most that the layer above adds to the fields of the first layer.

    The class unit adds the weight of one class, a hidden layer any sum of its weights.
    """
    first = weights[0]
    if len(weights) == 1:
        dense = to_dense(first)
        return dense.min(axis=1), dense.max(axis=1)
    total, sizes = first.sum(axis=1), abs(first).sum(axis=1)
    return (total - sizes) / 2, (total + sizes) / 2


def to_dense(matrix) -> np.ndarray:
    """An ndarray of an ndarray or a sparse array."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
