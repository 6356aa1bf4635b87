"""Annealing on sparse graphs, many lanes side by side.

A lane is one read of one model; the 64 lanes of a block are laid out spin-major, so that each
step of a sweep is a short vector loop. Models of a family share the couplings and differ in the
fields, so lanes of different models share a block. Each lane owns its random stream, so the draws
do not depend on how lanes are packed, nor on how many there are.
"""

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

LANES = 64

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)


@intrinsic
def _float32_from_bits(typing_context, bits):
    """Reinterpret the bits of an int32 as a float32."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), codegen


@njit(cache=True, nogil=True, inline="always")
def _exp(x):
    """exp(x) to 5e-6 relative, clipped to |x| <= 87; a polynomial, so that it vectorises."""
    t = min(max(x, np.float32(-87.0)), np.float32(87.0)) * np.float32(1.4426950408889634)
    whole = np.floor(t + _HALF)
    f = t - whole
    p = np.float32(1.535336188319500e-4)
    p = p * f + np.float32(1.339887440266574e-3)
    p = p * f + np.float32(9.618437357674640e-3)
    p = p * f + np.float32(5.550332471162809e-2)
    p = p * f + np.float32(2.402264791363012e-1)
    p = p * f + np.float32(6.931472028550421e-1)
    p = p * f + _ONE
    return p * _float32_from_bits((np.int32(whole) + np.int32(127)) << np.int32(23))


@njit(cache=True, nogil=True, inline="always")
def _mix(z):
    """Finaliser of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _seed_lane(key_0, key_1, read, generator, lane, lanes):
    """State of xoshiro128++ for one read of one model, words lane-minor."""
    a = _mix(_mix(key_0 + np.uint64(0x9E3779B97F4A7C15) * np.uint64(read + 1)) ^ key_1)
    b = _mix(a + np.uint64(0x9E3779B97F4A7C15))
    generator[lane] = np.uint32(a)
    generator[lanes + lane] = np.uint32(a >> np.uint64(32))
    generator[2 * lanes + lane] = np.uint32(b)
    generator[3 * lanes + lane] = np.uint32(b >> np.uint64(32)) | np.uint32(1)


@njit(cache=True, nogil=True, inline="always")
def _draw_uniforms(generator, lanes, uniforms):
    """One step of xoshiro128++ per lane; uniforms in (0, 1], to 2^-31 near 0 and 2^-24 near 1."""
    for lane in range(lanes):
        s0 = generator[lane]
        s1 = generator[lanes + lane]
        s2 = generator[2 * lanes + lane]
        s3 = generator[3 * lanes + lane]
        r = np.uint32(s0 + s3)
        r = np.uint32(np.uint32(r << np.uint32(7)) | np.uint32(r >> np.uint32(25)))
        r = np.uint32(r + s0)
        t = np.uint32(s1 << np.uint32(9))
        s2 = np.uint32(s2 ^ s0)
        s3 = np.uint32(s3 ^ s1)
        generator[lanes + lane] = np.uint32(s1 ^ s2)
        generator[lane] = np.uint32(s0 ^ s3)
        generator[2 * lanes + lane] = np.uint32(s2 ^ t)
        generator[3 * lanes + lane] = np.uint32(
            np.uint32(s3 << np.uint32(11)) | np.uint32(s3 >> np.uint32(21))
        )
        uniforms[lane] = (np.float32(np.int32(r >> np.uint32(1))) + _HALF) * np.float32(2.0**-31)


@njit(cache=True, nogil=True, inline="always")
def _sum_local_fields(i, indptr, indices, couplings, fields, spins, lanes, local):
    for lane in range(lanes):
        local[lane] = fields[i, lane]
    for k in range(indptr[i], indptr[i + 1]):
        coupling = couplings[k]
        j = indices[k]
        for lane in range(lanes):
            local[lane] += coupling * spins[j, lane]


