"""Annealing on sparse graphs, 64 lanes side by side.

A word of 64 bits holds one spin of the 64 lanes of a block (see :mod:`qsklearn._kernels._blocks`),
so that the spins of a large graph stay in the first caches and a spin's local field is a sum of
couplings chosen by words. Where 64 lanes would be too many, words of 32 bits serve 32.

Both rules are one comparison: a spin flips where -beta dE = 2 beta s f is at least a random
threshold, log u for Metropolis and log u / (1 - u) for the heat bath. Where all biases are small
integers the fields are bytes, and the threshold is rounded down, which decides the same.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from qsklearn._kernels._blocks import (
    SIGN,
    count_lanes,
    draw_one_hot,
    draw_spins,
    find_read,
    finish_block,
    lay_out,
    local_field,
    seed_block,
    start_one_hot,
    take_spins,
)
from qsklearn._kernels._streams import (
    draw_bits,
    load_generator,
    log_uniform,
    make_odd,
    store_generator,
)
from qsklearn._kernels._vectors import (
    LANES,
    at_least,
    bits_of,
    broadcast_like,
    floats_of,
    floor,
    load_like,
    maximum,
    minimum,
    to_bytes,
    where,
)

_TWO = np.float32(2.0)
# Spins have one word, where those of quantum annealing have one a slice of imaginary time.
_N_SLICES = np.uint32(1)
_TIME = np.uint32(0)


def _flips(field, word, double_beta, threshold):
    """A word of the lanes whose spin flips: those with 2 beta s f >= threshold."""
    raise NotImplementedError  # for numba, which has one for each kind of field


@overload(_flips, inline="always")
def _flips_by_type(field, word, double_beta, threshold):
    def of_floats(field, word, double_beta, threshold):
        nothing, sign = broadcast_like(np.uint32(0), field), broadcast_like(SIGN, field)
        drive = floats_of(bits_of(double_beta * field) ^ where(word, nothing, sign))
        return at_least(drive, threshold)

    def of_bytes(field, word, double_beta, threshold):  # -s f <= -threshold / 2 beta, rounded down
        bound = floor(threshold * (broadcast_like(np.float32(-1.0), field) / double_beta))
        bound = minimum(bound, broadcast_like(np.float32(127.0), field))  # also where it is 0 / 0
        bound = maximum(bound, broadcast_like(np.float32(-128.0), field))
        return at_least(
            to_bytes(bound), where(word, broadcast_like(np.int8(0), field) - field, field)
        )

    return {types.float32: of_floats, types.int8: of_bytes}.get(field.dtype)


@njit(cache=True, nogil=True)
def _sweep_metropolis(
    order, indptr, indices, couplings, fields, shared, double_betas, generator, spins, free
):
    """Update each spin once; a function of its own, so that the generator stays in registers."""
    state = load_generator(generator, 0, spins)
    double_beta = load_like(double_betas, 0, spins)
    for step in range(order.shape[0]):
        i = order[step]
        field = local_field(i, _TIME, indptr, indices, couplings, fields, shared, spins)
        bits, state = draw_bits(state)
        threshold = log_uniform(make_odd(bits))
        spins[i] ^= _flips(field, spins[i], double_beta, threshold) & free[i]
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def sweep_heat_bath(
    order, indptr, indices, couplings, fields, shared, double_betas, generator, spins, free
):
    """Update each spin once, as above."""
    state = load_generator(generator, 0, spins)
    double_beta = load_like(double_betas, 0, spins)
    for step in range(order.shape[0]):
        i = order[step]
        field = local_field(i, _TIME, indptr, indices, couplings, fields, shared, spins)
        bits, state = draw_bits(state)
        odd = make_odd(bits)
        threshold = log_uniform(odd) - log_uniform(broadcast_like(SIGN, spins) - odd)
        spins[i] ^= _flips(field, spins[i], double_beta, threshold) & free[i]
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _start_free(first_lane, n_lanes, num_reads, clamped, free):
    """Words of the spins that may move; no ``clamped`` means all."""
    free[:] = ~free.dtype.type(0)
    if clamped.shape[0] == 0:
        return
    for lane in range(count_lanes(free)):
        model, read = find_read(first_lane + lane, n_lanes, num_reads)
        for i in range(free.shape[0]):
            free[i] &= ~(np.uint64(clamped[model, read, i]) << np.uint64(lane))


@njit(cache=True, nogil=True)
def _anneal(
    words,  # IN: empty, of the unsigned type with a bit for each lane of a block: 64 bits, or 32
    indptr, indices,  # IN: uint32, rows of neighbours, padded to multiples of ROW
    couplings, exact_couplings,  # IN: 2 J, scaled float32, or int8 for integers; J in float64
    fields, exact_fields,  # IN: (n_models, n_spins), h - sum_j J scaled alike; h in float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    last_sweeps,  # IN: sweeps at the end that are run even if told to stop
    order, one_hot,  # IN: uint32, order of updates; (start, stop) of the one-hot unit, the last
    keys,  # IN: (n_models, 2)
    initial_states, clamped,  # IN: (n_models or 0, num_reads, n_spins), int8 and bool
    keep,  # IN: (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    stop,  # IN: (1,); set from elsewhere to end at the next sweep
    first, last,  # IN: range of blocks
    accept_by_metropolis,
):  # fmt: skip
    n_models, n_spins = fields.shape
    num_reads, num_sweeps = states.shape[1], betas.shape[1]
    lanes, n_lanes = count_lanes(words), n_models * num_reads
    spins = np.empty(n_spins, words.dtype)
    free = np.empty(n_spins, words.dtype)
    generator = np.empty(4 * LANES, np.uint32)
    double_betas = np.empty(LANES, np.float32)
    weights = np.empty((one_hot[1] - one_hot[0]) * LANES, np.float32)
    for block in range(first, last):
        first_lane = block * lanes
        seed_block(first_lane, lanes, n_lanes, num_reads, keys, generator)
        if initial_states.shape[0] > 0:
            take_spins(first_lane, n_lanes, num_reads, initial_states, spins)
        else:
            draw_spins(generator, spins)
            if weights.shape[0] > 0:
                start_one_hot(one_hot, generator, spins)
        _start_free(first_lane, n_lanes, num_reads, clamped, free)
        block_fields, shared = lay_out(first_lane, lanes, n_lanes, num_reads, fields)
        sweep = 0
        while sweep < num_sweeps:
            if stop[0] and sweep < num_sweeps - last_sweeps:
                sweep = num_sweeps - last_sweeps
                continue
            for lane in range(lanes):
                model, _ = find_read(first_lane + lane, n_lanes, num_reads)
                double_betas[lane] = _TWO * betas[model, sweep]
            if accept_by_metropolis:
                _sweep_metropolis(
                    order, indptr, indices, couplings, block_fields, shared, double_betas,
                    generator, spins, free,
                )  # fmt: skip
            else:
                sweep_heat_bath(
                    order, indptr, indices, couplings, block_fields, shared, double_betas,
                    generator, spins, free,
                )  # fmt: skip
            if weights.shape[0] > 0:
                draw_one_hot(
                    one_hot, _N_SLICES, indptr, indices, couplings, block_fields, shared,
                    double_betas, generator, spins, free, weights,
                )  # fmt: skip
            sweep += 1
        finish_block(
            first_lane, num_reads, _N_SLICES, _N_SLICES, indptr, indices, exact_couplings,
            exact_fields, keep, spins, states, energies,
        )  # fmt: skip


# One kernel for each rule, kind of bias and width, so that each is compiled once. They take
# _anneal's arguments but its last.


@njit(cache=True, nogil=True)
def metropolis(*arguments):
    """Single-spin Metropolis: flip with probability min(1, exp(-beta dE)), dE = -2 s f."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def metropolis_narrow(*arguments):
    """Metropolis as above, 32 lanes."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def metropolis_of_integers(*arguments):
    """Metropolis as above, small integers."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def metropolis_of_integers_narrow(*arguments):
    """Metropolis as above, small integers, 32 lanes."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def heat_bath(*arguments):
    """Heat bath (Gibbs): flip with probability 1 / (1 + exp(beta dE)), dE = -2 s f."""
    _anneal(*arguments, False)


@njit(cache=True, nogil=True)
def heat_bath_narrow(*arguments):
    """Heat bath as above, 32 lanes."""
    _anneal(*arguments, False)


@njit(cache=True, nogil=True)
def heat_bath_of_integers(*arguments):
    """Heat bath as above, small integers."""
    _anneal(*arguments, False)


@njit(cache=True, nogil=True)
def heat_bath_of_integers_narrow(*arguments):
    """Heat bath as above, small integers, 32 lanes."""
    _anneal(*arguments, False)
