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
# Integer biases: the largest coupling, and the largest field that a spin can feel, in bytes on
# sparse graphs; on dense ones couplings of bytes, four of which are added up, and fields of shorts.
_LARGEST_SPARSE = 127, 127
_LARGEST_DENSE = 31, 32767
_ROUNDING = 1e-9  # counts as none
# The unit of integer biases is the smallest of them, or that over one of these.
_DIVISORS = range(1, 9)
# Updates of spins that take milliseconds on one thread.
_SHORT = 2_000_000
# Reads that share the rows of J of a dense model while they are in cache; their fields are, too.
# Fewer would have two threads wait for memory, each for the same rows.
_READS_PER_BLOCK = 16
_FEWEST_READS = 4


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
        A number of the sampler's own. Chains of the same law that share their random numbers meet,
        so that two samplers with one seed would return the same draws.
    clamped : ndarray of shape (n_models, num_reads, n_spins), bool, optional
        Spins that stay as they are in ``initial_states``.
    watch : Watch, optional
        Ends all chains at the next sweep, when it is told to.
    num_last_sweeps : int
        Sweeps at the end of a search that are run also then, so that it does not end hot.
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
    for kernel, rows, n_blocks, arguments in _calls(
        models, betas, rule, num_reads, num_threads, num_last_sweeps
    ):
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
            is_short=betas.size * num_reads * n_spins <= _SHORT,
        )
        if len(rows) < n_models:
            states[rows], energies[rows] = written
    return states, energies


def _calls(models: SpinModels, betas, rule: str, num_reads: int, num_threads: int, num_last_sweeps):
    """Kernels to call, each with the models that it serves, blocks, and what describes these."""
    degree = max(_DENSE_DEGREE, _DENSE_FRACTION * models.n_spins)
    is_dense = models.couplings.nnz > degree * models.n_spins and models.one_hot is None
    describe = _dense_call if is_dense else _sparse_call
    unit, are_integer = _find_integers(models, *(_LARGEST_DENSE if is_dense else _LARGEST_SPARSE))
    # Model by model, so that one model of a family does not change the rounding of another.
    for chosen, scale, kernel in (
        (are_integer, unit, f"{rule}_of_integers"),
        (~are_integer, scale_of(models, betas), rule),
    ):
        if chosen.any():
            rows = np.flatnonzero(chosen)
            some = SpinModels(models.fields[rows], models.couplings, models.one_hot)
            is_integer = chosen is are_integer
            call = describe(some, kernel, scale, is_integer, num_reads, num_threads)
            kernel, n_blocks, graph, order = call
            scaled = to_float32(betas[rows], scale)
            last = min(num_last_sweeps, betas.shape[1])
            yield kernel, rows, n_blocks, (*graph, scaled, last, *order)


