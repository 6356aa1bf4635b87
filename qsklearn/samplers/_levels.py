"""The door for weights of n bits: models, their checks, temperatures, and the call of the kernel.

The models are squared errors of a layer over its weights: what the spins of the bits would be is
never written down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsklearn._checks import check_reals
from qsklearn._kernels._level_annealing import HEAT_BATH_BITS, LEVELS, METROPOLIS_BITS, anneal
from qsklearn._kernels._threads import Watch, run_blocks
from qsklearn.samplers._arguments import check_request
from qsklearn.samplers._groups import members_of_groups
from qsklearn.samplers._models import MAX_BIAS, check_fields
from qsklearn.samplers._streams import Stream, make_stream_keys

MAX_BITS = 16
# Products with biases of MAX_BIAS, and their sums, are still finite.
_MAX_WEIGHT = 1e50
# Of two entries that should be equal, as sums in another order leave them, by the diagonal.
_ASYMMETRY = 1e-9
# Chains of a block share rows of J; what they keep stays within a core's cache.
_BLOCK_BYTES = 2**18
# At the cold end, the smallest step of a typical weight, against its curvature, costs this much.
_COLDEST = 10.0
_HOTTEST = 1000.0
_LEAST_RATIO = 100.0
# Half levels that cost less are without energy: the inverse of others is finite.
_SMALLEST_COST = 1e-300
_SHORT = 20_000  # updates of weights that take milliseconds on one thread


@dataclass(frozen=True)
class LevelModels:
    """Energies E(S) = SᵀJS + h·S over weights S = base + scale · odd level.

    Attributes
    ----------
    fields, base, scale : ndarrays of shape (n_models, n_weights), float64
    matrix : ndarray, float64
        J of each group, (n_groups, n_weights, n_weights); or, with ``row_weights``, the rows of
        which it is made, transposed, (1, n_weights, n_rows).
    row_weights : ndarray of shape (n_groups, n_rows), float64
        Of shape (0, 0) where ``matrix`` is J.
    ridge : ndarray of shape (n_weights,), float64
        What J has on its diagonal beyond the rows; zeros where ``matrix`` is J.
    groups : ndarray of shape (n_models,), int64
    n_bits : int
    """

    fields: np.ndarray
    base: np.ndarray
    scale: np.ndarray
    matrix: np.ndarray
    row_weights: np.ndarray
    ridge: np.ndarray
    groups: np.ndarray
    n_bits: int

    @property
    def n_models(self) -> int:
        return self.fields.shape[0]

    @property
    def n_weights(self) -> int:
        return self.fields.shape[1]

    @property
    def curvatures(self) -> np.ndarray:
        """Diagonals J_jj of each group, (n_groups, n_weights)."""
        if not len(self.row_weights):
            return np.diagonal(self.matrix, axis1=1, axis2=2).copy()  # a view is not writable
        # A weight at a time: squares of all rows would be a second matrix.
        squares = [self.row_weights @ column**2 for column in self.matrix[0]]
        return np.ascontiguousarray(np.reshape(squares, (self.n_weights, -1)).T + self.ridge)


def check_level_models(h, J, base, scale, n_bits, factors, groups, caller: str) -> LevelModels:
    """Models of the door ``sample_levels``.

    Raises
    ------
    ValueError
        If an array is not finite or of another shape, J not symmetric, a scale negative, or
        ``n_bits`` not in [1, 16].
    """
    fields = _to_array(check_fields(h, caller), "h", caller)
    n_models, n_weights = fields.shape
    _check_bits(n_bits, caller)
    if factors is None:
        matrix, row_weights = _check_couplings(J, n_weights, caller), np.empty((0, 0))
        ridge = np.zeros(n_weights)
    else:
        matrix, row_weights = _check_factors(factors, n_weights, caller)
        ridge = _to_array(J, "J", caller)
        _check_array(ridge, "J", [(n_weights,)], MAX_BIAS, caller)
    base, scale = _to_array(base, "base", caller), _to_array(scale, "scale", caller)
    for array, name in ((base, "base"), (scale, "scale")):
        shapes = [(n_weights,), (n_models, n_weights)]
        _check_array(array, name, shapes, _MAX_WEIGHT, caller)
    if (scale < 0).any():
        raise ValueError(
            f"The 'scale' parameter of {caller} must be >= 0, where a weight of scale 0 stays at "
            f"its base. Got {float(scale.min())!r} instead."
        )
    n_groups = len(matrix) if factors is None else len(row_weights)
    return LevelModels(
        fields, _repeat(base, fields.shape), _repeat(scale, fields.shape), matrix, row_weights,
        ridge, _number_groups(groups, n_groups, n_models, caller), int(n_bits),
    )  # fmt: skip


def check_start(start, is_thermal: bool, caller: str) -> str:
    """Where chains start: by the intent, if nothing is said."""
    if start is None:
        return "random" if is_thermal else "base"
    if not isinstance(start, str) or start not in ("base", "random"):
        raise ValueError(
            f"The 'start' parameter of {caller} must be 'base', 'random' or None. "
            f"Got {start!r} instead."
        )
    return start


def _check_bits(n_bits, caller: str) -> None:
    is_integer = isinstance(n_bits, int | np.integer) and not isinstance(n_bits, bool)
    if not is_integer or not 1 <= n_bits <= MAX_BITS:
        raise ValueError(
            f"The 'n_bits' parameter of {caller} must be an int in the range [1, {MAX_BITS}]. "
            f"Got {n_bits!r} instead."
        )


def _to_array(values, name: str, caller: str, requirements=("C", "A", "W")) -> np.ndarray:
    """As float64, copied only where it has to be.

    Writable, because numba compiles a kernel anew for arrays that are not.
    """
    try:
        return np.require(check_reals(values, name, caller), np.float64, list(requirements))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The {name!r} parameter of {caller} must be an array of real numbers. "
            f"Got {type(values).__name__} instead: {error}"
        ) from error


def _check_array(array: np.ndarray, name: str, shapes, largest: float, caller: str) -> None:
    if array.shape not in shapes:
        raise ValueError(
            f"The {name!r} parameter of {caller} must be an array of shape "
            f"{' or '.join(map(str, shapes))}. Got {array.shape} instead."
        )
    ends = (array.min(initial=0.0), array.max(initial=0.0))  # NaN if there is one
    if not np.isfinite(ends).all():
        raise ValueError(f"The {name!r} parameter of {caller} must be finite. Got NaN or infinity.")
    if max(-ends[0], ends[1]) > largest:
        raise ValueError(
            f"The {name!r} parameter of {caller} must be at most {largest:g} in size. "
            f"Got {max(-ends[0], ends[1]):g} instead."
        )


def _check_couplings(J, n_weights: int, caller: str) -> np.ndarray:
    couplings = _to_array(J, "J", caller)
    n_groups = len(couplings) if couplings.ndim == 3 else 1
    shape = (n_weights, n_weights)
    _check_array(couplings, "J", [shape, (n_groups, *shape)], MAX_BIAS, caller)
    couplings = couplings.reshape(n_groups, *shape)
    for matrix in couplings:
        largest = np.abs(np.diagonal(matrix)).max(initial=0.0)
        if not _is_symmetric(matrix, _ASYMMETRY * largest):
            raise ValueError(
                f"The 'J' parameter of {caller} must be symmetric. Got a matrix that is not; "
                "symmetrise it with (J + J.T) / 2."
            )
    return couplings


def _is_symmetric(matrix: np.ndarray, tolerance: float, rows: int = 256) -> bool:
    """Whether a matrix equals its transpose, some rows at a time to save memory."""
    return all(
        np.allclose(matrix[at : at + rows], matrix[:, at : at + rows].T, rtol=1e-9, atol=tolerance)
        for at in range(0, len(matrix), rows)
    )


def _check_factors(factors, n_weights: int, caller: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows, transposed, as (1, n_weights, n_rows), and their weights, (n_groups, n_rows)."""
    if not isinstance(factors, tuple | list) or len(factors) != 2:
        raise ValueError(
            f"The 'factors' parameter of {caller} must be a pair (rows, row_weights). "
            f"Got {type(factors).__name__} instead."
        )
    # In any order: the kernel takes the transpose, which often is what the caller has.
    rows = _to_array(factors[0], "rows", caller, ("A", "W"))
    row_weights = _to_array(factors[1], "row_weights", caller)
    n_rows, n_groups = (len(part) if part.ndim == 2 else 1 for part in (rows, row_weights))
    _check_array(rows, "rows", [(n_rows, n_weights)], _MAX_WEIGHT, caller)
    _check_array(row_weights, "row_weights", [(n_groups, n_rows)], MAX_BIAS, caller)
    if not n_rows or not n_groups:
        raise ValueError(
            f"The 'factors' parameter of {caller} must hold a row and a group at least. Got rows "
            f"of shape {rows.shape} and row_weights of shape {row_weights.shape} instead."
        )
    return np.ascontiguousarray(rows.T)[np.newaxis], row_weights


