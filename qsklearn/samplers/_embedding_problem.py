"""The graph of a problem that is to be embedded."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from numbers import Integral

import numpy as np
import scipy.sparse

from qsklearn._kernels._colouring import colour

ALGORITHM = 2  # part of the cache's key; to be raised when other chains may come out

_MOST_SPINS = 2**24  # far more than any device has qubits


class EmbeddingProblem:
    """Coupled pairs of spins, each once and sorted, and what sort of graph they are."""

    def __init__(self, n_spins, edges):
        if not is_integer(n_spins, 0):
            raise ValueError(f"'n_spins' must be an int of at least 0. Got {n_spins!r} instead.")
        if n_spins > _MOST_SPINS:
            raise ValueError(f"'n_spins' must be at most {_MOST_SPINS}. Got {n_spins!r} instead.")
        self.n_spins = int(n_spins)
        edges = _as_array(edges)
        if edges.size == 0:
            edges = np.empty((0, 2), np.int64)
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
            raise ValueError(
                "'edges' must be integers of shape (n_edges, 2). Got shape "
                f"{edges.shape} of {edges.dtype} instead."
            )
        if edges.size and not (0 <= edges.min() and edges.max() < self.n_spins):
            raise ValueError(f"'edges' must name spins in range({n_spins}).")
        if (edges[:, 0] == edges[:, 1]).any():
            raise ValueError("'edges' must couple different spins.")
        low, high = np.sort(edges.astype(np.int64), axis=1).T
        codes = np.unique(low * max(self.n_spins, 1) + high)
        self.edges = np.stack(np.divmod(codes, max(self.n_spins, 1)), axis=1)

    @property
    def n_edges(self):
        return len(self.edges)

    @cached_property
    def coupled(self):
        """Spins that have a neighbour; the others may sit anywhere."""
        return np.unique(self.edges)

    @cached_property
    def hub(self):
        """The spin that all edges meet, or None."""
        if not self.n_edges:
            return None
        degrees = np.bincount(self.edges.ravel())
        return int(degrees.argmax()) if degrees.max() == self.n_edges else None

    @cached_property
    def density(self):
        """Fraction of the pairs of coupled spins that are edges."""
        n_coupled = len(self.coupled)
        return self.n_edges / max(1, n_coupled * (n_coupled - 1) // 2)

    @cached_property
    def sides(self):
        """The coupled spins in two sides without edges inside, or None."""
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        graph = scipy.sparse.csr_array(
            (np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(self.n_spins,) * 2
        )
        colours = colour(graph.indptr.astype(np.int32), graph.indices.astype(np.int32))
        if colours.max(initial=0) > 1:
            return None
        return [self.coupled[colours[self.coupled] == side].tolist() for side in (0, 1)]

    def key(self, target, method, seed, n_copies):
        """What decides the embeddings, hashed."""
        facts = (ALGORITHM, target.key, self.n_spins, self.n_edges, method, int(seed), n_copies)
        digest = blake2b(repr(facts).encode(), digest_size=20)
        digest.update(self.edges.astype("<i8").tobytes())
        return digest.hexdigest()


def is_integer(value, low):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= low


def _as_array(edges):
    """Edges as an array, of objects where NumPy makes none."""
    try:
        return np.asarray(edges)
    except ValueError:  # ragged
        return np.empty((1, 2), object)