def _dense_call(models, kernel, scale, is_integer, num_reads, num_threads):
    """Kernel, number of blocks, biases and size of a block for a dense graph.

    Rows of J are padded to whole chunks of spins, and a row of zeros is put behind them.
    """
    n_spins = models.n_spins
    padded = np.zeros((n_spins + 1, -(-n_spins // LANES) * LANES))
    padded[:n_spins, :n_spins] = models.couplings.toarray()
    fields = np.zeros((models.n_models, padded.shape[1]))
    fields[:, :n_spins] = models.fields - models.couplings.sum(axis=1)
    # Smaller blocks where threads would otherwise idle: the draws do not depend on it.
    share = -(-num_reads * models.n_models // num_threads)
    reads_per_block = min(max(share, _FEWEST_READS), _READS_PER_BLOCK, num_reads)
    n_blocks = models.n_models * -(-num_reads // reads_per_block)
    couplings = _from_cache_line(_to_type(padded / scale, np.int8 if is_integer else np.float32))
    scaled_fields = _to_type(fields / scale, np.int16 if is_integer else np.float32)
    graph = (couplings, np.tril(padded[:n_spins], -1), scaled_fields, models.fields)
    return getattr(_dense_annealing, kernel), n_blocks, graph, (reads_per_block,)


def _from_cache_line(values: np.ndarray) -> np.ndarray:
    """A copy that begins with a cache line of 64 bytes, as then all its rows do."""
    buffer = np.empty(values.nbytes + 64, np.uint8)
    first = -buffer.ctypes.data % 64
    aligned = buffer[first : first + values.nbytes].view(values.dtype).reshape(values.shape)
    aligned[:] = values
    return aligned


def _sparse_call(models, kernel, scale, is_integer, num_reads, num_threads):
    """Kernel, number of blocks, biases and order of updates for a sparse graph."""
    dtype = np.int8 if is_integer else np.float32
    indptr, indices, exact_couplings = pad_rows(models.couplings)
    couplings = _to_type(2 * exact_couplings / scale, dtype)
    base = _to_type((models.fields - models.couplings.sum(axis=1)) / scale, dtype)
    n_lanes = models.n_models * num_reads
    # Words of 32 bits where words of 64 would be half empty, or would leave threads idle.
    is_narrow = n_lanes <= LANES // 2 * num_threads
    words = np.empty(0, np.uint32 if is_narrow else np.uint64)
    n_blocks = -(-n_lanes // (8 * words.itemsize))
    graph = (words, indptr, indices, couplings, exact_couplings, base, models.fields)
    kernel += "_narrow" if is_narrow else ""
    order = (order_of_updates(models), np.array(models.one_hot or (0, 0)))
    return getattr(_sparse_annealing, kernel), n_blocks, graph, order


def pad_rows(couplings: scipy.sparse.csr_array):
    """Compressed rows, each padded to a multiple of the kernel's ROW with couplings of zero."""
    degrees = np.diff(couplings.indptr)
    indptr = np.append(0, np.cumsum(-(-degrees // _sparse_annealing.ROW) * _sparse_annealing.ROW))
    place = np.arange(couplings.nnz) + np.repeat(indptr[:-1] - couplings.indptr[:-1], degrees)
    indices = np.zeros(indptr[-1], np.uint32)
    values = np.zeros(indptr[-1])
    indices[place], values[place] = couplings.indices, couplings.data
    return indptr.astype(np.uint32), indices, values


def _to_type(values: np.ndarray, dtype) -> np.ndarray:
    """Values as float32, or those that are integers as such; sums of integers may wrap round."""
    if dtype == np.float32:
        return to_float32(values, 1.0)
    return np.rint(values).astype(np.int64).astype(dtype)


def _find_integers(
    models: SpinModels, largest_coupling: int, largest_field: int
) -> tuple[float, np.ndarray]:
    """The unit of which all couplings are small multiples, and which models' fields are, too.

    Without couplings it is 1. A model counts if no spin may feel more than the largest field.
    """
    sizes = np.abs(models.couplings.data)
    unit = _unit_of(sizes, largest_coupling) if len(sizes) else 1.0
    fits = np.zeros(models.n_models, bool)
    if unit > 0:
        felt = np.abs(models.fields) + abs(models.couplings).sum(axis=1)
        fits = (felt <= largest_field * unit).all(axis=1)
        fits[fits] = _are_multiples(models.fields[fits], unit).all(axis=1)
    return unit, fits


def _unit_of(sizes: np.ndarray, largest: int) -> float:
    """What all sizes are multiples of, up to a largest one; 0 if there is no such unit."""
    for divisor in _DIVISORS:
        unit = sizes.min() / divisor
        if sizes.max() > largest * unit:
            return 0.0
        if _are_multiples(sizes, unit).all():
            return unit
    return 0.0


def _are_multiples(values: np.ndarray, unit: float) -> np.ndarray:
    ratios = values / unit
    return np.abs(ratios - np.rint(ratios)) <= _ROUNDING


def scale_of(models: SpinModels, betas: np.ndarray) -> float:
    return max(_power_of_two(models), _power_of_two_below(_FAINT / max(betas.max(), _FAINT)))


def to_float32(values: np.ndarray, factor: float) -> np.ndarray:
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


def order_of_updates(models: SpinModels) -> np.ndarray:
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