def _repeat(values: np.ndarray, shape) -> np.ndarray:
    return values if values.shape == shape else np.repeat(values[np.newaxis], shape[0], axis=0)


def _number_groups(groups, n_groups: int, n_models: int, caller: str) -> np.ndarray:
    numbers = np.zeros(n_models, np.int64)
    for number, rows in enumerate(members_of_groups(groups, n_groups, n_models, caller)):
        numbers[rows] = number
    return numbers


def default_level_range(models: LevelModels) -> tuple[np.ndarray, np.ndarray]:
    """Hot and cold inverse temperatures of each model, from the curvatures of its weights.

    With the costs c_j = scale_j² J_jj of half a level, cold is 10 / (4 median c), where a typical
    weight hardly leaves its best level, and hot is 1000 / (top² max(c) n), where all n weights
    together roam their ranges, but never colder than a hundredth of cold.

    Parameters
    ----------
    models : LevelModels

    Returns
    -------
    hot, cold : ndarrays of shape (n_models,)
        A model without energies gets (1, 1).
    """
    hot, cold = np.ones(models.n_models), np.ones(models.n_models)
    curvatures = np.abs(models.curvatures)
    top = 2.0**models.n_bits - 1.0
    for model in range(models.n_models):
        scale = models.scale[model]
        costs = scale * scale * curvatures[models.groups[model]]
        costs = costs[costs > _SMALLEST_COST]
        if not len(costs):  # weights that only tilt: what half a level costs is linear
            costs = scale * np.abs(models.fields[model])
            costs = costs[costs > _SMALLEST_COST]
        if len(costs):
            cold[model] = _COLDEST / (4.0 * np.median(costs))
            hottest = _HOTTEST / (top**2 * costs.max() * len(costs))
            hot[model] = min(hottest, cold[model] / _LEAST_RATIO)
    return hot, cold


