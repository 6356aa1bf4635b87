"""The chain kernels, called directly on one model."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse

from qsklearn._kernels import _dense_annealing, _sparse_annealing
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._kernel_arrays import pad_rows


def _run(kernel, describe, n_blocks, betas, starts, seed, clamped, watch=0, last_sweeps=0):
    num_reads, n_spins = starts.shape
    states, energies = np.empty((1, num_reads, n_spins), np.int8), np.empty((1, num_reads))
    if clamped is None:
        clamped = np.empty((0, num_reads, n_spins), np.bool_)
    graph, order = describe
    kernel(
        *graph, np.atleast_2d(betas).astype(np.float32), last_sweeps, *order,
        np.array([[seed, 1]], np.uint64), starts[np.newaxis], clamped, np.arange(n_spins), states,
        energies, np.full(1, watch, np.uint8), 0, n_blocks,
    )  # fmt: skip
    return states[0], energies[0]


def _run_sparse(
    rule, h, J, betas, starts, seed, clamped=None, dtype=np.float32, words=np.uint64, **stop
):
    suffix = "_of_integers" if dtype is np.int8 else ""
    suffix += "_narrow" if words is np.uint32 else ""
    indptr, indices, couplings = pad_rows(scipy.sparse.csr_array(J))
    base = (h - J.sum(axis=1))[np.newaxis].astype(dtype)
    words = np.empty(0, words)
    graph = (words, indptr, indices, (2 * couplings).astype(dtype), couplings, base, h[np.newaxis])
    order = (np.arange(len(h), dtype=np.uint32), np.array((0, 0)))
    n_blocks = -(-len(starts) // (8 * words.itemsize))
    kernel = getattr(_sparse_annealing, rule + suffix)
    return _run(kernel, (graph, order), n_blocks, betas, starts, seed, clamped, **stop)


def _run_dense(
    rule, h, J, betas, starts, seed, clamped=None, reads_per_block=16, of_integers=False, **stop
):
    n_spins = len(h)
    padded = np.zeros((n_spins + 1, -(-n_spins // LANES) * LANES))
    padded[:n_spins, :n_spins] = J
    base = np.zeros((1, padded.shape[1]))
    base[0, :n_spins] = h - J.sum(axis=1)
    types = (np.int8, np.int16) if of_integers else (np.float32, np.float32)
    exact = (np.tril(padded[:n_spins], -1), h[np.newaxis])
    graph = (padded.astype(types[0]), exact[0], base.astype(types[1]), exact[1])
    n_blocks = -(-len(starts) // reads_per_block)
    kernel = getattr(_dense_annealing, rule + ("_of_integers" if of_integers else ""))
    return _run(kernel, (graph, (reads_per_block,)), n_blocks, betas, starts, seed, clamped, **stop)


@pytest.fixture(params=["sparse", "narrow", "dense"])
def run_chain(request):
    """``run_chain(rule, h, J, betas, starts, seed) -> states, energies`` of either kernel."""
    narrow = partial(_run_sparse, words=np.uint32)
    return {"sparse": _run_sparse, "narrow": narrow, "dense": _run_dense}[request.param]


@pytest.fixture
def run_integers():
    """The same on the sparse kernel of small integers."""
    return partial(_run_sparse, dtype=np.int8)


@pytest.fixture
def run_floats():
    """The same on the sparse kernel of floats."""
    return _run_sparse


@pytest.fixture
def run_dense():
    """The same on the dense kernel."""
    return _run_dense
