"""Blocks of 64 lanes on sparse graphs: their models, spins, local fields and energies.

What the kernels of :mod:`~qsklearn._kernels._sparse_annealing` and
:mod:`~qsklearn._kernels._path_integral` share. A lane is one read of one model, and a word of 64
bits holds one spin of the 64 lanes of a block. Models of a family share the couplings and differ in
the fields, so lanes of different models share a block. Each lane owns its random stream, so the
draws do not depend on how lanes are packed, nor on how many there are; those behind the last one
repeat it, and are not written. Words of 32 bits serve 32 lanes; arrays with a place for each lane
keep their stride of 64.

A spin has a word for each slice of imaginary time, side by side, so that the word of spin i in a
slice is ``spins[i * n_slices + time]`` and ``places`` are the numbers of neighbours times
``n_slices``. Classical spins have one slice.

Delete the kernels' ``__pycache__`` after an edit, as after one of ``_vectors``.
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
    broadcast_like,
    load_like,
    minimum,
    store,
    to_floats,
    where,
)

ROW = 4  # rows of couplings are padded with zeros to a multiple of it

ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
SIGN = np.uint32(0x80000000)


@njit(cache=True, nogil=True, inline="always")
def count_lanes(words):
    return 8 * words.itemsize


@njit(cache=True, nogil=True)
def find_read(lane, n_lanes, num_reads):
    """Model of a lane, counted from the first block on, and which of its reads the lane is."""
    lane = min(lane, n_lanes - 1)
    return lane // num_reads, lane % num_reads


@njit(cache=True, nogil=True)
def seed_block(first_lane, lanes, n_lanes, num_reads, keys, generator):
    """Start the random stream of each lane."""
    for lane in range(lanes):
        model, read = find_read(first_lane + lane, n_lanes, num_reads)
        seed_lane(keys[model, 0], keys[model, 1], read, generator, lane)


@njit(cache=True, nogil=True)
def lay_out(first_lane, lanes, n_lanes, num_reads, values):
    """Rows of models as the lanes of a block need them: columns of lanes, or one row to share.

    Returns them with a word, all of whose bits are set where the lanes are reads of one model. Then
    what follows the row is never used, but read.
    """
    first_model, _ = find_read(first_lane, n_lanes, num_reads)
    last_model, _ = find_read(first_lane + lanes - 1, n_lanes, num_reads)
    if first_model == last_model:
        row = np.zeros(values.shape[1] + LANES, values.dtype)
        row[: values.shape[1]] = values[first_model]
        return row, ALL
    columns = np.empty(values.shape[1] * LANES, values.dtype)
    for lane in range(lanes):
        model, _ = find_read(first_lane + lane, n_lanes, num_reads)
        for i in range(values.shape[1]):
            columns[i * LANES + lane] = values[model, i]
    return columns, np.uint64(0)


@njit(cache=True, nogil=True)
def take_spins(first_lane, n_lanes, num_reads, initial_states, spins):
    """Given spins of a block, in one slice."""
    spins[:] = 0
    for lane in range(count_lanes(spins)):
        model, read = find_read(first_lane + lane, n_lanes, num_reads)
        for i in range(spins.shape[0]):
            up = initial_states[model, read, i] > 0
            spins[i] |= np.uint64(up) << np.uint64(lane)


@njit(cache=True, nogil=True)
def draw_spins(generator, spins):
    """Random spins of a block, in one slice."""
    state = load_generator(generator, 0, spins)
    for i in range(spins.shape[0]):
        bits, state = draw_bits(state)
        spins[i] = at_least(bits, broadcast_like(np.uint32(0), spins))
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def start_one_hot(one_hot, generator, spins):
    """One spin of the unit up, each as often, in one slice; an empty unit takes a draw, too."""
    state = load_generator(generator, 0, spins)
    bits, state = draw_bits(state)
    store_generator(generator, 0, state)
    width = one_hot[1] - one_hot[0]
    if width == 0:
        return
    drawn = np.empty(LANES, np.uint32)
    store(drawn, 0, bits)
    spins[one_hot[0] : one_hot[1]] = 0
    for lane in range(count_lanes(spins)):
        chosen = one_hot[0] + ((np.uint64(drawn[lane]) * np.uint64(width)) >> np.uint64(32))
        spins[chosen] |= np.uint64(1) << np.uint64(lane)


@njit(cache=True, nogil=True)
def local_field(i, time, indptr, places, couplings, fields, shared, spins):
    """f_i = h_i + sum_j J_ij s_j of each lane in one slice.

    As h_i - sum_j J_ij, which are the ``fields``, plus 2 J_ij of the spins up.
    """
    # No branch: numba would count references to the arrays on its sides, in this innermost loop.
    at = np.uint64(i) * (np.uint64(1) if shared else np.uint64(LANES))
    field = where(shared, broadcast_like(fields[at], spins), load_like(fields, at, spins))
    k = indptr[i]
    while k < indptr[i + np.uint32(1)]:
        for part in range(np.uint32(ROW)):
            doubled = broadcast_like(couplings[k + part], spins)
            # One masked sum.
            field = where(spins[places[k + part] + time], field + doubled, field)
        k += np.uint32(ROW)
    return field


@njit(cache=True, nogil=True)
def draw_one_hot(
    one_hot, n_slices, indptr, places, couplings, fields, shared, double_betas, generator, spins,
    free, weights,
):  # fmt: skip
    """Draw a one-hot unit given all else, the same in all P slices.

    P(c) is proportional to exp(-2 beta sum_slices f_c), ``double_betas`` being 2 beta (over P).
    """
    state = load_generator(generator, 0, spins)
    double_beta = load_like(double_betas, 0, spins)
    width = one_hot[1] - one_hot[0]
    lowest = broadcast_like(np.float32(np.inf), spins)
    for c in range(width):
        i = np.uint32(one_hot[0] + c)
        field = broadcast_like(np.float32(0.0), spins)
        for time in range(n_slices):
            field = field + to_floats(
                local_field(i, time, indptr, places, couplings, fields, shared, spins)
            )
        weight = field * double_beta
        store(weights, c * LANES, weight)
        lowest = minimum(lowest, weight)
    total = broadcast_like(np.float32(0.0), spins)
    for c in range(width):
        total = total + exponential(lowest - load_like(weights, c * LANES, spins))
        store(weights, c * LANES, total)
    bits, state = draw_bits(state)
    sought = to_floats(make_odd(bits)) * broadcast_like(np.float32(2.0**-31), spins) * total
    open_lanes = ALL
    for c in range(width):
        # The last interval is open above: rounding may leave what is sought at the total.
        inside = open_lanes
        if c < width - 1:
            inside = open_lanes & ~at_least(sought, load_like(weights, c * LANES, spins))
        open_lanes &= ~inside
        i = one_hot[0] + c
        for place in range(i * n_slices, (i + 1) * n_slices):
            spins[place] = (spins[place] & ~free[i]) | (inside & free[i])
    store_generator(generator, 0, state)


@njit(cache=True, nogil=True)
def _weigh_slice(
    time, n_slices, indptr, places, exact_couplings, fields, shared, spins, slice_energies
):
    """Exact energies of one slice, E = sum_i s_i (h_i + f_i) / 2."""
    total = broadcast_like(0.0, spins)
    for i in range(indptr.shape[0] - 1):
        sum_of_neighbours = broadcast_like(0.0, spins)
        for k in range(indptr[i], indptr[i + 1]):
            up = broadcast_like(exact_couplings[k], spins)
            down = broadcast_like(-exact_couplings[k], spins)
            sum_of_neighbours = sum_of_neighbours + where(spins[places[k] + time], up, down)
        field = broadcast_like(fields[i], spins) if shared else load_like(fields, i * LANES, spins)
        field = field + sum_of_neighbours * broadcast_like(0.5, spins)
        total = total + where(spins[i * n_slices + time], field, broadcast_like(0.0, spins) - field)
    store(slice_energies, 0, total)


@njit(cache=True, nogil=True)
def finish_block(
    first_lane, num_reads, n_slices, n_seen, indptr, places, exact_couplings, exact_fields, keep,
    spins, states, energies,
):  # fmt: skip
    """Write the kept spins and the energies of each lane's lowest slice among the first ones."""
    lanes, n_lanes = count_lanes(spins), exact_fields.shape[0] * num_reads
    fields, shared = lay_out(first_lane, lanes, n_lanes, num_reads, exact_fields)
    slice_energies = np.empty(LANES)
    lowest = np.full(LANES, np.inf)
    chosen = np.zeros(LANES, np.int64)
    for time in range(n_seen):
        _weigh_slice(
            time, n_slices, indptr, places, exact_couplings, fields, shared, spins, slice_energies
        )
        for lane in range(lanes):
            if slice_energies[lane] < lowest[lane]:
                lowest[lane] = slice_energies[lane]
                chosen[lane] = time
    for lane in range(min(lanes, n_lanes - first_lane)):
        model, read = find_read(first_lane + lane, n_lanes, num_reads)
        energies[model, read] = lowest[lane]
        time = np.uint64(chosen[lane])
        for k in range(keep.shape[0]):
            word = np.uint64(spins[np.uint64(keep[k]) * np.uint64(n_slices) + time])
            up = (word >> np.uint64(lane)) & np.uint64(1)
            states[model, read, k] = np.int8(2 * np.int8(up) - 1)
