"""Annealing on dense graphs with cached local fields, 64 spins side by side.

The spins of a read lie in words of 64, a chunk each, with their local fields beside them. For a
chunk all thresholds are drawn and compared at once; the lowest spin that flips adds its couplings
to the chunk's fields, and those above it are compared anew, which is the sequential sweep. The rows
of J of all that flipped are then added to the fields of the other chunks, a few rows a pass. Reads
take turns at a chunk, so that its rows serve all reads of a block while they are in cache. Each
read owns its random stream, so draws do not depend on the blocks.

Both rules are one comparison: a spin flips where -beta dE = 2 beta s f is at least a random
threshold, log u for Metropolis and log u / (1 - u) for the heat bath.
"""

import numpy as np
from numba import njit
from numba.extending import overload

from qsklearn._kernels._streams import (
    draw_bits,
    load_generator,
    log_uniform,
    make_odd,
    mix,
    seed_lane,
    store_generator,
)
from qsklearn._kernels._vectors import (
    FLOATS,
    LANES,
    QUARTER,
    SHORTS,
    at_least,
    bits_of,
    broadcast,
    broadcast_quarter,
    floats_of,
    load,
    load_quarter,
    lowest_lane,
    store,
    to_floats,
    to_shorts,
    where,
)

_CACHE_LINE = 64  # bytes
_REFRESH = 64  # sweeps between exact refreshes of the float32 fields

_LOW_LANES = np.uint64(2**QUARTER - 1)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_SIGN = np.uint32(0x80000000)


@njit(cache=True, nogil=True, inline="always")
def _draw_threshold(state, accept_by_metropolis):
    """The random threshold of each lane: log u, or log u / (1 - u)."""
    bits, state = draw_bits(state)
    odd = make_odd(bits)
    threshold = log_uniform(odd)
    if not accept_by_metropolis:
        threshold = threshold - log_uniform(broadcast(_SIGN) - odd)
    return threshold, state


def _add_row(field, couplings, row, up):
    """Fields plus twice a row of J, or minus where the word ``up`` is 0: its spin flipped."""
    raise NotImplementedError  # for numba, which has one for each kind of field


@overload(_add_row)
def _add_row_by_type(field, couplings, row, up):
    def of_floats(field, couplings, row, up):
        change = np.float32(2.0) if up else np.float32(-2.0)  # a scalar: in one register
        return field + broadcast(change) * load(couplings, row)

    def of_shorts(field, couplings, row, up):
        coupling = to_shorts(_signed(load(couplings, row), up))
        return field + coupling + coupling

    return {FLOATS: of_floats, SHORTS: of_shorts}.get(field)


@njit(cache=True, nogil=True, inline="always")
def _signed(coupling, up):
    return where(up, coupling, broadcast(np.int8(0)) - coupling)


def _add_four(field, couplings, row_0, row_1, row_2, row_3, up_0, up_1, up_2, up_3):
    """Fields plus four rows, as above."""
    raise NotImplementedError


@overload(_add_four)
def _add_four_by_type(field, couplings, row_0, row_1, row_2, row_3, up_0, up_1, up_2, up_3):
    def of_floats(field, couplings, row_0, row_1, row_2, row_3, up_0, up_1, up_2, up_3):
        field = _add_row(field, couplings, row_0, up_0)
        field = _add_row(field, couplings, row_1, up_1)
        field = _add_row(field, couplings, row_2, up_2)
        return _add_row(field, couplings, row_3, up_3)

    def of_shorts(field, couplings, row_0, row_1, row_2, row_3, up_0, up_1, up_2, up_3):
        coupling = _signed(load(couplings, row_0), up_0) + _signed(load(couplings, row_1), up_1)
        coupling = coupling + _signed(load(couplings, row_2), up_2)  # four fit in a byte
        coupling = to_shorts(coupling + _signed(load(couplings, row_3), up_3))
        return field + coupling + coupling

    return {FLOATS: of_floats, SHORTS: of_shorts}.get(field)


