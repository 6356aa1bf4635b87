"""Markov chains over a family: which kernel runs, in which units, in which order.

Shared by the samplers whose draws are ends of single-spin chains: they differ in their schedules.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from qsklearn._kernels import _colouring, _dense_annealing, _sparse_annealing
from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._seeds import make_keys

# Cached local fields beat sums over neighbours above this mean number of neighbours, if these are
# also this fraction of all spins (measured): a flip adds a whole row to the fields.
_DENSE_DEGREE = 150
_DENSE_FRACTION = 0.6
# Beyond this a float32 would overflow, and nothing changes: exp clips far below.
_HUGE = 1e30
# Couplings that are this much below the temperature do not set the scale, or beta would underflow.
_FAINT = 1e-20
# The inverse of a smaller power of two would overflow a float64 in turn.
_SMALLEST_EXPONENT = -900.0
# Fields of bytes: the largest that a spin can feel, and the rounding that counts as none.
_LARGEST_BYTE = 127
_ROUNDING = 1e-9
# The unit of integer biases is the smallest of them, or that over one of these.
_DIVISORS = range(1, 9)
# Reads that share the rows of J of a dense model while they are in cache; their fields are, too.
_READS_PER_BLOCK = 16


def run_chains(
    models: SpinModels,
    betas: np.ndarray,
    *,
    rule: str,
    num_reads: int,
    seed,
    stream: int,
    keep: np.ndarray,
    num_threads: int,
    initial_states: np.ndarray | None = None,
    clamped: np.ndarray | None = None,
    watch: Watch | None = None,
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
    clamped : ndarray of shape (n_models, num_reads, n_spins), bool, optional
        Spins that stay as they are in ``initial_states``.
    watch : Watch, optional
        Ends all chains at the next sweep, when it is told to.
    num_reads, seed, initial_states, keep, num_threads
        As in ``ArraySampler.sample_arrays``, checked.

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_kept), int8
    energies : ndarray of shape (n_models, num_reads), float64
    """
    n_models, n_spins = models.fields.shape
    shape = (0, num_reads, n_spins)
    starts = (
        make_keys(seed, n_models) + np.array([0, stream], np.uint64),
        np.empty(shape, np.int8) if initial_states is None else initial_states,
        np.empty(shape, np.bool_) if clamped is None else clamped,
    )
    states = np.empty((n_models, num_reads, len(keep)), np.int8)
    energies = np.empty((n_models, num_reads))
    for kernel, rows, n_blocks, arguments in _calls(models, betas, rule, num_reads, num_threads):
        part = rows if len(rows) < n_models else slice(None)
        written = states[part], energies[part]
        run_blocks(
            kernel,
            n_blocks,
            num_threads,
            *arguments,
            *(start[part] if len(start) else start for start in starts),
            keep,
            *written,
            watch=watch or Watch(),
        )
        if len(rows) < n_models:
            states[rows], energies[rows] = written
    return states, energies


def _calls(models: SpinModels, betas: np.ndarray, rule: str, num_reads: int, num_threads: int):
    """Kernels to call, each with the models that it serves, blocks, and what describes these."""
    scale = _scale_of(models, betas)
    degree = max(_DENSE_DEGREE, _DENSE_FRACTION * models.n_spins)
    is_dense = models.couplings.nnz > degree * models.n_spins and models.one_hot is None
    everyone = np.arange(models.n_models)
    if is_dense:
        yield _dense_call(models, everyone, betas, rule, scale, num_reads, num_threads)
        return
    unit = _unit_of_integers(models)
    # Model by model, so that one model of a family does not change the rounding of another.
    are_integer = _have_integers(models, unit) if unit else np.zeros(models.n_models, bool)
    if are_integer.any():
        rows = everyone[are_integer]
        yield _sparse_call(models, rows, betas, f"{rule}_of_integers", unit, np.int8, num_reads)
    if not are_integer.all():
        rows = everyone[~are_integer]
        yield _sparse_call(models, rows, betas, rule, scale, np.float32, num_reads)


