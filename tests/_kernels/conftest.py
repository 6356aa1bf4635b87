"""The chain kernels, called directly on one model."""

import numpy as np
import pytest
import scipy.sparse

from qsklearn._kernels import _dense_annealing, _sparse_annealing


def _run_sparse(rule, h, J, betas, starts, seed):
    num_reads, n_spins = starts.shape
    couplings = scipy.sparse.csr_array(J)
    states = np.empty((1, num_reads, n_spins), np.int8)
    energies = np.empty((1, num_reads))
    getattr(_sparse_annealing, rule)(
        couplings.indptr.astype(np.int32),
        couplings.indices.astype(np.int32),
        couplings.data.astype(np.float32),
        couplings.data,
        h[np.newaxis].astype(np.float32),
        h[np.newaxis],
        np.atleast_2d(betas).astype(np.float32),
        np.arange(n_spins, dtype=np.int32),
        np.array((0, 0)),
        np.array([[seed, 1]], np.uint64),
        starts[np.newaxis],
        np.arange(n_spins),
        states,
        energies,
        0,
        -(-num_reads // _sparse_annealing.LANES),
    )
    return states[0], energies[0]


def _run_dense(rule, h, J, betas, starts, seed):
    num_reads, n_spins = starts.shape
    states = np.empty((1, num_reads, n_spins), np.int8)
    energies = np.empty((1, num_reads))
    getattr(_dense_annealing, rule)(
        J.astype(np.float32),
        J,
        h[np.newaxis].astype(np.float32),
        h[np.newaxis],
        np.atleast_2d(betas).astype(np.float32),
        np.array([[seed, 1]], np.uint64),
        starts[np.newaxis],
        np.arange(n_spins),
        states,
        energies,
        0,
        -(-num_reads // _dense_annealing.READS),
    )
    return states[0], energies[0]


@pytest.fixture(params=["sparse", "dense"])
def run_chain(request):
    """``run_chain(rule, h, J, betas, starts, seed) -> states, energies`` of either kernel."""
    return {"sparse": _run_sparse, "dense": _run_dense}[request.param]
