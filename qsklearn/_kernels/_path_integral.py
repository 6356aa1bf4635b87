"""Worldlines of the transverse-field Ising model on sparse graphs, 64 lanes side by side.

By Suzuki's formula exp(-beta H), H = E(sigma_z) - Gamma sum_i sigma_x,i, is a classical law of P
slices of imaginary time, with exp(-beta E / P) in each and a bond of weight 1 between equal
neighbours in time, t = tanh(beta Gamma / P) between unequal ones, round a ring. Given the others,
the P spins of one site, its worldline, are a ring of their own, which is drawn as a whole and
exactly: backwards in time the 2 x 2 transfer matrices are multiplied, forwards spins are drawn.

As in the other sparse kernel a word holds one spin of the 64 lanes of a block, here for each slice;
words of one site lie side by side. A lane is one read of one model and owns its random stream.
"""

import numpy as np
from numba import njit

from qsklearn._kernels._streams import (
    draw_bits,
    exponential,
    load_generator,
    make_odd,
    seed_lane,
    store_generator,
)
from qsklearn._kernels._vectors import (
    LANES,
    at_least,
    bits_of,
    broadcast,
    floats_of,
    load,
    maximum,
    minimum,
    shift_left,
    shift_right,
    store,
    to_floats,
    where,
)

ROW = 4  # rows of couplings are padded with zeros to a multiple of it

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_SIGN = np.uint32(0x80000000)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_PARTS = 4  # vectors of a slice's weights: up and down, each for a worldline that starts up, down


@njit(cache=True, nogil=True)
def _local_field(i, time, indptr, places, couplings, fields, shared, spins):
    """f_i = h_i + sum_j J_ij s_j in one slice, as h_i - sum_j J_ij plus 2 J_ij of the spins up."""
    # No branch: numba would count references to the arrays on its sides, in this innermost loop.
    at = np.uint64(i) * (np.uint64(1) if shared else np.uint64(LANES))
    field = where(shared, broadcast(fields[at]), load(fields, at))
    k = indptr[i]
    while k < indptr[i + np.uint32(1)]:
        for part in range(np.uint32(ROW)):
            doubled = broadcast(couplings[k + part])
            # One masked sum.
            field = where(spins[places[k + part] + time], field + doubled, field)
        k += np.uint32(ROW)
    return field


@njit(cache=True, nogil=True, inline="always")
def _normalise(up, down, exponent):
    """Both over the power of two below the larger, which is added to the exponent."""
    added = shift_right(bits_of(maximum(up, down)), 23)
    factor = floats_of(shift_left(broadcast(np.uint32(254)) - added, 23))
    return up * factor, down * factor, exponent + added


@njit(cache=True, nogil=True, inline="always")
def _draw_up(up, down, state):
    """A word of the lanes that draw up, by weights; both tails are resolved to 2^-31."""
    bits, state = draw_bits(state)
    odd = make_odd(bits)
    is_up = at_least(up * to_floats(broadcast(_SIGN) - odd), down * to_floats(odd))
    return is_up, state