@njit(cache=True, nogil=True)
def _add_rows(rows, ups, n_rows, couplings, stride, skipped, local, start):
    """Add the rows of J of spins that flipped to all local fields of a read but those of a chunk.

    Four rows a pass, which saves loads and stores of the fields; the last row of J is empty and
    fills the fours up.
    """
    for place in range(n_rows, (n_rows + 3) // 4 * 4):
        rows[place] = couplings.shape[0] - 1
    for first in range(0, n_rows, 4):
        row_0, row_1 = rows[first] * stride, rows[first + 1] * stride
        row_2, row_3 = rows[first + 2] * stride, rows[first + 3] * stride
        up_0, up_1, up_2, up_3 = ups[first], ups[first + 1], ups[first + 2], ups[first + 3]
        for at in range(0, stride, LANES):
            if at != skipped:
                field = _add_four(
                    load(local, start + at), couplings, row_0 + at, row_1 + at, row_2 + at,
                    row_3 + at, up_0, up_1, up_2, up_3,
                )  # fmt: skip
                store(local, start + at, field)


@njit(cache=True, nogil=True)
def _refresh(model, reads, fields, couplings, stride, spins, local, rows, ups):
    """Local fields of all reads of a block anew: h_i - sum_j J_ij, plus 2 J_ij of the spins up."""
    n_chunks = stride // LANES
    for lane in range(reads):
        local[lane * stride : (lane + 1) * stride] = fields[model]
    for chunk in range(n_chunks):
        for lane in range(reads):
            n_rows = 0
            for k in range(LANES):
                ups[k] = _ALL
                if (spins[lane * n_chunks + chunk] >> np.uint64(k)) & np.uint64(1):
                    rows[n_rows] = chunk * LANES + k
                    n_rows += 1
            _add_rows(rows, ups, n_rows, couplings, stride, -1, local, lane * stride)


@njit(cache=True, nogil=True)
def _start_read(
    model, read, lane, n_chunks, key_0, key_1, initial_states, clamped, generator, spins, free
):
    """Seed one read, set its spins, given or random, and say which of them may move."""
    key = mix(key_0 + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1))
    at = lane * 4 * LANES
    for of_chunk in range(LANES):
        seed_lane(key, key_1, of_chunk, generator, at + of_chunk)
    state = load_generator(generator, at, spins)
    for chunk in range(n_chunks):
        bits, state = draw_bits(state)
        there = _ALL >> np.uint64(max((chunk + 1) * LANES - clamped.shape[2], 0))
        spins[lane * n_chunks + chunk] = at_least(bits, broadcast(np.uint32(0))) & there
        free[lane * n_chunks + chunk] = np.uint64(0)
    store_generator(generator, at, state)
    for i in range(clamped.shape[2]):
        chunk, bit = lane * n_chunks + i // LANES, np.uint64(1) << np.uint64(i % LANES)
        if clamped.shape[0] == 0 or not clamped[model, read, i]:
            free[chunk] |= bit
        if initial_states.shape[0] > 0:
            spins[chunk] &= ~bit
            if initial_states[model, read, i] > 0:
                spins[chunk] |= bit


