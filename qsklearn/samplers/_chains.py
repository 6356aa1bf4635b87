"""Markov chains over a family: which kernel runs for which of its models.

Shared by the samplers whose draws are ends of single-spin chains: they differ in their schedules.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn.samplers._kernel_arrays import (
    ChainCall,
    describe_dense,
    describe_sparse,
    find_integers,
    scale_of,
    to_float32,
)
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._streams import make_stream_keys

# Cached local fields beat sums over neighbours above this mean number of neighbours, if these are
# also this fraction of all spins (measured): a flip adds a whole row to the fields.
_DENSE_DEGREE = 150
_DENSE_FRACTION = 0.6
# Updates of spins that take milliseconds on one thread.
_SHORT = 2_000_000


def sweep_at(
    models: SpinModels, betas: np.ndarray, num_sweeps: int, **options
) -> tuple[np.ndarray, np.ndarray]:
    """Run one chain a read at a temperature of each model's own, by the heat bath.

    Parameters
    ----------
    models : SpinModels
    betas : ndarray of shape (n_models,)
    num_sweeps : int
    **options
        Passed on to :func:`run_chains`.

    Returns
    -------
    states, energies : ndarray
        As of :func:`run_chains`.
    """
    schedule = np.repeat(betas[:, np.newaxis], num_sweeps, axis=1)
    return run_chains(models, schedule, rule="heat_bath", **options)


def run_chains(
    models: SpinModels,
    betas: np.ndarray,
    *,
    rule: str,
    num_reads: int,
    seed,
    stream: int,
    num_threads: int,
    keep: np.ndarray | None = None,
    initial_states: np.ndarray | None = None,
    clamped: np.ndarray | None = None,
    watch: Watch | None = None,
    num_last_sweeps: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Run one chain a read and return its last state.

    Parameters
    ----------
    models : SpinModels
    betas : ndarray of shape (n_models, num_sweeps)
        Inverse temperature of each sweep.
    rule : {"metropolis", "heat_bath"}
        A one-hot unit needs the heat bath.
    stream : int
        As :func:`make_stream_keys` takes it.
    keep : ndarray of shape (n_kept,), optional
        Spins to return; None means all.
    clamped : ndarray of shape (n_models, num_reads, n_spins), bool, optional
        Spins that stay as they are in ``initial_states``.
    watch : Watch, optional
        Ends all chains at the next sweep, when it is told to.
    num_last_sweeps : int
        Sweeps at the end of a search that are run also then, so that it does not end hot.
    num_reads, seed, initial_states, num_threads
        As in ``ArraySampler.sample_arrays``, checked.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_kept), int8
    energies : ndarray of shape (n_models, num_reads), float64
    """
    n_models, n_spins = models.fields.shape
    keep = np.arange(n_spins) if keep is None else keep
    shape = (0, num_reads, n_spins)
    starts = (
        make_stream_keys(seed, n_models, stream),
        np.empty(shape, np.int8) if initial_states is None else initial_states,
        np.empty(shape, np.bool_) if clamped is None else clamped,
    )
    states = np.empty((n_models, num_reads, len(keep)), np.int8)
    energies = np.empty((n_models, num_reads))
    for call, scale, rows in _calls(models, betas, rule, num_reads, num_threads):
        part = rows if len(rows) < n_models else slice(None)
        written = states[part], energies[part]
        run_blocks(
            call.kernel,
            call.n_blocks,
            num_threads,
            *call.graph,
            to_float32(betas[rows], scale),
            min(num_last_sweeps, betas.shape[1]),
            *call.order,
            *(start[part] if len(start) else start for start in starts),
            keep,
            *written,
            watch=watch or Watch(),
            is_short=betas.size * num_reads * n_spins <= _SHORT,
        )
        if len(rows) < n_models:
            states[rows], energies[rows] = written
    return states, energies


def _calls(
    models: SpinModels, betas: np.ndarray, rule: str, num_reads: int, num_threads: int
) -> Iterator[tuple[ChainCall, float, np.ndarray]]:
    """Calls of kernels, each with the scale of its biases and the models that it serves."""
    is_dense = _is_dense(models)
    describe = describe_dense if is_dense else describe_sparse
    unit, are_integer = find_integers(models, is_dense, betas.max(axis=1, initial=0.0))
    # Model by model, so that one model of a family does not change the rounding of another.
    for is_integer, scale in ((True, unit), (False, scale_of(models, betas))):
        rows = np.flatnonzero(are_integer == is_integer)
        if len(rows):
            some = SpinModels(models.fields[rows], models.couplings, models.one_hot)
            yield describe(some, rule, scale, is_integer, num_reads, num_threads), scale, rows


def _is_dense(models: SpinModels) -> bool:
    degree = max(_DENSE_DEGREE, _DENSE_FRACTION * models.n_spins)
    return models.couplings.nnz > degree * models.n_spins and models.one_hot is None
