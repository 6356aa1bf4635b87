"""Markov chains of worldlines: spins in a transverse field, as slices of imaginary time."""

from __future__ import annotations

import numpy as np

from qsklearn._kernels import _path_integral
from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._kernel_arrays import (
    one_hot_range,
    order_of_updates,
    scale_of,
    sparse_graph,
    to_float32,
)
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._streams import make_stream_keys

# Below this a worldline has no kink, and the kernel's floats would underflow.
_FAINTEST_BOND = 1e-30


def run_worldlines(
    models: SpinModels,
    betas: np.ndarray,
    transverse_fields: np.ndarray,
    *,
    num_slices: int,
    returns_lowest: bool,
    num_reads: int,
    seed,
    stream: int,
    num_threads: int,
    keep: np.ndarray | None = None,
    initial_states: np.ndarray | None = None,
    watch: Watch | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Run one chain of worldlines a read and return one slice of its last state.

    Parameters
    ----------
    models : SpinModels
    betas, transverse_fields : ndarray of shape (n_models, num_sweeps)
        Inverse temperature and field of each sweep.
    num_slices : int
        Slices of imaginary time.
    returns_lowest : bool
        Whether the slice is that of lowest energy, or the first.
    initial_states : ndarray of shape (n_models, num_reads, n_spins), int8, optional
        All slices start from them.
    num_reads, seed, stream, num_threads, keep, watch
        As of :func:`~qsklearn.samplers._chains.run_chains`.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_kept), int8
    energies : ndarray of shape (n_models, num_reads), float64
    """
    n_models, n_spins = models.fields.shape
    keep = np.arange(n_spins) if keep is None else keep
    if initial_states is None:
        initial_states = np.empty((0, num_reads, n_spins), np.int8)
    states = np.empty((n_models, num_reads, len(keep)), np.int8)
    energies = np.empty((n_models, num_reads))
    scale = scale_of(models, betas)
    indptr, indices, *biases = sparse_graph(models, scale)
    run_blocks(
        _path_integral.draw_worldlines,
        -(-n_models * num_reads // LANES),
        num_threads,
        indptr,
        indices * np.uint32(num_slices),
        *biases,
        to_float32(betas, scale / num_slices),
        _bonds(betas, transverse_fields, num_slices),
        order_of_updates(models),
        one_hot_range(models),
        num_slices,
        num_slices if returns_lowest else 1,
        make_stream_keys(seed, n_models, stream),
        initial_states,
        keep,
        states,
        energies,
        watch=watch or Watch(),
    )
    return states, energies


def _bonds(betas: np.ndarray, transverse_fields: np.ndarray, num_slices: int) -> np.ndarray:
    """Weights tanh(βΓ / P) of a kink between two slices."""
    with np.errstate(over="ignore", under="ignore"):
        bonds = np.tanh(betas / num_slices * transverse_fields)
    return np.where(bonds < _FAINTEST_BOND, 0.0, bonds).astype(np.float32)