@njit(cache=True, nogil=True)
def _weigh_worldline(
    i, n_slices, indptr, places, couplings, fields, shared, double_beta, bond, spins, weights
):
    """Multiply the transfer matrices of a worldline from its last slice back to its first.

    Leaves the weights of all that follows from each slice on, given its spin and that of the first
    slice, which ends the ring; returns those of a first spin that is up or down. The weight of a
    spin down in its field is 1. Worldlines that start up and down have exponents of their own, for
    many slices in a strong field outweigh each other by more than a float holds.
    """
    one, nothing = broadcast(_ONE), broadcast(np.float32(0.0))
    up_from_up, down_from_up, up_from_down, down_from_down = one, nothing, nothing, one
    exponent_up = exponent_down = broadcast(np.uint32(0))
    time = n_slices
    while time > np.uint32(0):
        time -= np.uint32(1)
        up, down = up_from_up + bond * down_from_up, bond * up_from_up + down_from_up
        up_from_up, down_from_up, exponent_up = _normalise(up, down, exponent_up)
        up, down = up_from_down + bond * down_from_down, bond * up_from_down + down_from_down
        up_from_down, down_from_down, exponent_down = _normalise(up, down, exponent_down)
        field = _local_field(i, time, indptr, places, couplings, fields, shared, spins)
        weight = exponential(nothing - double_beta * field)
        up_from_up = up_from_up * weight
        up_from_down = up_from_down * weight
        at = time * np.uint32(_PARTS * LANES)
        store(weights, at, up_from_up)
        store(weights, at + np.uint32(LANES), up_from_down)
        store(weights, at + np.uint32(2 * LANES), down_from_up)
        store(weights, at + np.uint32(3 * LANES), down_from_down)
    up, _, exponent_up = _normalise(up_from_up, nothing, exponent_up)
    down, _, exponent_down = _normalise(down_from_down, nothing, exponent_down)
    # Draws do not tell 2^-31 from less, so that the difference may be cut.
    lead = minimum(exponent_up - exponent_down, broadcast(np.uint32(60)))  # signed
    lead = maximum(lead, broadcast(np.uint32(2**32 - 60)))
    return up * floats_of(shift_left(lead + broadcast(np.uint32(127)), 23)), down


@njit(cache=True, nogil=True)
def _draw_worldline(at, n_slices, bond, up, down, weights, spins, state):
    """Draw the spins of a worldline one after the other, each given the one before."""
    first, state = _draw_up(up, down, state)
    spins[at] = word = first
    time = np.uint32(1)
    while time < n_slices:
        k = time * np.uint32(_PARTS * LANES)
        up = where(first, load(weights, k), load(weights, k + np.uint32(LANES)))
        k += np.uint32(2 * LANES)
        down = where(first, load(weights, k), load(weights, k + np.uint32(LANES)))
        word, state = _draw_up(where(word, up, bond * up), where(word, bond * down, down), state)
        spins[at + time] = word
        time += np.uint32(1)
    return state


