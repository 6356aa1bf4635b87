"""Annealing of weights of n bits without their spins: one field a weight.

The energy is S'JS + h.S over weights S_j = base_j + scale_j (2 k_j - top), with a level k_j in
0 ... top = 2^n - 1. What a chain keeps is, in the form of couplings, the slopes g = 2 J S + h; a
change D of weight j costs D (g_j + J_jj D), so that all bits or levels of a weight are decided from
g_j and J_jj alone, and one row of J is added for what has changed in all. In the form of rows,
J = rows' diag(w) rows + diag(ridge), a chain keeps v = w (rows S), and g_j is a product with a
column of rows: nothing of the size of J is there.

Bit moves decide the bits of a weight one after the other, lowest first. Level moves draw the level
of a weight from its exact conditional law exp(-a d^2 - t d), d levels away from the likeliest one:
over a window by recurrence where few levels matter, by rejection where many do. Chains take turns
at a weight, so that its row serves a block of them while it is in cache. Each chain owns its random
stream, so draws do not depend on the blocks.
"""

import math

import numpy as np
from numba import njit

from qsklearn._kernels._scalar_streams import STATE, draw_uniform, draw_word, seed_stream
from qsklearn._kernels._streams import (
    draw_bits,
    load_generator,
    log_uniform,
    make_odd,
    mix,
    seed_lane,
    store_generator,
)
from qsklearn._kernels._vectors import LANES, broadcast, store

# Rules of a weight's update.
METROPOLIS_BITS, HEAT_BATH_BITS, LEVELS = 0, 1, 2

_REFRESH = 64  # sweeps between exact refreshes of what the chains keep
_SIGN = np.uint32(0x80000000)

_REACH = 24  # levels on either side of the likeliest one that a window holds
_NEGLIGIBLE = 37.0  # weights below exp(-37) are less than a uniform of 53 bits resolves
_SMALLEST = math.exp(-_NEGLIGIBLE)
# So cold that only the likeliest level has weight, up to ties that rounding decides anyway.
_FROZEN = 1e15
# The law is flat enough for uniform proposals where the least likely level is above exp(-2).
_FLAT = 2.0


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _dot(matrix, which, weight, kept, lane):
    total = 0.0
    for k in range(matrix.shape[2]):
        total += matrix[which, weight, k] * kept[lane, k]
    return total


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_row(matrix, which, weight, change, kept, lane):
    for k in range(matrix.shape[2]):
        kept[lane, k] += change * matrix[which, weight, k]


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_weighted_row(matrix, weight, change, row_weights, group, kept, lane):
    for k in range(matrix.shape[2]):
        kept[lane, k] += change * row_weights[group, k] * matrix[0, weight, k]


# --- levels -------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _draw_from_window(mode, top, bend, tilt, uniform, window):
    """Level from weights exp(-bend d^2 - tilt d) around the mode, made one from the other."""
    total = 1.0
    fall = math.exp(-2.0 * bend)
    ratio, weight, up = math.exp(-bend - tilt), 1.0, 0
    while mode + up < top and up < _REACH:
        weight *= ratio
        if weight < _SMALLEST:
            break
        ratio *= fall
        window[up] = weight
        total += weight
        up += 1
    ratio, weight, places = math.exp(tilt - bend), 1.0, up
    while mode - (places - up) > 0 and places - up < _REACH:
        weight *= ratio
        if weight < _SMALLEST:
            break
        ratio *= fall
        window[places] = weight
        total += weight
        places += 1
    remaining = uniform * total - 1.0
    place = 0
    while remaining >= 0.0 and place < places:
        remaining -= window[place]
        place += 1
    if remaining >= 0.0 or place == 0:  # rounding left some, or the mode itself
        return mode
    return mode + place if place <= up else mode - (place - up)


@njit(cache=True, nogil=True)
def _draw_uniformly(mode, top, bend, tilt, generator):
    while True:
        level = np.int64(draw_uniform(generator) * (top + 1))
        away = float(level - mode)
        if draw_uniform(generator) < math.exp(-away * (bend * away + tilt)):
            return level


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_geometrically(mode, top, bend, tilt, generator):
    """From the edge that is the mode: by the tilt alone, and thinned by the bend."""
    rate = abs(tilt)
    whole = math.expm1(-rate * (top + 1))
    while True:
        away = math.floor(-math.log1p(draw_uniform(generator) * whole) / rate)
        if away <= top and draw_uniform(generator) < math.exp(-bend * away * away):
            return mode + np.int64(away) if mode == 0 else mode - np.int64(away)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_envelope(bend):
    """The bend of a wider normal law, and the bound on the logarithm of the ratio of the two."""
    loss = math.sqrt(0.5 * bend)
    wide = bend * (1.0 - loss)
    return wide, 0.25 * wide / loss


