"""Annealing on sparse graphs, 64 lanes side by side.

A lane is one read of one model, and a word of 64 bits holds one spin of the 64 lanes of a block, so
that the spins of a large graph stay in the first caches and a spin's local field is a sum of
couplings chosen by words. Models of a family share the couplings and differ in the fields, so
lanes of different models share a block. Each lane owns its random stream, so the draws do not
depend on how lanes are packed, nor on how many there are. Where 64 would be too many, words of 32
bits serve 32 lanes; arrays with a place for each lane keep their stride of 64.

Both rules are one comparison: a spin flips where -beta dE = 2 beta s f is at least a random
threshold, log u for Metropolis and log u / (1 - u) for the heat bath. Where all biases are small
integers the fields are bytes, and the threshold is rounded down, which decides the same.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

from qsklearn._kernels._streams import (
    draw_bits,
    exponential,
    load_generator,
    log_uniform,
    make_odd,
    seed_lane,
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
    store,
    to_bytes,
    to_floats,
    where,
)

ROW = 4  # rows of couplings are padded with zeros to a multiple of it

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_SIGN = np.uint32(0x80000000)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)


@njit(cache=True, nogil=True, inline="always")
def _count_lanes(words):
    return 8 * words.itemsize


@njit(cache=True, nogil=True)
def _local_field(i, indptr, indices, couplings, fields, shared, spins):
    """f_i = h_i + sum_j J_ij s_j of each lane, as h_i - sum_j J_ij plus 2 J_ij of the spins up."""
    # No branch: numba would count references to the arrays on its sides, in this innermost loop.
    at = np.uint64(i) * (np.uint64(1) if shared else np.uint64(LANES))
    field = where(shared, broadcast_like(fields[at], spins), load_like(fields, at, spins))
    k = indptr[i]
    while k < indptr[i + np.uint32(1)]:
        for part in range(np.uint32(ROW)):
            doubled = broadcast_like(couplings[k + part], spins)
            field = where(spins[indices[k + part]], field + doubled, field)  # one masked sum
        k += np.uint32(ROW)
    return field


def _flips(field, word, double_beta, threshold):
    """A word of the lanes whose spin flips: those with 2 beta s f >= threshold."""
    raise NotImplementedError  # for numba, which has one for each kind of field


@overload(_flips, inline="always")
def _flips_by_type(field, word, double_beta, threshold):
    def of_floats(field, word, double_beta, threshold):
        nothing, sign = broadcast_like(np.uint32(0), field), broadcast_like(_SIGN, field)
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
        field = _local_field(i, indptr, indices, couplings, fields, shared, spins)
        bits, state = draw_bits(state)
        threshold = log_uniform(make_odd(bits))
        spins[i] ^= _flips(field, spins[i], double_beta, threshold) & free[i]
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _sweep_heat_bath(
    order, indptr, indices, couplings, fields, shared, double_betas, generator, spins, free
):
    """Update each spin once, as above."""
    state = load_generator(generator, 0, spins)
    double_beta = load_like(double_betas, 0, spins)
    for step in range(order.shape[0]):
        i = order[step]
        field = _local_field(i, indptr, indices, couplings, fields, shared, spins)
        bits, state = draw_bits(state)
        odd = make_odd(bits)
        threshold = log_uniform(odd) - log_uniform(broadcast_like(_SIGN, spins) - odd)
        spins[i] ^= _flips(field, spins[i], double_beta, threshold) & free[i]
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _draw_one_hot(
    one_hot, indptr, indices, couplings, fields, shared, double_betas, generator, spins, free,
    weights,
):  # fmt: skip
    """Draw a one-hot unit given all else: P(c) proportional to exp(-2 beta f_c)."""
    state = load_generator(generator, 0, spins)
    double_beta = load_like(double_betas, 0, spins)
    width = one_hot[1] - one_hot[0]
    lowest = broadcast_like(np.float32(np.inf), spins)
    for c in range(width):
        i = np.uint32(one_hot[0] + c)
        field = _local_field(i, indptr, indices, couplings, fields, shared, spins)
        weight = to_floats(field) * double_beta
        store(weights, c * LANES, weight)
        lowest = minimum(lowest, weight)
    total = broadcast_like(np.float32(0.0), spins)
    for c in range(width):
        total = total + exponential(lowest - load_like(weights, c * LANES, spins))
        store(weights, c * LANES, total)
    bits, state = draw_bits(state)
    sought = to_floats(make_odd(bits)) * broadcast_like(np.float32(2.0**-31), spins) * total
    open_lanes = _ALL
    for c in range(width):
        # The last interval is open above: rounding may leave what is sought at the total.
        inside = open_lanes
        if c < width - 1:
            inside = open_lanes & ~at_least(sought, load_like(weights, c * LANES, spins))
        open_lanes &= ~inside
        i = one_hot[0] + c
        spins[i] = (spins[i] & ~free[i]) | (inside & free[i])
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _start_spins(first_lane, n_lanes, num_reads, initial_states, one_hot, generator, spins):
    """Given or random spins of a block."""
    if initial_states.shape[0] > 0:
        spins[:] = 0
        for lane in range(_count_lanes(spins)):
            at = min(first_lane + lane, n_lanes - 1)
            for i in range(spins.shape[0]):
                up = initial_states[at // num_reads, at % num_reads, i] > 0
                spins[i] |= np.uint64(up) << np.uint64(lane)
        return
    state = load_generator(generator, 0, spins)
    for i in range(spins.shape[0]):
        bits, state = draw_bits(state)
        spins[i] = at_least(bits, broadcast_like(np.uint32(0), spins))
    width = one_hot[1] - one_hot[0]
    if width > 0:
        bits, state = draw_bits(state)
        drawn = np.empty(LANES, np.uint32)
        store(drawn, 0, bits)
        spins[one_hot[0] : one_hot[1]] = 0
        for lane in range(_count_lanes(spins)):
            chosen = one_hot[0] + ((np.uint64(drawn[lane]) * np.uint64(width)) >> np.uint64(32))
            spins[chosen] |= np.uint64(1) << np.uint64(lane)
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _start_free(first_lane, n_lanes, num_reads, clamped, free):
    """Words of the spins that may move; no ``clamped`` means all."""
    free[:] = ~free.dtype.type(0)
    if clamped.shape[0] == 0:
        return
    for lane in range(_count_lanes(free)):
        at = min(first_lane + lane, n_lanes - 1)
        for i in range(free.shape[0]):
            held = clamped[at // num_reads, at % num_reads, i]
            free[i] &= ~(np.uint64(held) << np.uint64(lane))


@njit(cache=True, nogil=True)
def _lay_out(first_lane, lanes, n_lanes, num_reads, values):
    """Rows of models as the lanes of a block need them: columns of lanes, or one row to share.

    Returns them with a word, all of whose bits are set where the lanes are reads of one model. Then
    what follows the row is never used, but read.
    """
    first_model = first_lane // num_reads
    if first_model == (min(first_lane + lanes, n_lanes) - 1) // num_reads:
        row = np.zeros(values.shape[1] + LANES, values.dtype)
        row[: values.shape[1]] = values[first_model]
        return row, _ALL
    columns = np.empty(values.shape[1] * LANES, values.dtype)
    for lane in range(lanes):
        model = min(first_lane + lane, n_lanes - 1) // num_reads
        for i in range(values.shape[1]):
            columns[i * LANES + lane] = values[model, i]
    return columns, np.uint64(0)


@njit(cache=True, nogil=True)
def _finish_block(
    first_lane, num_reads, indptr, indices, exact_couplings, exact_fields, keep, spins, states,
    energies,
):  # fmt: skip
    """Write the kept spins and the exact energies of a block, E = sum_i s_i (h_i + f_i) / 2."""
    lanes, n_lanes = _count_lanes(spins), exact_fields.shape[0] * num_reads
    fields, shared = _lay_out(first_lane, lanes, n_lanes, num_reads, exact_fields)
    total = broadcast_like(0.0, spins)
    for i in range(spins.shape[0]):
        sum_of_neighbours = broadcast_like(0.0, spins)
        for k in range(indptr[i], indptr[i + 1]):
            up = broadcast_like(exact_couplings[k], spins)
            down = broadcast_like(-exact_couplings[k], spins)
            sum_of_neighbours = sum_of_neighbours + where(spins[indices[k]], up, down)
        field = broadcast_like(fields[i], spins) if shared else load_like(fields, i * LANES, spins)
        field = field + sum_of_neighbours * broadcast_like(0.5, spins)
        total = total + where(spins[i], field, broadcast_like(0.0, spins) - field)
    by_lane = np.empty(LANES)
    store(by_lane, 0, total)
    for lane in range(min(lanes, n_lanes - first_lane)):
        model = (first_lane + lane) // num_reads
        read = first_lane + lane - model * num_reads
        energies[model, read] = by_lane[lane]
        for k in range(keep.shape[0]):
            up = (np.uint64(spins[keep[k]]) >> np.uint64(lane)) & np.uint64(1)
            states[model, read, k] = np.int8(2 * np.int8(up) - 1)


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
    lanes, n_lanes = _count_lanes(words), n_models * num_reads
    spins = np.empty(n_spins, words.dtype)
    free = np.empty(n_spins, words.dtype)
    generator = np.empty(4 * LANES, np.uint32)
    double_betas = np.empty(LANES, np.float32)
    weights = np.empty((one_hot[1] - one_hot[0]) * LANES, np.float32)
    for block in range(first, last):
        first_lane = block * lanes
        for lane in range(lanes):
            model = min(first_lane + lane, n_lanes - 1) // num_reads
            read = first_lane + lane - model * num_reads
            seed_lane(keys[model, 0], keys[model, 1], read, generator, lane)
        _start_spins(first_lane, n_lanes, num_reads, initial_states, one_hot, generator, spins)
        _start_free(first_lane, n_lanes, num_reads, clamped, free)
        block_fields, shared = _lay_out(first_lane, lanes, n_lanes, num_reads, fields)
        sweep = 0
        while sweep < num_sweeps:
            if stop[0] and sweep < num_sweeps - last_sweeps:
                sweep = num_sweeps - last_sweeps
                continue
            for lane in range(lanes):
                model = min(first_lane + lane, n_lanes - 1) // num_reads
                double_betas[lane] = _TWO * betas[model, sweep]
            if accept_by_metropolis:
                _sweep_metropolis(
                    order, indptr, indices, couplings, block_fields, shared, double_betas,
                    generator, spins, free,
                )  # fmt: skip
            else:
                _sweep_heat_bath(
                    order, indptr, indices, couplings, block_fields, shared, double_betas,
                    generator, spins, free,
                )  # fmt: skip
            if weights.shape[0] > 0:
                _draw_one_hot(
                    one_hot, indptr, indices, couplings, block_fields, shared, double_betas,
                    generator, spins, free, weights,
                )  # fmt: skip
            sweep += 1
        _finish_block(
            first_lane, num_reads, indptr, indices, exact_couplings, exact_fields, keep, spins,
            states, energies,
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