@njit(cache=True, nogil=True)
def _start_block(
    first_lane, lanes, num_reads, fields, keys, initial_states, one_hot, block_fields, spins,
    generator, uniforms,
):  # fmt: skip
    """Fill the buffers of a block: fields, random streams, and given or random spins."""
    n_lanes = fields.shape[0] * num_reads
    n_spins = fields.shape[1]
    for lane in range(lanes):
        model = min(first_lane + lane, n_lanes - 1) // num_reads
        read = first_lane + lane - model * num_reads
        _seed_lane(keys[model, 0], keys[model, 1], read, generator, lane, lanes)
        for i in range(n_spins):
            block_fields[i, lane] = fields[model, i]
    if initial_states.shape[0] > 0:
        for lane in range(lanes):
            at = min(first_lane + lane, n_lanes - 1)
            for i in range(n_spins):
                spins[i, lane] = initial_states[at // num_reads, at % num_reads, i]
        return
    for i in range(n_spins):
        _draw_uniforms(generator, lanes, uniforms)
        for lane in range(lanes):
            spins[i, lane] = _ONE if uniforms[lane] < _HALF else -_ONE
    if one_hot[1] > one_hot[0]:
        _draw_uniforms(generator, lanes, uniforms)
        width = one_hot[1] - one_hot[0]
        for lane in range(lanes):
            chosen = one_hot[0] + min(int(uniforms[lane] * width), width - 1)
            for i in range(one_hot[0], one_hot[1]):
                spins[i, lane] = _ONE if i == chosen else -_ONE


@njit(cache=True, nogil=True)
def _finish_block(
    first_lane, lanes, num_reads, indptr, indices, exact_couplings, exact_fields, keep, spins,
    states, energies,
):  # fmt: skip
    """Write the kept spins and the exact energies of a block."""
    n_lanes = exact_fields.shape[0] * num_reads
    for lane in range(min(lanes, n_lanes - first_lane)):
        model = (first_lane + lane) // num_reads
        read = (first_lane + lane) % num_reads
        for k in range(keep.shape[0]):
            states[model, read, k] = np.int8(spins[keep[k], lane])
        energy = 0.0
        for i in range(exact_fields.shape[1]):
            local = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                local += exact_couplings[k] * spins[indices[k], lane]
            energy += spins[i, lane] * (exact_fields[model, i] + 0.5 * local)
        energies[model, read] = energy


@njit(cache=True, nogil=True)
def metropolis(
    indptr, indices, couplings, exact_couplings,  # IN: compressed rows of symmetric J
    fields, exact_fields,  # IN: (n_models, n_spins), scaled float32 and exact float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    order, one_hot,  # IN: (n_spins,) order of updates; one_hot is empty here
    keys, initial_states, keep,  # IN: (n_models, 2); (n_models or 0, num_reads, n_spins); (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    first, last,  # IN: range of blocks of LANES lanes
):  # fmt: skip
    """Single-spin Metropolis: flip with probability min(1, exp(-beta dE)), dE = -2 s f."""
    num_reads = states.shape[1]
    n_spins = fields.shape[1]
    n_lanes = fields.shape[0] * num_reads
    for block in range(first, last):
        first_lane = block * LANES
        lanes = min(LANES, (n_lanes - first_lane + 15) // 16 * 16)
        block_fields = np.empty((n_spins, lanes), np.float32)
        spins = np.empty((n_spins, lanes), np.float32)
        generator = np.empty(4 * lanes, np.uint32)
        uniforms = np.empty(lanes, np.float32)
        local = np.empty(lanes, np.float32)
        double_beta = np.empty(lanes, np.float32)
        _start_block(
            first_lane, lanes, num_reads, fields, keys, initial_states, one_hot, block_fields,
            spins, generator, uniforms,
        )  # fmt: skip
        for sweep in range(betas.shape[1]):
            for lane in range(lanes):
                model = min(first_lane + lane, n_lanes - 1) // num_reads
                double_beta[lane] = _TWO * betas[model, sweep]
            for step in range(order.shape[0]):
                i = order[step]
                _sum_local_fields(i, indptr, indices, couplings, block_fields, spins, lanes, local)
                _draw_uniforms(generator, lanes, uniforms)
                for lane in range(lanes):
                    s = spins[i, lane]
                    # Not <, since rounding may leave a uniform at 1, where exp(0) accepts all.
                    accepted = uniforms[lane] <= _exp(double_beta[lane] * s * local[lane])
                    spins[i, lane] = -s if accepted else s
        _finish_block(
            first_lane, lanes, num_reads, indptr, indices, exact_couplings, exact_fields, keep,
            spins, states, energies,
        )  # fmt: skip


@njit(cache=True, nogil=True)
def _draw_one_hot(
    one_hot, indptr, indices, couplings, block_fields, spins, lanes, double_beta, generator,
    uniforms, local, weights,
):  # fmt: skip
    """Draw a one-hot unit given all else: P(c) proportional to exp(-2 beta f_c)."""
    width = one_hot[1] - one_hot[0]
    lowest = np.full(lanes, np.float32(np.inf))
    for c in range(width):
        _sum_local_fields(
            one_hot[0] + c, indptr, indices, couplings, block_fields, spins, lanes, local
        )
        for lane in range(lanes):
            weights[c, lane] = local[lane] * double_beta[lane]
            lowest[lane] = min(lowest[lane], weights[c, lane])
    total = np.zeros(lanes, np.float32)
    for c in range(width):
        for lane in range(lanes):
            total[lane] += _exp(lowest[lane] - weights[c, lane])
            weights[c, lane] = total[lane]
    _draw_uniforms(generator, lanes, uniforms)
    for lane in range(lanes):
        threshold = uniforms[lane] * total[lane]
        below = np.float32(0.0)
        for c in range(width):
            # The last interval is open above: rounding may leave the threshold at the total.
            inside = threshold >= below and (threshold < weights[c, lane] or c == width - 1)
            spins[one_hot[0] + c, lane] = _ONE if inside else -_ONE
            below = weights[c, lane]


@njit(cache=True, nogil=True)
def heat_bath(
    indptr, indices, couplings, exact_couplings,  # IN: compressed rows of symmetric J
    fields, exact_fields,  # IN: (n_models, n_spins), scaled float32 and exact float64
    betas,  # IN: (n_models, num_sweeps) float32, times the scale of the fields
    order, one_hot,  # IN: order of updates, -1 stands for the one-hot unit; its (start, stop)
    keys, initial_states, keep,  # IN: (n_models, 2); (n_models or 0, num_reads, n_spins); (n_keep,)
    states, energies,  # OUT: (n_models, num_reads, n_keep) int8; (n_models, num_reads) float64
    first, last,  # IN: range of blocks of LANES lanes
):  # fmt: skip
    """Heat bath (Gibbs): s = +1 with probability 1 / (1 + exp(2 beta f))."""
    num_reads = states.shape[1]
    n_spins = fields.shape[1]
    n_lanes = fields.shape[0] * num_reads
    for block in range(first, last):
        first_lane = block * LANES
        lanes = min(LANES, (n_lanes - first_lane + 15) // 16 * 16)
        block_fields = np.empty((n_spins, lanes), np.float32)
        spins = np.empty((n_spins, lanes), np.float32)
        generator = np.empty(4 * lanes, np.uint32)
        uniforms = np.empty(lanes, np.float32)
        local = np.empty(lanes, np.float32)
        double_beta = np.empty(lanes, np.float32)
        weights = np.empty((one_hot[1] - one_hot[0], lanes), np.float32)
        _start_block(
            first_lane, lanes, num_reads, fields, keys, initial_states, one_hot, block_fields,
            spins, generator, uniforms,
        )  # fmt: skip
        for sweep in range(betas.shape[1]):
            for lane in range(lanes):
                model = min(first_lane + lane, n_lanes - 1) // num_reads
                double_beta[lane] = _TWO * betas[model, sweep]
            for step in range(order.shape[0]):
                i = order[step]
                if i < 0:
                    _draw_one_hot(
                        one_hot, indptr, indices, couplings, block_fields, spins, lanes,
                        double_beta, generator, uniforms, local, weights,
                    )  # fmt: skip
                    continue
                _sum_local_fields(i, indptr, indices, couplings, block_fields, spins, lanes, local)
                _draw_uniforms(generator, lanes, uniforms)
                for lane in range(lanes):
                    # The rarer of the two outcomes takes the small uniforms, which are the finer.
                    drive = double_beta[lane] * local[lane]
                    rare = uniforms[lane] * (_ONE + _exp(abs(drive))) < _ONE
                    spins[i, lane] = _ONE if rare == (drive >= _ZERO) else -_ONE
        _finish_block(
            first_lane, lanes, num_reads, indptr, indices, exact_couplings, exact_fields, keep,
            spins, states, energies,
        )  # fmt: skip