@njit(cache=True, nogil=True)
def _update_chunk(
    chunk, lane, couplings, stride, double_beta, accept_by_metropolis, generator, spins, free,
    local, rows, ups, thresholds,
):  # fmt: skip
    """One pass over the 64 spins of a chunk of one read, in order; returns how many flipped."""
    at_read = lane * 4 * LANES
    at_word = lane * (stride // LANES) + chunk
    at_fields = lane * stride + chunk * LANES
    state = load_generator(generator, at_read, spins)
    threshold, state = _draw_threshold(state, accept_by_metropolis)
    store_generator(generator, at_read, state)
    store(thresholds, 0, threshold)
    all_fields = load(local, at_fields)
    word = spins[at_word]
    flipped = np.uint64(0)
    n_flipped = 0
    for of_quarter in range(0, LANES, QUARTER):
        store(local, at_fields, all_fields)
        # A spin is decided before it flips, so the signs of those to come are those of the word.
        positive, negative = broadcast_quarter(np.uint32(0)), broadcast_quarter(_SIGN)
        signs = where(word >> np.uint64(of_quarter), positive, negative)
        factor = broadcast_quarter(double_beta)
        field = to_floats(load_quarter(local, at_fields + of_quarter)) * factor
        margin = floats_of(bits_of(field) ^ signs) - load_quarter(thresholds, of_quarter)
        factor = factor + factor
        remaining = (free[at_word] >> np.uint64(of_quarter)) & _LOW_LANES
        while True:
            flips = at_least(margin, broadcast_quarter(np.float32(0.0))) & remaining
            if flips == np.uint64(0):
                break
            of_lane = lowest_lane(flips)
            remaining &= _LOW_LANES << (of_lane + np.uint64(1))
            k = np.uint64(of_quarter) + of_lane
            flipped |= np.uint64(1) << k
            was_up = (word >> k) & np.uint64(1)
            row = np.int64(chunk * LANES) + np.int64(k)
            at_row = row * stride + chunk * LANES
            couples = bits_of(to_floats(load_quarter(couplings, at_row + of_quarter))) ^ signs
            # Its change, -2 s, has the sign that its spin had, turned round.
            sign_of_change = broadcast_quarter(np.uint32(was_up << np.uint64(31)))
            margin = margin + factor * floats_of(couples ^ sign_of_change)
            rows[n_flipped], ups[n_flipped] = row, was_up - np.uint64(1)
            all_fields = _add_row(all_fields, couplings, at_row, was_up - np.uint64(1))
            n_flipped += 1
    store(local, at_fields, all_fields)
    spins[at_word] = word ^ flipped
    return n_flipped


@njit(cache=True, nogil=True)
def _finish_block(
    model, first_read, reads, exact_couplings, exact_fields, keep, spins, states, energies
):
    """Write the kept spins and exact energies of a block, a row of J for all its reads."""
    n_spins, stride = exact_fields.shape[1], exact_couplings.shape[1]
    n_chunks = stride // LANES
    for lane in range(reads):
        energies[model, first_read + lane] = 0.0
        for k in range(keep.shape[0]):
            up = (
                spins[lane * n_chunks + keep[k] // LANES] >> np.uint64(keep[k] % LANES)
            ) & np.uint64(1)
            states[model, first_read + lane, k] = np.int8(2 * np.int8(up) - 1)
    by_column = np.empty(LANES)
    for i in range(n_spins):
        for lane in range(reads):
            total = broadcast(0.0)
            for chunk in range(i // LANES + 1):
                row = load(exact_couplings, i * stride + chunk * LANES)
                total = total + where(spins[lane * n_chunks + chunk], row, broadcast(0.0) - row)
            store(by_column, 0, total)
            field = exact_fields[model, i] + by_column.sum()
            up = (spins[lane * n_chunks + i // LANES] >> np.uint64(i % LANES)) & np.uint64(1)
            energies[model, first_read + lane] += field if up else -field


@njit(cache=True, nogil=True)
def _empty_from_cache_line(size, like):
    """An array that begins with a cache line, across two of which loads take twice the time."""
    buffer = np.empty(size + _CACHE_LINE, like.dtype)
    first = (-buffer.ctypes.data % _CACHE_LINE) // like.itemsize
    return buffer[first : first + size]


@njit(cache=True, nogil=True)
def _anneal(
    couplings, exact_couplings,  # IN: J in rows padded to chunks, scaled float32, or int8 up to 31
    # for integers, and an empty row behind them; its lower triangle in float64
    fields, exact_fields,  # IN: h - sum_j J, padded, float32 or int16; (n_models, n_spins), float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    last_sweeps,  # IN: sweeps at the end that are run even if told to stop
    reads_per_block,  # IN: ceil(num_reads / reads_per_block) blocks a model
    keys,  # IN: (n_models, 2)
    initial_states, clamped,  # IN: (n_models or 0, num_reads, n_spins), int8 and bool
    keep,  # IN: (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    stop,  # IN: (1,); set from elsewhere to end at the next sweep
    first, last,  # IN: range of blocks
    accept_by_metropolis,
):  # fmt: skip
    num_reads, num_sweeps, stride = states.shape[1], betas.shape[1], couplings.shape[1]
    n_chunks = stride // LANES
    blocks_per_model = (num_reads + reads_per_block - 1) // reads_per_block
    spins = np.empty(reads_per_block * n_chunks, np.uint64)
    free = np.empty(reads_per_block * n_chunks, np.uint64)
    local = _empty_from_cache_line(reads_per_block * stride, fields)
    generator = np.empty(reads_per_block * 4 * LANES, np.uint32)
    rows = np.empty(LANES, np.int64)
    ups = np.empty(LANES, np.uint64)
    thresholds = np.empty(LANES, np.float32)
    for block in range(first, last):
        model = block // blocks_per_model
        first_read = (block - model * blocks_per_model) * reads_per_block
        reads = min(reads_per_block, num_reads - first_read)
        for lane in range(reads):
            _start_read(
                model, first_read + lane, lane, n_chunks, keys[model, 0], keys[model, 1],
                initial_states, clamped, generator, spins, free,
            )  # fmt: skip
        sweep = until_refresh = 0
        while sweep < num_sweeps:
            if stop[0] and sweep < num_sweeps - last_sweeps:
                sweep = num_sweeps - last_sweeps
                continue
            if until_refresh == 0:
                until_refresh = _REFRESH
                _refresh(model, reads, fields, couplings, stride, spins, local, rows, ups)
            double_beta = np.float32(2.0) * betas[model, sweep]
            for chunk in range(n_chunks):
                for lane in range(reads):
                    n_flipped = _update_chunk(
                        chunk, lane, couplings, stride, double_beta, accept_by_metropolis,
                        generator, spins, free, local, rows, ups, thresholds,
                    )  # fmt: skip
                    _add_rows(
                        rows, ups, n_flipped, couplings, stride, chunk * LANES, local,
                        lane * stride,
                    )  # fmt: skip
            sweep += 1
            until_refresh -= 1
        _finish_block(
            model, first_read, reads, exact_couplings, exact_fields, keep, spins, states, energies
        )


# One kernel for each rule and kind of bias, so that each is compiled once. They take _anneal's
# arguments but its last.


@njit(cache=True, nogil=True)
def metropolis(*arguments):
    """Single-spin Metropolis: flip with probability min(1, exp(-beta dE)), dE = -2 s f."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def metropolis_of_integers(*arguments):
    """Single-spin Metropolis: flip with probability min(1, exp(-beta dE)), small integers only."""
    _anneal(*arguments, True)


@njit(cache=True, nogil=True)
def heat_bath(*arguments):
    """Heat bath (Gibbs): flip with probability 1 / (1 + exp(beta dE)), dE = -2 s f."""
    _anneal(*arguments, False)


@njit(cache=True, nogil=True)
def heat_bath_of_integers(*arguments):
    """Heat bath (Gibbs): flip with probability 1 / (1 + exp(beta dE)), small integers only."""
    _anneal(*arguments, False)
