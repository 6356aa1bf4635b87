"""Models as the kernels' arrays: scaled and rounded, padded, in an order of updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from qsklearn._kernels import _colouring, _dense_annealing, _sparse_annealing
from qsklearn._kernels._blocks import ROW
from qsklearn._kernels._vectors import LANES
from qsklearn.samplers._models import SpinModels

# Beyond this a float32 would overflow, and nothing changes: exp clips far below.
_HUGE = 1e30
# Couplings that are this much below the temperature do not set the scale, or beta would underflow.
_FAINT = 1e-20
# Times the largest bias that models may have, no β below this does anything.
_HOTTEST = 1e-130
# The inverse of a smaller power of two would overflow a float64 in turn.
_SMALLEST_EXPONENT = -900.0
# Integer biases: the largest coupling, and the largest field that a spin can feel, in bytes on
# sparse graphs; on dense ones couplings of bytes, four of which are added up, and fields of shorts.
_LARGEST_SPARSE = 127, 127
_LARGEST_DENSE = 31, 32767
_ROUNDING = 1e-9  # counts as none, where β times it is below the next
_FEEBLE = 1e-6
# The unit of integer biases is the smallest of them, or that over one of these.
_DIVISORS = range(1, 9)
# Reads that share the rows of J of a dense model while they are in cache; their fields are, too.
# Fewer would have two threads wait for memory, each for the same rows.
_READS_PER_BLOCK = 16
_FEWEST_READS = 4


@dataclass(frozen=True, eq=False)
class ChainCall:
    """A kernel of chains, and what it is called with but for schedules, streams and states."""

    kernel: Callable
    n_blocks: int
    graph: tuple[Any, ...]  # the arguments before the inverse temperatures
    order: tuple[Any, ...]  # those after


def describe_dense(
    models: SpinModels, rule: str, scale: float, is_integer: bool, num_reads: int, num_threads: int
) -> ChainCall:
    """Chains on a dense graph, whose biases are divided by the scale, and then integers or not.

    Rows of J are padded to whole chunks of spins, and a row of zeros is put behind them.
    """
    n_spins = models.n_spins
    padded = np.zeros((n_spins + 1, -(-n_spins // LANES) * LANES))
    padded[:n_spins, :n_spins] = models.couplings.toarray()
    fields = np.zeros((models.n_models, padded.shape[1]))
    fields[:, :n_spins] = _fields_of_binaries(models)
    # Smaller blocks where threads would otherwise idle: the draws do not depend on it.
    share = -(-num_reads * models.n_models // num_threads)
    reads_per_block = min(max(share, _FEWEST_READS), _READS_PER_BLOCK, num_reads)
    couplings = _from_cache_line(_to_type(padded, scale, np.int8 if is_integer else np.float32))
    scaled_fields = _to_type(fields, scale, np.int16 if is_integer else np.float32)
    return ChainCall(
        getattr(_dense_annealing, f"{rule}_of_integers" if is_integer else rule),
        models.n_models * -(-num_reads // reads_per_block),
        (couplings, np.tril(padded[:n_spins], -1), scaled_fields, models.fields),
        (reads_per_block,),
    )


def describe_sparse(
    models: SpinModels, rule: str, scale: float, is_integer: bool, num_reads: int, num_threads: int
) -> ChainCall:
    """Chains on a sparse graph, whose biases are divided by the scale, and then integers or not."""
    n_lanes = models.n_models * num_reads
    # Words of 32 bits where words of 64 would be half empty, or would leave threads idle.
    is_narrow = n_lanes <= LANES // 2 * num_threads
    words = np.empty(0, np.uint32 if is_narrow else np.uint64)
    name = rule + "_of_integers" * is_integer + "_narrow" * is_narrow
    return ChainCall(
        getattr(_sparse_annealing, name),
        -(-n_lanes // (8 * words.itemsize)),
        (words, *sparse_graph(models, scale, np.int8 if is_integer else np.float32)),
        (order_of_updates(models), one_hot_range(models)),
    )


def sparse_graph(models: SpinModels, scale: float, dtype=np.float32) -> tuple[np.ndarray, ...]:
    """A sparse graph as all kernels take it, in the order of their arguments.

    Parameters
    ----------
    models : SpinModels
    scale : float
        What the biases are divided by.
    dtype : {np.float32, np.int8}
        Type of the biases; integers are multiples of the scale.

    Returns
    -------
    indptr, indices : ndarray of uint32
        Rows of neighbours, padded.
    doubled, couplings : ndarray of shape (n_padded,)
        Their 2 J, scaled; J in float64.
    scaled_fields, fields : ndarray of shape (n_models, n_spins)
        h - Σ_j J, scaled; h in float64.
    """
    indptr, indices, couplings = pad_rows(models.couplings)
    doubled = _to_type(2 * couplings, scale, dtype)
    scaled_fields = _to_type(_fields_of_binaries(models), scale, dtype)
    return indptr, indices, doubled, couplings, scaled_fields, models.fields


def _fields_of_binaries(models: SpinModels) -> np.ndarray:
    """What spins feel when all others are down: the kernels add 2 J for each that is up."""
    return models.fields - models.couplings.sum(axis=1)


def one_hot_range(models: SpinModels) -> np.ndarray:
    """Start and stop of the one-hot unit, which is empty where there is none."""
    return np.array(models.one_hot or (0, 0))


def pad_rows(couplings: scipy.sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compressed rows, each padded to a multiple of the kernels' ROW with couplings of zero."""
    degrees = np.diff(couplings.indptr)
    indptr = np.append(0, np.cumsum(-(-degrees // ROW) * ROW))
    place = np.arange(couplings.nnz) + np.repeat(indptr[:-1] - couplings.indptr[:-1], degrees)
    indices = np.zeros(indptr[-1], np.uint32)
    values = np.zeros(indptr[-1])
    indices[place], values[place] = couplings.indices, couplings.data
    return indptr.astype(np.uint32), indices, values


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


def _from_cache_line(values: np.ndarray) -> np.ndarray:
    """A copy that begins with a cache line of 64 bytes, as then all its rows do."""
    buffer = np.empty(values.nbytes + 64, np.uint8)
    first = -buffer.ctypes.data % 64
    aligned = buffer[first : first + values.nbytes].view(values.dtype).reshape(values.shape)
    aligned[:] = values
    return aligned


def _to_type(values: np.ndarray, scale: float, dtype) -> np.ndarray:
    """Values over the scale, as float32 or as integers, whose sums may wrap round."""
    if dtype == np.float32:
        return to_float32(values, 1 / scale)
    return np.rint(values / scale).astype(np.int64).astype(dtype)


def to_float32(values: np.ndarray, factor: float) -> np.ndarray:
    """Values times a power of two, rounded; what would overflow is cut to a size."""
    with np.errstate(over="ignore"):
        return np.clip(values * factor, -_HUGE, _HUGE).astype(np.float32)


def find_integers(
    models: SpinModels, is_dense: bool, coldest: np.ndarray
) -> tuple[float, np.ndarray]:
    """The unit of which all couplings are small multiples, and which models' fields are, too.

    Without couplings it is 1. A model counts if no spin may feel more than the largest field, and
    if what rounding takes from its biases is nothing at the coldest of its temperatures.
    """
    largest_coupling, largest_field = _LARGEST_DENSE if is_dense else _LARGEST_SPARSE
    sizes = np.abs(models.couplings.data)
    unit = _unit_of(sizes, largest_coupling) if len(sizes) else 1.0
    fits = np.zeros(models.n_models, bool)
    if unit > 0:
        felt = np.abs(models.fields) + abs(models.couplings).sum(axis=1)
        fits = (felt <= largest_field * unit).all(axis=1)
        with np.errstate(over="ignore"):
            nothing = np.minimum(_ROUNDING, _FEEBLE / np.maximum(coldest[fits] * unit, 1.0))
        rounded = _residues(models.fields[fits], unit).max(axis=1, initial=0.0)
        rounded = np.maximum(rounded, _residues(sizes, unit).max(initial=0.0))
        fits[fits] = rounded <= nothing
    return unit, fits


def _unit_of(sizes: np.ndarray, largest: int) -> float:
    """What all sizes are multiples of, up to a largest one; 0 if there is no such unit."""
    for divisor in _DIVISORS:
        unit = sizes.min() / divisor
        if sizes.max() > largest * unit:
            return 0.0
        if (_residues(sizes, unit) <= _ROUNDING).all():
            return unit
    return 0.0


def _residues(values: np.ndarray, unit: float) -> np.ndarray:
    """How far values are from multiples of a unit, in that unit."""
    ratios = values / unit
    return np.abs(ratios - np.rint(ratios))


def scale_of(models: SpinModels, betas: np.ndarray) -> float:
    """What biases that are no integers are divided by, and inverse temperatures multiplied."""
    return max(_power_of_two(models), _power_of_two_below(_FAINT / max(betas.max(), _HOTTEST)))


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
    with np.errstate(divide="ignore"):  # of 0, whose exponent is below the smallest
        return 2.0 ** max(np.floor(np.log2(value)), _SMALLEST_EXPONENT)