@njit(cache=True, nogil=True, error_model="numpy")
def _draw_normally(mode, top, bend, tilt, generator):
    """By rejection from a rounded normal variate that is slightly wider.

    The pair of a level k and what was rounded off, u in [-1/2, 1/2), has the target density
    exp(-bend (k - m)^2) and the proposal's exp(-wide (k + u - m)^2). Their ratio is largest at
    |u| = 1/2, where it is exp(bend wide / (4 (bend - wide))).
    """
    centre = mode - 0.5 * tilt / bend
    wide, bound = _find_envelope(bend)
    while True:
        radius = math.sqrt(-math.log(1.0 - draw_uniform(generator)) / wide)
        proposed = radius * math.cos(2.0 * math.pi * draw_uniform(generator))
        level = np.int64(math.floor(centre + proposed + 0.5))
        if 0 <= level <= top:
            away = level - centre
            ratio = math.exp(wide * proposed * proposed - bend * away * away - bound)
            if draw_uniform(generator) < ratio:
                return level


@njit(cache=True, nogil=True)
def _draw_between_edges(level, top, slope, curvature, step, beta, generator):
    """A negative curvature: the edges are likeliest. One exponential a level, twice."""
    lowest = np.inf
    for edge in (-level, top - level):
        change = step * edge
        lowest = min(lowest, change * (slope + curvature * change))
    total, threshold = 0.0, np.inf
    for is_second in range(2):
        if is_second:
            threshold = draw_uniform(generator) * total
            total = 0.0
        for k in range(top + 1):
            change = step * (k - level)
            total += math.exp(-beta * max(change * (slope + curvature * change) - lowest, 0.0))
            if total > threshold:
                return k
    return top


@njit(cache=True, nogil=True, error_model="numpy")
def draw_level(level, top, slope, curvature, step, beta, generator, window):
    """A level from its law given all other weights, whatever it is now.

    Parameters
    ----------
    level, top : int
        The present level, and the highest one.
    slope, curvature : float
        g_j and J_jj: levels d away from the present one cost step d (g_j + J_jj step d).
    step : float
        Weight between two levels, > 0.
    beta : float
        Finite, >= 0.
    generator : ndarray of shape (STATE,), uint32
    window : ndarray of shape (2 _REACH,), float64
        Room for the weights of levels.
    """
    if curvature < 0.0:
        return _draw_between_edges(level, top, slope, curvature, step, beta, generator)
    double_bend = 2.0 * curvature * step
    if double_bend > 0.0:
        mode = np.int64(math.floor(min(max(level - slope / double_bend, 0.0), float(top)) + 0.5))
    elif slope != 0.0:
        mode = 0 if slope > 0.0 else top
    else:
        mode = level
    bend = beta * (curvature * step * step)
    tilt = beta * (step * (slope + double_bend * (mode - level)))
    if bend > _FROZEN or abs(tilt) > _FROZEN:
        return mode
    far = bend * _REACH * _REACH
    if (mode + _REACH >= top or far + tilt * _REACH >= _NEGLIGIBLE) and (
        mode - _REACH <= 0 or far - tilt * _REACH >= _NEGLIGIBLE
    ):
        return _draw_from_window(mode, top, bend, tilt, draw_uniform(generator), window)
    if top * (bend * top + abs(tilt)) <= _FLAT:
        return _draw_uniformly(mode, top, bend, tilt, generator)
    is_outside = (mode == 0 and tilt > 0.0) or (mode == top and tilt < 0.0)
    if is_outside and tilt * tilt >= 0.25 * bend:
        return _draw_geometrically(mode, top, bend, tilt, generator)
    return _draw_normally(mode, top, bend, tilt, generator)