def check_level_memory(models: LevelModels, num_reads: int, num_sweeps: int, caller: str) -> None:
    """Refuse what the machine cannot hold: weights, energies, schedules, and what chains keep."""
    n_chains = models.n_models * num_reads
    n_bytes = n_chains * 8 * (models.n_weights + 3) + models.n_models * 8 * num_sweeps
    check_request(n_bytes + models.matrix.nbytes, caller)


def run_levels(
    models: LevelModels,
    betas: np.ndarray,
    *,
    level_moves: str,
    start: str,
    is_thermal: bool,
    num_reads: int,
    seed,
    num_threads: int,
    watch: Watch,
    num_last_sweeps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Run one chain a read and model, and return its last weights.

    Parameters
    ----------
    models : LevelModels
    betas : ndarray of shape (n_models, num_sweeps)
    level_moves : {"level", "bit"}
    start : {"base", "random"}
    is_thermal : bool
        Bits move by the heat bath, else by Metropolis; levels always by the heat bath.
    num_reads, seed, num_threads
        As in ``sample_levels``, checked.
    watch : Watch
    num_last_sweeps : int
        Sweeps at the end that are run also when the watch tells to stop.

    Returns
    -------
    weights : ndarray of shape (n_models, num_reads, n_weights), float64
    energies : ndarray of shape (n_models, num_reads), float64
    """
    n_models, n_weights = models.fields.shape
    weights, energies = np.empty((n_models, num_reads, n_weights)), np.zeros((n_models, num_reads))
    if not weights.size:
        return weights, energies
    by_bits = HEAT_BATH_BITS if is_thermal else METROPOLIS_BITS
    top = 2**models.n_bits - 1
    chains = _order_chains(models.groups, num_reads)
    per_block = _chains_per_block(models, len(chains), num_threads)
    run_blocks(
        anneal,
        -(-len(chains) // per_block),
        num_threads,
        models.matrix,
        models.row_weights,
        models.curvatures,
        models.ridge,
        models.fields,
        models.base,
        models.scale,
        models.groups,
        chains,
        models.n_bits,
        *((top // 2, 1) if start == "base" else (0, top)),
        np.require(betas, np.float64, ["C", "A", "W"]),
        min(num_last_sweeps, betas.shape[1]),
        per_block,
        make_stream_keys(seed, n_models, Stream.LEVELS),
        LEVELS if level_moves == "level" else by_bits,
        weights,
        energies,
        watch=watch,
        is_short=betas.size * num_reads * n_weights <= _SHORT,
    )
    return weights, energies


def _order_chains(groups: np.ndarray, num_reads: int) -> np.ndarray:
    """Model and read of each chain; those of a group, which share rows, are neighbours."""
    order = np.argsort(groups, kind="stable")
    reads = np.tile(np.arange(num_reads), len(order))
    return np.ascontiguousarray(np.stack([np.repeat(order, num_reads), reads], axis=1))


def _chains_per_block(models: LevelModels, n_chains: int, num_threads: int) -> int:
    n_bytes = 8 * (models.matrix.shape[2] + models.n_weights) + 1400  # with the random streams
    return max(1, min(_BLOCK_BYTES // n_bytes, -(-n_chains // num_threads)))