@njit(cache=True, nogil=True)
def _sweep(
    order, n_slices, indptr, places, couplings, fields, shared, double_betas, bonds, generator,
    spins, weights,
):  # fmt: skip
    """Draw each worldline once; a function of its own, so that the generator is not in memory."""
    state = load_generator(generator, 0, spins)
    double_beta, bond = load(double_betas, 0), load(bonds, 0)
    for step in range(order.shape[0]):
        i = order[step]
        up, down = _weigh_worldline(
            i, n_slices, indptr, places, couplings, fields, shared, double_beta, bond, spins,
            weights,
        )  # fmt: skip
        state = _draw_worldline(
            i * n_slices, n_slices, bond, up, down, weights, spins, state
        )  # fmt: skip
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _draw_one_hot(
    one_hot, n_slices, indptr, places, couplings, fields, shared, double_betas, generator, spins,
    weights,
):  # fmt: skip
    """Draw a one-hot unit, the same in all slices: P(c) proportional to exp(-2 beta f_c / P)."""
    state = load_generator(generator, 0, spins)
    double_beta = load(double_betas, 0)
    width = one_hot[1] - one_hot[0]
    lowest = broadcast(np.float32(np.inf))
    for c in range(width):
        i = np.uint32(one_hot[0] + c)
        field = broadcast(np.float32(0.0))
        for time in range(n_slices):
            field = field + _local_field(
                i, time, indptr, places, couplings, fields, shared, spins
            )  # fmt: skip
        weight = field * double_beta
        store(weights, c * LANES, weight)
        lowest = minimum(lowest, weight)
    total = broadcast(np.float32(0.0))
    for c in range(width):
        total = total + exponential(lowest - load(weights, c * LANES))
        store(weights, c * LANES, total)
    bits, state = draw_bits(state)
    sought = to_floats(make_odd(bits)) * broadcast(np.float32(2.0**-31)) * total
    open_lanes = _ALL
    for c in range(width):
        # The last interval is open above: rounding may leave what is sought at the total.
        inside = open_lanes
        if c < width - 1:
            inside = open_lanes & ~at_least(sought, load(weights, c * LANES))
        open_lanes &= ~inside
        at = (one_hot[0] + c) * n_slices
        spins[at : at + n_slices] = inside
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _start_spins(
    first_lane, n_lanes, num_reads, n_slices, initial_states, one_hot, generator, spins
):
    """Given or random spins of a block, the same in all slices."""
    n_spins = spins.shape[0] // n_slices
    if initial_states.shape[0] > 0:
        spins[:] = np.uint64(0)
        for lane in range(LANES):
            read = min(first_lane + lane, n_lanes - 1)
            for i in range(n_spins):
                up = initial_states[read // num_reads, read % num_reads, i] > 0
                spins[i * n_slices] |= np.uint64(up) << np.uint64(lane)
    else:
        state = load_generator(generator, 0, spins)
        for i in range(n_spins):
            bits, state = draw_bits(state)
            spins[i * n_slices] = at_least(bits, broadcast(np.uint32(0)))
        bits, state = draw_bits(state)
        store_generator(generator, 0, state)
        _start_one_hot(one_hot, n_slices, bits, spins)
    for i in range(n_spins):
        spins[i * n_slices : (i + 1) * n_slices] = spins[i * n_slices]


@njit(cache=True, nogil=True)
def _start_one_hot(one_hot, n_slices, bits, spins):
    """One spin of the unit up in the first slice, each as often."""
    width = one_hot[1] - one_hot[0]
    if width == 0:
        return
    drawn = np.empty(LANES, np.uint32)
    store(drawn, 0, bits)
    for c in range(width):
        spins[(one_hot[0] + c) * n_slices] = np.uint64(0)
    for lane in range(LANES):
        chosen = one_hot[0] + ((np.uint64(drawn[lane]) * np.uint64(width)) >> np.uint64(32))
        spins[chosen * n_slices] |= np.uint64(1) << np.uint64(lane)


@njit(cache=True, nogil=True)
def _lay_out(first_lane, n_lanes, num_reads, values):
    """Rows of models as the lanes of a block need them: columns of lanes, or one row to share.

    Returns them with a word, all of whose bits are set where the lanes are reads of one model. Then
    what follows the row is never used, but read.
    """
    first_model = first_lane // num_reads
    if first_model == (min(first_lane + LANES, n_lanes) - 1) // num_reads:
        row = np.zeros(values.shape[1] + LANES, values.dtype)
        row[: values.shape[1]] = values[first_model]
        return row, _ALL
    columns = np.empty(values.shape[1] * LANES, values.dtype)
    for lane in range(LANES):
        model = min(first_lane + lane, n_lanes - 1) // num_reads
        for i in range(values.shape[1]):
            columns[i * LANES + lane] = values[model, i]
    return columns, np.uint64(0)


@njit(cache=True, nogil=True)
def _weigh_slice(
    time, n_slices, indptr, places, exact_couplings, fields, shared, spins, slice_energies
):
    """Exact energies of one slice, E = sum_i s_i (h_i + f_i) / 2."""
    total = broadcast(0.0)
    for i in range(indptr.shape[0] - 1):
        sum_of_neighbours = broadcast(0.0)
        for k in range(indptr[i], indptr[i + 1]):
            up = broadcast(exact_couplings[k])
            down = broadcast(-exact_couplings[k])
            sum_of_neighbours = sum_of_neighbours + where(spins[places[k] + time], up, down)
        field = broadcast(fields[i]) if shared else load(fields, i * LANES)
        field = field + sum_of_neighbours * broadcast(0.5)
        total = total + where(spins[i * n_slices + time], field, broadcast(0.0) - field)
    store(slice_energies, 0, total)


@njit(cache=True, nogil=True)
def _finish_block(
    first_lane, num_reads, n_slices, n_seen, indptr, places, exact_couplings, exact_fields, keep,
    spins, states, energies,
):  # fmt: skip
    """Write the kept spins and the energies of each lane's lowest slice among the first ones."""
    n_lanes = exact_fields.shape[0] * num_reads
    fields, shared = _lay_out(first_lane, n_lanes, num_reads, exact_fields)
    slice_energies = np.empty(LANES)
    lowest = np.full(LANES, np.inf)
    chosen = np.zeros(LANES, np.int64)
    for time in range(n_seen):
        _weigh_slice(
            time, n_slices, indptr, places, exact_couplings, fields, shared, spins, slice_energies
        )
        for lane in range(LANES):
            if slice_energies[lane] < lowest[lane]:
                lowest[lane] = slice_energies[lane]
                chosen[lane] = time
    for lane in range(min(LANES, n_lanes - first_lane)):
        model = (first_lane + lane) // num_reads
        read = first_lane + lane - model * num_reads
        energies[model, read] = lowest[lane]
        for k in range(keep.shape[0]):
            word = spins[keep[k] * n_slices + chosen[lane]]
            up = (word >> np.uint64(lane)) & np.uint64(1)
            states[model, read, k] = np.int8(2 * np.int8(up) - 1)


@njit(cache=True, nogil=True)
def draw_worldlines(
    indptr, places,  # IN: uint32, rows padded to multiples of ROW; neighbours' numbers times P
    couplings, exact_couplings,  # IN: their 2 J, scaled float32; J in float64
    fields, exact_fields,  # IN: (n_models, n_spins), scaled h - sum_j J float32; h in float64
    betas,  # IN: (n_models, num_sweeps) float32, beta / P times the scale of the fields
    bonds,  # IN: (n_models, num_sweeps) float32, tanh(beta Gamma / P) as float32; 0 or > 1e-30
    order, one_hot,  # IN: uint32, order of updates; (start, stop) of the one-hot unit, the last
    n_slices, n_seen,  # IN: P; slices of which the lowest is returned: 1 (the first) or P
    keys,  # IN: (n_models, 2)
    initial_states,  # IN: (n_models or 0, num_reads, n_spins) int8
    keep,  # IN: (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    stop,  # IN: (1,); set from elsewhere to end at the next sweep
    first, last,  # IN: range of blocks of LANES lanes
):  # fmt: skip
    """Heat bath of whole worldlines, site by site."""
    n_models, n_spins = fields.shape
    num_reads = states.shape[1]
    n_lanes = n_models * num_reads
    n_times = np.uint32(n_slices)
    spins = np.empty(n_spins * n_slices, np.uint64)
    generator = np.empty(4 * LANES, np.uint32)
    double_betas = np.empty(LANES, np.float32)
    lane_bonds = np.empty(LANES, np.float32)
    weights = np.empty(max(_PARTS * n_slices, one_hot[1] - one_hot[0]) * LANES, np.float32)
    for block in range(first, last):
        first_lane = block * LANES
        for lane in range(LANES):
            model = min(first_lane + lane, n_lanes - 1) // num_reads
            read = first_lane + lane - model * num_reads
            seed_lane(keys[model, 0], keys[model, 1], read, generator, lane)
        _start_spins(
            first_lane, n_lanes, num_reads, n_slices, initial_states, one_hot, generator, spins
        )
        block_fields, shared = _lay_out(first_lane, n_lanes, num_reads, fields)
        for sweep in range(betas.shape[1]):
            if stop[0]:
                break
            for lane in range(LANES):
                model = min(first_lane + lane, n_lanes - 1) // num_reads
                double_betas[lane] = _TWO * betas[model, sweep]
                lane_bonds[lane] = bonds[model, sweep]
            _sweep(
                order, n_times, indptr, places, couplings, block_fields, shared, double_betas,
                lane_bonds, generator, spins, weights,
            )  # fmt: skip
            if one_hot[1] > one_hot[0]:
                _draw_one_hot(
                    one_hot, n_times, indptr, places, couplings, block_fields, shared,
                    double_betas, generator, spins, weights,
                )  # fmt: skip
        _finish_block(
            first_lane, num_reads, n_slices, n_seen, indptr, places, exact_couplings, exact_fields,
            keep, spins, states, energies,
        )  # fmt: skip