# --- bits ---------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _fill_thresholds(lane, accept_by_metropolis, generators, words, thresholds):
    """64 random thresholds for a chain: log u, or log u / (1 - u)."""
    state = load_generator(generators, lane * 4 * LANES, words)
    bits, state = draw_bits(state)
    store_generator(generators, lane * 4 * LANES, state)
    odd = make_odd(bits)
    threshold = log_uniform(odd)
    if not accept_by_metropolis:
        threshold = threshold - log_uniform(broadcast(_SIGN) - odd)
    store(thresholds, lane * LANES, threshold)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _draw_bits_of(level, n_bits, slope, curvature, step, beta, thresholds, at):
    """Decide the bits one after the other; each change moves the slope of the next.

    A bit of sign s and size D = 2^a step flips where beta D (s g - J_jj D) is at least its
    threshold, here divided by beta D, so that next to nothing waits for the bit before. Choices
    instead of branches: whether a warm bit flips cannot be foreseen.
    """
    size, warmth = step, 1.0 / (beta * step)
    for bit in range(n_bits):
        least = thresholds[at + bit] * warmth + curvature * size
        sign = 1.0 if (level >> bit) & 1 else -1.0
        flips = sign * slope >= least
        slope -= sign * (2.0 * curvature * size) if flips else 0.0
        level ^= (1 << bit) if flips else 0
        size += size
        warmth *= 0.5
    return level


# --- chains -------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _refresh(
    first_chain, lanes, chains, matrix, row_weights, fields, base, scale, groups, top, levels, kept
):
    """Slopes g of the chains of a block anew, or products rows S, not weighted yet."""
    is_factored = row_weights.shape[0] > 0
    for lane in range(lanes):
        if is_factored:
            kept[lane, :] = 0.0
        else:
            kept[lane, :] = fields[chains[first_chain + lane, 0]]
    for j in range(fields.shape[1]):
        for lane in range(lanes):
            model = chains[first_chain + lane, 0]
            weight = base[model, j] + scale[model, j] * (2 * levels[lane, j] - top)
            if weight != 0.0:
                if is_factored:
                    _add_row(matrix, 0, j, weight, kept, lane)
                else:
                    _add_row(matrix, groups[model], j, 2.0 * weight, kept, lane)


@njit(cache=True, nogil=True)
def _weigh_rows(first_chain, lanes, chains, groups, row_weights, kept):
    for lane in range(lanes if row_weights.shape[0] > 0 else 0):
        group = groups[chains[first_chain + lane, 0]]
        for k in range(kept.shape[1]):
            kept[lane, k] *= row_weights[group, k]


@njit(cache=True, nogil=True)
def _finish_block(
    first_chain, lanes, chains, row_weights, ridge, fields, base, scale, groups, top, levels, kept,
    weights, energies,
):  # fmt: skip
    """Weights and energies, the latter from slopes or products that were just refreshed."""
    is_factored = row_weights.shape[0] > 0
    for lane in range(lanes):
        model, read = chains[first_chain + lane, 0], chains[first_chain + lane, 1]
        energy = 0.0
        for j in range(fields.shape[1]):
            weight = base[model, j] + scale[model, j] * (2 * levels[lane, j] - top)
            weights[model, read, j] = weight
            if is_factored:
                energy += weight * (fields[model, j] + ridge[j] * weight)
            else:  # S'JS + h.S = S.(g + h) / 2
                energy += weight * (0.5 * (kept[lane, j] + fields[model, j]))
        for k in range(kept.shape[1] if is_factored else 0):
            energy += row_weights[groups[model], k] * kept[lane, k] ** 2
        energies[model, read] = energy


@njit(cache=True, nogil=True)
def _start_chains(
    first_chain, lanes, chains, keys, lowest_start, start_mask, streams, generators, places, levels
):
    """Seed the chains of a block and draw their levels: the lowest one plus some random bits."""
    for lane in range(lanes):
        model, read = chains[first_chain + lane, 0], chains[first_chain + lane, 1]
        seed_stream(keys[model, 0], keys[model, 1], read, streams[lane])
        key = mix(keys[model, 0] + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1))
        for k in range(LANES):
            seed_lane(key, keys[model, 1], k, generators, lane * 4 * LANES + k)
        places[lane] = LANES
        for j in range(levels.shape[1]):
            word = np.int64(draw_word(streams[lane]) >> np.uint32(16))
            levels[lane, j] = lowest_start + (word & start_mask)


