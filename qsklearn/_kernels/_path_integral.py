"""Worldlines of the transverse-field Ising model on sparse graphs, 64 lanes side by side.

By Suzuki's formula exp(-beta H), H = E(sigma_z) - Gamma sum_i sigma_x,i, is a classical law of P
slices of imaginary time, with exp(-beta E / P) in each and a bond of weight 1 between equal
neighbours in time, t = tanh(beta Gamma / P) between unequal ones, round a ring. Given the others,
the P spins of one site, its worldline, are a ring of their own, which is drawn as a whole and
exactly: backwards in time the 2 x 2 transfer matrices are multiplied, forwards spins are drawn.

A word of 64 bits holds one spin of the 64 lanes of a block in one slice (see
:mod:`qsklearn._kernels._blocks`); words of one site lie side by side.
"""

import numpy as np
from numba import njit

from qsklearn._kernels._blocks import (
    ALL,
    SIGN,
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
    exponential,
    load_generator,
    make_odd,
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

_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_PARTS = 4  # vectors of a slice's weights: up and down, each for a worldline that starts up, down


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
    is_up = at_least(up * to_floats(broadcast(SIGN) - odd), down * to_floats(odd))
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
        field = local_field(i, time, indptr, places, couplings, fields, shared, spins)
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
    starts = np.empty(n_spins, np.uint64)
    free = np.full(n_spins, ALL)
    generator = np.empty(4 * LANES, np.uint32)
    double_betas = np.empty(LANES, np.float32)
    lane_bonds = np.empty(LANES, np.float32)
    weights = np.empty(max(_PARTS * n_slices, one_hot[1] - one_hot[0]) * LANES, np.float32)
    for block in range(first, last):
        first_lane = block * LANES
        seed_block(first_lane, LANES, n_lanes, num_reads, keys, generator)
        if initial_states.shape[0] > 0:
            take_spins(first_lane, n_lanes, num_reads, initial_states, starts)
        else:
            draw_spins(generator, starts)
            start_one_hot(one_hot, generator, starts)
        for i in range(n_spins):
            spins[i * n_slices : (i + 1) * n_slices] = starts[i]
        block_fields, shared = lay_out(first_lane, LANES, n_lanes, num_reads, fields)
        for sweep in range(betas.shape[1]):
            if stop[0]:
                break
            for lane in range(LANES):
                model, _ = find_read(first_lane + lane, n_lanes, num_reads)
                double_betas[lane] = _TWO * betas[model, sweep]
                lane_bonds[lane] = bonds[model, sweep]
            _sweep(
                order, n_times, indptr, places, couplings, block_fields, shared, double_betas,
                lane_bonds, generator, spins, weights,
            )  # fmt: skip
            if one_hot[1] > one_hot[0]:
                draw_one_hot(
                    one_hot, n_times, indptr, places, couplings, block_fields, shared,
                    double_betas, generator, spins, free, weights,
                )  # fmt: skip
        finish_block(
            first_lane, num_reads, n_slices, n_seen, indptr, places, exact_couplings, exact_fields,
            keep, spins, states, energies,
        )  # fmt: skip
