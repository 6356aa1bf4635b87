"""Markov chains over a family: which kernel runs, in which units, in which order.

Shared by the samplers whose draws are ends of single-spin chains: they differ in their schedules.
"""

from __future__ import annotations

import numpy as np

from qsklearn._kernels import _colouring, _dense_annealing, _sparse_annealing
from qsklearn._kernels._threads import run_blocks
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys

# Above this mean number of neighbours, cached local fields beat sums over neighbours (measured on
# dense problems: 45 against 20 ns an update at 500 neighbours, 9 against 14 at 100).
_DENSE_DEGREE = 150
# Beyond this a float32 would overflow, and nothing changes: exp clips far below.
_HUGE = 1e30
# Couplings that are this much below the temperature do not set the scale, or beta would underflow.
_FAINT = 1e-20
# The inverse of a smaller power of two would overflow a float64 in turn.
_SMALLEST_EXPONENT = -900.0


def run_chains(
    models: SpinModels,
    betas: np.ndarray,
    *,
    rule: str,
    num_reads: int,
    seed,
    stream: int,
    initial_states: np.ndarray | None,
    keep: np.ndarray,
    num_threads: int,
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
        A number of the sampler's own. Chains of the same law that share their random numbers meet,
        so that two samplers with one seed would return the same draws.
    num_reads, seed, initial_states, keep, num_threads
        As in ``ArraySampler.sample_arrays``, checked.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_kept), int8
    energies : ndarray of shape (n_models, num_reads), float64
    """
    n_models, n_spins = models.fields.shape
    if initial_states is None:
        initial_states = np.empty((0, num_reads, n_spins), np.int8)
    states = np.empty((n_models, num_reads, len(keep)), np.int8)
    energies = np.empty((n_models, num_reads))
    scale = max(_power_of_two(models), _power_of_two_below(_FAINT / max(betas.max(), _FAINT)))
    is_dense = models.couplings.nnz > _DENSE_DEGREE * n_spins and models.one_hot is None
    kernel, n_blocks, graph, order = (_dense_call if is_dense else _sparse_call)(
        models, rule, scale, num_reads
    )
    fields = (_to_float32(models.fields, 1 / scale), models.fields)
    scaled_betas = _to_float32(betas, scale)
    keys = make_keys(seed, n_models) + np.array([0, stream], np.uint64)
    starts = (keys, initial_states, keep)
    run_blocks(
        kernel,
        n_blocks,
        num_threads,
        *graph,
        *fields,
        scaled_betas,
        *order,
        *starts,
        states,
        energies,
    )
    return states, energies


def _dense_call(models: SpinModels, rule: str, scale: float, num_reads: int):
    """Kernel, number of blocks, couplings and (no) order of updates for a dense graph."""
    couplings = models.couplings.toarray()
    n_blocks = models.n_models * -(-num_reads // _dense_annealing.READS)
    graph = ((couplings / scale).astype(np.float32), couplings)
    return getattr(_dense_annealing, rule), n_blocks, graph, ()


def _sparse_call(models: SpinModels, rule: str, scale: float, num_reads: int):
    """Kernel, number of blocks, couplings and order of updates for a sparse graph."""
    couplings = models.couplings
    indptr, indices = couplings.indptr.astype(np.int32), couplings.indices.astype(np.int32)
    n_blocks = -(-models.n_models * num_reads // _sparse_annealing.LANES)
    graph = (indptr, indices, (couplings.data / scale).astype(np.float32), couplings.data)
    order = (_order_of_updates(models, indptr, indices), np.array(models.one_hot or (0, 0)))
    return getattr(_sparse_annealing, rule), n_blocks, graph, order


def _to_float32(values: np.ndarray, factor: float) -> np.ndarray:
    """Values times a power of two, rounded; what would overflow is cut to a size."""
    with np.errstate(over="ignore"):
        return np.clip(values * factor, -_HUGE, _HUGE).astype(np.float32)


def _power_of_two(models: SpinModels) -> float:
    """Scale of the model's biases; a power of two, so that scaling rounds nothing.

    The kernels work in float32, whose range 1e-12 to 1e12 would overflow when biases are summed
    and multiplied by β. Only the couplings' scale and not the fields' decides where there are any,
    so that one model of a family does not change the rounding of another.
    """
    biases = models.couplings.data if models.couplings.nnz else models.fields
    largest = np.abs(biases).max(initial=0.0)
    return _power_of_two_below(largest) if largest > 0 else 1.0


def _power_of_two_below(value: float) -> float:
    return 2.0 ** max(np.floor(np.log2(value)), _SMALLEST_EXPONENT)


def _order_of_updates(models: SpinModels, indptr: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Spins by colour, so that a sweep is one of block Gibbs; a one-hot unit as one entry -1."""
    order = np.argsort(_colouring.colour(indptr, indices), kind="stable").astype(np.int32)
    if models.one_hot is None:
        return order
    start, stop = models.one_hot
    return np.append(order[(order < start) | (order >= stop)], np.int32(-1))