def _dense_call(models, rows, betas, rule, scale, num_reads, num_threads):
    """The call for a dense graph: rows of J padded to whole chunks of spins."""
    n_spins = models.n_spins
    padded = np.zeros((n_spins, -(-n_spins // LANES) * LANES))
    padded[:, :n_spins] = models.couplings.toarray()
    couplings = (padded / scale).astype(np.float32)
    # Small blocks where threads would otherwise idle: the draws do not depend on it.
    reads_per_block = min(_READS_PER_BLOCK, -(-num_reads * models.n_models // num_threads))
    reads_per_block = min(reads_per_block, num_reads)
    n_blocks = models.n_models * -(-num_reads // reads_per_block)
    fields = (_to_float32(models.fields, 1 / scale), models.fields)
    scaled_betas = _to_float32(betas, scale)
    kernel = getattr(_dense_annealing, rule)
    graph = (couplings, np.tril(padded, -1))
    return kernel, rows, n_blocks, (*graph, *fields, scaled_betas, reads_per_block)


def _sparse_call(models, rows, betas, kernel, scale, dtype, num_reads):
    """The call for a sparse graph, whose biases become numbers of a type after scaling."""
    indptr, indices, exact_couplings = _pad_rows(models.couplings)
    couplings = _to_type(2 * exact_couplings / scale, dtype)
    fields = models.fields[rows]
    base = _to_type((fields - models.couplings.sum(axis=1)) / scale, dtype)
    n_blocks = -(-len(rows) * num_reads // LANES)
    order = (_order_of_updates(models), np.array(models.one_hot or (0, 0)))
    graph = (indptr, indices, couplings, exact_couplings)
    kernel = getattr(_sparse_annealing, kernel)
    return kernel, rows, n_blocks, (*graph, base, fields, _to_float32(betas[rows], scale), *order)


def _pad_rows(couplings: scipy.sparse.csr_array):
    """Compressed rows, each padded to a multiple of the kernel's ROW with couplings of zero."""
    degrees = np.diff(couplings.indptr)
    indptr = np.append(0, np.cumsum(-(-degrees // _sparse_annealing.ROW) * _sparse_annealing.ROW))
    place = np.arange(couplings.nnz) + np.repeat(indptr[:-1] - couplings.indptr[:-1], degrees)
    indices = np.zeros(indptr[-1], np.uint32)
    values = np.zeros(indptr[-1])
    indices[place], values[place] = couplings.indices, couplings.data
    return indptr.astype(np.uint32), indices, values


def _to_type(values: np.ndarray, dtype) -> np.ndarray:
    """Values as float32, or those that are integers as bytes; sums of bytes may wrap round."""
    if dtype == np.float32:
        return _to_float32(values, 1.0)
    return np.rint(values).astype(np.int64).astype(np.int8)


def _unit_of_integers(models: SpinModels) -> float:
    """The unit of which all couplings are small multiples; 0 if there is none.

    Without couplings it is 1: each model must have integer fields then.
    """
    sizes = np.abs(models.couplings.data)
    if not len(sizes):
        return 1.0
    smallest, largest = sizes.min(), sizes.max()
    for divisor in _DIVISORS:
        unit = smallest / divisor
        if largest > _LARGEST_BYTE * unit:
            return 0.0
        if _are_multiples(sizes, unit).all():
            return unit
    return 0.0


def _are_multiples(values: np.ndarray, unit: float) -> np.ndarray:
    ratios = values / unit
    return np.abs(ratios - np.rint(ratios)) <= _ROUNDING


def _have_integers(models: SpinModels, unit: float) -> np.ndarray:
    """Which models have fields of the unit, and no spin that may feel more than a byte holds."""
    felt = np.abs(models.fields) + abs(models.couplings).sum(axis=1)
    fits = (felt <= _LARGEST_BYTE * unit).all(axis=1)
    fits[fits] = _are_multiples(models.fields[fits], unit).all(axis=1)
    return fits


def _scale_of(models: SpinModels, betas: np.ndarray) -> float:
    return max(_power_of_two(models), _power_of_two_below(_FAINT / max(betas.max(), _FAINT)))


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


def _order_of_updates(models: SpinModels) -> np.ndarray:
    """Spins by colour, so that a sweep is one of block Gibbs, but those of a one-hot unit."""
    couplings = models.couplings
    colours = _colouring.colour(
        couplings.indptr.astype(np.int32), couplings.indices.astype(np.int32)
    )
    order = np.argsort(colours, kind="stable").astype(np.uint32)
    if models.one_hot is None:
        return order
    start, stop = models.one_hot
    return order[(order < start) | (order >= stop)]