@njit(cache=True, nogil=True, error_model="numpy")
def anneal(
    matrix,  # IN: (n_groups, n_weights, n_weights), J; or (1, n_weights, n_rows), rows'
    row_weights,  # IN: (n_groups, n_rows) of the form of rows, (0, 0) of that of couplings
    curvatures,  # IN: (n_groups, n_weights), the diagonals of all of J
    ridge,  # IN: (n_weights,), the diagonal beyond the rows
    fields, base, scale,  # IN: (n_models, n_weights); a weight of scale 0 stays at its base
    groups,  # IN: (n_models,) int64
    chains,  # IN: (n_chains, 2) int64: model and read
    n_bits,
    lowest_start, start_mask,  # IN: 0 and all bits for any level, or another start
    betas,  # IN: (n_models, num_sweeps) float64
    last_sweeps,  # IN: sweeps at the end that are run even if told to stop
    chains_per_block,
    keys,  # IN: (n_models, 2)
    rule,  # IN: METROPOLIS_BITS, HEAT_BATH_BITS or LEVELS
    weights, energies,  # OUT: (n_models, num_reads, n_weights), (n_models, num_reads)
    stop,  # IN: (1,); set from elsewhere to end at the next sweep
    first, last,  # IN: range of blocks
):  # fmt: skip
    """One chain a read and model."""
    n_weights, num_sweeps, top = fields.shape[1], betas.shape[1], (1 << n_bits) - 1
    is_factored = row_weights.shape[0] > 0
    levels = np.empty((chains_per_block, n_weights), np.int64)
    kept = np.empty((chains_per_block, matrix.shape[2]))
    streams = np.empty((chains_per_block, STATE), np.uint32)
    generators = np.empty(chains_per_block * 4 * LANES, np.uint32)
    thresholds = np.empty(chains_per_block * LANES, np.float32)
    places = np.empty(chains_per_block, np.int64)
    words = np.empty(0, np.uint64)
    window = np.empty(2 * _REACH)
    for block in range(first, last):
        first_chain = block * chains_per_block
        lanes = min(chains_per_block, chains.shape[0] - first_chain)
        _start_chains(
            first_chain, lanes, chains, keys, lowest_start, start_mask, streams, generators,
            places, levels,
        )  # fmt: skip
        sweep = until_refresh = 0
        while sweep < num_sweeps:
            if stop[0] and sweep < num_sweeps - last_sweeps:
                sweep = num_sweeps - last_sweeps
                continue
            if until_refresh == 0:
                until_refresh = _REFRESH
                _refresh(
                    first_chain, lanes, chains, matrix, row_weights, fields, base, scale, groups,
                    top, levels, kept,
                )  # fmt: skip
                _weigh_rows(first_chain, lanes, chains, groups, row_weights, kept)
            # In a function of its own, by sweeps or by blocks, a sweep takes 1 to 3 % longer.
            for j in range(n_weights):
                for lane in range(lanes):
                    model = chains[first_chain + lane, 0]
                    step = 2.0 * scale[model, j]
                    if step == 0.0:
                        continue
                    group, level = groups[model], levels[lane, j]
                    if is_factored:
                        weight = base[model, j] + scale[model, j] * (2 * level - top)
                        slope = fields[model, j] + 2.0 * (
                            _dot(matrix, 0, j, kept, lane) + ridge[j] * weight
                        )
                    else:
                        slope = kept[lane, j]
                    if rule == LEVELS:
                        new = draw_level(
                            level, top, slope, curvatures[group, j], step, betas[model, sweep],
                            streams[lane], window,
                        )  # fmt: skip
                    else:
                        if places[lane] + n_bits > LANES:
                            _fill_thresholds(
                                lane, rule == METROPOLIS_BITS, generators, words, thresholds
                            )
                            places[lane] = 0
                        new = _draw_bits_of(
                            level, n_bits, slope, curvatures[group, j], step, betas[model, sweep],
                            thresholds, lane * LANES + places[lane],
                        )  # fmt: skip
                        places[lane] += n_bits
                    if new == level:
                        continue
                    levels[lane, j] = new
                    change = step * (new - level)
                    if is_factored:
                        _add_weighted_row(matrix, j, change, row_weights, group, kept, lane)
                    else:
                        _add_row(matrix, group, j, 2.0 * change, kept, lane)
            sweep += 1
            until_refresh -= 1
        _refresh(
            first_chain, lanes, chains, matrix, row_weights, fields, base, scale, groups, top,
            levels, kept,
        )  # fmt: skip
        _finish_block(
            first_chain, lanes, chains, row_weights, ridge, fields, base, scale, groups, top,
            levels, kept, weights, energies,
        )  # fmt: skip
